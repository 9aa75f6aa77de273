"""The bearerboxes' room against scripted bearerboxes on loopback, with everything else in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import gevent
import pytest

from ksmppd_py.bearerbox.inbound import InboundServices
from ksmppd_py.bearerbox.pool import BearerboxPool
from ksmppd_py.bearerbox.timings import BoxLimits, BoxTimings
from ksmppd_py.config import BearerboxConnection
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import Delivery, Submit
from tests.fakes.bearerbox import FakeBearerbox
from tests.flows.memory import (
    NOW,
    MemoryOrigin,
    MemoryReceiver,
    MemoryReceivers,
    MemoryRouter,
    MemoryStore,
    make_ids,
)
from tests.parts.waiting import wait_until

IDS = make_ids()


class MemoryHandover:
    """Takes over what was moved to the store."""

    def __init__(self) -> None:
        self.rows: list[tuple[Delivery, int]] = []
        self.expected: set[bytes] = set()
        self.accounts: list[str] = []
        self.to_retry: list[tuple[Delivery, int]] = []

    def expect_rows(self, message_ids: Sequence[bytes]) -> None:
        self.expected.update(message_ids)

    def expect_no_more_rows(self, message_ids: Sequence[bytes]) -> None:
        self.expected.difference_update(message_ids)

    def retry_later(self, delivery: Delivery, row: int) -> None:
        self.to_retry.append((delivery, row))

    def rows_added(self, system_id: str) -> None:
        self.accounts.append(system_id)

    def take_over(self, delivery: Delivery, row: int) -> None:
        self.rows.append((delivery, row))


SHORT = BoxTimings(
    first_pause=0.01,
    last_pause=0.04,
    shutdown_timeout=0.1,
    housekeeping_interval=0.01,
    reconnect_timeout=0.1,
    relief_interval=0.01,
    first_nack_delay=0.05,
    last_nack_delay=0.2,
    slow_after=0.05,
    silent_after=0.02,
)
"""Waits of seconds become hundredths of a second."""


def make_pool(
    settings: Sequence[BearerboxConnection], services: InboundServices | None = None, **changes: Any
) -> BearerboxPool:
    """A pool with SHORT times; `changes` are fields of BoxTimings and BoxLimits."""
    if services is None:
        flow = DeliveryFlow(MemoryRouter(), MemoryReceivers())
        services = InboundServices(flow, None, MemoryHandover())
    limits = {name: changes.pop(name) for name in BoxLimits.__dataclass_fields__ if name in changes}
    return BearerboxPool(settings, services, replace(SHORT, **changes), BoxLimits(**limits))


class Bed:
    """A pool, its scripted bearerboxes, and the account `esme` with one receiver."""

    def __init__(
        self, boxes: list[FakeBearerbox], boxc_id: str | None, queue: bool, changes: dict[str, Any]
    ) -> None:
        self.boxes = boxes
        self.box = boxes[0]
        self.receiver = MemoryReceiver()
        self.receivers = MemoryReceivers(esme=self.receiver)
        self.router = MemoryRouter()
        self.router.everything = Route(system_id="esme")
        self.store = MemoryStore()
        self.handover = MemoryHandover()
        self.origin = MemoryOrigin()
        settings = [BearerboxConnection(host="127.0.0.1", port=box.port, id=boxc_id or "") for box in boxes]
        self.flow = DeliveryFlow(self.router, self.receivers)
        services = InboundServices(self.flow, self.store if queue else None, self.handover)
        self.pool = make_pool(settings, services, **changes)
        self.pool.start()

    def wait_online(self, count: int = 1) -> None:
        wait_until(lambda: sum(each.online for each in self.pool.connections) == count)

    def submit(self, text: bytes = b"hello", priority: int = 0, row: int = 0) -> Submit:
        submit = Submit(self.origin, 1, None, 2)
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
        wait_until(lambda: len(self.origin.items) >= count)
        return [submit.result for submit in self.origin.take()]

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


@pytest.fixture
def start() -> Iterator[StartBed]:
    beds: list[Bed] = []

    def start(
        count: int = 1,
        boxc_id: str | None = "KSMPPD",
        queue: bool = True,
        online: bool = True,
        **changes: Any,
    ) -> Bed:
        beds.append(Bed([FakeBearerbox().start() for _ in range(count)], boxc_id, queue, changes))
        if online:
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
