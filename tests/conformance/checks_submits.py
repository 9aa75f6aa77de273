"""submit_sm, data_sm, data_coding, times: C-097 to C-143, C-183 to C-188."""

from __future__ import annotations

import calendar
import re
import time

from tests.conformance.bench import Bench, alive, data_sm, relative, smin
from tests.conformance.clauses import clause
from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.box_wire import Sms
from tests.integration.bed import BOX_ID

UDH = b"\x05\x00\x03\xa5\x02\x01"
SCHEDULE, VALIDITY = "schedule_delivery_time", "validity_period"
LATEST = 0x7FFFFFFF


@clause("C-097", "C-125")
def field_by_field(bench: Bench) -> None:
    esme = bench.trx()
    reply = esme.submit(
        smin(source_addr=b"49170123456", destination_addr=b"491709999999", registered_delivery=1)
    )
    assert re.fullmatch(rb"[0-9a-f-]{36}\0", reply.body)
    sms = bench.at_box(reply.text)
    system_id = bench.account.system_id.encode()
    assert sms == Sms(
        sender=b"+49170123456",
        receiver=b"+491709999999",
        msgdata=b"Hello",
        time=sms.time,
        smsc_id=sms.smsc_id,
        service=system_id,
        id=reply.text,
        sms_type=box_wire.MT_PUSH,
        coding=0,
        compress=0,
        dlr_mask=19,
        dlr_url=b"%b|%d|%b" % (system_id, sms.time, reply.text),
        pid=0,
        alt_dcs=0,
        boxc_id=BOX_ID.encode(),
        priority=0,
        meta_data=b"?smpp?",
    )


@clause("C-098", "C-099")
def service_types(bench: Bench) -> None:
    esme = bench.trx()
    for service_type in (b"VMA", b"ABC", b"VMA"):
        assert bench.sms(esme, smin(service_type=service_type)).binfo == service_type
    bench.refuses(esme, smin(service_type=b"ABCDEF"), 0x15)
    assert len(bench.box.submits) == 3


@clause("C-100", "C-102", "C-103")
def addresses(bench: Bench) -> None:
    esme = bench.trx()
    assert bench.sms(esme, smin(source_addr=b"", source_addr_ton=0, source_addr_npi=0)).sender == b""
    assert bench.sms(esme, smin(source_addr=b"Acme Co", source_addr_ton=5)).sender == b"Acme Co"
    bench.refuses(esme, smin(source_addr=b"letters"), wire.RINVSRCADR)
    bench.refuses(esme, smin(destination_addr=b"letters"), wire.RINVDSTADR)
    bench.refuses(esme, smin(destination_addr=b""), wire.RINVDSTADR)


@clause("C-104", "C-105", "C-107")
def modes_and_types(bench: Bench) -> None:
    esme = bench.trx()
    for esm_class in (0x00, 0x03, 0x02, 0x08, 0x10, 0x04, 0x20):
        sms = bench.sms(esme, smin(esm_class=esm_class))
        assert (sms.msgdata, sms.udhdata, sms.rpi) == (b"Hello", None, -1)


@clause("C-106")
def datagram_with_receipt(bench: Bench) -> None:
    bench.receipt(bench.trx(), mt=smin(esm_class=1, registered_delivery=1))


@clause("C-108", "C-109", "C-110")
def user_data_headers(bench: Bench) -> None:
    esme = bench.trx()
    split = bench.sms(esme, smin(UDH + b"text", esm_class=0x40))
    assert (split.udhdata, split.msgdata) == (UDH, b"text")
    assert bench.sms(esme, smin(UDH + b"text", data_coding=4)).msgdata == UDH + b"text"
    bench.refuses(esme, smin(b"\xff\x01", esm_class=0x40), 0x43)
    bench.refuses(esme, smin(b"", esm_class=0x40), 0x43)
    assert bench.sms(esme, smin(esm_class=0x80)).rpi == 1


@clause("C-111", "C-112")
def protocol_and_priority(bench: Bench) -> None:
    esme = bench.trx()
    assert bench.sms(esme, smin(protocol_id=0x7F)).pid == 127
    assert bench.sms(esme, smin(priority_flag=3)).priority == 3
    assert bench.sms(esme, smin(priority_flag=9)).priority == 0


@clause("C-113", "C-114")
def times(bench: Bench) -> None:
    esme = bench.trx()
    now = time.time()
    sms = bench.sms(esme, smin(schedule_delivery_time=relative(1800), validity_period=b"000000013000000R"))
    assert abs(sms.deferred - now - 1800) <= 2
    assert abs(sms.validity - now - 5400) <= 2
    assert (bench.sms(esme, smin()).deferred, bench.sms(esme, smin()).validity) == (-1, -1)
    for field, status in ((SCHEDULE, 0x61), (VALIDITY, 0x62)):
        for text in (b"nonsense", b"0000000030"):
            bench.refuses(esme, smin(**{field: text}), status)
    bench.refuses(esme, smin(validity_period=b"200101000000000+"), 0x62)
    for past in (b"200101000000000+", b"000000000000000R"):
        assert bench.sms(esme, smin(schedule_delivery_time=past)).deferred == -1
    assert bench.sms(esme, smin(validity_period=b"000000000000000R")).validity == -1


@clause("C-115", "C-116", "C-117", "C-118", "C-119", "C-120")
def registered_delivery(bench: Bench) -> None:
    esme = bench.trx()
    for flags, mask in (
        (0x00, 0), (0x01, 19), (0x02, 18), (0x03, 1), (0x04, 0), (0x08, 0), (0x0C, 0), (0x11, 23),
    ):  # fmt: skip
        assert bench.sms(esme, smin(registered_delivery=flags)).dlr_mask == mask
    both = bench.sms(esme, smin(registered_delivery=1))
    for mask in (1, 2):
        bench.box.send_dlr(both, mask)
    esme.wait_deliveries(2)


@clause("C-121")
def replace_if_present(bench: Bench) -> None:
    esme = bench.trx()
    for flag in (1, 7):
        bench.sms(esme, smin(replace_if_present_flag=flag))
    assert len(bench.box.submits) == 2


@clause("C-122", "C-123", "C-126")
def lengths(bench: Bench) -> None:
    esme = bench.trx()
    bench.refuses(esme, smin(b"", sm_default_msg_id=5), 0x63)
    assert bench.sms(esme, smin(sm_default_msg_id=5)).msgdata == b"Hello"
    assert bench.sms(esme, smin(b"")).msgdata == b""
    octets = bytes(range(254))
    assert bench.sms(esme, smin(octets, data_coding=4)).msgdata == octets
    assert len(bench.refuses(esme, smin(bytes(255), data_coding=4), wire.RINVMSGLEN).octets) == 16
    assert len(bench.refuses(esme, smin(destination_addr=b""), wire.RINVDSTADR).octets) == 16


@clause("C-124")
def too_many_parts(bench: Bench) -> None:
    esme = bench.trx()
    payload = {wire.MESSAGE_PAYLOAD: bytes(65_535)}
    bench.refuses(esme, smin(b"", data_coding=4, tlvs=payload), wire.RINVMSGLEN)
    alive(esme)


@clause("C-127")
def the_id_is_the_receipts(bench: Bench) -> None:
    esme = bench.trx()
    receipt = bench.receipt(esme)
    assert receipt.tlvs[wire.RECEIPTED_MESSAGE_ID] == receipt.receipt["id"].encode() + b"\0"


# -- data_coding -------------------------------------------------------------------------------------------------------

CODINGS = {
    "C-128": [(0x00, "1b65", "€".encode(), 0)],
    "C-129": [
        (0x01, "416263", b"Abc", 0),
        (0x03, "e9", "é".encode(), 0),
        (0x06, "b0", "А".encode(), 0),
        (0x07, "e0", "א".encode(), 0),
    ],
    "C-130": [(0x02, "00ff01", b"\0\xff\1", 1), (0x04, "00ff01", b"\0\xff\1", 1)],
    "C-131": [(0x08, "4f60", b"\x4f\x60", 2)],
    "C-132": [
        (0x05, "82a0", "あ".encode(), 0),
        (0x0D, "8fb0a1", "丂".encode(), 0),
        (0x0E, "b0a1", "가".encode(), 0),
    ],
    "C-133": [(0x09, "01f2", b"\x01\xf2", 1), (0x0A, "1b2442244f1b2842", "は".encode(), 0)],
    "C-134": [(0x0C, "00ff", b"\0\xff", 1), (0x0F, "00ff", b"\0\xff", 1), (0xE8, "4f60", b"\x4f\x60", 2)],
}


def codings(id: str) -> None:
    @clause(id)
    def text_of_a_coding(bench: Bench) -> None:
        esme = bench.trx()
        for data_coding, octets, msgdata, coding in CODINGS[id]:
            sms = bench.sms(esme, smin(bytes.fromhex(octets), data_coding=data_coding))
            assert (sms.msgdata, sms.coding) == (msgdata, coding)


for _id in CODINGS:
    codings(_id)


@clause("C-131")
def ucs2_on_the_way_back(bench: Bench) -> None:
    esme = bench.trx()
    bench.mo(b"\x4f\x60", coding=2)
    assert esme.wait_text(b"\x4f\x60").data_coding == 0x08


@clause("C-134", "C-135", "C-136")
def classes_and_waiting(bench: Bench) -> None:
    esme = bench.trx()
    for data_coding, name, value in (
        (0x10, "mclass", 0), (0x1B, "mclass", 3), (0xE8, "mwi", 0), (0xC8, "mwi", 0), (0xC0, "mwi", 4),
        (0xD9, "mwi", 1), (0xF0, "mclass", 0), (0xF5, "mclass", 1),
    ):  # fmt: skip
        sms = bench.sms(esme, smin(data_coding=data_coding))
        assert getattr(sms, name) == value
        assert sms.coding == {0x1B: 2, 0xE8: 2, 0xF5: 1}.get(data_coding, 0)


# -- data_sm -----------------------------------------------------------------------------------------------------------


@clause("C-137", "C-138", "C-141")
def data_sms(bench: Bench) -> None:
    esme = bench.trx()
    reply = esme.request(wire.DATA_SM, data_sm(b"by data-sm"))
    assert (reply.command_status, reply.body) == (wire.ROK, reply.text + b"\0")
    sms = bench.at_box(reply.text)
    assert (sms.msgdata, sms.priority, sms.validity) == (b"by data-sm", -1, -1)
    with_header = esme.request(wire.DATA_SM, data_sm(UDH + b"text", esm_class=0x40))
    assert bench.at_box(with_header.text).udhdata == UDH
    refused = esme.request(wire.DATA_SM, data_sm(None, esm_class=0x40))
    assert (refused.command_status, refused.body) == (0x43, b"\0")


@clause("C-139")
def long_addresses_of_data_sm(bench: Bench) -> None:
    esme = bench.trx()
    assert esme.request(wire.DATA_SM, data_sm(destination=b"1" * 30, ton=2)).command_status == wire.ROK
    asked = data_sm(destination=b"1" * 30, ton=2, registered_delivery=1)
    assert esme.request(wire.DATA_SM, asked).command_status == wire.RINVDSTADR


@clause("C-140", "C-142", "C-143")
def quality_of_data_sm(bench: Bench) -> None:
    esme = bench.trx()
    reply = esme.request(
        wire.DATA_SM, data_sm() + wire.pack_tlvs({0x0017: (60).to_bytes(4, "big"), 0x0421: b"\1"})
    )
    assert abs(bench.at_box(reply.text).validity - time.time() - 60) <= 2
    assert reply.body == reply.text + b"\0"
    assert esme.request(wire.DATA_SM, data_sm(esm_class=2)).command_status == 0x43


# -- Times -------------------------------------------------------------------------------------------------------------


@clause("C-183", "C-187")
def times_that_are_none(bench: Bench) -> None:
    esme = bench.trx()
    for text in (
        b"471301000000000+",
        b"371301000000000+",
        b"371123250000000+",
        b"371123060000049+",
        b"37112306000000Z+",
        b"371123060000000X",
    ):
        bench.refuses(esme, smin(validity_period=text), 0x62)
        bench.refuses(esme, smin(schedule_delivery_time=text), 0x61)
    for text in (b"380101000000000+", b"991231235959000+"):
        bench.refuses(esme, smin(validity_period=text), 0x62)
        assert bench.sms(esme, smin(schedule_delivery_time=text)).deferred == -1


@clause("C-184")
def offsets(bench: Bench) -> None:
    esme = bench.trx()
    wanted = int(time.time()) // 60 * 60 + 86400
    for sign, shift in ((b"+", 3600), (b"-", -3600)):
        local = time.strftime("%y%m%d%H%M%S", time.gmtime(wanted + shift)).encode()
        assert bench.sms(esme, smin(validity_period=local + b"004" + sign)).validity == wanted


@clause("C-185", "C-186")
def relative_times(bench: Bench) -> None:
    esme = bench.trx()
    now = time.gmtime()
    month = now.tm_mon - 1 + 6
    first = calendar.timegm((now.tm_year + 2 + month // 12, month % 12 + 1, now.tm_mday, 0, 0, 0))
    wanted = first + 10 * 86400 + (now.tm_hour + 23) * 3600 + (now.tm_min + 34) * 60 + now.tm_sec + 29
    for text in (b"020610233429000R", b"020610233429959R"):
        validity = bench.sms(esme, smin(validity_period=text)).validity
        assert abs(validity - wanted) <= 2
    assert bench.sms(esme, smin(validity_period=b"990000000000000R")).validity == LATEST
