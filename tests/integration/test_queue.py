"""The database queue, on SQLite and on MariaDB: nothing is lost while a neighbour is away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes import bearerbox as fake
from tests.fakes import box_wire
from tests.fakes import esme as fake_esme
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, Bed, StartBed, mt
from tests.parts.daemon import Daemon
from tests.parts.database import Database, stored_messages

pytestmark = pytest.mark.integration


def octets(value: object) -> bytes:
    """A text column as octets: databases hand out str or bytes."""
    return value.encode("latin-1") if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]


def test_submits_wait_for_the_bearerbox(bed: Bed) -> None:
    """docs/rules/flows.md 1.1: answered 0, stored, sent in order with the same id, then gone."""
    customer = bed.customer()
    esme = bed.esme(customer)
    bed.box_away()
    texts = [b"waiting %d" % number for number in range(20)]
    replies = [esme.submit(mt(text, registered_delivery=1)) for text in texts]
    assert {reply.command_status for reply in replies} == {wire.ROK}
    rows = stored_messages(bed.daemon.database, box_wire.MT_PUSH)
    assert [octets(row[1]) for row in rows] == [reply.text for reply in replies]
    assert {octets(row[2]) for row in rows} == {customer.system_id.encode()}
    assert [octets(row[3]) for row in rows] == texts
    bed.box_back()
    sent = bed.box.wait_for_sms(20, 20)
    assert [sms.msgdata for sms in sent] == texts
    assert [sms.id for sms in sent] == [reply.text for reply in replies]
    bed.wait_rows(customer, 0)
    bed.box.send_dlr(sent[7])
    esme.wait_receipt(replies[7].text)


def test_a_binary_text_survives_the_store(bed: Bed) -> None:
    """docs/rules/database.md 4: octets unchanged, 0x81 and NUL included; undefined stays undefined."""
    customer = bed.customer()
    esme = bed.esme(customer)
    bed.box_away()
    body = bytes(range(120, 256))
    udh = b"\x06\x05\x04\x0b\x84\x23\xf0"
    assert esme.submit(mt(udh + b"\0" + body[:130], esm_class=0x40, data_coding=4)).command_status == wire.ROK
    bed.box_back()
    (sms,) = bed.box.wait_for_sms(1, 20)
    assert (sms.udhdata, sms.msgdata, sms.coding, sms.mclass) == (udh, b"\0" + body[:130], 1, -1)
    assert (sms.account, sms.foreign_id, sms.meta_data) == (None, None, b"?smpp?")
    bed.wait_rows(customer, 0)


def test_the_bearerbox_vanishes_before_its_ack(bed: Bed) -> None:
    """docs/rules/flows.md 1.2: sent again with the same id, answered 0 once."""
    customer = bed.customer()
    esme = bed.esme(customer)
    decisions = iter([fake.CLOSE])
    bed.box.policy = lambda sms: next(decisions, box_wire.ACK_SUCCESS)
    reply = esme.submit(mt("once more"), timeout=20)
    assert reply.command_status == wire.ROK
    first, second = bed.box.wait_for_sms(2, 20)
    assert first.id == second.id == reply.text
    bed.wait_rows(customer, 0)


def test_a_stored_submit_that_is_refused_becomes_a_failure_report(bed: Bed) -> None:
    """docs/rules/flows.md 5.1: ack 1 deletes the row and sends the ESME a failure receipt."""
    customer = bed.customer()
    esme = bed.esme(customer)
    bed.box_away()
    reply = esme.submit(mt("refused later", registered_delivery=1))
    assert reply.command_status == wire.ROK
    bed.box.policy = fake.always(box_wire.ACK_FAILED)
    bed.box_back()
    receipt = esme.wait_receipt(reply.text, 20)
    assert receipt.receipt["stat"] == "UNDELIV"
    bed.wait_rows(customer, 0)


def test_a_stored_submit_past_its_validity_is_reported(bed: Bed) -> None:
    """docs/rules/flows.md 5.1: it isn't sent, though the bearerbox is back; another one is."""
    customer = bed.customer()
    esme = bed.esme(customer)
    bed.box_away()
    expiring = mt("too late", registered_delivery=1, validity_period=b"000000000001000R")
    reply = esme.submit(expiring)
    assert esme.submit(mt("any time")).command_status == reply.command_status == wire.ROK
    receipt = esme.wait_receipt(reply.text, 20)  # also while no bearerbox is there
    assert receipt.receipt["stat"] == "EXPIRED"
    assert receipt.tlvs[wire.MESSAGE_STATE] == b"\x03"
    bed.box_back()
    (sms,) = bed.box.wait_for_sms(1, 20)
    assert sms.msgdata == b"any time"
    bed.wait_rows(customer, 0)


@pytest.mark.slow
def test_mo_waits_for_the_esme(bed: Bed) -> None:
    """docs/rules/flows.md 2 and 5.1: stored with its account, acked 0, delivered after the bind, then gone."""
    customer = bed.customer()
    texts = [f"mo {number} grüße" for number in range(5)]
    for text in texts:
        mo = bed.box.send_mo("+491701234567", customer.short_code, text)
        assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    rows = stored_messages(bed.daemon.database, box_wire.MO)
    assert {octets(row[2]) for row in rows} == {customer.system_id.encode()}
    assert [octets(row[3]) for row in rows] == [text.encode() for text in texts]
    esme = bed.esme(customer)
    expected = [b"mo %d gr\x7e\x1ee" % number for number in range(5)]
    assert [entry.short_message for entry in esme.wait_deliveries(5, 20)] == expected
    bed.wait_rows(customer, 0)


def test_receipts_wait_for_the_esme(bed: Bed) -> None:
    """docs/rules/flows.md 3 and 5.2."""
    customer = bed.customer()
    transmitter = bed.esme(customer, "transmitter")
    replies = [transmitter.submit(mt(f"mt {number}", registered_delivery=1)) for number in range(3)]
    for sms in bed.box.wait_for_sms(3):
        assert bed.box.wait_for_ack(bed.box.send_dlr(sms)).nack == box_wire.ACK_SUCCESS
    bed.wait_rows(customer, 3)
    receiver = bed.esme(customer, "receiver")
    for reply in replies:
        assert receiver.wait_receipt(reply.text, 20).receipt["stat"] == "DELIVRD"
    bed.wait_rows(customer, 0)


def test_ready_pdus_are_delivered(bed: Bed) -> None:
    """docs/rules/database.md 2: rows of the PDU table, with and without their length prefix; garbage is removed."""
    customer = bed.customer()
    message = wire.Message(source_addr=b"1", destination_addr=b"2", short_message=b"ready one")
    one = wire.pack(wire.DELIVER_SM, 0, 77, wire.pack_message(message))[4:]
    message.short_message = b"ready two"
    two = wire.pack(wire.DELIVER_SM, 0, 78, wire.pack_message(message))
    for pdu in (one, b"garbage", two):
        bed.daemon.database.execute(
            "INSERT INTO smpp_queued_pdu (system_id, time, pdu) VALUES (?, 0, ?)", [customer.system_id, pdu]
        )
    esme = bed.esme(customer)
    texts = [entry.short_message for entry in esme.wait_deliveries(2, 25)]
    assert texts == [b"ready one", b"ready two"]
    bed.wait_rows(customer, 0, "smpp_queued_pdu", 15)


def test_the_oldest_stored_messages_are_dropped(start_bed: StartBed) -> None:
    """queue-max-rows, for an account that doesn't bind; it gets the rest."""
    bed = start_bed(ksmppd={"queue-max-rows": 2})
    customer = bed.customer()
    for number in range(5):
        mo = bed.box.send_mo("+491701234567", customer.short_code, f"mo {number}")
        assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    bed.wait_rows(customer, 2, timeout=40)
    esme = bed.esme(customer)
    assert [entry.short_message for entry in esme.wait_deliveries(2, 20)] == [b"mo 3", b"mo 4"]
    assert "stored message(s) dropped: above queue-max-rows" in bed.daemon.log()
    assert 'ksmppd_queue_dropped_total{reason="queue-max-rows"} 3.0' in bed.daemon.admin("/metrics").body


def test_a_row_stays_until_the_esme_accepted_it(bed: Bed) -> None:
    """docs/rules/flows.md, guarantee: no DELETE before the next hop has it."""
    customer = bed.customer()
    mo = bed.box.send_mo("+49170", customer.short_code, "fragile")
    bed.box.wait_for_ack(mo)
    esme = bed.esme(customer, policy=fake_esme.always(fake_esme.NEVER))
    message = esme.wait_text(b"fragile", 20)
    esme.enquire_link()
    assert bed.rows(customer) == 1
    esme.close()
    again = bed.esme(customer, policy=fake_esme.always(fake_esme.NEVER))
    message = again.wait_text(b"fragile", 20)
    assert bed.rows(customer) == 1
    again.answer(message)
    bed.wait_rows(customer, 0)


def test_the_queue_outlives_the_daemon(
    own_database: Database, box: FakeBearerbox, start_daemon: Callable[..., Daemon]
) -> None:
    """docs/rules/flows.md 5: rows of a daemon that was stopped, and of one that was killed, are taken up again."""
    bed = Bed(start_daemon([(BOX_ID, box.port)], own_database), box)
    box.wait_for_box()
    customer = bed.customer()
    mo = box.send_mo("+49170", customer.short_code, "for later")
    assert box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    esme = bed.esme(customer, "transmitter")
    bed.box_away()
    reply = esme.submit(mt("for the bearerbox"))
    assert reply.command_status == wire.ROK
    esme.close()
    bed.daemon.restart()
    bed.daemon.kill()
    bed.daemon.start()
    bed.box_back()
    assert bed.box.wait_for_text(b"for the bearerbox", 25).sms.id == reply.text
    receiver = bed.esme(customer, "receiver")
    receiver.wait_text(b"for later", 25)
    bed.wait_rows(customer, 0)
    bed.close()


def test_submits_keep_their_order_through_an_outage(bed: Bed) -> None:
    """docs/rules/flows.md 1.2: FIFO within a priority, while the bearerbox goes and comes."""
    customer = bed.customer()
    esme = bed.esme(customer)
    texts = [b"flow %03d" % number for number in range(60)]
    replies = [esme.submit(mt(text)) for text in texts[:20]]
    bed.box_away()
    replies += esme.submit_all((mt(text) for text in texts[20:40]), window=10)
    bed.box_back()
    bed.box.wait_for_sms(40, 20)
    replies += esme.submit_all((mt(text) for text in texts[40:]), window=10)
    assert {reply.command_status for reply in replies} == {wire.ROK}
    sent = [sms.msgdata for sms in bed.box.wait_for_sms(60, 20)]
    assert sent == texts
    bed.wait_rows(customer, 0)
