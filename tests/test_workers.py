"""The greenlets that wake replay and simulation, over ports in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import gevent
import pytest

from ksmppd_py import workers
from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.simulation import SimulationFlow
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.account import Account, Simulation
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.work import LOST, Submission
from ksmppd_py.translate.dialect import Dialect
from ksmppd_py.workers import Replayer, Simulator
from tests.flows.memory import (
    NOW,
    MemoryGateway,
    MemoryReceiver,
    MemoryReceivers,
    MemoryRouter,
    MemoryStore,
    make_ids,
    mo,
    submit_sm,
)


class Claim:
    """Ours, unless a test says otherwise."""

    held = True


class Bed:
    """A Replayer and what it works on."""

    def __init__(self, queue: bool = True) -> None:
        self.store = MemoryStore()
        self.claim = Claim()
        self.gateway = MemoryGateway()
        self.receiver = MemoryReceiver()
        self.receivers = MemoryReceivers(esme=self.receiver)
        delivery = DeliveryFlow(MemoryRouter(), self.receivers)
        self.replayer = Replayer(self.store, self.claim, delivery, self.receivers, queue)

    def start(self) -> None:
        self.replayer.start(self.gateway, make_ids())

    def store_mt(self, text: bytes) -> None:
        message = Sms(msgdata=text, receiver=b"1", id=make_ids().next(), sms_type=int(SmsType.MT_PUSH))
        self.store.save([message])

    @property
    def sent(self) -> list[bytes | None]:
        return [each.sms.msgdata for each in self.gateway.sent if each.sms]


def wait_until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        gevent.sleep(0.002)


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ROUND", 0.01)
    monkeypatch.setattr(workers, "REFRESH", 0.03)


@pytest.fixture
def start() -> Iterator[Callable[[Bed], Bed]]:
    beds: list[Bed] = []

    def start(bed: Bed) -> Bed:
        beds.append(bed)
        bed.start()
        return bed

    with gevent.Timeout(20):
        yield start
        for bed in beds:
            bed.replayer.stop()


Start = Callable[[Bed], Bed]


def test_what_was_stored_before_the_start(start: Start) -> None:
    bed = Bed()
    bed.store_mt(b"mt")
    bed.store.save([mo(b"mo", service=b"esme")])
    start(bed)
    wait_until(lambda: bed.sent == [b"mt"] and bed.receiver.texts == [b"mo"])
    bed.gateway.settle(0)
    bed.receiver.answer()
    assert bed.store.messages == {}


def test_what_is_stored_later(start: Start) -> None:
    bed = start(Bed())
    gevent.sleep(0.05)
    bed.store_mt(b"mt")
    bed.store.save([mo(b"mo", service=b"esme")])
    wait_until(lambda: bed.sent == [b"mt"] and bed.receiver.texts == [b"mo"])


def test_an_account_that_binds_later(start: Start) -> None:
    bed = Bed()
    bed.receivers.binds = {}
    bed.store.save([mo(b"mo", service=b"esme")])
    start(bed)
    gevent.sleep(0.05)
    assert bed.store.pages <= 10  # MT rows are looked for, but none of accounts without receivers
    bed.receivers.binds = {"esme": bed.receiver}
    wait_until(lambda: bed.receiver.texts == [b"mo"])


def test_a_bearerbox_that_comes_later(start: Start) -> None:
    bed = Bed()
    bed.gateway.online = False
    bed.store_mt(b"mt")
    start(bed)
    gevent.sleep(0.05)
    assert bed.sent == []
    bed.gateway.online = True
    wait_until(lambda: bed.sent == [b"mt"])


def test_mos_dont_need_a_bearerbox(start: Start) -> None:
    """spec flows 5.1 Improve."""
    bed = Bed()
    bed.gateway.online = False
    bed.store.save([mo(b"mo", service=b"esme")])
    start(bed)
    wait_until(lambda: bed.receiver.texts == [b"mo"])


@pytest.mark.parametrize("outcome", [Outcome.GONE, Outcome.TIMEOUT])
def test_rows_whose_bind_went_are_sent_again_soon(start: Start, outcome: Outcome) -> None:
    bed = start(Bed())
    bed.store.save([mo(b"mo", service=b"esme")])
    wait_until(lambda: bed.receiver.open)
    bed.receiver.answer(outcome)
    wait_until(lambda: bed.receiver.texts == [b"mo", b"mo"])


def test_lost_rows_are_sent_again_soon(start: Start) -> None:
    bed = start(Bed())
    bed.store_mt(b"mt")
    wait_until(lambda: bed.sent)
    bed.gateway.settle(LOST)
    wait_until(lambda: bed.sent == [b"mt"])


def test_the_window_is_kept_full_until_all_are_gone(start: Start) -> None:
    bed = Bed()
    bed.receiver.window = 4
    bed.store.save([mo(b"%d" % n, service=b"esme") for n in range(50)])
    start(bed)
    while bed.store.messages:
        wait_until(lambda: bed.receiver.open)
        bed.receiver.answer()
    assert bed.receiver.texts == [b"%d" % n for n in range(50)]


def test_a_database_that_goes_and_comes_back(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    from ksmppd_py.flows import replay

    monkeypatch.setattr(replay, "ROWS_PAUSE", 0.02)
    bed = Bed()
    bed.store.failure = DatabaseUnavailable("gone")
    start(bed)
    gevent.sleep(0.05)
    bed.store.failure = None
    bed.store_mt(b"mt")
    bed.store.save([mo(b"mo", service=b"esme")])
    wait_until(lambda: bed.sent == [b"mt"] and bed.receiver.texts == [b"mo"])


def test_another_daemons_rows_are_left_alone(start: Start) -> None:
    bed = Bed()
    bed.claim.held = False
    bed.store_mt(b"mt")
    bed.store.save([mo(b"mo", service=b"esme")])
    start(bed)
    gevent.sleep(0.06)
    assert (bed.sent, bed.receiver.texts) == ([], [])
    bed.claim.held = True
    wait_until(lambda: bed.sent == [b"mt"] and bed.receiver.texts == [b"mo"])


def test_without_the_queue_only_pdus_are_replayed(start: Start) -> None:
    bed = Bed(queue=False)
    bed.store_mt(b"mt")
    bed.store.save([mo(b"mo", service=b"esme")])
    start(bed)
    gevent.sleep(0.06)
    assert (bed.sent, bed.receiver.texts) == ([], [])


def test_after_stop_nothing_is_started(start: Start) -> None:
    bed = start(Bed())
    bed.replayer.stop()
    bed.store_mt(b"mt")
    gevent.sleep(0.05)
    assert bed.sent == []


def test_simulated_messages_go_their_rounds() -> None:
    """They are delivered within a round; what can't be goes to the PDU table."""
    receiver, store = MemoryReceiver(), MemoryStore()
    receivers = MemoryReceivers(esme=receiver)
    simulator = Simulator()
    flow = SimulationFlow(
        DeliveryFlow(MemoryRouter(), receivers), receivers, store, simulator, make_ids(), lambda: NOW
    )
    account = Account("esme", simulation=Simulation(mo_every=1))
    simulator.start(flow)
    try:
        flow.submit([Submission(simulator, 1, submit_sm(text=b"ping"), 2)], account, Dialect())  # type: ignore[arg-type]
        wait_until(lambda: receiver.texts == [b"ping"])
        receiver.answer(Outcome.GONE)
        wait_until(lambda: store.pdus)
    finally:
        simulator.stop()
