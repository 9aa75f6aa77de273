"""The replay's rounds: what makes them ask again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from ksmppd_py import workers
from ksmppd_py.errors import DatabaseUnavailable


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

    def has_submissions(self) -> bool:
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
    """What was dear is asked rarely; a database that was away is asked again soon."""
    clock = Clock()
    monkeypatch.setattr(workers, "monotonic", clock)
    nothing: Any = None
    replayer = workers.Replayer(Store(clock, cost, away), nothing, nothing, nothing, queue=True)  # type: ignore[arg-type]
    assert replayer._scan({"usera"}) == pause
