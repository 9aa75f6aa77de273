"""Framing: the same PDUs from pieces of any size; and our own sequence numbers."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import MAX_SEQUENCE_NUMBER, CommandId, CommandStatus
from ksmppd_py.smpp.errors import BrokenFraming, MalformedPdu, UnknownCommand
from ksmppd_py.smpp.link import Received, SmppLink
from ksmppd_py.smpp.pdus import EnquireLink, Pdu, SubmitSm
from tests.smpp.wire_tables import MALFORMED, SUBMIT, WIRE, octets

STREAM = b"".join(octets(text) for text, *_ in WIRE)
EXPECTED: list[Received] = [(value.command_id, status, number, value) for _, status, number, value in WIRE]
ENQUIRE_LINK = octets("00000010 00000015 00000000 00000001")
SUBMITTED = octets("00000038 00000004 00000000 00000001" + SUBMIT)


def test_all_at_once() -> None:
    assert SmppLink().receive(STREAM) == EXPECTED


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_any_pieces(cuts: list[int]) -> None:
    link = SmppLink()
    received: list[Received] = []
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), len(STREAM)], strict=True):
        received += link.receive(STREAM[first:last])
    assert received == EXPECTED
    assert link.pending == 0


def test_a_partial_pdu_is_kept() -> None:
    link = SmppLink()
    assert [type(pdu) for *_, pdu in link.receive(ENQUIRE_LINK * 2 + SUBMITTED[:30])] == [EnquireLink] * 2
    assert link.pending == 30
    assert [type(pdu) for *_, pdu in link.receive(SUBMITTED[30:] + ENQUIRE_LINK[:3])] == [SubmitSm]
    assert link.pending == 3
    assert link.receive(b"") == []
    assert [type(pdu) for *_, pdu in link.receive(ENQUIRE_LINK[3:])] == [EnquireLink]
    assert link.pending == 0


def test_numbers_and_statuses_are_plain() -> None:
    ((command_id, command_status, sequence_number, _),) = SmppLink().receive(
        octets("00000010 00000015 00000058 80000001")
    )
    assert (command_id, command_status, sequence_number) == (0x15, 0x58, 0x80000001)
    assert type(command_id) is type(command_status) is type(sequence_number) is int


def test_an_unknown_command_is_a_value() -> None:
    link = SmppLink()
    first, second = link.receive(octets("00000013 00000777 00000000 00000009 010203") + ENQUIRE_LINK)
    assert first[:3] == (0x777, 0, 9)
    assert isinstance(first[3], UnknownCommand)
    assert first[3].command_id == 0x777
    assert second == (0x15, 0, 1, EnquireLink())
    assert link.broken is None


@pytest.mark.parametrize(("command_id", "body", "status"), MALFORMED)
def test_a_malformed_pdu_is_a_value(command_id: int, body: str, status: int) -> None:
    pdu = octets(body)
    header = b"".join(number.to_bytes(4, "big") for number in (16 + len(pdu), command_id, 0, 5))
    link = SmppLink()
    malformed, *good = link.receive(header + pdu + SUBMITTED + ENQUIRE_LINK)
    assert malformed[:3] == (command_id, 0, 5)
    problem = malformed[3]
    assert isinstance(problem, MalformedPdu)
    assert not isinstance(problem, UnknownCommand)
    assert problem.command_status == status
    assert problem.__traceback__ is None
    assert [type(pdu) for *_, pdu in good] == [SubmitSm, EnquireLink]
    assert link.broken is None


@pytest.mark.parametrize(
    ("beginning", "name"),
    [
        (b"\x16\x03\x01\x02\x00\x01", "TLS"),
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"POST /", "HTTP"),
        (b"PROXY TCP4 10.0.0.1", "a PROXY header"),
        (b"\r\n\r\n\0\r\nQUIT\n", "a PROXY header"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_another_protocol_is_named(beginning: bytes, name: str, chunk: int) -> None:
    link = SmppLink()
    for start in range(0, len(beginning), chunk):
        link.receive(beginning[start : start + chunk])
    assert link.broken is not None
    length = int.from_bytes(beginning[:4], "big")
    assert link.broken.reason == f"command_length {length}: that is {name}, not SMPP"


@pytest.mark.parametrize("length", ["00000000", "0000000F", "000101D1", "7FFFFFFF", "FFFFFFFF"])
@pytest.mark.parametrize("behind", ["", "00", "00000015 00000000 00000001", "00" * 100])
@pytest.mark.parametrize("before", [b"", ENQUIRE_LINK, SUBMITTED + ENQUIRE_LINK])
def test_a_length_that_cannot_be(length: str, behind: str, before: bytes) -> None:
    link = SmppLink()
    good = link.receive(before + octets(length + behind))
    assert good == SmppLink().receive(before)
    assert isinstance(link.broken, BrokenFraming)
    assert link.broken.command_status == CommandStatus.RINVCMDLEN
    assert link.broken.reason == f"command_length {int(length, 16)}"
    assert link.pending == 0
    assert link.receive(ENQUIRE_LINK) == []
    assert link.pending == 0


def test_broken_as_soon_as_the_length_is_there() -> None:
    link = SmppLink()
    for octet in b"\0\0\0":
        assert link.receive(bytes([octet])) == []
        assert link.broken is None
    link.receive(b"\x0f")
    assert link.broken is not None


def test_longest_pdu() -> None:
    link = SmppLink(max_command_length=20)
    assert len(link.receive(octets("00000014 00000015 00000000 00000001 00000000"))) == 1
    link.receive(octets("00000015"))
    assert link.broken is not None
    link = SmppLink()
    link.receive((66_000).to_bytes(4, "big"))
    assert link.broken is None


def test_next_sequence() -> None:
    link = SmppLink()
    assert [link.next_sequence() for _ in range(3)] == [1, 2, 3]
    assert link.next_sequence({4, 5, 7}) == 6
    assert link.next_sequence({4: "a", 7: "b"}) == 8


def test_next_sequence_begins_again() -> None:
    link = SmppLink()
    link._last_sequence_number = MAX_SEQUENCE_NUMBER - 1
    assert link.next_sequence() == MAX_SEQUENCE_NUMBER
    assert link.next_sequence() == 1
    link._last_sequence_number = MAX_SEQUENCE_NUMBER - 1
    assert link.next_sequence({MAX_SEQUENCE_NUMBER, 1, 2}) == 3


def _frames(chance: random.Random) -> bytes:
    """Frames with honest lengths around bodies that are random, or real ones with a few octets changed."""
    frames = b""
    for _ in range(chance.randrange(1, 4)):
        if chance.random() < 0.5:
            text, *_ = chance.choice(WIRE)
            pdu = bytearray(octets(text))
            for _ in range(chance.randrange(4)):
                pdu[chance.randrange(4, len(pdu))] = chance.choice((0, 1, 0xFF, chance.randrange(256)))
            cut = pdu[: chance.randrange(16, len(pdu) + 1)] if chance.random() < 0.5 else pdu
            frames += len(cut).to_bytes(4, "big") + bytes(cut[4:])
        else:
            body = chance.randbytes(chance.randrange(80))
            head = (16 + len(body), chance.choice(list(CommandId)), 0, 1)
            frames += b"".join(number.to_bytes(4, "big") for number in head) + body
    return frames


@pytest.mark.parametrize("seed", range(8))
def test_only_values_come_out_of_anything(seed: int) -> None:
    chance = random.Random(seed)
    for turn in range(600):
        link = SmppLink()
        stream = _frames(chance) if turn % 4 else chance.randbytes(chance.randrange(200))
        received = link.receive(stream)
        if turn % 4:
            assert received
            assert link.broken is None
        for command_id, _, sequence_number, pdu in received:
            assert isinstance(pdu, Pdu | MalformedPdu)
            if isinstance(pdu, Pdu) and command_id != CommandId.DELIVER_SM_RESP:
                packed = codec.pack(pdu, sequence_number)  # what was read can be written, and read again
                assert SmppLink().receive(packed) == [(command_id, 0, sequence_number, pdu)]
