"""submit_sm and data_sm -> sms: worked examples, statuses, addresses, times, TLVs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel.codec import BoxLink, pack_sms
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.smpp.codec import unpack_body
from ksmppd_py.smpp.destinations import SmeAddress
from ksmppd_py.smpp.link import SmppLink
from ksmppd_py.smpp.pdus import DataSm, SubmitMulti, SubmitSm
from ksmppd_py.smpp.tlvs import TlvType
from ksmppd_py.translate import addresses
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.mt import from_data_sm, from_submit_sm
from ksmppd_py.translate.multi import expand
from ksmppd_py.translate.tlvs import TlvDefinition, TlvTables
from tests.smpp.client_octets import SUBMITS, Submit

ID = b"11111111-2222-4333-8444-555555555555"
NOW = 1795414823  # 2026-11-23 06:20:23 UTC
HOUR = 3600
LAST_HOUR = NOW - NOW % HOUR
V34 = BindOptions(0x34)
SMIN = SubmitSm(
    source_addr_ton=1,
    source_addr_npi=1,
    source_addr=b"491701",
    dest_addr_ton=1,
    dest_addr_npi=1,
    destination_addr=b"491709999999",
    short_message=b"Hello",
)
DATA = DataSm(
    source_addr_ton=1,
    source_addr_npi=1,
    source_addr=b"491701",
    dest_addr_ton=1,
    dest_addr_npi=1,
    destination_addr=b"491709999999",
    tlvs={0x0424: b"by data sm"},
)
SAR = {0x020C: b"\x00\xa5", 0x020E: b"\x02", 0x020F: b"\x01"}
VENDOR = BindOptions(
    tlvs=TlvTables(
        [
            TlvDefinition("vendor_oct", 0x1400, 8, TlvType.OCTETS),
            TlvDefinition("vendor_str", 0x1401, 8, TlvType.C_STRING),
            TlvDefinition("vendor_int", 0x1402, 4, TlvType.INTEGER),
            TlvDefinition("user_ref", 0x0204, 2, TlvType.INTEGER),
        ]
    ).for_system_id("esme1")
)


def submit(options: BindOptions = V34, **fields: Any) -> Sms:
    return from_submit_sm(dataclasses.replace(SMIN, **fields), options, b"esme1", ID, NOW)


def data(options: BindOptions = V34, **fields: Any) -> Sms:
    return from_data_sm(dataclasses.replace(DATA, **fields), options, b"esme1", ID, NOW)


def refused(options: BindOptions = V34, **fields: Any) -> int:
    with pytest.raises(Untranslatable) as refusal:
        submit(options, **fields)
    assert refusal.value.reason
    return refusal.value.command_status


def test_worked_example_1() -> None:
    pdu = bytes.fromhex(
        "0000003d000000040000000000000001 00 0101" + b"49170123456\0".hex() + "0101" + b"491709999999\0".hex()
        + "000000 0000 0100000005" + b"Hello".hex()
    )  # fmt: skip
    body = unpack_body(4, pdu, 16, len(pdu))
    assert isinstance(body, SubmitSm)
    now = 0x6B03DF69
    sms = from_submit_sm(body, V34, b"esme1", ID, now)
    assert sms.dlr_url == b"esme1|%d|%b" % (now, ID)
    sms.dlr_url = None  # the example was taken before it is filled in
    assert pack_sms(sms)[4:] == bytes.fromhex(
        """00000002 0000000c 2b3439313730313233343536 0000000d 2b343931373039393939393939 ffffffff
        00000005 48656c6c6f 6b03df69 ffffffff ffffffff ffffffff 00000005 65736d6531 ffffffff 00000024"""
        + ID.hex()
        + """00000002 ffffffff ffffffff 00000000 00000000 ffffffff ffffffff 00000013 ffffffff
        00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 ffffffff ffffffff
        00000006 3f736d70703f"""
    )


def test_worked_example_3() -> None:
    sms = submit(esm_class=0x40, short_message=bytes.fromhex("050003a5020148656c6c6f"))
    assert (sms.udhdata, sms.msgdata, sms.coding) == (bytes.fromhex("050003a50201"), b"Hello", 0)
    assert refused(esm_class=0x40, short_message=bytes.fromhex("0a0003a502014865")) == 0x43


def test_worked_example_4() -> None:
    sms = submit(tlvs=SAR)
    assert (sms.udhdata, sms.msg_left, sms.msgdata) == (bytes.fromhex("050003a50201"), 1, b"Hello")


def test_worked_example_5() -> None:
    tlvs = {0x1402: bytes.fromhex("00000100"), 0x1401: b"str\0", 0x0204: b"\x00\x07"}
    sms = submit(VENDOR, tlvs=tlvs)
    assert sms.meta_data == b"?smpp?vendor_int=256&vendor_str=str&user_ref=7&"


def test_everything_that_is_carried() -> None:
    sms = submit(
        service_type=b"VMA",
        esm_class=0x80,
        protocol_id=0x7F,
        priority_flag=3,
        registered_delivery=0x11,
        data_coding=0xF1,
    )
    assert sms == Sms(
        sender=b"+491701",
        receiver=b"+491709999999",
        msgdata=b"Hello",
        time=NOW,
        service=b"esme1",
        id=ID,
        sms_type=2,
        mclass=1,
        coding=0,
        dlr_mask=23,
        dlr_url=b"esme1|%d|%b" % (NOW, ID),
        pid=0x7F,
        alt_dcs=1,
        rpi=1,
        binfo=b"VMA",
        priority=3,
        meta_data=b"?smpp?",
    )


@pytest.mark.parametrize(("flag", "priority"), [(0, 0), (3, 3), (4, 0), (200, 0), (255, 0)])  # D-10
def test_priority(flag: int, priority: int) -> None:
    assert submit(priority_flag=flag).priority == priority


@pytest.mark.parametrize(
    ("registered_delivery", "dlr_mask"),
    [(0, 0), (1, 19), (2, 18), (3, 1), (0x04, 0), (0x0C, 0), (0x10, 4), (0x11, 23), (0x12, 22), (0xE1, 19)],
)
def test_dlr_mask(registered_delivery: int, dlr_mask: int) -> None:
    assert submit(registered_delivery=registered_delivery).dlr_mask == dlr_mask


@pytest.mark.parametrize(
    ("ton", "address", "expected"),
    [
        (1, b"491701", b"+491701"),
        (1, b"00491701234", b"+491701234"),
        (1, b"+491701234", b"+491701234"),
        (1, b"+00491701234", b"+00491701234"),
        (1, b"001", b"+1"),
        (1, b"abc", None),  # Improve: the original checks from 7 characters on
        (1, b"abcdefgh", None),
        (1, b"+", None),
        (1, b"00", None),
        (1, b"49 170", None),
        (1, "491701²".encode(), None),
        (2, b"0170123", b"0170123"),
        (5, b"Acme Co", b"Acme Co"),
        (7, b"+x", b"+x"),
    ],
)
def test_addresses(ton: int, address: bytes, expected: bytes | None) -> None:
    if expected is None:
        assert refused(source_addr_ton=ton, source_addr=address) == 0x0A
        assert refused(dest_addr_ton=ton, destination_addr=address) == 0x0B
    else:
        assert submit(source_addr_ton=ton, source_addr=address).sender == expected
        assert submit(dest_addr_ton=ton, destination_addr=address).receiver == expected


@pytest.mark.parametrize("ton", [0, 1, 5])
def test_empty_addresses(ton: int) -> None:
    assert submit(source_addr_ton=ton, source_addr=b"").sender == b""
    assert refused(dest_addr_ton=ton, destination_addr=b"") == 0x0B


CONCATENATION, PORT = bytes.fromhex("050003a50201"), bytes.fromhex("06050423f00000")


@pytest.mark.parametrize(
    ("tlvs", "udhdata", "msg_left"),
    [
        ({0x020C: b"\x12\x34", 0x020E: b"\x02", 0x020F: b"\x01"}, "06080412340201", 1),
        ({0x020F: b"\x02", 0x1400: b"x", 0x020E: b"\x02", 0x020C: b"\x00\xa5"}, "050003a50202", 0),
        ({0x020C: b"\x00\xa5", 0x020E: b"\x01", 0x020F: b"\x01"}, None, 0),
        ({0x020C: b"\x00\x00", 0x020E: b"\x02", 0x020F: b"\x01"}, "050003000201", 1),
        ({0x020C: b"\x00\xa5", 0x020E: b"\xff", 0x020F: b"\x01"}, "050003a5ff01", 254),
        # D-06: as none
        ({0x020C: b"\x00\xa5"}, None, -1),
        ({0x020E: b"\x02"}, None, -1),
        ({0x020F: b"\x01"}, None, -1),
        ({0x020C: b"\x00\xa5", 0x020E: b"\x02"}, None, -1),
        ({0x020C: b"\x00\xa5", 0x020F: b"\x01"}, None, -1),
        ({0x020E: b"\x02", 0x020F: b"\x01"}, None, -1),
        ({0x020C: b"\x00\xa5", 0x020E: b"\x00"}, None, -1),
        ({0x020C: b"\x00\x00", 0x020E: b"\x00", 0x020F: b"\x00"}, None, -1),
        ({0x020C: b"\x00\xa5", 0x020E: b"\x00", 0x020F: b"\x00"}, None, -1),
        (SAR | {0x020C: b"\xa5"}, None, -1),
        (SAR | {0x020C: b"\x00\x00\xa5"}, None, -1),
        (SAR | {0x020E: b""}, None, -1),
        (SAR | {0x020E: b"\x00\x02"}, None, -1),
        (SAR | {0x020F: b"\x00\x00\x00\x01"}, None, -1),
    ],
)
def test_sar(tlvs: dict[int, bytes], udhdata: str | None, msg_left: int) -> None:
    sms = submit(tlvs=tlvs)
    assert sms.udhdata == (None if udhdata is None else bytes.fromhex(udhdata))
    assert (sms.msg_left, sms.msgdata) == (msg_left, b"Hello")
    assert submit(BindOptions(0x33), tlvs=tlvs) == sms  # D-04
    assert data(tlvs=tlvs | {0x0424: b"Hello"}).udhdata == sms.udhdata


@pytest.mark.parametrize(
    "wrong",
    [{0x020E: b"\x00"}, {0x020F: b"\x00"}, {0x020F: b"\x03"}, {0x020E: b"\x01", 0x020F: b"\xff"}],
)
def test_bad_sar(wrong: dict[int, bytes]) -> None:
    assert refused(tlvs=SAR | wrong) == 0xC4


@pytest.mark.parametrize(
    "header", ["050003a50201", "06080400a50201", "0b05040b8423f00003a50201", "090003a502010102ffff"]
)
def test_sar_beside_a_concatenation(header: str) -> None:
    """D-06: the UDH says which part it is, the TLVs are as none."""
    udhdata = bytes.fromhex(header)
    sms = submit(tlvs=SAR, esm_class=0x40, short_message=udhdata + b"Hello")
    assert (sms.udhdata, sms.msg_left, sms.msgdata) == (udhdata, -1, b"Hello")


@pytest.mark.parametrize("header", ["06050423f00000", "00", "0401020000"])
def test_sar_beside_another_udh(header: str) -> None:
    udhdata = bytes.fromhex(header)
    assert refused(tlvs=SAR, esm_class=0x40, short_message=udhdata + b"Hello") == 0xC4
    incomplete = {0x020C: b"\x00\xa5", 0x020F: b"\x01"}
    assert submit(tlvs=incomplete, esm_class=0x40, short_message=udhdata + b"Hello").udhdata == udhdata


@pytest.mark.parametrize(
    ("tlvs", "udhdata", "msg_left"),
    [
        ({0x020B: b"\x23\xf0"}, "06050423f00000", -1),
        ({0x020B: b"\x0b\x84", 0x020A: b"\x23\xf0"}, "0605040b8423f0", -1),
        ({0x020A: b"\x23\xf0", 0x020B: b"\x0b\x84"}, "0605040b8423f0", -1),
        ({0x020B: b"\x00\x00"}, "06050400000000", -1),
        ({0x020B: b"\xff\xff", 0x020A: b"\xff\xff"}, "060504ffffffff", -1),
        ({0x020B: b"\x0b\x84", 0x020A: b"\x23\xf0"} | SAR, "0b05040b8423f00003a50201", 1),
        (SAR | {0x020B: b"\x0b\x84", 0x020C: b"\x12\x34"}, "0c05040b840000080412340201", 1),
        ({0x020B: b"\x0b\x84", 0x020C: b"\x00\xa5"}, "0605040b840000", -1),
        ({0x020B: b"\x0b\x84"} | SAR | {0x020E: b"\x01"}, "0605040b840000", 0),
        ({0x020B: b"\x0b"}, None, -1),
        ({0x020B: b"\x00\x0b\x84"}, None, -1),
        ({0x020B: b"\x0b\x84", 0x020A: b"\xf0"}, "0605040b840000", -1),
        ({0x020A: b"\x23\xf0"}, None, -1),  # from a port to none: no handset takes port 0
    ],
)
def test_ports(tlvs: dict[int, bytes], udhdata: str | None, msg_left: int) -> None:
    """D-22."""
    sms = submit(tlvs=tlvs)
    assert sms.udhdata == (None if udhdata is None else bytes.fromhex(udhdata))
    assert (sms.msg_left, sms.msgdata) == (msg_left, b"Hello")
    assert data(tlvs=tlvs | {0x0424: b"Hello"}).udhdata == sms.udhdata


@pytest.mark.parametrize("udhdata", [CONCATENATION, PORT, b"\x00"])
def test_ports_beside_a_udh(udhdata: bytes) -> None:
    sms = submit(tlvs={0x020B: b"\x0b\x84"}, esm_class=0x40, short_message=udhdata + b"Hello")
    assert (sms.udhdata, sms.msgdata) == (udhdata, b"Hello")


@pytest.mark.parametrize(
    ("data_coding", "tlvs", "mclass", "mwi"),
    [
        (0, {0x0005: b"\x00"}, -1, -1),
        (0, {0x0005: b"\x01"}, 0, -1),
        (0, {0x0005: b"\x02"}, 1, -1),
        (8, {0x0005: b"\x03"}, 2, -1),
        (4, {0x0005: b"\x04"}, 3, -1),
        (0, {0x0005: b"\x05"}, -1, -1),
        (0, {0x0005: b"\xff"}, -1, -1),
        (0, {0x0005: b""}, -1, -1),
        (0, {0x0005: b"\x00\x01"}, -1, -1),
        (0xF1, {0x0005: b"\x01"}, 1, -1),
        (0x18, {0x0005: b"\x03"}, 0, -1),
        (0, {0x0030: b"\x80"}, -1, 0),
        (0, {0x0030: b"\x81"}, -1, 1),
        (8, {0x0030: b"\x82"}, -1, 2),
        (0, {0x0030: b"\x83"}, -1, 3),
        (0, {0x0030: b"\x00"}, -1, 4),
        (3, {0x0030: b"\x03"}, -1, 7),
        (0, {0x0030: b"\xfc"}, -1, 0),  # the bits between are reserved
        (0, {0x0030: b"\x80\x00"}, -1, -1),
        (4, {0x0030: b"\x80"}, -1, -1),
        (0xC8, {0x0030: b"\x81"}, -1, 0),
        (0xF0, {0x0030: b"\x81"}, 0, -1),
        (0, {0x0005: b"\x01", 0x0030: b"\x80"}, 0, 0),
    ],
)
def test_class_and_waiting(data_coding: int, tlvs: dict[int, bytes], mclass: int, mwi: int) -> None:
    """D-22; what data_coding says comes first."""
    sms = submit(data_coding=data_coding, tlvs=tlvs)
    assert (sms.mclass, sms.mwi) == (mclass, mwi)


def test_configured_tags_stay_tlvs() -> None:
    names = {"dport": (0x020B, 2), "sport": (0x020A, 2), "subunit": (0x0005, 1), "waiting": (0x0030, 1)}
    for name, (tag, length) in names.items():
        definition = TlvDefinition(name, tag, length, TlvType.INTEGER)
        options = BindOptions(tlvs=TlvTables([definition]).for_system_id("esme1"))
        tlvs = {0x020B: b"\x0b\x84", 0x020A: b"\x23\xf0", 0x0005: b"\x02", 0x0030: b"\x81"}
        sms = submit(options, tlvs=tlvs)
        assert sms.meta_data == b"?smpp?%b=%d&" % (name.encode(), int.from_bytes(tlvs[tag], "big"))
        assert (sms.udhdata is None) == (name in ("dport", "sport"))
        assert (sms.mclass, sms.mwi) == (-1 if name == "subunit" else 1, -1 if name == "waiting" else 1)


@pytest.mark.parametrize("client_submit", SUBMITS, ids=lambda submit: f"{submit.client}: {submit.about}")
def test_what_clients_send_is_taken(client_submit: Submit) -> None:
    ((_, _, _, pdu),) = SmppLink().receive(client_submit.octets)
    assert isinstance(pdu, SubmitSm)
    sms = from_submit_sm(pdu, V34, b"esme1", ID, NOW)
    tomorrow = NOW + 24 * HOUR - 1
    assert (sms.deferred, sms.validity) == (-1, tomorrow if pdu.validity_period.startswith(b"261124") else -1)
    if pdu.data_coding in (0, 1):
        assert sms.msgdata == b"Hello"


def test_payload() -> None:
    assert submit(short_message=b"", tlvs={0x0424: b"x" * 300}).msgdata == b"x" * 300
    assert submit(BindOptions(0x33), short_message=b"", tlvs={0x0424: b"x"}).msgdata == b"x"  # D-04
    sms = submit(short_message=b"", tlvs={0x0424: bytes.fromhex("050003a50201") + b"x"}, esm_class=0x40)
    assert (sms.udhdata, sms.msgdata) == (bytes.fromhex("050003a50201"), b"x")
    assert submit(short_message=b"").msgdata == b""
    assert refused(short_message=b"", esm_class=0x40) == 0x43


@pytest.mark.parametrize(
    ("short_message", "data_coding", "payload", "taken"),
    [
        (b"Hello", 0, b"x", b"Hello"),
        (b"Hello", 0, b"", b"Hello"),
        (b"", 0, b"x", b"x"),
        (b"", 0, b"", b""),
        (b" ", 0, b"x", b"x"),
        (b"\0", 0, b"x", b"x"),
        (b" ", 4, b"x", b"x"),
        (b"\0", 4, b"x", b"x"),
        (b" ", 0, b"", b" "),
        (b" ", 8, b"\0x", b"\0x"),
        (b"\0", 8, b"\0x", b"\0x"),
        (b"\0 ", 8, b"\0x", b"\0x"),
        (b"\0\0", 8, b"\0x", b"\0x"),
        (b"\0 ", 0x18, b"\0x", b"\0x"),
        (b"\0 ", 4, b"x", b"\0 "),
        (b"  ", 0, b"x", b"  "),
        (b"\0\0", 4, b"x", b"\0\0"),
    ],
)
def test_payload_beside_a_text(short_message: bytes, data_coding: int, payload: bytes, taken: bytes) -> None:
    """D-24: a blank or a NUL stands for an empty short_message."""
    sms = submit(short_message=short_message, data_coding=data_coding, tlvs={0x0424: payload})
    assert sms.msgdata == taken
    (one,) = expand(_many(short_message, data_coding, {0x0424: payload}), ID)
    assert from_submit_sm(one, V34, b"esme1", ID, NOW).msgdata == taken


def _many(short_message: bytes, data_coding: int, tlvs: dict[int, bytes], **fields: Any) -> SubmitMulti:
    return SubmitMulti(
        dest_addresses=[SmeAddress(1, 1, b"491709999999")],
        short_message=short_message,
        data_coding=data_coding,
        tlvs=tlvs,
        **fields,
    )


def test_submit_multi_cannot_replace() -> None:
    """D-30: the flag is ignored, as a submit_sm's."""
    for flag in (0, 1, 7, 255):
        assert len(expand(_many(b"Hello", 0, {}, replace_if_present_flag=flag), ID)) == 1
        assert submit(replace_if_present_flag=flag).msgdata == b"Hello"


def test_payload_beside_a_nul_has_the_udh() -> None:
    sms = submit(short_message=b"\0", tlvs={0x0424: CONCATENATION + b"x"}, esm_class=0x40)
    assert (sms.udhdata, sms.msgdata) == (CONCATENATION, b"x")


def test_fields_in_meta_data() -> None:
    """docs/rules/messages.md 1: what Kannel's SMPP client honours."""
    fields = {"source_addr_ton": 5, "source_addr_npi": 0, "source_addr": b"Acme", "data_coding": 3}
    passing = dataclasses.replace(VENDOR, fields_in_meta_data=True)
    kept = b"source_addr_ton=5&source_addr_npi=0&dest_addr_ton=1&dest_addr_npi=1&data_coding=3&"
    assert submit(passing, **fields).meta_data == b"?smpp?" + kept
    tlvs = {0x1402: b"\x00\x00\x01\x00"}
    assert submit(passing, tlvs=tlvs, **fields).meta_data == b"?smpp?" + kept + b"vendor_int=256&"
    assert data(passing).meta_data == (
        b"?smpp?source_addr_ton=1&source_addr_npi=1&dest_addr_ton=1&dest_addr_npi=1&data_coding=0&"
    )
    assert submit(VENDOR, **fields).meta_data == b"?smpp?"


@pytest.mark.parametrize(("header", "text"), [(135, 119), (138, 10), (131, 2000), (101, 40_000)])
def test_no_room_beside_the_udh(header: int, text: int) -> None:
    """Refused before the account is charged for parts that can't be sent."""
    octets = bytes((header - 1,)) + bytes(header - 1) + b"x" * text
    payload = {"short_message": b"", "tlvs": {0x0424: octets}}
    fields = payload if len(octets) > 254 else {"short_message": octets}
    assert refused(esm_class=0x40, data_coding=4, **fields) == 0x01


def test_a_long_udh() -> None:
    octets = bytes((130,)) + bytes(130) + b"x" * 100
    assert len(submit(esm_class=0x40, data_coding=4, short_message=octets).udhdata or b"") == 131


def test_sm_default_msg_id() -> None:  # D-11
    assert refused(short_message=b"", sm_default_msg_id=5) == 0x63
    assert submit(sm_default_msg_id=5).msgdata == b"Hello"
    assert submit(short_message=b"", sm_default_msg_id=5, tlvs={0x0424: b"x"}).msgdata == b"x"


def test_sm_length_255() -> None:  # D-11
    assert len(submit(short_message=b"x" * 254).msgdata or b"") == 254
    assert refused(short_message=b"x" * 255) == 0x01
    assert refused(BindOptions(0x33), short_message=b"x" * 255) == 0x01
    assert len(submit(BindOptions(0x50), short_message=b"x" * 255).msgdata or b"") == 255


@pytest.mark.parametrize(
    ("text", "validity", "deferred"),
    [
        (b"", -1, -1),
        (b"000000010000000R", NOW + HOUR, NOW + HOUR),
        (b"000001000000000R", NOW + 24 * HOUR, NOW + 24 * HOUR),
        (b"000000000130000R", NOW + 90, NOW + 90),  # Improve: seconds, not whole minutes
        (b"000000000001000R", NOW + 1, NOW + 1),
        (b"261123070000004-", LAST_HOUR + 2 * HOUR, LAST_HOUR + 2 * HOUR),
        (b"261123090000004+", LAST_HOUR + 2 * HOUR, LAST_HOUR + 2 * HOUR),
        (b"261123062024000+", NOW + 1, NOW + 1),
        (b"990000000000000R", 0x7FFFFFFF, 0x7FFFFFFF),
        # D-26: none given, now
        (b"000000000000000R", -1, -1),
        (b"000000000000959R", -1, -1),
        # D-26: a schedule in the past is now, a validity is over
        (b"261123062023000+", NOW, -1),
        (b"261123062022000+", 0x62, -1),
        (b"261123062022900-", 0x62, -1),
        (b"261123072022004+", 0x62, -1),
        (b"261123070000004+", 0x62, -1),
        (b"251123062023000+", 0x62, -1),
        (b"380101000000000+", 0x62, -1),
        (b"700101000000000+", 0x62, -1),
        (b"991231235959000+", 0x62, -1),
        # malformed
        (b"261301000000000+", 0x62, 0x61),
        (b"261123250000000+", 0x62, 0x61),
        (b"261123060000049+", 0x62, 0x61),
        (b"26112306000000Z+", 0x62, 0x61),
        (b"261123060000000X", 0x62, 0x61),
        (b"000000000000000+", 0x62, 0x61),
        (b"0000000000000000", 0x62, 0x61),
        (b"0000000100", 0x62, 0x61),
        (b"0", 0x62, 0x61),
    ],
)
def test_times(text: bytes, validity: int, deferred: int) -> None:
    """Times at the box, or the status of a refusal; a submit_multi has the same."""
    (valid,) = expand(_many(b"Hello", 0, {}, validity_period=text), ID)
    (scheduled,) = expand(_many(b"Hello", 0, {}, schedule_delivery_time=text), ID)
    if validity in (0x61, 0x62):
        assert refused(validity_period=text) == validity
        with pytest.raises(Untranslatable):
            from_submit_sm(valid, V34, b"esme1", ID, NOW)
    else:
        assert submit(validity_period=text).validity == validity
        assert from_submit_sm(valid, V34, b"esme1", ID, NOW).validity == validity
    if deferred in (0x61, 0x62):
        assert refused(schedule_delivery_time=text) == deferred
        with pytest.raises(Untranslatable):
            from_submit_sm(scheduled, V34, b"esme1", ID, NOW)
    else:
        assert submit(schedule_delivery_time=text).deferred == deferred
        assert from_submit_sm(scheduled, V34, b"esme1", ID, NOW).deferred == deferred


def test_data_sm() -> None:
    sms = data(registered_delivery=1)
    assert (sms.msgdata, sms.priority, sms.validity, sms.pid) == (b"by data sm", -1, -1, -1)
    assert (sms.sender, sms.dlr_mask, sms.sms_type) == (b"+491701", 19, 2)
    assert data(tlvs={}).msgdata == b""
    assert data(tlvs={0x0017: bytes((0, 0, 0, 60))}).validity == NOW + 60
    assert data(tlvs={0x0017: b"\xff" * 4}).validity == 0x7FFFFFFF
    assert data(tlvs={0x0017: bytes(4)}).validity == -1
    assert data(tlvs={0x0424: b"\x00x"}, esm_class=0x40).udhdata == b"\x00"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"tlvs": {}, "esm_class": 0x40}, 0x43),
        ({"esm_class": 0x02}, 0x43),  # D-07
        ({"destination_addr": b"1" * 30, "dest_addr_ton": 2, "registered_delivery": 1}, 0x0B),  # D-19
        ({"source_addr": b"1" * 21, "registered_delivery": 1}, 0x0A),
    ],
)
def test_data_sm_refused(fields: dict[str, Any], status: int) -> None:
    with pytest.raises(Untranslatable) as refusal:
        data(**fields)
    assert refusal.value.command_status == status


def test_data_sm_long_address_without_receipt() -> None:
    assert data(destination_addr=b"1" * 30, dest_addr_ton=2).receiver == b"1" * 30


def test_user_message_reference_goes_into_dlr_url() -> None:  # D-15
    assert submit(tlvs={0x0204: b"\x00\x07"}).dlr_url == b"esme1|%d.7|%b" % (NOW, ID)
    assert submit(tlvs={0x0204: b"\x07"}).dlr_url == b"esme1|%d|%b" % (NOW, ID)  # D-06: skipped


def test_alt_charset() -> None:
    assert submit(BindOptions(alt_charset="latin-1"), short_message=b"\xe9").msgdata == "é".encode()
    assert submit(BindOptions(alt_charset="latin-1"), short_message=b"\xe9", data_coding=4).msgdata == b"\xe9"


_octet = st.integers(0, 255)
_submits = st.builds(
    SubmitSm,
    service_type=st.binary(max_size=5),
    source_addr_ton=st.integers(0, 5),
    source_addr=st.binary(max_size=20),
    dest_addr_ton=st.integers(0, 5),
    destination_addr=st.binary(max_size=20),
    esm_class=_octet,
    protocol_id=_octet,
    priority_flag=_octet,
    validity_period=st.just(b"") | st.binary(max_size=16),
    registered_delivery=_octet,
    data_coding=_octet,
    sm_default_msg_id=_octet,
    short_message=st.binary(max_size=255),
    tlvs=st.dictionaries(
        st.sampled_from(
            [*SAR, 0x0005, 0x0030, 0x020A, 0x020B, 0x0424, 0x0204, 0x1400, 0x1401, 0x1402, 0x1403]
        ),
        st.binary(max_size=5),
    ),
)


@given(_submits)
def test_any_submit_becomes_an_sms_that_the_bearerbox_survives_or_is_refused(pdu: SubmitSm) -> None:
    status, sms = 0, Sms()
    try:
        sms = from_submit_sm(pdu, VENDOR, b"esme1", ID, NOW)
    except Untranslatable as refusal:
        status = refusal.command_status
    if status:
        assert status in {0x01, 0x0A, 0x0B, 0x43, 0x62, 0x63, 0xC2, 0xC4}
        return
    assert sms.sender is not None
    assert sms.receiver
    assert sms.msgdata is not None
    if sms.coding == 0:
        sms.msgdata.decode()
    assert BoxLink().receive(pack_sms(sms)) == [sms]


@given(st.binary(max_size=25))
def test_addresses_come_back(address: bytes) -> None:
    try:
        sender = addresses.to_box(1, address, 0x0A)
        ton, npi, back = addresses.source(sender)
    except Untranslatable:
        return
    assert (ton, npi) == ((1, 1) if sender else (2, 1))
    assert back == address.removeprefix(b"+") or back == address.removeprefix(b"00")
