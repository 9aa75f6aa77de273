"""Dispatch, answers to what isn't carried out, garbage, timers (docs/rules/smpp-session.md 3, 4, 9)."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator

import gevent
import pytest

from tests.esme.conftest import PASSWORD, Bed, StartBed
from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme
from tests.fakes.smpp_wire import Message
from tests.parts.waiting import wait_until

MT = Message(source_addr=b"12345", destination_addr=b"491700", short_message=b"hello")
DATA_SM = b"\0\0\0" + b"12345\0\0\0" + b"491700\0" + b"\0\0\0"
QUERY = b"an-id\0\0\0\0"
CANCEL = b"\0an-id\0\0\0\0\0\0\0"
REPLACE = b"an-id\0\0\0\0\0\0\0\0\0"
MULTI = b"\0\0\0\0\x01\x01\0\0" + b"491700\0" + b"\0\0\0\0\0\0\0\0\0\0"


def connected(bed: Bed, kind: str) -> Esme:
    return bed.connect() if kind == "unbound" else bed.bind(kind)


@pytest.mark.parametrize("kind", ["unbound", "receiver"])
@pytest.mark.parametrize(
    ("command_id", "body", "answer"),
    [
        (wire.SUBMIT_SM, wire.pack_message(MT), b""),
        (wire.DATA_SM, DATA_SM, b"\0"),
        (wire.QUERY_SM, QUERY, b"an-id\0\0\x07\0"),
        (wire.CANCEL_SM, CANCEL, b""),
        (wire.REPLACE_SM, REPLACE, b""),
        (wire.SUBMIT_MULTI, MULTI, b"\0\0"),
    ],
)
def test_who_may_not_submit(bed: Bed, kind: str, command_id: int, body: bytes, answer: bytes) -> None:
    """0x04, and the bodies of D-03 and D-13."""
    esme = connected(bed, kind)
    reply = esme.request(command_id, body)
    assert (reply.command_id, reply.command_status, reply.body) == (
        command_id | wire.RESPONSE,
        wire.RINVBNDSTS,
        answer,
    )
    assert esme.enquire_link().command_status == 0


@pytest.mark.parametrize("kind", ["unbound", "receiver", "transmitter", "transceiver"])
def test_enquire_link_is_always_answered(bed: Bed, kind: str) -> None:
    reply = connected(bed, kind).enquire_link()
    assert (reply.command_status, reply.body) == (0, b"")


@pytest.mark.parametrize("command_id", [0x0000000B, 0x00000005, 0x00000111, 0x00000099])
def test_requests_that_are_not_an_esmes(bed: Bed, command_id: int) -> None:
    """outbind, deliver_sm, broadcast_sm and unknown commands: generic_nack 0x03 with their number."""
    esme = bed.bind()
    body = {0x0B: b"esme\0pw\0", 0x05: wire.pack_message(MT)}.get(command_id, b"")
    number = esme.send_request(command_id, body)
    esme.wait_for(lambda: esme.nacks)
    assert [(nack.command_status, nack.sequence_number) for nack in esme.nacks] == [(0x03, number)]


@pytest.mark.parametrize("kind", ["unbound", "transceiver"])
@pytest.mark.parametrize(
    ("command_id", "body"),
    [
        (0x00000102, b"\0\x001\0\0\x002\0"),  # alert_notification has no response
        (0x80000015, b""),
        (0x80000006, b""),
        (0x80000005, b"\0"),
        (0x80000004, b"id\0"),
        (0x80000103, b"id\0"),
        (0x80000000, b""),
    ],
)
def test_pdus_without_an_answer(bed: Bed, kind: str, command_id: int, body: bytes) -> None:
    esme = connected(bed, kind)
    esme.send_octets(wire.pack(command_id, 0, 4711, body))
    assert esme.enquire_link().command_status == 0
    assert (esme.nacks, esme.requests) == ([], [])
    assert 4711 not in esme.responses


def test_sequence_numbers_come_back_unchanged(bed: Bed) -> None:
    esme = bed.bind()
    for number in (0, 0x7FFFFFFF, 0xFFFFFFFF):
        esme.send_octets(wire.pack(wire.ENQUIRE_LINK, 0, number))
        assert esme.wait_response(number).command_id == wire.ENQUIRE_LINK | wire.RESPONSE


# -- garbage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 0x02),
        (wire.pack_message(MT)[:-2], 0x01),  # sm_length says more than there is
        (wire.pack_message(MT) + b"\x04\x24\x00\x09abc", 0xC0),
    ],
)
def test_a_malformed_body_gets_its_own_response(bed: Bed, body: bytes, status: int) -> None:
    esme = bed.bind()
    reply = esme.request(wire.SUBMIT_SM, body)
    assert (reply.command_id, reply.command_status, reply.body) == (0x80000004, status, b"")
    assert esme.submit(MT).command_status == 0


def test_ten_bad_pdus_in_a_row_end_the_session(bed: Bed) -> None:
    esme = bed.bind()
    for _ in range(3):
        for _ in range(9):
            esme.send_request(wire.SUBMIT_SM)
        esme.enquire_link()
    assert not esme.closed
    for _ in range(10):
        esme.send_request(wire.SUBMIT_SM)
    esme.wait_closed()
    assert len([r for r in esme.responses.values() if r.command_status == 0x02]) == 37
    wait_until(lambda: not bed.binds)


@pytest.mark.parametrize("length", [0, 15, 66_001, 0xFFFFFFFF])
def test_broken_framing(bed: Bed, length: int) -> None:
    """Earlier PDUs are answered, then comes generic_nack 0x02 with number 0, then the end."""
    esme = bed.bind()
    esme.send_octets(wire.pack(wire.ENQUIRE_LINK, 0, 7) + struct.pack(">I", length) + b"x" * 60)
    esme.wait_closed()
    assert 7 in esme.responses
    assert [nack.octets for nack in esme.nacks] == [wire.pack(wire.GENERIC_NACK, 0x02, 0)]


def test_a_pdu_may_come_octet_by_octet(bed: Bed) -> None:
    esme = bed.bind()
    octets = wire.pack(wire.SUBMIT_SM, 0, 99, wire.pack_message(MT))
    for position in range(len(octets)):
        esme.send_octets(octets[position : position + 1])
    assert esme.wait_response(99).command_status == 0


def test_a_message_payload_of_64_kilobytes_fits(bed: Bed) -> None:
    esme = bed.bind()
    message = Message(destination_addr=b"1", data_coding=4, tlvs={wire.MESSAGE_PAYLOAD: b"x" * 30_000})
    assert esme.submit(message).command_status == 0


# -- timers --------------------------------------------------------------------------------------------------------


def test_a_connection_that_never_binds(start: StartBed) -> None:
    esme = start(session_init_timeout=0.05).connect()
    esme.enquire_link()  # this is no bind
    esme.wait_closed(3)
    assert not esme.requests


def test_a_bind_stops_that_timer(start: StartBed) -> None:
    bed = start(session_init_timeout=0.05)
    esme = bed.bind()
    time.sleep(0.15)
    assert not esme.closed


def test_silence_is_asked_about_once(start: StartBed) -> None:
    """docs/rules/smpp-session.md 9: one enquire_link per period of silence."""
    bed = start(enquire_link_interval=0.1)
    esme = bed.bind()
    esme.wait_request(wire.ENQUIRE_LINK)
    began = time.monotonic()
    wait_until(lambda: len(esme.requests) == 3)
    assert time.monotonic() - began > 0.15
    numbers = [pdu.sequence_number for pdu in esme.requests]
    assert numbers == [1, 2, 3]
    assert not esme.closed


def test_silence_for_too_long_ends_gracefully(start: StartBed) -> None:
    """D-12: unbind, a short wait, the end."""
    bed = start(enquire_link_interval=0.04, inactivity_timeout=0.1)
    esme = bed.connect()
    esme.answers_enquire_links = False
    assert esme.bind("esme", PASSWORD).command_status == 0
    esme.wait_request(wire.UNBIND)
    esme.wait_closed()
    kinds = [pdu.command_id for pdu in esme.requests]
    assert set(kinds[:-1]) == {wire.ENQUIRE_LINK}
    assert kinds[-1] == wire.UNBIND
    assert bed.binds == ()


def test_a_dead_esme_is_given_up_after_the_farewell(start: StartBed) -> None:
    bed = start(inactivity_timeout=0.05)
    bed.set_timings(close=0.05)
    esme = bed.connect()
    esme.answers_enquire_links = esme.answers_unbinds = False
    assert esme.bind("esme", PASSWORD).command_status == 0
    esme.wait_closed()
    assert [pdu.command_id for pdu in esme.requests] == [wire.UNBIND]


@pytest.fixture
def bounds() -> dict[str, int]:
    """SessionBounds that differ; tests parametrize it."""
    return {}


@pytest.fixture
def deaf(bed: Bed, bounds: dict[str, int]) -> Iterator[socket.socket]:
    """Bound, and from then on it sends without ever reading."""
    bed.set_bounds(**bounds)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", bed.port))
    deaf.sendall(wire.pack(wire.BIND_TRANSCEIVER, 0, 1, wire.pack_bind("esme", PASSWORD)))
    wait_until(lambda: bed.registry.binds_of("esme"))
    yield deaf
    deaf.close()


def flood(deaf: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(2000):
            deaf.sendall(wire.pack(wire.ENQUIRE_LINK, 0, 1) * 1000)


def test_an_esme_that_reads_nothing_is_given_up(bed: Bed, deaf: socket.socket) -> None:
    bed.set_timings(blocked=0.1, close=0.05)
    flooding = gevent.spawn(flood, deaf)
    wait_until(lambda: not bed.binds)
    flooding.join(5)
    assert flooding.dead


@pytest.mark.parametrize("bounds", [{"unsent_frames": 500}, {"unsent_octets": 500 * 16}])
def test_what_waits_for_an_esme_that_reads_nothing_is_bounded(bed: Bed, deaf: socket.socket) -> None:
    """docs/rules/smpp-session.md 8: it isn't read either until it reads."""
    flooding = gevent.spawn(flood, deaf)
    seen = 0
    while bed.binds[0].inbound_processed != seen or not bed.binds[0].outbound_queued:
        seen = bed.binds[0].inbound_processed
        gevent.sleep(0.2)
    assert not flooding.dead  # it would send more
    most_of_one_read = bed.context.bounds.read_octets // 16
    assert bed.binds[0].outbound_queued <= 500 + 2 * most_of_one_read
    flooding.kill()
