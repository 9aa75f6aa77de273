"""Submits whose routes are waited for (HTTP, plugins): batches of a bind overlap, their order stays."""

from __future__ import annotations

from collections.abc import Sequence

import gevent
import pytest
from gevent.event import Event

from ksmppd_py.errors import KsmppdError
from ksmppd_py.flows.submit import SubmitFlow
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Simulation
from ksmppd_py.model.routes import Route
from tests.esme.conftest import NEVER, Bed
from tests.fakes.smpp_wire import Message
from tests.flows.memory import submit_sm
from tests.parts.waiting import wait_until


def numbered(count: int) -> list[Message]:
    return [Message(destination_addr=b"491700", short_message=b"%d" % n) for n in range(count)]


class Gates:
    """Makes the bed's router wait: a batch is answered when the gate of its first text is open."""

    def __init__(self, bed: Bed) -> None:
        self.asked: list[bytes] = []
        self.shut: dict[bytes, Event] = {}
        self.broken: set[bytes] = set()
        bed.router.waits = True
        bed.router.route_mt = self.answer  # type: ignore[method-assign]

    def answer(self, system_id: str, batch: Sequence[Sms]) -> list[Route | KsmppdError]:
        first = batch[0].msgdata or b""
        self.asked.append(first)
        if first in self.shut:
            self.shut[first].wait()
        if first in self.broken:
            raise RuntimeError("unexpected")
        return [Route() for _ in batch]


@pytest.fixture
def gates(bed: Bed) -> Gates:
    return Gates(bed)


def test_waiting_overlaps_and_keeps_the_order(bed: Bed, gates: Gates) -> None:
    """All are asked about at once, but handed over in the order in which they came."""
    bed.gateway.ack = NEVER
    gates.shut = {b"0": Event(), b"1": Event()}
    esme = bed.bind()
    for count, message in enumerate(numbered(3), 1):
        esme.send_submit(message)
        wait_until(lambda count=count: len(gates.asked) == count)
    assert bed.binds[0].inbound_routing == 3
    gates.shut[b"1"].set()
    gevent.sleep(0.01)
    assert bed.gateway.sent == []
    gates.shut[b"0"].set()
    wait_until(lambda: len(bed.gateway.sent) == 3)
    assert [sent.sms.msgdata for sent in bed.gateway.sent if sent.sms is not None] == [b"0", b"1", b"2"]
    assert bed.binds[0].inbound_routing == 0


def test_an_error_of_ours_is_answered_and_the_next_batch_goes_on(
    bed: Bed, gates: Gates, caplog: pytest.LogCaptureFixture
) -> None:
    gates.shut = {b"0": Event()}
    gates.broken = {b"0"}
    esme = bed.bind()
    first, second = numbered(2)
    failing = esme.send_submit(first)
    wait_until(lambda: len(gates.asked) == 1)
    good = esme.send_submit(second)
    wait_until(lambda: len(gates.asked) == 2)
    gates.shut[b"0"].set()
    assert esme.wait_response(good).command_status == 0
    assert esme.wait_response(failing).command_status == 0x08
    assert "failed unexpectedly" in caplog.text


def test_an_error_in_concluding_leaves_batches_alone_that_wait_for_their_routes(
    bed: Bed, gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One submit comes back from the bearerbox refused while the next is being read: each is answered once."""
    bed.gateway.ack = NEVER
    gates.shut = {b"1": Event()}
    esme = bed.bind()
    refused = esme.send_submit(numbered(1)[0])
    wait_until(lambda: bed.gateway.sent)
    monkeypatch.setattr(SubmitFlow, "conclude", lambda *_: 1 / 0)
    submits = bed.listener._sessions[0]._submits
    assert submits is not None
    bed.gateway.settle(1)
    submits.take(4711, submit_sm(text=b"1"), 3)
    submits.process_batch()  # before the queue's greenlet gets its turn
    assert esme.wait_response(refused).command_status == 0x08
    wait_until(lambda: gates.asked == [b"0", b"1"])
    assert 4711 not in esme.responses
    gates.shut[b"1"].set()
    wait_until(lambda: len(bed.gateway.sent) == 1)
    bed.gateway.settle(0)
    assert esme.wait_response(4711).command_status == 0
    assert submits.in_flight == 0


def test_a_bind_that_ends_meanwhile(bed: Bed, gates: Gates) -> None:
    """Its submits are handed over all the same."""
    bed.gateway.ack = NEVER
    gates.shut = {b"0": Event()}
    esme = bed.bind()
    for message in numbered(1):
        esme.send_submit(message)
    wait_until(lambda: gates.asked)
    esme.close()
    gevent.sleep(0.02)
    gates.shut[b"0"].set()
    wait_until(lambda: bed.gateway.sent)


def test_simulated_accounts_wait_for_nobody(bed: Bed, gates: Gates) -> None:
    bed.account(simulation=Simulation())
    esme = bed.bind()
    assert esme.submit(numbered(1)[0]).command_status == 0
    assert gates.asked == []
