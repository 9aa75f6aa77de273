"""The last hour of each account: rates, bounds, and accounts that never bound."""

from __future__ import annotations

from admin_fakes import FakeOperations

from ksmppd_py.admin.account_history import POINTS, SERIES, AccountHistory


class Clock:
    """Steps of ten seconds."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_rates_and_binds() -> None:
    operations, clock = FakeOperations(), Clock()
    history = AccountHistory(operations.server_status, clock, clock)
    esme = operations.server_status.metrics().esmes[0]
    totals = next(iter(esme.totals.values()))
    for submits in (0, 50):
        clock.time += 10
        totals.mt += submits
        history.add_point()
    times, values = history.columns(esme.system_id)
    assert times == [1010, 1020]
    assert values["submits"][1] == 5.0
    assert tuple(values) == SERIES
    assert values["refused"][1] == 0.0


def test_an_hour_is_kept() -> None:
    operations, clock = FakeOperations(), Clock()
    history = AccountHistory(operations.server_status, clock, clock)
    for _ in range(POINTS + 3):
        clock.time += 10
        history.add_point()
    times, values = history.columns("never-bound")
    assert (len(times), times[-1] - times[0]) == (POINTS, 10 * (POINTS - 1))
    assert times[-1] == clock.time
    assert set(values["binds"]) == {0.0}
