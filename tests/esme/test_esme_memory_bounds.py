"""Memory bounds of submits in flight, per bind and of all binds, and the answers above them."""

from __future__ import annotations

import struct
import tracemalloc

import gevent
import pytest

from ksmppd_py.esme.memory_bounds import EACH, EACH_TLV, MemoryBounds, SubmitMemory, octets_of
from ksmppd_py.smpp.tlvs import unpack_tlvs
from tests.esme.conftest import NEVER, Bed
from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme
from tests.parts.waiting import wait_until

PAYLOAD = struct.pack(">HH", 0x0424, 3000) + b"x" * 3000
BODY = b"\0\x01\x01" + b"12345\0" + b"\x01\x01" + b"491700000000\0" + b"\0\0\0" + b"\0\0" + b"\0\0\0\0\0"
DATA = b"\0\x01\x01" + b"12345\0" + b"\x01\x01" + b"491700000000\0" + b"\0\0\0"
ONE = EACH + EACH_TLV + 2 * 3000
"""Octets that one of these takes."""


def send(esme: Esme, count: int, command_id: int = wire.SUBMIT_SM) -> list[int]:
    body = (DATA if command_id == wire.DATA_SM else BODY) + PAYLOAD
    return [esme.send_request(command_id, body) for _ in range(count)]


def submit_memory(bed: Bed) -> SubmitMemory:
    return bed.listener.submit_memory


@pytest.mark.parametrize("command_id", [wire.SUBMIT_SM, wire.DATA_SM])
@pytest.mark.parametrize("ack", [0, 1, 2])
def test_what_is_answered_is_held_no_more(bed: Bed, command_id: int, ack: int) -> None:
    bed.gateway.ack = NEVER
    esme = bed.bind()
    numbers = send(esme, 3, command_id)
    wait_until(lambda: len(bed.gateway.sent) == 3)
    assert submit_memory(bed).octets == 3 * ONE
    bed.gateway.settle(ack)
    for number in numbers:
        esme.wait_response(number)
    assert (submit_memory(bed).count, submit_memory(bed).tlvs) == (0, 0)


def test_what_is_refused_or_unreadable_is_held_no_more(bed: Bed) -> None:
    bed.router.everything = None
    esme = bed.bind()
    for number in send(esme, 3):
        assert esme.wait_response(number).command_status != 0
    esme.request(wire.SUBMIT_SM, BODY[:-3])
    esme.request(wire.QUERY_SM, b"an-id\0\0\0\0")
    assert (submit_memory(bed).count, submit_memory(bed).tlvs) == (0, 0)


def test_a_bind_with_too_much_is_not_read(bed: Bed) -> None:
    bed.context.submit_memory.bounds = MemoryBounds(one_bind=5 * ONE)
    bed.gateway.ack = NEVER
    esme, other = bed.bind(), bed.bind()
    numbers = send(esme, 100)
    wait_until(lambda: len(bed.gateway.sent) >= 5)
    gevent.sleep(0.05)
    count = len(bed.gateway.sent)
    assert 5 <= count <= 5 + 16384 // 3000 + 1  # one read more
    assert other.enquire_link().command_status == 0
    bed.gateway.ack = 0
    bed.gateway.settle(0)
    assert {esme.wait_response(number).command_status for number in numbers} == {0}
    assert submit_memory(bed).octets == 0


def test_what_is_left_is_for_all(bed: Bed) -> None:
    """One bind ends with half of what all may have, another still gets its turn."""
    bed.context.submit_memory.bounds = MemoryBounds(all_binds=40 * ONE)
    bed.gateway.ack = NEVER
    greedy, modest = bed.bind(), bed.bind()
    send(greedy, 100)
    wait_until(lambda: len(bed.gateway.sent) >= 20)
    gevent.sleep(0.05)
    assert 20 <= len(bed.gateway.sent) <= 20 + 16384 // 3000 + 1
    before = len(bed.gateway.sent)
    send(modest, 1)
    wait_until(lambda: len(bed.gateway.sent) == before + 1)


def test_above_all_that_is_there_submits_are_refused(bed: Bed) -> None:
    bed.context.submit_memory.bounds = MemoryBounds(refused_above=2 * ONE)
    bed.gateway.ack = NEVER
    first, second = bed.bind(), bed.bind()
    send(first, 2)
    wait_until(lambda: len(bed.gateway.sent) == 2)
    [number] = send(second, 1)
    assert second.wait_response(number).command_status == 0x14
    assert bed.snapshot().errors == 1
    bed.gateway.settle(0)
    bed.gateway.ack = 0
    [number] = send(second, 1)
    assert second.wait_response(number).command_status == 0
    assert submit_memory(bed).octets == 0


@pytest.mark.parametrize("length", [0, 1, 2, 4])
@pytest.mark.parametrize("count", [2, 5, 20, 200, 8000])
def test_tlvs_take_no_more_than_is_counted(count: int, length: int) -> None:
    octets = b"".join(
        struct.pack(">HH", tag, length) + tag.to_bytes(4, "little")[:length]
        for tag in range(0x2000, 0x2000 + count)
    )
    tracemalloc.start()
    try:
        tlvs = unpack_tlvs(octets, 0, len(octets), {})
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(tlvs) == count
    assert taken <= EACH // 2 + octets_of(tlvs)


@pytest.mark.parametrize(
    ("tlvs", "octets"),
    [
        ({}, 0),
        ({0x0424: b"x" * 10}, EACH_TLV + 20),
        ({0x0424: b"x" * 10, 0x1400: b"y" * 5}, 2 * EACH_TLV + 30),
        (dict.fromkeys(range(0x2000, 0x2000 + 16_000), b""), 16_000 * EACH_TLV),
    ],
)
def test_what_tlvs_take(tlvs: dict[int, bytes], octets: int) -> None:
    assert octets_of(tlvs) == octets
