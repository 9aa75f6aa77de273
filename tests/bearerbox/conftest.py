"""The bearerboxes' room against scripted bearerboxes on loopback, with everything else in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gevent
import pytest

from ksmppd_py.bearerbox import connection as connection_module
from ksmppd_py.bearerbox import held as held_module
from ksmppd_py.bearerbox import incoming as incoming_module
from ksmppd_py.bearerbox import pool as pool_module
from ksmppd_py.bearerbox.pool import BearerboxPool
from ksmppd_py.config import BearerboxConnection
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import Delivery, Submit
from tests.fakes.bearerbox import FakeBearerbox
from tests.flows.memory import (
    NOW,
    MemoryReceiver,
    MemoryReceivers,
    MemoryRouter,
    MemoryStore,
    Tray,
    make_ids,
)
from tests.parts.waiting import wait_until

IDS = make_ids()


class MemoryHandover:
    """Takes over what was moved to the store."""

    def __init__(self) -> None:
        self.rows: list[tuple[Delivery, int]] = []
        self.expected: set[bytes] = set()
        self.told: list[str] = []
        self.postponed: list[tuple[Delivery, int]] = []

    def expect_rows(self, message_ids: Sequence[bytes]) -> None:
        self.expected.update(message_ids)

    def expect_no_more_rows(self, message_ids: Sequence[bytes]) -> None:
        self.expected.difference_update(message_ids)

    def retry_later(self, delivery: Delivery, row: int) -> None:
        self.postponed.append((delivery, row))

    def rows_added(self, system_id: str) -> None:
        self.told.append(system_id)

    def take_over(self, delivery: Delivery, row: int) -> None:
        self.rows.append((delivery, row))


class Bed:
    """A pool, its scripted bearerboxes, and the account `esme` with one receiver."""

    def __init__(self, boxes: list[FakeBearerbox], boxc_id: str | None, queue: bool) -> None:
        self.boxes = boxes
        self.box = boxes[0]
        self.receiver = MemoryReceiver()
        self.receivers = MemoryReceivers(esme=self.receiver)
        self.router = MemoryRouter()
        self.router.everything = Route(system_id="esme")
        self.store = MemoryStore()
        self.handover = MemoryHandover()
        self.tray = Tray()
        settings = [BearerboxConnection(host="127.0.0.1", port=box.port, id=boxc_id or "") for box in boxes]
        delivery = DeliveryFlow(self.router, self.receivers)
        self.pool = BearerboxPool(settings, delivery, self.store if queue else None, self.handover)
        self.pool.start()

    def wait_online(self, count: int = 1) -> None:
        wait_until(lambda: sum(each.online for each in self.pool.connections) == count)

    def submit(self, text: bytes = b"hello", priority: int = 0, row: int = 0) -> Submit:
        submit = Submit(self.tray, 1, None, 2)
        submit.sms = make_mt(text, priority)
        submit.row = row
        return submit

    def send(self, *texts: bytes, priority: int = 0) -> list[Submit]:
        submits = [self.submit(text, priority) for text in texts]
        for submit in submits:
            assert self.pool.send(submit)
        return submits

    def wait_results(self, count: int = 1) -> list[int | None]:
        """The results of so many submits, in the order in which they came back."""
        wait_until(lambda: len(self.tray.items) >= count)
        return [submit.result for submit in self.tray.take()]

    def stop(self) -> None:
        self.pool.stop(0.01)
        for box in self.boxes:
            box.stop()


def make_mt(text: bytes = b"hello", priority: int = 0) -> Sms:
    id_ = IDS.next()
    return Sms(
        sender=b"12345",
        receiver=b"491700",
        msgdata=text,
        time=NOW,
        service=b"esme",
        id=id_,
        sms_type=int(SmsType.MT_PUSH),
        coding=0,
        dlr_mask=19,
        dlr_url=b"esme|%d|%b" % (NOW, id_),
        priority=priority,
    )


StartBed = Callable[..., Bed]


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become hundredths."""
    for name, value in (("FIRST_PAUSE", 0.01), ("LAST_PAUSE", 0.04), ("FAREWELL_PATIENCE", 0.1)):
        monkeypatch.setattr(connection_module, name, value)
    for name, value in (("ROUND", 0.01), ("PATIENCE", 0.1), ("RELIEF_INTERVAL", 0.01)):
        monkeypatch.setattr(pool_module, name, value)
    for name, value in (("FIRST_DELAY", 0.05), ("LAST_DELAY", 0.2)):
        monkeypatch.setattr(held_module, name, value)
    for name, value in (("SLOW_AFTER", 0.05), ("SILENT_AFTER", 0.02)):
        monkeypatch.setattr(incoming_module, name, value)


@pytest.fixture
def start() -> Iterator[StartBed]:
    beds: list[Bed] = []

    def start(count: int = 1, boxc_id: str | None = "KSMPPD", queue: bool = True, **options: Any) -> Bed:
        beds.append(Bed([FakeBearerbox().start() for _ in range(count)], boxc_id, queue))
        if options.get("online", True):
            beds[-1].wait_online(count)
        return beds[-1]

    with gevent.Timeout(30):
        yield start
        for bed in beds:
            bed.stop()


@pytest.fixture
def bed(start: StartBed) -> Bed:
    """One bearerbox, online."""
    return start()
