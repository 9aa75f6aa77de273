"""From the real fakesmsc through the real bearerbox to the ESME, and back; on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, Bed, mt
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import Database
from tests.parts.kannel import Bearerbox, FakeSmsc
from tests.parts.process import free_port
from tests.parts.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox]


class KannelBed:
    """A real bearerbox with a fake SMSC below the daemon."""

    def __init__(self, bearerbox: Bearerbox, fakesmsc: FakeSmsc, bed: Bed) -> None:
        self.bearerbox = bearerbox
        self.fakesmsc = fakesmsc
        self.bed = bed


@pytest.fixture(scope="module")
def kannel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bearerbox, FakeSmsc]]:
    directory = tmp_path_factory.mktemp("kannel")
    port = free_port()
    smsc = (
        "smsc",
        {
            "smsc": "fake",
            "smsc-id": "FAKE",
            "port": port,
            "connect-allow-ip": "127.0.0.1",
            "denied-smsc-id": "NOWHERE",
        },
    )
    route = ("smsbox-route", {"smsbox-id": BOX_ID, "smsc-id": "FAKE"})
    with (
        Bearerbox(directory, "bearerbox", [smsc], others=[route]) as bearerbox,
        FakeSmsc(directory, "fakesmsc", port) as fakesmsc,
    ):
        bearerbox.wait_for_smsc("FAKE")
        yield bearerbox, fakesmsc


@pytest.fixture(scope="module")
def kannel_daemon(
    kannel: tuple[Bearerbox, FakeSmsc], database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    config = DaemonConfig([(BOX_ID, kannel[0].box_port)])
    with Daemon(tmp_path_factory.mktemp("daemon"), config, database) as daemon:
        kannel[0].wait_for_box(BOX_ID)
        yield daemon


@pytest.fixture
def real(kannel: tuple[Bearerbox, FakeSmsc], kannel_daemon: Daemon) -> Iterator[KannelBed]:
    bed = Bed(kannel_daemon, FakeBearerbox())
    yield KannelBed(*kannel, bed)
    bed.close()


def test_mo_to_a_bound_esme(real: KannelBed) -> None:
    customer = real.bed.customer()
    esme = real.bed.esme(customer)
    real.fakesmsc.send("+491711", customer.short_code, "hello wörld")
    message = esme.wait_delivery()
    assert message.short_message == b"hello w\x7crld"
    assert (message.source_addr, message.source_addr_ton, message.source_addr_npi) == (b"491711", 1, 1)
    assert (message.destination_addr, message.dest_addr_ton) == (customer.short_code.encode(), 2)
    assert (message.esm_class, message.data_coding) == (0, 0)
    status = real.bearerbox.wait_for(
        lambda now: all(box.queue == 0 for box in now.boxes), "no message left unacknowledged"
    )
    assert status.count_boxes(BOX_ID) == 1


def test_submit_to_fakesmsc_and_its_receipt(real: KannelBed) -> None:
    esme = real.bed.esme(real.bed.customer())
    reply = esme.submit(mt("to the handset", registered_delivery=1))
    assert reply.command_status == wire.ROK
    line = real.fakesmsc.wait_for(lambda line: "to the handset" in line)
    assert line == "12345 +491701234567 text to the handset"
    receipt = esme.wait_receipt(reply.text)
    assert (receipt.receipt["stat"], receipt.receipt["dlvrd"]) == ("DELIVRD", "001")
    assert receipt.tlvs[wire.RECEIPTED_MESSAGE_ID] == reply.text + b"\0"


def test_a_submit_that_no_smsc_takes(real: KannelBed) -> None:
    """bearerbox answers nack 1 and adds a report, which the ESME must not see (docs/rules/box-protocol.md 6.1)."""
    lost = real.bed.esme(real.bed.customer(default_smsc="NOWHERE", outbound=[]))
    reply = lost.submit(mt("nowhere", registered_delivery=1))
    assert reply.command_status == wire.RSUBMITFAIL
    good = real.bed.esme(real.bed.customer())
    reply = good.submit(mt("somewhere", registered_delivery=1))
    good.wait_receipt(reply.text)
    lost.enquire_link()
    assert not lost.deliveries


def test_a_long_submit_is_split_by_the_bearerbox(real: KannelBed) -> None:
    """docs/rules/messages.md 7: sent unsplit, one ack, one report."""
    esme = real.bed.esme(real.bed.customer())
    text = b"start " + b"0123456789" * 30 + b" finish"
    reply = esme.submit(mt("", tlvs={wire.MESSAGE_PAYLOAD: text}, registered_delivery=1))
    assert reply.command_status == wire.ROK
    real.fakesmsc.wait_for(lambda line: "start" in line)
    real.fakesmsc.wait_for(lambda line: "finish" in line)
    esme.wait_receipt(reply.text)
    assert esme.submit(mt("short", registered_delivery=1)).command_status == wire.ROK
    esme.wait_deliveries(2)
    assert [entry.receipt["id"] for entry in esme.deliveries].count(reply.text.decode()) == 1


def test_a_long_mo_arrives_in_parts(real: KannelBed) -> None:
    customer = real.bed.customer()
    esme = real.bed.esme(customer)
    text = "".join(chr(65 + number % 26) for number in range(210))
    real.fakesmsc.send("+491711", customer.short_code, text)
    parts = sorted(esme.wait_deliveries(2), key=lambda part: part.short_message[5])
    assert {part.esm_class for part in parts} == {0x40}
    assert b"".join(part.short_message[6:] for part in parts).decode() == text


@pytest.mark.parametrize("text", ["Привет", "mañana está", "שלום", "👍🏽 ok", "Привет 😀 " * 10])
def test_an_mo_with_letters_that_gsm_lacks(real: KannelBed, text: str) -> None:
    """D-27: it leaves as UCS-2, all its parts."""
    customer = real.bed.customer()
    esme = real.bed.esme(customer)
    real.fakesmsc.send("+491711", customer.short_code, text)
    octets = text.encode("utf-16-be")
    parts = esme.wait_deliveries(1 if len(octets) <= 140 else 2)
    assert {part.data_coding for part in parts} == {8}
    if len(parts) > 1:
        parts.sort(key=lambda part: part.short_message[5])
        octets_of_parts = [part.short_message[6:] for part in parts]
    else:
        octets_of_parts = [part.short_message for part in parts]
    assert b"".join(octets_of_parts) == octets


def test_ucs2_both_ways(real: KannelBed) -> None:
    customer = real.bed.customer()
    esme = real.bed.esme(customer)
    text = "привет"
    real.fakesmsc.send(
        "+491711",
        customer.short_code,
        "".join(f"%{octet:02x}" for octet in text.encode("utf-16-be")),
        kind="ucs2",
    )
    message = esme.wait_delivery()
    assert (message.data_coding, message.short_message) == (8, text.encode("utf-16-be"))
    reply = esme.submit(mt(text.encode("utf-16-be"), data_coding=8, destination_addr=b"4917055"))
    assert reply.command_status == wire.ROK
    real.fakesmsc.wait_for(lambda line: line.startswith("12345 +4917055 "))


def test_mo_waits_in_the_database_for_its_esme(real: KannelBed) -> None:
    customer = real.bed.customer()
    real.fakesmsc.send("+491711", customer.short_code, "stored")
    real.bed.wait_rows(customer, 1)
    esme = real.bed.esme(customer)
    esme.wait_text(b"stored", 20)
    real.bed.wait_rows(customer, 0)


def test_the_bearerbox_restarts(real: KannelBed) -> None:
    """Accepted while it is away, sent when it is back, reports included."""
    customer = real.bed.customer()
    esme = real.bed.esme(customer)
    daemon = real.bed.daemon
    broken = daemon.log().count("Connection to bearerbox broke!")
    real.bearerbox.stop()
    daemon.wait_for_log("Connection to bearerbox broke!", broken + 1)
    replies = [esme.submit(mt(f"kept {number}", registered_delivery=1)) for number in range(3)]
    assert {reply.command_status for reply in replies} == {wire.ROK}
    assert real.bed.rows(customer) == 3
    real.fakesmsc.stop()
    before = len(daemon.log())
    real.bearerbox.start()
    real.fakesmsc.start()
    real.bearerbox.wait_for_box(BOX_ID, timeout=25)
    wait_until(
        lambda: "Successfully connected and identified." in daemon.log()[before:], "the reconnect logged"
    )
    for number, reply in enumerate(replies):
        real.fakesmsc.wait_for(lambda line, number=number: f"kept {number}" in line, 25)
        assert esme.wait_receipt(reply.text, 20).receipt["stat"] == "DELIVRD"
    real.bed.wait_rows(customer, 0)
