"""The replay's rounds: what makes them ask again."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.server import replay_jobs


class Store:
    """Has rows for everyone, or is away for as long as its clock says."""

    def __init__(self, clock: Clock, cost: float, away: bool) -> None:
        self._clock = clock
        self._cost = cost
        self._away = away

    def receivers_with_rows(self, among: Collection[str]) -> set[str]:
        self._clock.now += self._cost
        if self._away:
            raise DatabaseUnavailable("frozen")
        return set(among)

    def has_mts(self) -> bool:
        return False


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("cost", "away", "pause"),
    [(0.0, False, 10.0), (2.0, False, 40.0), (4.5, False, 60.0), (5.0, True, 10.0)],
)
def test_when_rows_are_looked_for_again(
    monkeypatch: pytest.MonkeyPatch, cost: float, away: bool, pause: float
) -> None:
    """An expensive count is repeated rarely; after an outage it is repeated soon."""
    clock = Clock()
    monkeypatch.setattr(replay_jobs, "monotonic", clock)
    nothing: Any = None
    jobs = replay_jobs.ReplayJobs(Store(clock, cost, away), nothing, nothing, nothing, queue=True)
    assert jobs._scan({"usera"}) == pause


class Gateway:
    """Bearerboxes that come and go."""

    online = True
    arrivals = 1


class Walk:
    """A replay to bearerboxes that only counts."""

    walks = 0

    def start_over(self) -> None:
        self.walks += 1

    def due(self) -> bool:
        return False


def test_a_bearerbox_that_was_away_for_a_moment_is_noticed() -> None:
    """Messages that were stored meanwhile wait at most until the next round."""
    nothing: Any = None
    jobs = replay_jobs.ReplayJobs(nothing, nothing, nothing, nothing, queue=True)
    gateway, walk = Gateway(), Walk()
    jobs._gateway, jobs._submits = gateway, walk
    arrivals = jobs._look_at_boxes(0)
    assert (walk.walks, len(jobs._box_wakeups)) == (1, 1)
    arrivals = jobs._look_at_boxes(arrivals)
    assert walk.walks == 1
    gateway.arrivals += 1  # away and back, between two looks
    jobs._look_at_boxes(arrivals)
    assert (walk.walks, len(jobs._box_wakeups)) == (2, 2)


def test_a_defect_that_one_account_meets_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    nothing: Any = None
    claim = SimpleNamespace(held=True)
    jobs = replay_jobs.ReplayJobs(nothing, claim, nothing, nothing, queue=True)
    advanced: list[str] = []
    later: list[str] = []

    def advance(system_id: str) -> None:
        advanced.append(system_id)
        if system_id == "poison":
            raise RuntimeError("a defect")
        if system_id == "last":
            raise gevent.GreenletExit

    jobs.deliveries = SimpleNamespace(advance=advance, look_later=later.append)
    for system_id in ("poison", "good", "last"):
        jobs._wakeups.put(system_id)
    with pytest.raises(gevent.GreenletExit):
        jobs._walk_deliveries()
    assert advanced == ["poison", "good", "last"]
    assert later == ["poison"]
    assert "failed unexpectedly" in caplog.text


@pytest.mark.parametrize(
    ("cost", "away", "lost", "looks"),
    [
        (0.0, False, (), [0, 10, 20, 30]),
        (2.0, False, (), [0, 32, 64, 96]),
        (9.0, False, (), [0, 59, 118, 177]),
        (5.0, True, (), [0, 15, 30, 45]),
        (0.0, False, (10.0, 20.0), [0, 30, 40, 50]),
        (9.0, False, (19.0,), [0, 29, 88, 147]),
    ],
)
def test_when_rows_of_no_account_are_looked_for(
    monkeypatch: pytest.MonkeyPatch, cost: float, away: bool, lost: tuple[float, ...], looks: list[float]
) -> None:
    """At least once a minute, rarely when it is expensive, at once when the claim is ours again."""
    nothing: Any = None
    clock = Clock()
    claim = SimpleNamespace(held=True)
    jobs = replay_jobs.ReplayJobs(nothing, claim, nothing, nothing, queue=True)
    asked: list[float] = []
    woken: list[str] = []

    def advance() -> set[str]:
        asked.append(clock.now)
        clock.now += cost
        if away:
            raise DatabaseUnavailable("away")
        return {"some"}

    def sleep(seconds: float) -> None:
        if len(asked) == len(looks):
            raise gevent.GreenletExit
        clock.now += seconds
        claim.held = clock.now not in lost

    monkeypatch.setattr(replay_jobs, "monotonic", clock)
    monkeypatch.setattr(replay_jobs.gevent, "sleep", sleep)
    jobs._unaddressed = SimpleNamespace(advance=advance)
    jobs.deliveries = SimpleNamespace(rescan=woken.append)
    with pytest.raises(gevent.GreenletExit):
        jobs._name_rows()
    assert asked == looks
    assert woken == ([] if away else ["some"] * len(looks))
