"""Unbind from either side, closing, shutdown (docs/rules/smpp-session.md 10 to 12)."""

from __future__ import annotations

import time
from typing import Any

import gevent
import pytest
from gevent.event import Event

from ksmppd_py.model.account import Account
from ksmppd_py.model.outcomes import Outcome
from tests.esme.conftest import NEVER, PASSWORD, Bed, StartBed
from tests.fakes import smpp_wire as wire
from tests.fakes.esme import always
from tests.fakes.smpp_wire import Message
from tests.flows.memory import mo
from tests.parts.waiting import wait_until

MT = Message(source_addr=b"12345", destination_addr=b"491700", short_message=b"hello")
SILENT = always(None)


def test_unbind_is_answered_and_the_connection_closed(bed: Bed) -> None:
    esme = bed.bind()
    reply = esme.unbind()
    assert (reply.command_id, reply.command_status, reply.body) == (0x80000006, 0, b"")
    esme.wait_closed(3)
    wait_until(lambda: not len(bed.listener))


def test_unbind_before_a_bind(bed: Bed) -> None:
    esme = bed.connect()
    assert esme.unbind().command_status == 0
    esme.wait_closed(3)


def test_outstanding_answers_come_before_unbind_resp(bed: Bed) -> None:
    """D-16: who submits and unbinds at once gets its ids."""
    bed.gateway.ack = NEVER
    esme = bed.bind()
    numbers = [esme.send_submit(MT) for _ in range(3)]
    last = esme.send_request(wire.UNBIND)
    wait_until(lambda: len(bed.gateway.sent) == 3)
    assert last not in esme.responses
    bed.gateway.settle(0)
    assert esme.wait_response(last).command_status == 0
    assert list(esme.responses)[1:] == [*numbers, last]
    assert all(len(esme.responses[number].text) == 36 for number in numbers)
    esme.wait_closed()


def test_unbind_resp_waits_only_so_long(bed: Bed) -> None:
    bed.set_timings(unbind=0.05)
    bed.gateway.ack = NEVER
    esme = bed.bind()
    esme.send_submit(MT)
    assert esme.unbind().command_status == 0
    esme.wait_closed()
    bed.gateway.settle(0)  # too late for an answer, but counted
    wait_until(lambda: bed.snapshot().mt == 1)


def test_pdus_after_unbind_are_not_carried_out(bed: Bed) -> None:
    esme = bed.bind()
    esme.send_octets(wire.pack(wire.UNBIND, 0, 50) + wire.pack(wire.SUBMIT_SM, 0, 51, wire.pack_message(MT)))
    esme.wait_closed()
    assert 50 in esme.responses
    assert bed.snapshot().mt == 0


def test_open_deliveries_are_released_at_once(bed: Bed) -> None:
    """docs/rules/smpp-session.md 10, docs/rules/flows.md 9, row 21."""
    esme = bed.bind(policy=SILENT)
    bed.deliver(mo(b"1"))
    bed.deliver(mo(b"x" * 300))
    esme.wait_deliveries(3)
    began = time.monotonic()
    esme.close()
    settled = bed.wait_settled(2)
    assert [delivery.outcome for delivery in settled] == [Outcome.GONE] * 2
    assert time.monotonic() - began < 1
    assert bed.deliver(mo(b"2"))[1] is Outcome.NO_RECEIVER


def test_an_answer_after_the_connection_is_gone(bed: Bed) -> None:
    """docs/rules/smpp-session.md 11: discarded silently, still counted."""
    bed.gateway.ack = NEVER
    esme = bed.bind()
    esme.send_submit(MT)
    esme.send_submit(MT)
    wait_until(lambda: len(bed.gateway.sent) == 2)
    esme.close()
    wait_until(lambda: not bed.binds)
    bed.gateway.settle(0, 1)
    bed.gateway.settle(1)
    wait_until(lambda: (bed.snapshot().mt, bed.snapshot().errors) == (1, 1))


# -- from our side -------------------------------------------------------------------------------------------------


def test_the_operator_unbinds_an_account(bed: Bed) -> None:
    first, second = bed.bind("receiver"), bed.bind("transmitter")
    assert bed.registry.unbind("esme", None) == 2
    for esme in (first, second):
        esme.wait_request(wire.UNBIND)
        esme.wait_closed(3)
    assert bed.binds == ()
    assert bed.registry.unbind("esme", None) == 0
    assert bed.registry.unbind("nobody", None) is None


def test_the_operator_unbinds_one_bind(bed: Bed) -> None:
    first, second = bed.bind(), bed.bind()
    assert bed.registry.unbind("esme", 1) == 1
    second.wait_closed()
    assert not first.closed
    assert bed.registry.unbind("esme", 1) == 0


def test_submits_are_answered_although_unbind_resp_comes_first(bed: Bed) -> None:
    """C-018: the duty to respond has no exception for an unbind."""
    bed.gateway.ack = NEVER
    esme = bed.bind()
    number = esme.send_submit(MT)
    wait_until(lambda: bed.gateway.sent)
    assert bed.registry.unbind("esme", None) == 1
    esme.wait_request(wire.UNBIND)
    assert not esme.closed
    bed.gateway.settle(0)
    assert esme.wait_response(number).command_status == 0
    esme.wait_closed()


def test_submits_are_answered_while_we_wait_for_unbind_resp(bed: Bed) -> None:
    bed.gateway.ack = NEVER
    esme = bed.bind()
    esme.answers_unbinds = False
    number = esme.send_submit(MT)
    wait_until(lambda: bed.gateway.sent)
    bed.registry.unbind("esme", None)
    unbind = esme.wait_request(wire.UNBIND)
    assert bed.deliver(mo())[1] is Outcome.NO_RECEIVER
    bed.gateway.settle(0)
    assert esme.wait_response(number).command_status == 0
    esme.send_octets(wire.pack(wire.UNBIND | wire.RESPONSE, 0, unbind.sequence_number))
    esme.wait_closed(3)


def test_an_esme_that_doesnt_answer_unbind(bed: Bed) -> None:
    bed.set_timings(unbind=0.05)
    esme = bed.bind()
    esme.answers_unbinds = False
    bed.registry.unbind("esme", None)
    esme.wait_closed(3)
    assert [pdu.command_id for pdu in esme.requests] == [wire.UNBIND]


def test_both_sides_unbind_at_once(bed: Bed) -> None:
    esme = bed.bind()
    esme.answers_unbinds = False
    bed.registry.unbind("esme", None)
    esme.wait_request(wire.UNBIND)
    assert esme.unbind().command_status == 0
    esme.wait_closed(3)


def test_stopping(start: StartBed) -> None:
    """docs/rules/smpp-session.md 12: no new connections, no new submits, outstanding ones answered, unbind, the end."""
    bed = start()
    bed.gateway.ack = NEVER
    esme = bed.bind()
    waiting = esme.send_submit(MT)
    wait_until(lambda: bed.gateway.sent)
    port = bed.port
    bed.listener.stop_accepting()
    with pytest.raises(OSError):
        type(esme)(port)
    assert esme.submit(MT).command_status == wire.RSYSERR
    finishing = gevent.spawn(bed.listener.finish, 5.0)
    gevent.sleep(0.01)
    assert not finishing.ready()
    bed.gateway.settle(0)
    assert esme.wait_response(waiting).command_status == 0
    finishing.get(timeout=5)
    bed.listener.unbind_all(2.0)
    esme.wait_closed(3)
    assert [pdu.command_id for pdu in esme.requests] == [wire.UNBIND]
    assert len(bed.listener) == 0


def test_a_bind_that_is_being_authenticated_when_the_server_stops(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its response isn't positive: the connection ends."""
    go_on = Event()
    authenticate = bed.accounts.authenticate

    def slowly(*credentials: Any) -> Account | None:
        go_on.wait()
        return authenticate(*credentials)

    monkeypatch.setattr(bed.accounts, "authenticate", slowly)
    esme = bed.connect()
    number = esme.send_request(wire.BIND_TRANSCEIVER, wire.pack_bind("esme", PASSWORD))
    wait_until(lambda: any(session.attempt for session in bed.listener._sessions.values()))
    bed.listener.stop_accepting()
    gevent.spawn(bed.listener.unbind_all, 0.5)
    gevent.sleep(0.01)
    go_on.set()
    assert esme.wait_response(number).command_status == wire.RSYSERR
    esme.wait_closed()
    assert not bed.registry.binds_of("esme")


def test_stopping_waits_only_so_long(start: StartBed) -> None:
    bed = start()
    bed.gateway.ack = NEVER
    esme = bed.connect()
    esme.answers_unbinds = False
    assert esme.bind("esme", PASSWORD).command_status == 0
    unbound = bed.connect()
    esme.send_submit(MT)
    wait_until(lambda: bed.gateway.sent)
    began = time.monotonic()
    bed.listener.stop_accepting()
    bed.listener.finish(0.05)
    bed.listener.unbind_all(0.05)
    assert time.monotonic() - began < 2
    esme.wait_closed()
    unbound.wait_closed()
