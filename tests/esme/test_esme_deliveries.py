"""deliver_sm: window, best receiver, answers, wait-ack (docs/rules/smpp-session.md 8)."""

from __future__ import annotations

import socket
import struct

import gevent
import pytest

from ksmppd_py.config import WaitAckAction
from ksmppd_py.model.outcomes import Outcome
from tests.esme.conftest import PASSWORD, Bed, StartBed
from tests.fakes import smpp_wire as wire
from tests.fakes.esme import always
from tests.flows.memory import mo, report
from tests.parts.waiting import wait_until

SILENT = always(None)


def outcomes(bed: Bed, count: int = 1) -> list[Outcome]:
    return [delivery.outcome for delivery in bed.wait_settled(count)]


def test_a_message_and_its_answer(bed: Bed) -> None:
    esme = bed.bind("receiver")
    delivery, outcome = bed.deliver(mo(b"ping"))
    assert outcome is None
    assert esme.wait_text(b"ping").sequence_number == 1
    assert bed.wait_settled() == [delivery]
    assert delivery.outcome is Outcome.DONE
    [bind] = bed.binds
    assert (bind.mo, bind.dlr, bind.open_acks, bind.outbound_processed) == (1, 0, 0, 2)  # its bind_resp, too
    assert (bed.snapshot().mo, bed.snapshot().outbound_load[0]) == (1, 1.0)
    assert bed.registry.meters.outbound_processed == 1


def test_reports_are_counted_apart(bed: Bed) -> None:
    bed.bind("receiver")
    bed.deliver(report())
    bed.deliver(report(mask=8))
    bed.wait_settled(2)
    assert (bed.snapshot().mo, bed.snapshot().dlr) == (0, 2)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x14, Outcome.TEMPORARY),
        (0x400, Outcome.TEMPORARY),
        (0x45, Outcome.PERMANENT),
        (0x4FE, Outcome.TEMPORARY),
    ],
)
def test_error_answers(bed: Bed, status: int, outcome: Outcome) -> None:
    """Counted neither as mo nor as dlr; C's inner numbers mean nothing special (docs/rules/flows.md 9, row 23)."""
    bed.bind("receiver", always(status))
    bed.deliver(mo())
    assert outcomes(bed) == [outcome]
    assert bed.snapshot().mo == 0
    assert len(bed.binds) == 1


@pytest.mark.parametrize("body", [b"", b"\0", b"some-id\0"])
def test_any_body_of_deliver_sm_resp_will_do(bed: Bed, body: bytes) -> None:
    """docs/rules/smpp-session.md 3."""
    esme = bed.bind("receiver", SILENT)
    bed.deliver(mo())
    number = esme.wait_delivery().sequence_number
    esme.send_octets(wire.pack(wire.DELIVER_SM | wire.RESPONSE, 0, number, body))
    assert outcomes(bed) == [Outcome.DONE]


@pytest.mark.parametrize(
    ("command_id", "status", "outcome"),
    [
        (wire.GENERIC_NACK, 0x08, Outcome.TEMPORARY),
        (wire.GENERIC_NACK, 0x03, Outcome.PERMANENT),
        (wire.GENERIC_NACK, 0x00, Outcome.TEMPORARY),
        (wire.DATA_SM | wire.RESPONSE, 0x00, Outcome.DONE),
        (wire.DATA_SM | wire.RESPONSE, 0x45, Outcome.PERMANENT),
    ],
)
def test_other_responses_with_its_number(bed: Bed, command_id: int, status: int, outcome: Outcome) -> None:
    """docs/rules/smpp-session.md 4."""
    esme = bed.bind("receiver", SILENT)
    bed.deliver(mo())
    number = esme.wait_delivery().sequence_number
    body = b"" if command_id == wire.GENERIC_NACK else b"\0"
    esme.send_octets(wire.pack(command_id, status, number, body))
    assert outcomes(bed) == [outcome]


def test_answers_to_nothing_are_load_and_no_more(bed: Bed) -> None:
    """docs/rules/smpp-session.md 6: also with an unknown sequence number."""
    esme = bed.bind("receiver")
    esme.send_octets(wire.pack(wire.DELIVER_SM | wire.RESPONSE, 0, 999, b"\0"))
    esme.enquire_link()
    assert bed.snapshot().outbound_load[0] == 1.0
    assert bed.snapshot().mo == 0


def test_only_bound_receivers_get_anything(bed: Bed) -> None:
    bed.connect()
    bed.bind("transmitter")
    assert bed.deliver(mo())[1] is Outcome.NO_RECEIVER
    bed.bind("transceiver")
    assert bed.deliver(mo())[1] is None


def test_the_window(start: StartBed) -> None:
    bed = start(default_max_open_acks=3)
    esme = bed.bind("receiver", SILENT)
    results = [bed.deliver(mo(b"%d" % n))[1] for n in range(5)]
    assert results == [None] * 3 + [Outcome.NO_RECEIVER] * 2
    deliveries = esme.wait_deliveries(3)
    assert bed.binds[0].open_acks == 3
    esme.answer(deliveries[1])
    bed.wait_settled()
    assert bed.deliver(mo(b"next"))[1] is None
    assert esme.wait_text(b"next").sequence_number == 4


def test_an_account_may_have_its_own_window(start: StartBed) -> None:
    bed = start(default_max_open_acks=1)
    bed.account(max_open_acks=2)
    bed.bind("receiver", SILENT)
    assert [bed.deliver(mo())[1] for _ in range(3)] == [None, None, Outcome.NO_RECEIVER]


def test_messages_are_spread_over_equal_receivers(bed: Bed) -> None:
    """docs/rules/smpp-session.md 8: fewest open, of equals each in turn."""
    esmes = [bed.bind("receiver", SILENT) for _ in range(3)]
    for n in range(9):
        bed.deliver(mo(b"%d" % n))
    for esme in esmes:
        esme.wait_deliveries(3)
    assert [bind.open_acks for bind in bed.binds] == [3, 3, 3]


def test_the_fastest_receiver_gets_most(bed: Bed) -> None:
    slow = bed.bind("receiver", SILENT)
    fast = bed.bind("receiver")
    for n in range(20):
        bed.deliver(mo(b"%d" % n))
        fast_before = len(fast.deliveries)
        wait_until(lambda count=fast_before: len(fast.deliveries) >= count and bed.binds[1].open_acks == 0)
    assert len(slow.deliveries) <= 2
    assert len(fast.deliveries) >= 18


def test_reports_may_go_to_any_bind_of_the_account(bed: Bed) -> None:
    bed.bind("transmitter")
    receiver = bed.bind("receiver")
    bed.deliver(report())
    assert receiver.wait_delivery().is_receipt


def test_sequence_numbers_in_use_are_not_used_again(bed: Bed) -> None:
    """docs/rules/smpp-session.md 12."""
    esme = bed.bind("receiver", SILENT)
    for _ in range(4):
        bed.deliver(mo(b"x" * 300))
    numbers = [entry.sequence_number for entry in esme.wait_deliveries(8)]
    assert numbers == list(range(1, 9))


# -- wait-ack ------------------------------------------------------------------------------------------------------


def test_no_answer_in_time_closes_the_bind(start: StartBed) -> None:
    bed = start(wait_ack_timeout=0.05)
    esme = bed.bind("receiver", SILENT)
    delivery, _ = bed.deliver(mo())
    assert bed.wait_settled() == [delivery]
    assert delivery.outcome is Outcome.TIMEOUT
    assert bed.registry.best("esme") is None  # it is not tried there again
    esme.wait_closed(3)


def test_with_the_bind_go_its_other_open_messages(start: StartBed) -> None:
    bed = start(wait_ack_timeout=0.1)
    esme = bed.bind("receiver", SILENT)
    first, _ = bed.deliver(mo(b"first"))
    wait_until(
        lambda: bed.origin.items or (bed.deliver(mo(b"later"))[1] is None and len(esme.deliveries) > 1)
    )
    esme.wait_closed(3)
    settled = bed.wait_settled(2)
    assert settled[0] is first
    assert settled[0].outcome is Outcome.TIMEOUT
    assert {delivery.outcome for delivery in settled[1:]} <= {Outcome.TIMEOUT, Outcome.GONE}


def test_or_it_is_dropped(start: StartBed) -> None:
    """wait-ack-action 1."""
    bed = start(wait_ack_timeout=0.05, wait_ack_action=WaitAckAction.DROP)
    esme = bed.bind("receiver", SILENT)
    bed.deliver(mo(b"x" * 300))
    assert outcomes(bed) == [Outcome.DONE]
    assert not esme.closed
    assert bed.binds[0].open_acks == 0
    esme.answer(esme.deliveries[0])  # too late: logged and ignored
    assert esme.enquire_link().command_status == 0
    assert bed.snapshot().mo == 0


def test_timely_answers_dont_expire(start: StartBed) -> None:
    bed = start(wait_ack_timeout=0.1)
    esme = bed.bind("receiver")
    for n in range(30):
        bed.deliver(mo(b"%d" % n))
        esme.wait_deliveries(n + 1)
    assert outcomes(bed, 30) == [Outcome.DONE] * 30
    assert not esme.closed


def test_what_was_never_sent_doesnt_expire(start: StartBed) -> None:
    """docs/rules/smpp-session.md 8: unsent PDUs don't expire; least of all as if the ESME had them."""
    bed = start(wait_ack_timeout=0.3, wait_ack_action=WaitAckAction.DROP, default_max_open_acks=1_000_000)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", bed.port))
        deaf.sendall(wire.pack(wire.BIND_RECEIVER, 0, 1, wire.pack_bind("esme", PASSWORD)))
        wait_until(lambda: bed.registry.binds_of("esme"))
        refusals = 0
        while refusals < 3:  # the kernel's buffers grow for a while
            refusals = 0 if bed.deliver(mo(b"x" * 39_000))[1] is None else refusals + 1
            gevent.sleep(0.03 if refusals else 0)
        assert bed.binds[0].outbound_queued > 0
        bed.origin.take()  # sent while it still took something, and never answered
        gevent.sleep(0.4)
        assert bed.origin.items == []
    assert outcomes(bed)[0] is Outcome.GONE


def test_a_reset_connection_releases_too(bed: Bed) -> None:
    with socket.socket() as raw:
        raw.connect(("127.0.0.1", bed.port))
        raw.sendall(wire.pack(wire.BIND_RECEIVER, 0, 1, wire.pack_bind("esme", PASSWORD)))
        wait_until(lambda: bed.registry.binds_of("esme"))
        bed.deliver(mo())
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert outcomes(bed) == [Outcome.GONE]
    assert bed.binds == ()
