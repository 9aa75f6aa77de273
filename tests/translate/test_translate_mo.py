"""Sms -> deliver_sm: worked examples, addresses, long messages, TLVs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.smpp.codec import pack, unpack_body
from ksmppd_py.smpp.pdus import DeliverSm
from ksmppd_py.smpp.tlvs import TlvType
from ksmppd_py.translate import gsm0338
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.mo import to_deliver_sm
from ksmppd_py.translate.tlvs import TlvDefinition, TlvTable

V33, V34 = BindOptions(0x33), BindOptions(0x34)
PAYLOAD = BindOptions(0x34, long_mo_as_payload=True)
MO = Sms(sender=b"+491701234567", receiver=b"12345", msgdata=b"Hello", sms_type=0, coding=0)


def deliver(options: BindOptions = V34, reference: int = 1, **fields: Any) -> list[DeliverSm]:
    return to_deliver_sm(dataclasses.replace(MO, **fields), options, reference)


def one(options: BindOptions = V34, **fields: Any) -> DeliverSm:
    (pdu,) = deliver(options, **fields)
    return pdu


def refused(options: BindOptions = V34, **fields: Any) -> int:
    with pytest.raises(Untranslatable) as refusal:
        deliver(options, **fields)
    return refusal.value.command_status


@pytest.mark.parametrize("options", [V33, V34, PAYLOAD])
def test_worked_example_6(options: BindOptions) -> None:
    assert pack(one(options), 0) == bytes.fromhex(
        "0000003700000005000000000000000000010134393137303132333435363700"
        "02013132333435000000000000000000000548656c6c6f"
    )


def test_worked_example_7() -> None:
    pdu = one(binfo=b"BILL1", sender=b"491701234567", receiver=b"+12345", msgdata="Hé€".encode())
    assert pack(pdu, 0)[16:] == bytes.fromhex(
        "42494c4c3100 0201"
        + b"491701234567".hex()
        + "00 0101 3132333435 00 00 00 00 00 00 00 00 00 00 04 48051b65"
    )


def test_worked_example_8() -> None:
    pdu = one(sender=b"Acme", coding=2, msgdata=b"\x04\x16")
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == (5, 0, b"Acme")
    assert (pdu.data_coding, pdu.short_message) == (0x08, b"\x04\x16")
    assert one(mclass=0).data_coding == 0xF0
    assert one(coding=2, mclass=1).data_coding == 0x19


@pytest.mark.parametrize(
    ("sender", "ton", "npi", "address"),
    [
        (b"+49170", 1, 1, b"49170"),
        (b"49170", 2, 1, b"49170"),
        (b"+49x", 5, 0, b"+49x"),
        (b"+", 5, 0, b"+"),
        (b"Acme Co", 5, 0, b"Acme Co"),
        (b"", 2, 1, b""),
        (None, 2, 1, b""),
        (b"+" + b"1" * 20, 1, 1, b"1" * 20),
    ],
)
def test_source(sender: bytes | None, ton: int, npi: int, address: bytes) -> None:
    pdu = one(sender=sender)
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == (ton, npi, address)


@pytest.mark.parametrize(
    ("receiver", "ton", "address"),
    [(b"+49170", 1, b"49170"), (b"49170", 2, b"49170"), (b"Acme", 2, b"Acme"), (b"1" * 20, 2, b"1" * 20)],
)
def test_destination(receiver: bytes, ton: int, address: bytes) -> None:
    pdu = one(receiver=receiver)
    assert (pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr) == (ton, 1, address)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"sender": b"1" * 21}, 0x0A),
        ({"sender": b"a\0b"}, 0x0A),
        ({"receiver": b"1" * 21}, 0x0B),
        ({"receiver": b""}, 0x0B),
        ({"receiver": b"+"}, 0x0B),
        ({"receiver": None}, 0x0B),
        ({"receiver": b"1\0"}, 0x0B),
        ({"msgdata": b"x" * 40000}, 0x01),
    ],
)
def test_no_pdu(fields: dict[str, Any], status: int) -> None:
    assert refused(**fields) == status


def test_what_is_carried() -> None:
    pdu = one(binfo=b"B1", pid=127, priority=2, rpi=1, meta_data=b"?smpp?x=1&")
    assert pdu == DeliverSm(
        service_type=b"B1",
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=b"491701234567",
        dest_addr_ton=2,
        dest_addr_npi=1,
        destination_addr=b"12345",
        esm_class=0x80,  # Improve: kept without a UDH as well
        protocol_id=127,
        priority_flag=2,  # Improve: the original sends 0
        short_message=b"Hello",
    )
    assert one(priority=9).priority_flag == 0
    assert one(binfo=b"TOOLONG").service_type == b""
    assert one(msgdata=None).short_message == b""


def test_text_with_udh_is_converted() -> None:
    udhdata = bytes.fromhex("050003010201")
    pdu = one(udhdata=udhdata, msgdata="é€".encode())
    assert (pdu.esm_class, pdu.data_coding, pdu.short_message) == (0x40, 0, udhdata + b"\x05\x1be")
    pdu = one(udhdata=udhdata, msgdata="é".encode(), coding=-1)
    assert (pdu.data_coding, pdu.short_message) == (0x04, udhdata + "é".encode())
    assert one(msgdata="é".encode(), coding=-1).short_message == b"\x05"
    assert one(udhdata=udhdata, msgdata="é".encode(), mclass=1).short_message == udhdata + b"\x05"


def test_long_text_is_split_and_converted() -> None:
    first, last = deliver(reference=0x1FF, msgdata="Δ".encode() * 161)
    assert first.short_message == bytes.fromhex("050003ff0201") + b"\x10" * 153
    assert last.short_message == bytes.fromhex("050003ff0202") + b"\x10" * 8
    assert (first.esm_class, first.data_coding) == (0x40, 0)
    parts = deliver(V33, msgdata=b"x" * 400, rpi=1)
    assert [len(part.short_message) for part in parts] == [159, 159, 100]
    assert {part.esm_class for part in parts} == {0xC0}


@pytest.mark.parametrize(("size", "parts"), [(160, 1), (161, 1), (400, 1), (39016, 1)])
def test_long_text_as_payload(size: int, parts: int) -> None:
    pdus = deliver(PAYLOAD, msgdata="Δ".encode() * size)
    assert len(pdus) == parts
    if size == 160:
        assert (pdus[0].short_message, dict(pdus[0].tlvs)) == (b"\x10" * 160, {})
    else:
        assert (pdus[0].short_message, pdus[0].tlvs, pdus[0].esm_class) == (b"", {0x0424: b"\x10" * size}, 0)
    assert len(deliver(dataclasses.replace(PAYLOAD, interface_version=0x33), msgdata=b"x" * 161)) == 2


def test_payload_limits() -> None:
    assert len(one(PAYLOAD, msgdata=b"x" * 65535).tlvs[0x0424]) == 65535
    assert refused(PAYLOAD, msgdata=b"x" * 65536) == 0x01


def test_a_part_that_is_too_long_for_sm_length() -> None:
    udhdata = bytes.fromhex("050003010201")
    pdu = one(udhdata=udhdata, coding=1, msgdata=b"x" * 249)
    assert (pdu.short_message, pdu.esm_class, pdu.tlvs) == (b"", 0x40, {0x0424: udhdata + b"x" * 249})
    assert one(udhdata=udhdata, coding=1, msgdata=b"x" * 248).short_message == udhdata + b"x" * 248
    assert refused(V33, udhdata=udhdata, coding=1, msgdata=b"x" * 249) == 0x01


def test_alt_charset() -> None:
    assert one(BindOptions(alt_charset="latin-1"), msgdata="Hé".encode()).short_message == b"H\xe9"
    parts = deliver(BindOptions(alt_charset="iso8859-5"), msgdata="Ж".encode() * 161)
    assert [part.short_message[6:] for part in parts] == [b"\xb6" * 153, b"\xb6" * 8]


def test_configured_tlvs() -> None:
    table = TlvTable(
        [
            TlvDefinition("vendor_oct", 0x1400, 8, TlvType.OCTETS),
            TlvDefinition("vendor_str", 0x1401, 8, TlvType.C_STRING),
            TlvDefinition("vendor_int", 0x1402, 4, TlvType.INTEGER),
            TlvDefinition("user_ref", 0x0204, 2, TlvType.INTEGER),
        ]
    )
    meta_data = b"?smpp?vendor_str=str&user_ref=7&vendor_int=256&"
    tlvs = {0x1401: b"str\0", 0x0204: b"\x00\x07", 0x1402: bytes.fromhex("00000100")}
    assert one(BindOptions(tlvs=table), meta_data=meta_data).tlvs == tlvs
    assert one(BindOptions(0x33, tlvs=table), meta_data=meta_data).tlvs == {}
    assert one(meta_data=meta_data).tlvs == {}
    for pdu in deliver(BindOptions(tlvs=table), meta_data=meta_data, msgdata=b"x" * 161):
        assert pdu.tlvs == tlvs
    assert one(BindOptions(tlvs=table), meta_data=b"?smpp?vendor_oct=a+b%26%00%FF&").tlvs == {
        0x1400: b"a b&\x00\xff"
    }
    assert one(BindOptions(tlvs=table), meta_data=b"?smpp?vendor_int=-1&").tlvs == {0x1402: b"\xff" * 4}
    long_one = one(BindOptions(tlvs=table, long_mo_as_payload=True), meta_data=meta_data, msgdata=b"x" * 161)
    assert list(long_one.tlvs) == [0x0424, *tlvs]


@pytest.mark.parametrize(("charset", "text"), [("utf-8", "é" * 160), ("shift_jis", "あ" * 161)])
def test_what_an_alphabet_of_many_octets_makes_too_long(charset: str, text: str) -> None:
    """Without message_payload the text goes as UCS-2 instead of being refused."""
    fields = {"coding": 0, "msgdata": text.encode()}
    pdus = deliver(BindOptions(0x33, alt_charset=charset), **fields)
    assert {(pdu.data_coding, pdu.esm_class) for pdu in pdus} == {(8, 0x40)}
    assert b"".join(pdu.short_message[6:] for pdu in pdus).decode("utf-16-be") == text
    assert [pdu.data_coding for pdu in deliver(BindOptions(0x33, alt_charset=charset), msgdata=b"short")] == [
        0
    ]
    for pdu in deliver(BindOptions(0x34, alt_charset=charset), **fields):
        assert (pdu.data_coding, 0x0424 in pdu.tlvs) == (0, not pdu.short_message)


LATIN1, CYRILLIC = BindOptions(alt_charset="latin-1"), BindOptions(alt_charset="iso8859-5")
CONCATENATED = bytes.fromhex("050003010201")
PORTS = bytes.fromhex("0605040b8423f0")


@pytest.mark.parametrize(
    ("options", "text", "fields", "data_coding"),
    [
        (V34, "mañana", {}, 0x00),
        (V34, "Grüße [€]^\f", {}, 0x00),
        (V34, "@£$¥\n\r_ΔΦΓΛΩΠΨΣΘΞ", {}, 0x00),
        (V34, "Ça, ça", {}, 0x00),  # ç shares Ç's place
        (V34, "mañana está", {}, 0x08),
        (V33, "mañana está", {}, 0x08),
        (V34, "Привет", {}, 0x08),
        (V34, "שלום", {}, 0x08),
        (V34, "👍🏽", {}, 0x08),
        (V34, "`", {}, 0x08),
        (V34, "a\tb", {}, 0x08),
        (V34, "a\0b", {}, 0x08),
        (V34, "“quoted” – dash…", {}, 0x08),
        (V34, "Привет", {"coding": -1}, 0x08),
        (V34, "Привет", {"alt_dcs": 1}, 0x08),
        (V34, "Привет", {"mclass": 0}, 0x18),
        (V34, "Привет", {"mclass": 1, "alt_dcs": 1}, 0x19),
        (V34, "Привет", {"mwi": 0}, 0xE8),
        (V34, "Grüße", {"mclass": 0}, 0xF0),
        (LATIN1, "mañana está", {}, 0x00),
        (LATIN1, "`\t", {}, 0x00),
        (LATIN1, "5 €", {}, 0x08),
        (LATIN1, "mañana está", {"mclass": 1}, 0x19),  # the alt_charset is for data_coding 0 only
        (LATIN1, "mañana", {"mclass": 1}, 0xF1),
        (CYRILLIC, "Привет", {}, 0x00),
        (CYRILLIC, "mañana", {}, 0x08),
        (BindOptions(alt_charset="utf-8"), "Привет 😀", {}, 0x00),
    ],
)
@pytest.mark.parametrize("shape", ["short", "long", "ports", "part", "payload"])
def test_no_letter_is_lost(
    options: BindOptions, text: str, fields: dict[str, Any], data_coding: int, shape: str
) -> None:
    """D-27, for messages of any shape; each part by itself is whole characters of the one data_coding."""
    text = text * 30 if shape in ("long", "payload") else text
    udhdata = {"ports": PORTS, "part": CONCATENATED}.get(shape)
    if udhdata and fields.get("coding") == -1:
        return  # beside a UDH that means binary
    options = dataclasses.replace(options, long_mo_as_payload=shape == "payload")
    pdus = deliver(options, msgdata=text.encode(), udhdata=udhdata, **fields)
    assert {pdu.data_coding for pdu in pdus} == {data_coding}
    charset = options.alt_charset if data_coding == 0 else None
    bodies = []
    for pdu in pdus:
        octets = pdu.tlvs.get(0x0424, pdu.short_message)
        if pdu.esm_class & 0x40:
            octets = octets[octets[0] + 1 :]
        if charset is not None:
            bodies.append(octets.decode(charset))
        elif data_coding in (0x00, 0xF0, 0xF1):
            bodies.append(gsm0338.decode(octets).decode())
        else:
            bodies.append(octets.decode("utf-16-be"))
    expected = text.replace("ç", "Ç") if data_coding == 0 and charset is None else text
    assert "".join(bodies) == expected
    if shape == "payload" and options.takes_tlvs:
        assert len(pdus) == 1


@pytest.mark.parametrize(
    ("options", "fields", "octets"),
    [
        # A part of another message can't be cut again
        (V33, {"msgdata": "á".encode() * 134, "udhdata": CONCATENATED}, CONCATENATED + b"?" * 134),
        (
            BindOptions(0x33, alt_charset="latin-1"),
            {"msgdata": "я".encode() * 134, "udhdata": CONCATENATED},
            CONCATENATED + b"?" * 134,
        ),
    ],
)
def test_a_text_that_is_too_long_as_ucs2_goes_with_question_marks(
    options: BindOptions, fields: dict[str, Any], octets: bytes
) -> None:
    pdu = one(options, **fields)
    assert (pdu.data_coding, pdu.short_message) == (0, octets)


def test_a_part_that_is_too_long_for_sm_length_as_ucs2() -> None:
    pdu = one(msgdata="á".encode() * 134, udhdata=CONCATENATED)
    body = CONCATENATED + ("á" * 134).encode("utf-16-be")
    assert (pdu.data_coding, pdu.esm_class, pdu.short_message) == (8, 0x40, b"")
    assert pdu.tlvs == {0x0424: body}


def test_more_parts_than_ucs2_can_have() -> None:
    pdus = deliver(msgdata="á".encode() * 17_086)
    assert (len(pdus), pdus[0].data_coding, pdus[0].short_message[6:]) == (112, 0, b"?" * 153)
    pdus = deliver(msgdata="á".encode() * 17_085)
    assert (len(pdus), pdus[0].data_coding) == (255, 8)


def test_octets_that_are_no_utf8_are_latin_1() -> None:
    """An SMSC's data_coding 1 reaches us as it came."""
    pdu = one(msgdata=b"ma\xf1ana est\xe1")
    assert (pdu.data_coding, pdu.short_message.decode("utf-16-be")) == (8, "mañana está")


_small = st.integers(-1, 300)
_sms = st.builds(
    Sms,
    sender=st.none() | st.binary(max_size=22) | st.from_regex(rb"\+?[0-9]{0,21}", fullmatch=True),
    receiver=st.none() | st.binary(max_size=22) | st.from_regex(rb"\+?[0-9]{1,21}", fullmatch=True),
    udhdata=st.none() | st.binary(max_size=30).map(lambda elements: bytes((len(elements),)) + elements),
    msgdata=st.none() | st.binary(max_size=700) | st.text(max_size=300).map(str.encode),
    coding=st.integers(-1, 3),
    mclass=st.integers(-1, 3),
    mwi=st.integers(-1, 7),
    compress=st.integers(-1, 1),
    alt_dcs=st.integers(-1, 1),
    pid=_small,
    rpi=st.integers(-1, 1),
    priority=_small,
    binfo=st.none() | st.binary(max_size=8),
)


@given(
    _sms,
    st.sampled_from(
        [V33, V34, PAYLOAD, BindOptions(alt_charset="utf-8"), BindOptions(0x33, alt_charset="utf-8")]
    ),
    st.integers(0, 2**31),
)
def test_any_sms_becomes_pdus_that_can_be_packed_or_is_given_up(
    sms: Sms, options: BindOptions, reference: int
) -> None:
    try:
        pdus = to_deliver_sm(sms, options, reference)
    except Untranslatable:
        return
    assert pdus
    for pdu in pdus:
        assert len(pdu.short_message) <= 254
        octets = pack(pdu, 1)
        assert unpack_body(5, octets, 16, len(octets)) == pdu
        if not options.takes_tlvs:
            assert not pdu.tlvs
