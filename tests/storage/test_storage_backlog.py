"""The backlog in the queue tables, counted in portions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.status import QueueDepth
from ksmppd_py.storage import backlog
from ksmppd_py.storage.backlog import BacklogReader
from ksmppd_py.storage.store import DatabaseStore
from tests.storage.conftest import Place


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def sms(service: str, sms_type: SmsType, time: int) -> Sms:
    return Sms(service=service.encode(), sms_type=sms_type, time=time, id=b"x")


def fill(place: Place) -> None:
    store = DatabaseStore(place.database, place.layout)
    store.save(
        [sms("Alice", SmsType.MT_PUSH, 500), sms("alice", SmsType.MT_PUSH, 400), sms("bob", SmsType.MO, 0)]
    )
    store.save([sms("bob", SmsType.REPORT_MO, 700), sms("bob", SmsType.MT_REPLY, -1)])
    store.save_pdus("Bob", [b"pdu", b"pdu"])


DEPTHS = (
    QueueDepth("mo", "bob", 1, None),
    QueueDepth("mt", "alice", 2, 400),
    QueueDepth("other", "bob", 1, None),
    QueueDepth("pdu", "bob", 2, None),
    QueueDepth("report", "bob", 1, 700),
)


def test_rows_by_queue_and_account(place: Place) -> None:
    reader = BacklogReader(place.database, place.layout, clock=lambda: 2000.0)
    empty = reader.read(0)
    assert empty is not None
    assert (empty.taken, empty.complete, empty.depths) == (2000.0, True, ())
    fill(place)
    assert reader.read(3600) is empty


@pytest.mark.parametrize("portion", [1, 2, 3, 100])
def test_portions(place: Place, monkeypatch: pytest.MonkeyPatch, portion: int) -> None:
    monkeypatch.setattr(backlog, "PORTION", portion)
    fill(place)
    snapshot = BacklogReader(place.database, place.layout).read(0)
    assert snapshot is not None
    assert (snapshot.complete, snapshot.depths) == (True, DEPTHS)


def test_more_rows_than_we_look_at(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "PORTION", 1)
    monkeypatch.setattr(backlog, "MOST_PORTIONS", 2)
    fill(place)
    snapshot = BacklogReader(place.database, place.layout).read(0)
    assert snapshot is not None
    assert not snapshot.complete
    assert sum(depth.rows for depth in snapshot.depths) == 4


def test_a_snapshot_is_kept_until_it_is_old(place: Place) -> None:
    clock = Clock()
    reader = BacklogReader(place.database, place.layout, monotonic=clock)
    first = reader.read(30)
    clock.now += 29
    assert reader.read(30) is first
    clock.now += 1
    assert reader.read(30) is not first


def test_a_database_that_is_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    reader = BacklogReader(place.database, place.layout, monotonic=clock)
    snapshot = reader.read(30)

    def away(*_: object, **__: object) -> None:
        clock.now += 5
        raise DatabaseUnavailable("away")

    asked: Callable[..., object] = place.database.execute
    monkeypatch.setattr(place.database, "execute", away)
    clock.now += 60
    assert reader.read(30) is snapshot
    monkeypatch.setattr(place.database, "execute", asked)
    clock.now += 60
    assert reader.read(30) is snapshot  # it took 5 s: not before 100 s
    clock.now += 60
    assert reader.read(30) is not snapshot


def test_the_database_is_measured(place: Place) -> None:
    before = sum(place.database.meter.latency.counts)
    place.run("SELECT 1")
    meter = place.database.meter
    assert sum(meter.latency.counts) == before + 1
    assert meter.latency.total > 0
    assert (meter.failures, meter.available) == (0, True)
