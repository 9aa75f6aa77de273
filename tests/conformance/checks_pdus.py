"""Header, framing, numbers, order, optional parameters: C-035 to C-062, C-075 to C-096."""

from __future__ import annotations

import itertools

from tests.conformance.bench import (
    VENDOR_TAG,
    Bench,
    alive,
    data_sm,
    ended,
    nacked,
    pdu,
    query_sm,
    raw,
    sar,
    smin,
    submit_multi,
    to,
)
from tests.conformance.clauses import clause
from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire

SUBMIT = wire.pack_message(smin())
EMPTY_UDH_PART = b"\x05\x00\x03\xa5\x02\x01"


@clause("C-035")
def lengths_are_true(bench: Bench) -> None:
    """The fake ESME reads by them; it would report what isn't whole."""
    esme = bench.trx()
    bench.receipt(esme)
    alive(esme)
    esme.unbind()
    assert not esme.problems


@clause("C-036")
def the_standards_bind_example(bench: Bench) -> None:
    esme = bench.open()
    raw(
        esme,
        "0000002F 00000002 00000000 00000001 534D50503354455354 00 7365637265743038 00 5355424D495431 00 00 01 01 00",
    )
    reply = esme.wait_response(1)
    assert (reply.command_id, reply.command_status) == (0x80000002, wire.RBINDFAIL)


@clause("C-037")
def packets_are_not_pdus(bench: Bench) -> None:
    esme = bench.trx()
    for octet in pdu(wire.SUBMIT_SM, SUBMIT, 100):
        raw(esme, bytes([octet]))
    assert esme.wait_response(100).command_status == wire.ROK
    raw(esme, b"".join(pdu(wire.SUBMIT_SM, SUBMIT, number) for number in range(200, 250)))
    assert {esme.wait_response(number).command_status for number in range(200, 250)} == {wire.ROK}


@clause("C-038", "C-042")
def length_too_small(bench: Bench) -> None:
    esme = bench.trx()
    reply = nacked(esme, "0000000F 00000015 00000000 00000001")
    assert reply.octets.hex() == "00000010800000000000000200000000"
    ended(esme)


@clause("C-039")
def length_too_large(bench: Bench) -> None:
    esme = bench.trx()
    assert nacked(esme, "7FFFFFFF 00000004 00000000 00000001").command_status == wire.RINVCMDLEN
    ended(esme)


@clause("C-040", "C-042")
def unknown_command(bench: Bench) -> None:
    esme = bench.trx()
    reply = nacked(esme, "00000010 00000777 00000000 00000009")
    assert reply.octets.hex() == "00000010800000000000000300000009"
    alive(esme)


@clause("C-041")
def reserved_commands(bench: Bench) -> None:
    esme = bench.trx()
    for command_id in (
        0x0A,
        0x0C,
        0x14,
        0x16,
        0x22,
        0x100,
        0x101,
        0x111,
        0x112,
        0x10200,
        0x80000102,
        0x80000777,
    ):
        assert nacked(esme, pdu(command_id)).command_status == wire.RINVCMDID
        alive(esme)


@clause("C-043")
def a_body_that_is_wrong(bench: Bench) -> None:
    esme = bench.trx()
    raw(esme, pdu(wire.SUBMIT_SM, b"\0\x01\x01491701", 50))
    reply = esme.wait_response(50)
    assert reply.command_id == wire.SUBMIT_SM | wire.RESPONSE
    assert reply.command_status != wire.ROK
    alive(esme)


@clause("C-044")
def no_body(bench: Bench) -> None:
    assert bench.trx().request(wire.SUBMIT_SM).command_status == wire.RINVCMDLEN


@clause("C-045")
def sm_length_beyond_the_pdu(bench: Bench) -> None:
    body = wire.pack_message(smin(b""))[:-1] + b"\x14Hello"
    assert bench.trx().request(wire.SUBMIT_SM, body).command_status == wire.RINVMSGLEN


@clause("C-046")
def octets_left_over(bench: Bench) -> None:
    esme = bench.trx()
    for rest in (bytes.fromhex("0424001041"), b"\x05\0\0\x02\0"):
        assert esme.request(wire.SUBMIT_SM, SUBMIT + rest).command_status == 0xC0
    for rest in (b"\x04", b"\0", b"\r", b" ", b"\r\n", b"\0\0\0"):
        for _ in range(3):  # ten bad ones in a row would close the bind
            assert esme.request(wire.SUBMIT_SM, SUBMIT + rest).command_status == wire.ROK
    parts = wire.pack_tlvs(sar(0xA5, 2, 1))
    before = len(bench.box.submits)
    for rest in (b"\0" + parts, parts + b"\0", b"\0" + parts + b"\r\n"):
        assert esme.request(wire.SUBMIT_SM, SUBMIT + rest).command_status == wire.ROK
    assert {sms.udhdata for sms in bench.box.wait_for_sms(before + 3)[before:]} == {EMPTY_UDH_PART}
    assert esme.request(wire.DATA_SM, data_sm() + b"\0").command_status == wire.ROK
    many = submit_multi(to(b"491709999999")) + b"\0"
    assert esme.request(wire.SUBMIT_MULTI, many).command_status == wire.ROK
    alive(esme)


@clause("C-047")
def more_than_a_header(bench: Bench) -> None:
    assert bench.trx().request(wire.ENQUIRE_LINK, b"more").command_status == wire.ROK


@clause("C-048")
def status_of_requests(bench: Bench) -> None:
    esme = bench.trx()
    raw(esme, pdu(wire.SUBMIT_SM, SUBMIT, 60, status=0x58))
    assert esme.wait_response(60).command_status == wire.ROK
    asked = esme.wait_request(wire.ENQUIRE_LINK)
    assert asked.command_status == 0


@clause("C-049")
def sizes_of_strings(bench: Bench) -> None:
    esme = bench.trx()
    bench.sms(esme, smin(destination_addr=b"1" * 20))
    for fields, status in (
        ({"destination_addr": b"1" * 21}, wire.RINVDSTADR),
        ({"source_addr": b"1" * 21}, wire.RINVSRCADR),
        ({"service_type": b"ABCDEF"}, 0x15),
        ({"schedule_delivery_time": b"0" * 17}, 0x61),
        ({"validity_period": b"0" * 17}, 0x62),
    ):
        bench.refuses(esme, smin(**fields), status)
    assert esme.request(wire.QUERY_SM, query_sm(b"x" * 65)).command_status == 0x0C


# -- Numbers, order, window --------------------------------------------------------------------------------------------


@clause("C-052", "C-053")
def numbers_come_back(bench: Bench) -> None:
    esme = bench.trx()
    for number in (1, 0x12345678, 0x7FFFFFFF, 0, 0x80000001):
        esme.responses.pop(number, None)
        raw(esme, pdu(wire.SUBMIT_SM, SUBMIT, number))
        assert esme.wait_response(number).command_status == wire.ROK


@clause("C-055")
def each_side_has_its_numbers(bench: Bench) -> None:
    esme = bench.trx(policy=bench.deaf())
    mo = bench.mo("open")
    message = esme.wait_text(b"open")
    esme.responses.clear()
    raw(esme, pdu(wire.SUBMIT_SM, SUBMIT, message.sequence_number))
    assert esme.wait_response(message.sequence_number).command_status == wire.ROK
    esme.answer(message)
    assert bench.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS


@clause("C-057")
def the_same_number_twice(bench: Bench) -> None:
    bench.hold()
    esme = bench.trx()
    raw(esme, pdu(wire.SUBMIT_SM, SUBMIT, 70) * 2)
    first, second = bench.box.wait_for(lambda: bench.box.submits[:2][1:] and bench.box.submits, "two MTs")
    for submit in (first, second):
        esme.responses.pop(70, None)
        bench.box.ack(submit)
        assert esme.wait_response(70).text == submit.sms.id
    assert first.sms.id != second.sms.id


@clause("C-058", "C-127")
def a_thousand_at_once(bench: Bench) -> None:
    esme = bench.trx()
    raw(esme, b"".join(pdu(wire.SUBMIT_SM, SUBMIT, number) for number in range(5000, 6000)))
    replies = [esme.wait_response(number) for number in range(5000, 6000)]
    assert {reply.command_status for reply in replies} == {wire.ROK}
    assert len({reply.text for reply in replies}) == 1000


@clause("C-059")
def responses_keep_their_order(bench: Bench) -> None:
    esme = bench.trx()
    raw(esme, b"".join(pdu(wire.SUBMIT_SM, SUBMIT, number) for number in range(300, 400)))
    esme.wait_response(399)
    assert [number for number in esme.responses if number >= 300] == list(range(300, 400))


@clause("C-060")
def answers_in_any_order(bench: Bench) -> None:
    esme = bench.trx(policy=bench.deaf())
    mos = [bench.mo(f"mo {number}") for number in range(10)]
    for message in reversed(esme.wait_deliveries(10)):
        esme.answer(message)
    assert [bench.box.wait_for_ack(mo).nack for mo in mos] == [0] * 10
    assert all(len(bench.box.acks_of(mo)) == 1 for mo in mos)


@clause("C-062")
def throttled(bench: Bench) -> None:
    esme = bench.trx_of(bench.other(throughput=5))
    replies = esme.submit_all((smin() for _ in range(20)), window=20)
    statuses = [reply.command_status for reply in replies]
    passed = statuses.count(wire.ROK)
    assert 4 <= passed <= 7
    assert statuses.count(wire.RTHROTTLED) == 20 - passed
    assert len(bench.box.submits) == passed
    esme.wait_for(lambda: esme.submit(smin()).command_status == wire.ROK, "a token", 3)


# -- Optional parameters -----------------------------------------------------------------------------------------------


@clause("C-075", "C-076")
def tlvs_that_are_not_for_us(bench: Bench) -> None:
    esme = bench.trx()
    tlvs = {0x1500: b"abc", 0x0427: b"\x02", 0x001E: b"id\0", 0x0210: b"\x34", **sar(0xA5, 2, 1)}
    assert bench.sms(esme, smin(tlvs=tlvs)).udhdata == EMPTY_UDH_PART


@clause("C-077", "C-101")
def reserved_values(bench: Bench) -> None:
    esme = bench.trx()
    for fields in (
        {"source_addr_ton": 7},
        {"dest_addr_ton": 7},
        {"source_addr_npi": 2},
        {"dest_addr_npi": 2},
        {"priority_flag": 9},
        {"registered_delivery": 0x80},
    ):
        bench.sms(esme, smin(**fields))


@clause("C-078", "C-090")
def segments(bench: Bench) -> None:
    esme = bench.trx()
    assert bench.sms(esme, smin(tlvs=sar(0xA5, 2, 1))).udhdata == EMPTY_UDH_PART
    assert bench.sms(esme, smin(tlvs=sar(0x1234, 2, 1))).udhdata == bytes.fromhex("06080412340201")
    for total, number in ((0, 1), (2, 0), (2, 3)):
        bench.refuses(esme, smin(tlvs=sar(1, total, number)), 0xC4)
    assert not bench.sms(esme, smin(tlvs=sar(0, 0, 0))).udhdata
    assert not bench.sms(esme, smin(tlvs=sar(1, 1, 1))).udhdata


@clause("C-079")
def data_sm_without_payload(bench: Bench) -> None:
    reply = bench.trx().request(wire.DATA_SM, data_sm(None))
    assert reply.command_status == wire.ROK
    assert bench.at_box(reply.text).msgdata == b""


@clause("C-080")
def values_of_wrong_length(bench: Bench) -> None:
    esme = bench.trx()
    bench.sms(esme, smin(tlvs={0x0381: b"1" * 30}))
    assert not bench.sms(esme, smin(tlvs={**sar(1, 2, 1), wire.SAR_REF: b"\0\0\1"})).udhdata
    seconds = wire.pack_tlvs({0x0017: b"\1"})
    assert esme.request(wire.DATA_SM, data_sm() + seconds).command_status == 0xC2


@clause("C-082", "C-083")
def tlvs_in_any_order(bench: Bench) -> None:
    esme = bench.trx()
    for order in itertools.permutations(sar(0xA5, 2, 1).items()):
        (first, one), (second, two), (third, three) = order
        tlvs = {0x130C: b"", first: one, 0x0426: b"\1", second: two, 0x1500: b"", third: three}
        assert bench.sms(esme, smin(tlvs=tlvs)).udhdata == EMPTY_UDH_PART


@clause("C-084")
def vendor_tlvs(bench: Bench) -> None:
    esme = bench.trx()
    assert bench.sms(esme, smin(tlvs={VENDOR_TAG: b"a b"})).meta_data == b"?smpp?vendor=a+b&"
    assert bench.sms(esme, smin(tlvs={0x1500: b"x"})).meta_data == b"?smpp?"
    bench.mo("vendor", meta_data=b"?smpp?vendor=%00%FF&")
    assert esme.wait_text(b"vendor").tlvs == {VENDOR_TAG: b"\0\xff"}


@clause("C-086")
def repeated_tlvs(bench: Bench) -> None:
    twice = wire.pack_tlvs({0x0381: b"\x01\x01\x01491701"}) * 2
    assert bench.trx().request(wire.SUBMIT_SM, SUBMIT + twice).command_status == wire.ROK


@clause("C-087")
def message_payload(bench: Bench) -> None:
    esme = bench.trx()
    text = b"x" * 300
    assert bench.sms(esme, smin(b"", tlvs={wire.MESSAGE_PAYLOAD: text})).msgdata == text
    octets = bytes(range(250)) * 120
    assert bench.sms(esme, smin(b"", data_coding=4, tlvs={wire.MESSAGE_PAYLOAD: octets})).msgdata == octets


@clause("C-088")
def text_and_payload(bench: Bench) -> None:
    esme = bench.trx()
    assert bench.sms(esme, smin(tlvs={wire.MESSAGE_PAYLOAD: b"other"})).msgdata == b"Hello"
    for nothing in (b" ", b"\0"):
        assert bench.sms(esme, smin(nothing, tlvs={wire.MESSAGE_PAYLOAD: b"other"})).msgdata == b"other"


@clause("C-089")
def half_of_the_segment_tlvs(bench: Bench) -> None:
    esme = bench.trx()
    for count in (1, 2):
        for some in itertools.combinations(sar(1, 2, 1).items(), count):
            assert not bench.sms(esme, smin(tlvs=dict(some))).udhdata


@clause("C-091")
def header_and_segment_tlvs(bench: Bench) -> None:
    esme = bench.trx()
    part = EMPTY_UDH_PART + b"text"
    bench.refuses(
        esme, smin(bytes.fromhex("0605040b840000") + b"text", esm_class=0x40, tlvs=sar(1, 2, 1)), 0xC4
    )
    assert bench.sms(esme, smin(part, esm_class=0x40, tlvs=sar(1, 2, 1))).udhdata == EMPTY_UDH_PART
    ported = bench.sms(esme, smin(part, esm_class=0x40, tlvs={0x020B: b"\x0b\x84"}))
    assert (ported.udhdata, ported.msgdata) == (EMPTY_UDH_PART, b"text")


@clause("C-092")
def ports(bench: Bench) -> None:
    esme = bench.trx()
    tlvs = {0x020B: b"\x0b\x84"}
    assert bench.sms(esme, smin(tlvs=tlvs)).udhdata == bytes.fromhex("0605040b840000")
    tlvs[0x020A] = b"\x23\xf0"
    assert bench.sms(esme, smin(tlvs=tlvs)).udhdata == bytes.fromhex("0605040b8423f0")
    part = bench.sms(esme, smin(tlvs={**tlvs, **sar(0xA5, 2, 1)}))
    assert part.udhdata == bytes.fromhex("0b05040b8423f00003a50201")


@clause("C-093")
def class_and_waiting(bench: Bench) -> None:
    esme = bench.trx()
    for value, mclass in ((1, 0), (2, 1), (3, 2), (4, 3), (0, -1)):
        assert bench.sms(esme, smin(tlvs={0x0005: bytes([value])})).mclass == mclass
    for value, mwi in ((0x80, 0), (0x81, 1), (0x00, 4), (0x03, 7)):
        assert bench.sms(esme, smin(tlvs={0x0030: bytes([value])})).mwi == mwi


@clause("C-094", "C-095", "C-096", "C-143")
def tlvs_without_effect(bench: Bench) -> None:
    esme = bench.trx()
    for tag, value in {
        0x0006: b"\1",
        0x0007: b"\1",
        0x0008: b"\0\1",
        0x0426: b"\1",
        0x0421: b"\1",
        0x0019: b"\0",
        0x0201: b"\1",
        0x0202: b"\x80ab",
        0x0203: b"\x80ab",
        0x0205: b"\1",
        0x1201: b"\1",
        0x1203: b"\0\1",
        0x1204: b"\1",
        0x0304: b"\1",
        0x020D: b"\1",
        0x1380: b"\1",
        0x1383: b"\0\1",
        0x0501: b"\1",
    }.items():
        sms = bench.sms(esme, smin(tlvs={tag: value}))
        assert (sms.udhdata, sms.mclass, sms.mwi, sms.meta_data) == (None, -1, -1, b"?smpp?")
