"""Prepaid credit: parts times price of the accepted messages are debited, also with concurrent submits."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.box_wire import Sms
from tests.integration.bed import Bed, StartBed, credit, mt
from tests.parts.database import RouteRow
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration

BINDS = 50
EACH = 40
PRICE = 0.1

GOLDEN: list[tuple[str, wire.Message, int]] = [
    ("empty", mt(b""), 1),
    ("GSM 160", mt(b"", tlvs={wire.MESSAGE_PAYLOAD: b"a" * 160}), 1),
    ("GSM 161", mt(b"", tlvs={wire.MESSAGE_PAYLOAD: b"a" * 161}), 2),
    ("GSM 306", mt(b"", tlvs={wire.MESSAGE_PAYLOAD: b"a" * 306}), 2),
    ("GSM 307", mt(b"", tlvs={wire.MESSAGE_PAYLOAD: b"a" * 307}), 3),
    ("80 euros", mt(b"\x1b\x65" * 80), 1),
    ("81 euros", mt(b"\x1b\x65" * 81), 2),
    ("153 euros: none is cut", mt(b"", tlvs={wire.MESSAGE_PAYLOAD: b"\x1b\x65" * 153}), 3),
    ("Latin-1 160", mt(b"\xe9" * 160, data_coding=3), 1),
    ("Latin-1 161", mt(b"\xe9" * 161, data_coding=3), 2),
    ("Latin-1, not in GSM: one ? each", mt(b"\xe1" * 160, data_coding=3), 1),
    ("binary 140", mt(bytes(140), data_coding=4), 1),
    ("binary 141", mt(bytes(141), data_coding=4), 2),
    ("UCS-2 70", mt("д".encode("utf-16-be") * 70, data_coding=8), 1),
    ("UCS-2 71", mt("д".encode("utf-16-be") * 71, data_coding=8), 2),
    ("UCS-2 35 pairs", mt("😀".encode("utf-16-be") * 35, data_coding=8), 1),
    (
        "UCS-2 67 pairs: the bearerbox cuts one",
        mt(b"", tlvs={wire.MESSAGE_PAYLOAD: "😀".encode("utf-16-be") * 67}, data_coding=8),
        2,
    ),
    (
        "UCS-2 134 pairs",
        mt(b"", tlvs={wire.MESSAGE_PAYLOAD: "😀".encode("utf-16-be") * 134}, data_coding=8),
        4,
    ),
    (
        "UDH 6 + UCS-2 129: the bearerbox cuts a letter",
        mt(
            b"",
            tlvs={wire.MESSAGE_PAYLOAD: b"\x05\x04\x0b\x84\x0b\x84" + "д".encode("utf-16-be") * 129},
            esm_class=0x40,
            data_coding=8,
        ),
        2,
    ),
    ("UDH 6 + GSM 153", mt(b"\x05\x00\x03\x01\x02\x01" + b"a" * 153, esm_class=0x40), 1),
    ("UDH 7 + GSM 152", mt(b"\x06\x05\x04\x0b\x84\x23\xf0" + b"a" * 152, esm_class=0x40), 1),
    ("UDH 7 + GSM 153", mt(b"\x06\x05\x04\x0b\x84\x23\xf0" + b"a" * 153, esm_class=0x40), 2),
    ("UDH 6 + binary 134", mt(b"\x05\x00\x03\x01\x02\x01" + bytes(134), esm_class=0x40, data_coding=4), 1),
    (
        "SAR + GSM 153",
        mt(b"a" * 153, tlvs={wire.SAR_REF: b"\0\1", wire.SAR_TOTAL: b"\2", wire.SAR_SEQNUM: b"\1"}),
        1,
    ),
    ("payload 600 binary", mt(b"", data_coding=4, tlvs={wire.MESSAGE_PAYLOAD: bytes(600)}), 5),
    ("payload 600 UCS-2", mt(b"", data_coding=8, tlvs={wire.MESSAGE_PAYLOAD: b"\x04\x34" * 600}), 9),
]


@pytest.mark.parametrize(("message", "parts"), [row[1:] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_golden_parts(sqlite_bed: Bed, message: wire.Message, parts: int) -> None:
    """docs/rules/messages.md 7: parts are counted as the bearerbox will send them."""
    customer = sqlite_bed.customer(
        outbound=[RouteRow(1, "", "", cost=1)], enable_prepaid_billing=1, credit=100
    )
    assert sqlite_bed.esme(customer).submit(message).command_status == wire.ROK
    assert credit(sqlite_bed, customer.system_id) == pytest.approx(100 - parts)


def test_the_last_bind_decides_about_billing(sqlite_bed: Bed) -> None:
    """docs/rules/smpp-session.md 5.1: it holds for all binds of the account."""
    customer = sqlite_bed.customer(outbound=[RouteRow(1, "", "", cost=1)], credit=100)
    first = sqlite_bed.esme(customer)
    assert first.submit(mt()).command_status == wire.ROK
    for prepaid, left in ((1, 99), (0, 99)):
        sqlite_bed.daemon.database.execute(
            "UPDATE smpp_user SET enable_prepaid_billing = ? WHERE system_id = ?",
            [prepaid, customer.system_id],
        )
        sqlite_bed.esme(customer)
        assert first.submit(mt()).command_status == wire.ROK
        assert credit(sqlite_bed, customer.system_id) == pytest.approx(left)


def _traffic(seed: int) -> list[tuple[wire.Message, int]]:
    chance = random.Random(seed)
    return [chance.choice(GOLDEN)[1:] for _ in range(EACH)]


def _some_refused(share: float) -> Callable[[Sms], int | str]:
    chance, lock = random.Random(7), threading.Lock()

    def policy(_sms: Sms) -> int | str:
        with lock:
            number = chance.random()
        if number < share:
            return box_wire.ACK_FAILED
        return box_wire.ACK_FAILED_TMP if number < 2 * share else box_wire.ACK_SUCCESS

    return policy


def _submit(bed: Bed, system_id: str, password: str, seed: int) -> tuple[int, set[int]]:
    """The parts of what one bind got accepted, and the statuses that it saw."""
    traffic = _traffic(seed)
    with bed.connect() as esme:
        assert esme.bind(system_id, password, "transmitter").command_status == wire.ROK
        replies = esme.submit_all((message for message, _ in traffic), window=10, timeout=60)
    parts = sum(
        count for (_, count), reply in zip(traffic, replies, strict=True) if reply.command_status == wire.ROK
    )
    return parts, {reply.command_status for reply in replies}


@pytest.mark.parametrize(("share", "initial"), [(0.0, 100_000.0), (0.1, 100_000.0), (0.1, 250.0)])
def test_fifty_binds_pay_for_what_was_accepted(bed: Bed, share: float, initial: float) -> None:
    """Debits = parts x price of accepted messages, never below zero, refused ones are given back."""
    customer = bed.customer(
        outbound=[RouteRow(1, "", "", cost=PRICE)], enable_prepaid_billing=1, credit=initial
    )
    system_id = customer.system_id
    bed.box.policy = _some_refused(share)
    lowest: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            lowest.append(credit(bed, system_id))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with ThreadPoolExecutor(BINDS) as pool:
            results = list(
                pool.map(lambda seed: _submit(bed, system_id, customer.password, seed), range(BINDS))
            )
    finally:
        done.set()
        watcher.join()
    accepted = sum(parts for parts, _ in results)
    statuses = set().union(*(seen for _, seen in results))
    expected = initial - accepted * PRICE
    wait_until(
        lambda: credit(bed, system_id) == pytest.approx(expected, abs=1e-6),
        lambda: f"{expected} credits, there are {credit(bed, system_id)}",
        10,
    )
    assert min([*lowest, credit(bed, system_id)]) >= 0
    assert accepted > 0
    assert (wire.RSYSERR in statuses) == (share > 0)
    if initial < 1000:  # it ran out: less than the dearest message is left, apart from late refunds
        assert wire.RSUBMITFAIL in statuses


def test_what_the_queue_takes_is_paid_for(start_bed: StartBed) -> None:
    """A stored message is accepted; a cancelled one isn't paid back: it was."""
    bed = start_bed()
    customer = bed.customer(outbound=[RouteRow(1, "", "", cost=PRICE)], enable_prepaid_billing=1, credit=1.0)
    esme = bed.esme(customer)
    bed.box_away()
    replies = esme.submit_all((mt() for _ in range(12)), window=12)
    statuses = [reply.command_status for reply in replies]
    assert statuses == [wire.ROK] * 10 + [wire.RSUBMITFAIL] * 2
    assert credit(bed, customer.system_id) == pytest.approx(0)
    assert bed.rows(customer) == 10
    bed.box_back()
    assert len(bed.box.wait_for_sms(10)) == 10
