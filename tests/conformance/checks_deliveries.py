"""deliver_sm, receipts, status codes: C-152 to C-181, C-188 to C-191."""

from __future__ import annotations

import re
import time

from tests.conformance.bench import VENDOR_TAG, Bench, alive, ended, pdu, raw, smin
from tests.conformance.clauses import clause
from tests.fakes import bearerbox as fake_box
from tests.fakes import box_wire
from tests.fakes import esme as fake_esme
from tests.fakes import smpp_wire as wire

UDH = b"\x06\x05\x04\x0b\x84\x23\xf0"
USUAL = re.compile(
    r"id:(\S+) sub:(\d{3}) dlvrd:(\d{3}) submit date:(\d+) done date:(\d+) stat:(\w{7}) err:(\w+) [Tt]ext:(.*)",
    re.DOTALL,
)


@clause("C-152", "C-155", "C-158", "C-159")
def a_plain_mo(bench: Bench) -> None:
    esme = bench.trx()
    bench.mo("plain")
    message = esme.wait_text(b"plain")
    assert (message.schedule_delivery_time, message.validity_period) == (b"", b"")
    assert (message.replace_if_present_flag, message.sm_default_msg_id) == (0, 0)
    assert (message.registered_delivery, message.tlvs) == (0, {})
    assert (message.service_type, message.protocol_id, message.priority_flag) == (b"", 0, 0)
    assert (message.source_addr_ton, message.source_addr_npi, message.source_addr) == (1, 1, b"491701")
    assert (message.dest_addr_ton, message.dest_addr_npi) == (2, 1)
    bench.mo("fields", binfo=b"B1", pid=127, priority=2, meta_data=b"?smpp?vendor=v&other=o&")
    message = esme.wait_text(b"fields")
    assert (message.service_type, message.protocol_id, message.priority_flag) == (b"B1", 127, 2)
    assert message.tlvs == {VENDOR_TAG: b"v"}


@clause("C-153", "C-154")
def esm_class_of_mos(bench: Bench) -> None:
    esme = bench.trx()
    bench.mo("none")
    assert esme.wait_text(b"none").esm_class == 0
    bench.mo("header", udhdata=UDH)
    assert esme.wait_text(UDH + b"header").esm_class == 0x40
    bench.mo("path", rpi=1)
    assert esme.wait_text(b"path").esm_class == 0x80
    receipt = bench.receipt(esme, udhdata=UDH)
    assert receipt.esm_class == 0x04


@clause("C-156", "C-160")
def long_mos(bench: Bench) -> None:
    esme = bench.trx()
    bench.mo("x" * 400)
    parts = esme.wait_deliveries(3)
    assert [part.esm_class for part in parts] == [0x40] * 3
    assert max(len(part.short_message) for part in parts) <= 254
    assert b"".join(part.short_message[6:] for part in parts) == b"x" * 400
    esme.deliveries.clear()
    bench.mo("€@" * 90)
    parts = esme.wait_deliveries(2)
    assert b"".join(part.short_message[6:] for part in parts) == b"\x1b\x65\x00" * 90
    assert {part.data_coding for part in parts} == {0}
    bench.mo("€@")
    assert esme.wait_text(b"\x1b\x65\0").data_coding == 0
    header = bytes.fromhex("060504158a0000")
    bench.mo("é", udhdata=header)
    assert esme.wait_text(header + b"\x05").data_coding == 0
    bench.mo("Жá")
    assert esme.wait_text("Жá".encode("utf-16-be")).data_coding == 8
    esme.deliveries.clear()
    bench.mo("Жá" * 70)
    parts = esme.wait_deliveries(3)
    assert b"".join(part.short_message[6:] for part in parts) == ("Жá" * 70).encode("utf-16-be")
    assert {part.data_coding for part in parts} == {8}


@clause("C-157")
def addresses_that_do_not_fit(bench: Bench) -> None:
    esme = bench.trx()
    mo = bench.box.send_mo("+" + "1" * 24, bench.account.short_code, "lost")
    assert bench.box.wait_for_ack(mo).nack == box_wire.ACK_FAILED
    alive(esme)
    assert not esme.deliveries


@clause("C-161")
def unanswered_is_not_received(bench: Bench) -> None:
    mute = bench.rx(policy=bench.deaf())
    bench.mo("again")
    mute.wait_text(b"again")
    other = bench.rx()
    mute.close()
    other.wait_text(b"again")


@clause("C-162", "C-191")
def answers_of_esmes(bench: Bench) -> None:
    esme = bench.trx()
    for status in (0x65, 0x66, 0x45, 0xFFFFFFFF):
        esme.policy = fake_esme.always(status)
        mo = bench.mo(f"status {status}")
        assert bench.box.wait_for_ack(mo).nack == box_wire.ACK_FAILED
    for status in (0x64, 0x400, 0x401, 0x4FE):
        esme.policy = fake_esme.always(status)
        mo = bench.mo(f"status {status}")
        esme.wait_text(f"status {status}".encode())
        assert bench.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS  # the store has it
        alive(esme)
    assert bench.bed.rows(bench.account) == 4
    bench.daemon.database.execute("DELETE FROM smpp_store WHERE service = ?", [bench.account.system_id])


@clause("C-163")
def bodies_of_answers(bench: Bench) -> None:
    esme = bench.trx(policy=bench.deaf())
    for text, body in ((b"nul", b"\0"), (b"none", b""), (b"id", b"abc\0")):
        mo = bench.mo(text)
        message = esme.wait_text(text)
        raw(esme, pdu(wire.DELIVER_SM | wire.RESPONSE, body, message.sequence_number))
        assert bench.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS


# -- Receipts ----------------------------------------------------------------------------------------------------------


@clause("C-165", "C-166")
def addresses_and_type(bench: Bench) -> None:
    receipt = bench.receipt(bench.trx())
    assert (receipt.source_addr_ton, receipt.source_addr_npi) == (1, 1)
    assert (receipt.source_addr, receipt.destination_addr) == (b"491709999999", b"491701")
    assert receipt.esm_class & 0x3C == 0x04


@clause("C-167", "C-168", "C-169")
def tlvs_of_receipts(bench: Bench) -> None:
    esme = bench.trx()
    mt = smin(registered_delivery=1, tlvs={0x0204: b"\0\7"})
    receipt = bench.receipt(esme, mt=mt, meta_data=b"?smpp?dlr_err=%03%00%1B&")
    assert receipt.tlvs == {
        wire.NETWORK_ERROR_CODE: b"\3\0\x1b",
        wire.MESSAGE_STATE: b"\2",
        wire.RECEIPTED_MESSAGE_ID: receipt.receipt["id"].encode() + b"\0",
        0x0204: b"\0\7",
    }
    told = bench.receipt(esme, 2, b"stat:UNDELIV err:027 text:")
    assert told.tlvs[wire.NETWORK_ERROR_CODE] == b"\3\0\x1b"


@clause("C-170", "C-174", "C-176")
def states(bench: Bench) -> None:
    esme = bench.trx()
    for mask, text, stat, state in (
        (1, b"", "DELIVRD", 2),
        (2, b"err:27", "UNDELIV", 5),
        (16, b"stat:REJECTD err:027 ", "REJECTD", 8),
        (2, b"stat:EXPIRED err:027 ", "EXPIRED", 3),
        (2, b"stat:DELETED err:027 ", "DELETED", 4),
        (0x22, b"err:027", "EXPIRED", 3),
        (0x42, b"err:027", "UNKNOWN", 7),
        (0, b"err:027", "REJECTD", 8),
    ):
        receipt = bench.receipt(esme, mask, text)
        assert (receipt.receipt["stat"], receipt.tlvs[wire.MESSAGE_STATE]) == (stat, bytes([state]))
        assert receipt.receipt["dlvrd"] == ("001" if mask == 1 else "000")
        assert receipt.receipt["err"] == ("000" if mask == 1 else "027")
        assert (receipt.receipt["sub"], len(stat)) == ("001", 7)
    for text, words in (
        (b"err:12345", b"stat:UNDELIV err:123 text:"),
        (b"stat:EXPIRED,err:0x1B\r\n", b"stat:EXPIRED err:027 text:"),
        (b"NACK/0x0000000b/Invalid", b"stat:UNDELIV err:011 text:NACK/0x00000"),
    ):
        bench.box.send_dlr(bench.sms(esme, smin(registered_delivery=1)), 2, text)
        esme.wait_delivery(lambda message, words=words: words in message.short_message)


@clause("C-171")
def intermediate_notifications(bench: Bench) -> None:
    esme = bench.trx()
    notice = bench.receipt(esme, 4, mt=smin(registered_delivery=0x11))
    assert notice.esm_class == 0x20
    assert bench.sms(esme, smin(registered_delivery=1)).dlr_mask == 19


@clause("C-172", "C-175", "C-177", "C-178", "C-188", "C-173")
def text_of_receipts(bench: Bench) -> None:
    mt = smin("é€".encode("utf-16-be"), data_coding=8, registered_delivery=1)
    esme = bench.trx()
    accented = bench.receipt(esme, text="stat:DELIVRD err:000 Text:Grüße €\n".encode())
    assert (accented.data_coding, accented.short_message[-9:]) == (0, b"Gr\x7e\x1ee \x1be ")
    receipt = bench.receipt(esme, text=b"stat:DELIVRD err:000 text:Hello, how are you", mt=mt)
    assert receipt.data_coding == 0
    found = USUAL.fullmatch(receipt.short_message.decode("ascii"))
    assert found is not None
    assert (found[2], found[3], found[6], found[7], found[8]) == (
        "001",
        "001",
        "DELIVRD",
        "000",
        "Hello, how a",
    )
    for date in (found[4], found[5]):
        assert abs(time.mktime(time.strptime(date, "%y%m%d%H%M%S")) - time.time()) < 10


@clause("C-174")
def counts_of_receipts(bench: Bench) -> None:
    esme = bench.trx()
    assert b" sub:001 dlvrd:001 " in bench.receipt(esme).short_message
    assert b" dlvrd:000 " in bench.receipt(esme, 2).short_message


@clause("C-179")
def types_that_are_not_produced(bench: Bench) -> None:
    esme = bench.trx()
    bench.receipt(esme)
    bench.receipt(esme, 4, mt=smin(registered_delivery=0x1D))
    bench.mo("mo")
    esme.wait_text(b"mo")
    assert {message.esm_class & 0x3C for message in esme.deliveries} == {0x04, 0x20, 0x00}


@clause("C-190")
def no_status_of_later_versions(bench: Bench) -> None:
    esme = bench.trx()
    refusals = [
        esme.submit(smin(destination_addr=b"")),
        esme.submit(smin(data_coding=0x0C)),
        esme.submit(smin(validity_period=b"x")),
        esme.bind("x", "y"),
    ]
    bench.box.policy = fake_box.always(box_wire.ACK_FAILED)
    refusals.append(esme.submit(smin()))
    assert all(reply.command_status < 0x100 for reply in refusals)


@clause("C-191")
def vendor_statuses_close_nothing(bench: Bench) -> None:
    esme = bench.trx(policy=fake_esme.always(0xFFFFFFFF))
    mo = bench.mo("permanent")
    assert bench.box.wait_for_ack(mo).nack == box_wire.ACK_FAILED
    alive(esme)
    esme.unbind()
    ended(esme)
