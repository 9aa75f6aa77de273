"""The rounds of the replay: when it asks again, and that no account's defect stops others."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.server import replay_jobs
from ksmppd_py.server.replay_jobs import (
    DeliverReplayJobs,
    ReplayJobs,
    ReplayTimings,
    SubmitReplayJobs,
    UnaddressedRowsJob,
)
from ksmppd_py.transport.batch_queue import BatchQueue

NOTHING: Any = None
TIMINGS = ReplayTimings()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(replay_jobs, "monotonic", clock)
    return clock


class Queries:
    """Has rows for everyone, or is away; each query takes `cost` seconds."""

    def __init__(self, clock: Clock, cost: float, away: bool) -> None:
        self._clock = clock
        self._cost = cost
        self._away = away

    def _query(self) -> None:
        self._clock.now += self._cost
        if self._away:
            raise DatabaseUnavailable("frozen")

    def receivers_with_rows(self, among: Collection[str]) -> set[str]:
        self._query()
        return set(among)

    def expire(self) -> None:
        """Nothing expires."""

    def rescan(self) -> bool:
        self._query()
        return True


PAUSES = [(0.0, False, 10.0), (2.0, False, 40.0), (4.5, False, 60.0), (5.0, True, 10.0)]
"""Seconds of a query, whether it fails, seconds until the next: an expensive query is rare, one that failed is not."""


@pytest.mark.parametrize(("cost", "away", "pause"), PAUSES)
def test_rows_for_esmes_are_looked_for_again(clock: Clock, cost: float, away: bool, pause: float) -> None:
    woken: list[str] = []
    flow: Any = SimpleNamespace(rescan=woken.append)
    store: Any = Queries(clock, cost, away)
    jobs = DeliverReplayJobs(flow, BatchQueue(), store, NOTHING, NOTHING, TIMINGS)
    assert jobs._scan({"usera"}) == pause
    assert woken == ([] if away else ["usera"])


@pytest.mark.parametrize(("cost", "away", "pause"), PAUSES)
def test_rows_for_bearerboxes_are_looked_for_again(
    clock: Clock, cost: float, away: bool, pause: float
) -> None:
    wakeups: BatchQueue[str] = BatchQueue()
    flow: Any = Queries(clock, cost, away)
    jobs = SubmitReplayJobs(flow, wakeups, NOTHING, NOTHING, TIMINGS)
    assert jobs._scan() == pause
    assert len(wakeups) == (0 if away else 1)


class Gateway:
    """Bearerboxes that come and go."""

    online = True
    arrivals = 1


class CountedReplay:
    """A replay to bearerboxes that only counts."""

    starts = 0

    def start_over(self) -> None:
        self.starts += 1

    def due(self) -> bool:
        return False


def test_a_bearerbox_that_was_away_for_a_moment_is_noticed() -> None:
    """Rows stored meanwhile wait no longer than until the next round."""
    gateway: Any = Gateway()
    flow: Any = CountedReplay()
    wakeups: BatchQueue[str] = BatchQueue()
    jobs = SubmitReplayJobs(flow, wakeups, gateway, NOTHING, TIMINGS)
    arrivals = jobs._look_at_bearerboxes(0)
    assert (flow.starts, len(wakeups)) == (1, 1)
    arrivals = jobs._look_at_bearerboxes(arrivals)
    assert flow.starts == 1
    gateway.arrivals += 1  # away and back, between two looks
    jobs._look_at_bearerboxes(arrivals)
    assert (flow.starts, len(wakeups)) == (2, 2)


def test_a_defect_that_one_account_meets_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    claim = SimpleNamespace(held=True)
    advanced: list[str] = []
    later: list[str] = []

    def advance(system_id: str) -> None:
        advanced.append(system_id)
        if system_id == "poison":
            raise RuntimeError("a defect")
        if system_id == "last":
            raise gevent.GreenletExit

    flow: Any = SimpleNamespace(advance=advance, look_later=later.append)
    jobs = DeliverReplayJobs(flow, BatchQueue(), NOTHING, NOTHING, claim, TIMINGS)
    for system_id in ("poison", "good", "last"):
        jobs.wakeups.put(system_id)
    with pytest.raises(gevent.GreenletExit):
        jobs._advance_woken()
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
def test_rows_of_no_account_are_looked_for(
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    cost: float,
    away: bool,
    lost: tuple[float, ...],
    looks: list[float],
) -> None:
    """Within a minute, rarely when the query costs much, at once when the claim is held again."""
    claim = SimpleNamespace(held=True)
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

    monkeypatch.setattr(replay_jobs.gevent, "sleep", sleep)
    rows: Any = SimpleNamespace(advance=advance)
    flow: Any = SimpleNamespace(rescan=woken.append)
    with pytest.raises(gevent.GreenletExit):
        UnaddressedRowsJob(rows, flow, claim, TIMINGS)._make_rounds()
    assert asked == looks
    assert woken == ([] if away else ["some"] * len(looks))


@pytest.mark.parametrize("has_queue", [False, True])
def test_the_store_table_is_left_alone_without_a_queue(has_queue: bool) -> None:
    started: list[str] = []

    def job(name: str) -> Any:
        return SimpleNamespace(
            start=lambda _greenlets: started.append(name), flow=SimpleNamespace(unusable=1), unusable=1
        )

    jobs = ReplayJobs(job("PDUs"), job("MTs"), job("unaddressed"), job("limits"), has_queue=has_queue)
    jobs.start()
    assert started == (["PDUs", "MTs", "unaddressed", "limits"] if has_queue else ["PDUs"])
    assert jobs.unusable() == 3
