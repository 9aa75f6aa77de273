"""MO and DLR from the bearerbox to the ESME, and what each answer does."""

from __future__ import annotations

import time

import pytest

from tests.fakes import box_wire
from tests.fakes import esme as fake_esme
from tests.fakes import smpp_wire as wire
from tests.integration.bed import Bed, StartBed, mt
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration


def test_mo_becomes_deliver_sm(sqlite_bed: Bed) -> None:
    """docs/rules/messages.md 5; the ack follows the response."""
    customer = sqlite_bed.customer()
    esme = sqlite_bed.esme(customer, policy=fake_esme.always(fake_esme.NEVER))
    mo = sqlite_bed.box.send_mo("+491701234567", customer.short_code, "Hé€ wörld")
    (message,) = esme.wait_deliveries(1)
    assert message == wire.Message(
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=b"491701234567",
        dest_addr_ton=2,
        dest_addr_npi=1,
        destination_addr=customer.short_code.encode(),
        short_message=b"H\x05\x1b\x65 w\x7crld",
        sequence_number=message.sequence_number,
    )
    esme.enquire_link()
    assert not sqlite_bed.box.acks_of(mo)
    esme.answer(message)
    assert sqlite_bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"text": "hé".encode("utf-16-be"), "coding": 2}, {"data_coding": 8, "short_message": b"\0h\0\xe9"}),
        ({"text": b"\0\xff", "coding": 1}, {"data_coding": 4, "short_message": b"\0\xff"}),
        ({"text": b"now", "mclass": 0}, {"data_coding": 0xF0, "short_message": b"now"}),
        (
            {"text": b"x", "coding": 1, "udhdata": b"\x06\x05\x04\x0b\x84\x23\xf0"},
            {"esm_class": 0x40, "data_coding": 4, "short_message": b"\x06\x05\x04\x0b\x84\x23\xf0x"},
        ),
        ({"text": b"x", "binfo": b"BILL1"}, {"service_type": b"BILL1"}),
        ({"text": b"x", "pid": 0x41}, {"protocol_id": 0x41}),
        ({"text": b"x", "sender": "Acme"}, {"source_addr": b"Acme", "source_addr_ton": 5}),
    ],
)
def test_mo_fields(sqlite_bed: Bed, fields: dict[str, object], expected: dict[str, object]) -> None:
    """docs/rules/messages.md 2.3 and 5."""
    customer = sqlite_bed.customer()
    esme = sqlite_bed.esme(customer)
    options = {"sender": "+491701234567", **fields}
    sqlite_bed.box.send_mo(receiver=customer.short_code, **options)
    message = esme.wait_delivery()
    assert {name: getattr(message, name) for name in expected} == expected


def test_a_long_mo_is_split_and_acked_once(sqlite_bed: Bed) -> None:
    """docs/rules/messages.md 7, docs/rules/flows.md 4: one ack, after all parts."""
    customer = sqlite_bed.customer()
    esme = sqlite_bed.esme(customer, policy=fake_esme.always(fake_esme.NEVER))
    mo = sqlite_bed.box.send_mo("+491701234567", customer.short_code, "Δ" * 161)
    parts = esme.wait_deliveries(2)
    assert [len(part.short_message) for part in parts] == [6 + 153, 6 + 8]
    assert {part.esm_class for part in parts} == {0x40}
    reference = parts[0].short_message[3]
    assert [part.short_message[:6] for part in parts] == [
        bytes([5, 0, 3, reference, 2, 1]),
        bytes([5, 0, 3, reference, 2, 2]),
    ]
    assert b"".join(part.short_message[6:] for part in parts) == b"\x10" * 161
    esme.answer(parts[0])
    esme.enquire_link()
    assert not sqlite_bed.box.acks_of(mo)
    esme.answer(parts[1])
    assert sqlite_bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    esme.enquire_link()
    assert len(sqlite_bed.box.acks_of(mo)) == 1


def test_receipt(sqlite_bed: Bed) -> None:
    """docs/rules/messages.md 6: text, state, TLVs, addresses as in the MT."""
    customer = sqlite_bed.customer()
    esme = sqlite_bed.esme(customer)
    reply = esme.submit(mt(registered_delivery=1))
    report = sqlite_bed.box.send_dlr(sqlite_bed.box.wait_for_sms()[0])
    message = esme.wait_receipt(reply.text)
    assert message.receipt == {
        **message.receipt,
        "id": reply.text.decode(),
        "sub": "001",
        "dlvrd": "001",
        "stat": "DELIVRD",
        "err": "000",
        "text": "",
    }
    assert (message.source_addr, message.destination_addr) == (b"12345", b"491701234567")
    assert message.esm_class == 0x04
    assert message.tlvs[wire.MESSAGE_STATE] == b"\2"
    assert message.tlvs[wire.RECEIPTED_MESSAGE_ID] == reply.text + b"\0"
    assert sqlite_bed.box.wait_for_ack(report).nack == box_wire.ACK_SUCCESS


@pytest.mark.parametrize(
    ("mask", "text", "stat", "err", "state"),
    [
        (2, b"", "UNDELIV", "000", 5),
        (16, b"NACK/0x0000000b/Invalid Destination Address", "UNDELIV", "011", 5),
        (4, b"", "ACCEPTD", "000", 6),
        (0x22, b"", "EXPIRED", "000", 3),
        (0x42, b"", "UNKNOWN", "000", 7),
        (
            2,
            b"id:1 sub:001 dlvrd:000 submit date:26112307 done date:26112307 stat:REJECTD err:027 text:no",
            "REJECTD",
            "027",
            8,
        ),
    ],
)
def test_receipt_states(sqlite_bed: Bed, mask: int, text: bytes, stat: str, err: str, state: int) -> None:
    """docs/rules/messages.md 6; what is not final goes as 0x20 (D-08)."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    reply = esme.submit(mt(registered_delivery=1))
    sqlite_bed.box.send_dlr(sqlite_bed.box.wait_for_sms()[0], mask, text)
    message = esme.wait_receipt(reply.text)
    assert (message.receipt["stat"], message.receipt["err"]) == (stat, err)
    assert message.esm_class == (0x20 if mask == 4 else 0x04)
    assert message.tlvs[wire.MESSAGE_STATE] == bytes([state])


def test_switched_receipt_addresses(start_bed: StartBed) -> None:
    """docs/rules/messages.md 6: switch-dlr-addr."""
    bed = start_bed(ksmppd={"switch-dlr-addr": True})
    esme = bed.esme(bed.customer())
    reply = esme.submit(mt(registered_delivery=1))
    bed.box.send_dlr(bed.box.wait_for_sms()[0])
    message = esme.wait_receipt(reply.text)
    assert (message.source_addr, message.source_addr_ton) == (b"491701234567", 1)
    assert (message.destination_addr, message.dest_addr_ton) == (b"12345", 2)


def test_long_messages_as_payload_and_fields_in_meta_data(start_bed: StartBed) -> None:
    """docs/rules/messages.md 5 and 1: long-mo-as-payload, submit-fields-in-meta-data."""
    bed = start_bed(ksmppd={"long-mo-as-payload": True, "submit-fields-in-meta-data": True})
    customer = bed.customer()
    text = "x" * 400
    esme = bed.esme(customer)
    bed.box.send_mo("+491701234567", customer.short_code, text)
    (whole,) = esme.wait_deliveries(1)
    assert (whole.short_message, whole.esm_class) == (b"", 0)
    assert whole.tlvs == {wire.MESSAGE_PAYLOAD: text.encode()}
    assert esme.submit(mt(source_addr_ton=3, data_coding=1)).command_status == wire.ROK
    assert bed.box.wait_for_sms()[0].meta_data == (
        b"?smpp?source_addr_ton=3&source_addr_npi=0&dest_addr_ton=1&dest_addr_npi=1&data_coding=1&"
    )
    esme.close()
    bed.box.send_mo("+491701234567", customer.short_code, text)
    old = bed.esme(customer, version=0x33)
    assert [part.esm_class for part in old.wait_deliveries(3, 15)] == [0x40] * 3


def test_an_old_version_gets_no_tlvs(sqlite_bed: Bed) -> None:
    """docs/rules/smpp-session.md 5.2: interface_version <= 0x33."""
    esme = sqlite_bed.esme(sqlite_bed.customer(), version=0x33)
    reply = esme.submit(mt(registered_delivery=1))
    sqlite_bed.box.send_dlr(sqlite_bed.box.wait_for_sms()[0])
    assert esme.wait_receipt(reply.text).tlvs == {}


def test_mo_without_route_is_failed(sqlite_bed: Bed) -> None:
    """docs/rules/flows.md 2 and 7.1."""
    mo = sqlite_bed.box.send_mo("+49170", "999888777", "nobody's")
    assert sqlite_bed.box.wait_for_ack(mo).nack == box_wire.ACK_FAILED


def test_unusable_messages_are_failed_once(sqlite_bed: Bed) -> None:
    """docs/rules/flows.md 2 and 3: ack 1 for what can't be converted, or has no usable dlr_url."""
    customer = sqlite_bed.customer()
    sqlite_bed.esme(customer)
    sqlite_bed.daemon.add_routes()
    long_sender = sqlite_bed.box.send_mo("+" + "1" * 25, customer.short_code, "x")
    assert sqlite_bed.box.wait_for_ack(long_sender).nack == box_wire.ACK_FAILED
    mt_like = box_wire.Sms(sender=b"1", receiver=b"2", msgdata=b"", sms_type=box_wire.REPORT_MO, dlr_mask=1)
    for dlr_url in (None, b"short", customer.system_id.encode() + b"|1700000000|" + b"x" * 40 + b"|more"):
        mt_like.dlr_url = dlr_url
        report = sqlite_bed.box.send_dlr(mt_like)
        assert sqlite_bed.box.wait_for_ack(report).nack == box_wire.ACK_FAILED, dlr_url


def test_a_permanent_error_of_the_esme_ends_the_message(sqlite_bed: Bed) -> None:
    """docs/rules/flows.md 4."""
    customer = sqlite_bed.customer()
    esme = sqlite_bed.esme(customer, policy=fake_esme.always(wire.RINVDSTADR))
    mo = sqlite_bed.box.send_mo("+49170", customer.short_code, "refused")
    assert sqlite_bed.box.wait_for_ack(mo).nack == box_wire.ACK_FAILED
    assert len(esme.deliveries) == 1
    assert sqlite_bed.rows(customer) == 0


@pytest.mark.parametrize("status", [wire.RSYSERR, wire.RMSGQFUL, wire.RTHROTTLED, 0x64, 0x401])
def test_a_temporary_error_of_the_esme_stores_the_message(sqlite_bed: Bed, status: int) -> None:
    """docs/rules/flows.md 4."""
    customer = sqlite_bed.customer()
    sqlite_bed.esme(customer, policy=fake_esme.always(status))
    mo = sqlite_bed.box.send_mo("+49170", customer.short_code, "later")
    assert sqlite_bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    sqlite_bed.wait_rows(customer, 1)


def test_a_temporary_error_is_not_retried_at_once(sqlite_bed: Bed) -> None:
    """docs/rules/flows.md 4: again after a delay of 30 s; what the ESME can take now does not wait for it."""
    customer = sqlite_bed.customer()
    esme = sqlite_bed.esme(
        customer, policy=lambda message: wire.RMSGQFUL if message.short_message == b"later" else wire.ROK
    )
    sqlite_bed.box.wait_for_ack(sqlite_bed.box.send_mo("+49170", customer.short_code, "later"))
    sqlite_bed.box.send_mo("+49170", customer.short_code, "now")
    esme.wait_text(b"now")
    with pytest.raises(AssertionError, match="waited 3 s without success for 3 deliver_sm"):
        esme.wait_deliveries(3, 3)


def test_the_window_bounds_open_deliveries(start_bed: StartBed) -> None:
    """docs/rules/flows.md 2: a full window overflows into the queue (default-max-open-acks)."""
    bed = start_bed(ksmppd={"default-max-open-acks": 2})
    customer = bed.customer()
    esme = bed.esme(customer, policy=fake_esme.always(fake_esme.NEVER))
    ids = [bed.box.send_mo("+49170", customer.short_code, f"mo {number}") for number in range(4)]
    open_ones = esme.wait_deliveries(2)
    for mo in ids[2:]:
        assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    bed.wait_rows(customer, 2)
    assert len(esme.deliveries) == 2
    esme.policy = fake_esme.accept_all
    for message in open_ones:
        esme.answer(message)
    assert {entry.short_message for entry in esme.wait_deliveries(4, 15)} == {
        b"mo 0",
        b"mo 1",
        b"mo 2",
        b"mo 3",
    }
    bed.wait_rows(customer, 0)


def test_deliveries_spread_over_the_receivers(sqlite_bed: Bed) -> None:
    """docs/rules/smpp-session.md 8: the receiver with the fewest open deliveries; transmitters get none."""
    customer = sqlite_bed.customer()
    silent = fake_esme.always(fake_esme.NEVER)
    first = sqlite_bed.esme(customer, "receiver", policy=silent)
    second = sqlite_bed.esme(customer, "transceiver", policy=silent)
    transmitter = sqlite_bed.esme(customer, "transmitter")
    for number in range(10):
        sqlite_bed.box.send_mo("+49170", customer.short_code, f"mo {number}")
    first.wait_deliveries(5)
    second.wait_deliveries(5)
    assert not transmitter.deliveries


def test_esme_away_and_queue_off_delays_the_nack(start_bed: StartBed) -> None:
    """docs/rules/flows.md 2: ack 2 after at least a second, growing, never in a hot loop."""
    bed = start_bed(queue=False)
    customer = bed.customer()
    before = time.monotonic()
    mo = bed.box.send_mo("+49170", customer.short_code, "nobody is here")
    ack = bed.box.wait_for_ack(mo, 15)
    assert ack.nack == box_wire.ACK_FAILED_TMP
    assert ack.at - before > 0.9
    esme = bed.esme(customer)
    mo = bed.box.send_mo("+49170", customer.short_code, "now")
    esme.wait_text(b"now")
    assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS


def test_a_lost_session_with_open_deliveries_stores_them(sqlite_bed: Bed) -> None:
    """docs/rules/flows.md 4: at once, and the next bind gets them."""
    customer = sqlite_bed.customer()
    esme = sqlite_bed.esme(customer, policy=fake_esme.always(fake_esme.NEVER))
    mo = sqlite_bed.box.send_mo("+49170", customer.short_code, "held")
    esme.wait_text(b"held")
    esme.close()
    assert sqlite_bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    sqlite_bed.wait_rows(customer, 1)
    again = sqlite_bed.esme(customer)
    again.wait_text(b"held", 15)
    sqlite_bed.wait_rows(customer, 0)


def test_another_receiver_takes_over_at_once(sqlite_bed: Bed) -> None:
    """docs/rules/flows.md 4."""
    customer = sqlite_bed.customer()
    first = sqlite_bed.esme(customer, policy=fake_esme.always(fake_esme.NEVER))
    mo = sqlite_bed.box.send_mo("+49170", customer.short_code, "held")
    first.wait_text(b"held")
    second = sqlite_bed.esme(customer)
    first.close()
    second.wait_text(b"held")
    assert sqlite_bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    wait_until(lambda: sqlite_bed.rows(customer) == 0, "no row left")
