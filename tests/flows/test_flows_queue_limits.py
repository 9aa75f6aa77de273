"""Limits of stored MOs and reports."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ksmppd_py.flows import queue_limits
from ksmppd_py.flows.queue_limits import LOGGED_FOR, QueueLimits
from ksmppd_py.model.esme import DropReason
from ksmppd_py.model.queue_limits import QueueLimit
from ksmppd_py.model.status import Backlog, QueueDepth
from tests.flows.memory import NOW, Clock, MemoryStore, make_meters, mo, report


class Bed:
    """QueueLimits over a store in memory; `own` are the accounts' own limits."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = Clock()
        self.meters = make_meters()
        self.own: dict[str, QueueLimit] = {}
        self.in_flight: set[int] = set()
        self.counts = 0
        self.limits = QueueLimits(
            self.store, self, self.count, self.is_in_flight, self.meters, self.clock, QueueLimit()
        )

    def read(self, default: QueueLimit) -> Mapping[str, QueueLimit]:
        return self.own

    def is_in_flight(self, system_id: str, row: int) -> bool:
        return row in self.in_flight

    def count(self) -> Backlog | None:
        self.counts += 1
        depths = []
        for queue, kind in (("mo", 0), ("report", 3), ("mt", 2)):
            rows = [sms for sms in self.store.saved if sms.sms_type == kind]
            for service in sorted({(sms.service or b"").decode().lower() for sms in rows}):
                of_account = [sms for sms in rows if (sms.service or b"").decode().lower() == service]
                oldest = min((sms.time for sms in of_account if sms.time > 0), default=None)
                depths.append(QueueDepth(queue, service, len(of_account), oldest))
        return Backlog(self.clock.now, True, tuple(depths))

    def add(self, *ages: int, service: bytes = b"esme") -> None:
        """Store MOs and reports in turn, so many seconds old."""
        for number, age in enumerate(ages):
            sms = mo(service=service) if number % 2 else report(service=service)
            sms.time = NOW - age
            self.store.save([sms])

    def apply(self, max_age: int = 0, max_rows: int = 0) -> list[int]:
        """Return the rows that are left."""
        self.limits.reconfigure(QueueLimit(max_age, max_rows))
        self.limits.apply()
        return sorted(self.store.messages)


@pytest.fixture
def bed() -> Bed:
    return Bed()


@pytest.mark.parametrize(
    ("max_age", "max_rows", "left", "age", "rows"),
    [
        (0, 0, [1, 2, 3, 4, 5], 0, 0),
        (0, 5, [1, 2, 3, 4, 5], 0, 0),
        (0, 3, [3, 4, 5], 0, 2),
        (25, 0, [3, 4, 5], 2, 0),
        (50, 0, [1, 2, 3, 4, 5], 0, 0),
        (25, 2, [4, 5], 2, 1),
        (1, 4, [5], 4, 0),
    ],
)
def test_the_oldest_are_dropped(
    bed: Bed, max_age: int, max_rows: int, left: list[int], age: int, rows: int
) -> None:
    bed.add(50, 40, 20, 10, 0)
    assert bed.apply(max_age, max_rows) == left
    assert bed.meters.dropped == {DropReason.EXPIRED: 0, DropReason.AGE: age, DropReason.ROWS: rows}
    assert bed.apply(max_age, max_rows) == left


def test_what_is_off_asks_nothing(bed: Bed) -> None:
    bed.add(1_000_000)
    bed.apply()
    assert bed.counts == bed.store.pages == 0


def test_accounts_have_limits_of_their_own(bed: Bed) -> None:
    bed.own = {"few": QueueLimit(max_rows=1), "free": QueueLimit()}
    for service in (b"few", b"free", b"other"):
        bed.add(3, 2, 1, service=service)
    assert bed.apply(max_rows=2) == [3, 4, 5, 6, 8, 9]


def test_rows_in_flight_or_without_time_and_mts_stay(bed: Bed) -> None:
    bed.add(100, 100, NOW + 1, 100)  # the third has the time -1, which is unknown
    bed.in_flight = {1}
    mt = mo(service=b"esme")
    mt.sms_type, mt.time = 2, 1
    bed.store.save([mt])
    unreadable = bed.store.add_unreadable(0)
    assert bed.apply(max_age=10) == [1, 3, 5, unreadable]
    assert bed.apply(max_rows=1) == [1, 5, unreadable]


def test_a_name_that_the_collation_finds_equal(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    bed.add(100, 100)
    others = mo(service="esm\xe9".encode("latin-1"))
    others.time = 1
    page = bed.store.page

    def lenient(sms_type: int, after: int, limit: int, service: str | None = None) -> list[object]:
        found: list[object] = [*page(sms_type, after, limit, service)]
        return found if after else [*found, type(bed.store.messages[1])(9, others)]

    monkeypatch.setattr(bed.store, "page", lenient)
    bed.limits.reconfigure(QueueLimit(max_age=10))
    bed.limits.apply()  # removing row 9 would be a KeyError
    assert bed.store.messages == {}


def test_a_pass_is_bounded(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_limits, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(queue_limits, "PAGE", 2)
    bed.add(*[100] * 7)
    assert bed.apply(max_age=10) == [4, 5, 6, 7]
    assert bed.apply(max_age=10) == [7]


def test_it_is_logged_once(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        bed.add(100, 100)
        bed.apply(max_age=10)
        bed.clock.now += 60
        assert caplog.text.count("dropped") == 1
        if number == 1:
            bed.apply(max_age=10)  # nothing to drop
    assert "SMPP[esme] 2 stored message(s) dropped: above queue-max-age" in caplog.text
    bed.clock.now += LOGGED_FOR + 1
    bed.add(100)
    bed.apply(max_age=10)
    assert caplog.text.count("dropped") == 2
