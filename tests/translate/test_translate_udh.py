"""User data headers, splitting, and the parts that are billed (docs/rules/messages.md 7)."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.translate import gsm0338, udh
from ksmppd_py.translate.errors import Untranslatable

PORTS6 = bytes.fromhex("05040b840b84")[:6]
UDH7 = bytes.fromhex("060504158a0000")
CONCATENATED = bytes.fromhex("050003010201")


def _ucs2(text: str) -> bytes:
    return text.encode("utf-16-be")


def _sms(coding: int, body: bytes | str, udhdata: bytes | None = None) -> Sms:
    return Sms(coding=coding, msgdata=body.encode() if isinstance(body, str) else body, udhdata=udhdata)


GOLDEN = [
    (_sms(0, "a" * 160), [160]),
    (_sms(0, "a" * 161), [153, 8]),
    (_sms(0, "a" * 306), [153, 153]),
    (_sms(0, "a" * 307), [153, 153, 1]),
    (_sms(0, "a" * 459), [153, 153, 153]),
    (_sms(0, "a" * 460), [153, 153, 153, 1]),
    (_sms(0, "€" * 80), [160]),
    (_sms(0, "€" * 81), [152, 10]),
    (_sms(0, "€" * 152), [152, 152]),
    (_sms(0, "€" * 153), [152, 152, 2]),
    (_sms(0, "€" * 154), [152, 152, 4]),
    (_sms(0, "é" * 160), [160]),
    (_sms(0, "á" * 161), [153, 8]),
    (_sms(0, "😀" * 40), [40]),  # Improve: one `?` each, not four: 41 of them are one part as well
    (_sms(0, "😀" * 41), [41]),
    (_sms(0, "😀" * 161), [153, 8]),
    (_sms(0, ""), [0]),
    (_sms(0, "a" * 39015), [153] * 255),
    (_sms(0, "a" * 153, PORTS6), [153]),
    (_sms(0, "a" * 154, PORTS6), [147, 7]),
    (_sms(0, "a" * 152, UDH7), [152]),
    (_sms(0, "a" * 153, UDH7), [146, 7]),
    (_sms(0, "a" * 291, UDH7), [146, 145]),
    (_sms(1, bytes(140)), [140]),
    (_sms(1, bytes(141)), [134, 7]),
    (_sms(1, bytes(268)), [134, 134]),
    (_sms(1, bytes(269)), [134, 134, 1]),
    (_sms(1, bytes(134), PORTS6), [134]),
    (_sms(1, bytes(135), PORTS6), [129, 6]),
    (_sms(1, bytes(34170)), [134] * 255),
    (_sms(2, _ucs2("Ж" * 70)), [140]),
    (_sms(2, _ucs2("Ж" * 71)), [134, 8]),
    (_sms(2, _ucs2("Ж" * 134)), [134, 134]),
    (_sms(2, _ucs2("Ж" * 135)), [134, 134, 2]),
    (_sms(2, _ucs2("😀" * 36)), [132, 12]),  # Improve: 134+10 would cut a surrogate pair
    (_sms(2, _ucs2("😀" * 71)), [132, 132, 20]),
    (_sms(2, _ucs2("Ж" * 67), PORTS6), [134]),
    (_sms(2, _ucs2("Ж" * 68), PORTS6), [128, 8]),  # Improve: 129+7 would cut a UTF-16 unit
]


def _units(sms: Sms, body: bytes) -> int:
    return gsm0338.length(body) if sms.coding == 0 else len(body)


@pytest.mark.parametrize(("sms", "sizes"), GOLDEN)
def test_golden_parts(sms: Sms, sizes: list[int]) -> None:
    parts = udh.split(sms, 1)
    assert [_units(sms, part.msgdata) for part in parts] == sizes
    assert udh.fits_one(sms) == (len(sizes) == 1)
    assert b"".join(part.msgdata for part in parts) == sms.msgdata
    assert [part.msg_left for part in parts] == list(range(len(parts) - 1, -1, -1))


@pytest.mark.parametrize(("sms", "sizes"), GOLDEN)
def test_septets_instead_of_text(sms: Sms, sizes: list[int]) -> None:
    if sms.coding != 0:
        return
    septets = gsm0338.encode(sms.msgdata or b"")
    parts = udh.split(sms, 1, septets)
    assert [len(part.msgdata) for part in parts] == sizes
    assert b"".join(part.msgdata for part in parts) == septets
    assert [part.udhdata for part in parts] == [part.udhdata for part in udh.split(sms, 1)]


SENT_BY_THE_BEARERBOX = [  # seen with Kannel 1.4.5; where the golden parts differ, those are what an ESME gets
    (_sms(0, "a" * 160), 1),
    (_sms(0, "a" * 161), 2),
    (_sms(0, "a" * 306), 2),
    (_sms(0, "a" * 307), 3),
    (_sms(0, "€" * 80), 1),
    (_sms(0, "€" * 81), 2),
    (_sms(0, "€" * 152), 2),
    (_sms(0, "€" * 153), 3),
    (_sms(0, "a" * 152 + "€" + "b" * 160), 3),
    (_sms(0, "[`]" * 70), 3),
    (_sms(0, "á" * 160), 1),
    (_sms(0, "á" * 161), 2),
    (_sms(0, "Ж" * 161), 2),
    (_sms(0, "中" * 160), 1),
    (_sms(0, "\x80" * 160), 1),
    (_sms(0, "😀" * 40), 1),
    (_sms(0, "😀" * 41), 2),
    (_sms(0, "a" * 120 + "😀" * 10), 1),
    (_sms(0, "a" * 121 + "😀" * 10), 2),
    (_sms(0, "a" * 39015), 255),
    (_sms(0, "a" * 153, PORTS6), 1),
    (_sms(0, "a" * 154, PORTS6), 2),
    (_sms(0, "a" * 153, UDH7), 2),
    (_sms(1, bytes(140)), 1),
    (_sms(1, bytes(141)), 2),
    (_sms(1, bytes(269)), 3),
    (_sms(1, bytes(134), PORTS6), 1),
    (_sms(1, bytes(135), PORTS6), 2),
    (_sms(1, bytes(34170)), 255),
    (_sms(2, _ucs2("Ж" * 70)), 1),
    (_sms(2, _ucs2("Ж" * 71)), 2),
    (_sms(2, _ucs2("Ж" * 134)), 2),
    (_sms(2, _ucs2("Ж" * 135)), 3),
    (_sms(2, _ucs2("😀" * 35)), 1),
    (_sms(2, _ucs2("😀" * 36)), 2),
    (_sms(2, _ucs2("😀" * 67)), 2),
    (_sms(2, _ucs2("😀" * 68)), 3),
    (_sms(2, _ucs2("😀" * 134)), 4),
    (_sms(2, _ucs2("Ж" * 67), PORTS6), 1),
    (_sms(2, _ucs2("Ж" * 68), PORTS6), 2),
    (_sms(2, _ucs2("Ж" * 129), PORTS6), 2),
    (_sms(2, _ucs2("Ж" * 130), PORTS6), 3),
    (_sms(2, b"abc" * 50), 2),
    (_sms(2, bytes(34170)), 255),
]


@pytest.mark.parametrize(("sms", "parts"), SENT_BY_THE_BEARERBOX)
def test_parts_that_the_bearerbox_sends(sms: Sms, parts: int) -> None:
    assert udh.count_parts(sms) == parts


@pytest.mark.parametrize(
    "sms", [_sms(0, "a" * 39016), _sms(1, bytes(34171)), _sms(1, bytes(65535)), _sms(1, b"xx", b"z" * 139)]
)
def test_too_many_parts(sms: Sms) -> None:
    with pytest.raises(Untranslatable) as refusal:
        udh.count_parts(sms)
    assert refusal.value.command_status == 0x01
    with pytest.raises(Untranslatable):
        udh.split(sms, 1)


def test_no_text_is_one_part() -> None:
    assert udh.count_parts(Sms(coding=0)) == 1
    assert udh.split(Sms(coding=0), 1) == [udh.Part(None, b"", 0)]


def test_headers_of_parts() -> None:
    first, last = udh.split(_sms(0, "a" * 161), 0x101)
    assert (first.udhdata, last.udhdata) == (bytes.fromhex("050003010201"), bytes.fromhex("050003010202"))
    first, last = udh.split(_sms(1, bytes(140), PORTS6), 0xFF)
    assert first.udhdata == bytes((10,)) + PORTS6[1:] + bytes.fromhex("0003ff0201")
    assert last.udhdata == bytes((10,)) + PORTS6[1:] + bytes.fromhex("0003ff0202")


def test_a_part_of_another_message_stays_whole_but_is_billed_by_size() -> None:
    sms = _sms(0, "a" * 154, CONCATENATED)
    assert udh.split(sms, 1) == [udh.Part(CONCATENATED, b"a" * 154, 0)]
    assert udh.fits_one(sms)
    assert udh.count_parts(sms) == 2
    assert udh.count_parts(_sms(0, "a" * 153, CONCATENATED)) == 1


@pytest.mark.parametrize(
    ("udhdata", "concatenated"),
    [
        (None, False),
        (b"", False),
        (b"\x00", False),
        (CONCATENATED, True),
        (bytes.fromhex("06080412340201"), True),
        (UDH7, False),
        (bytes.fromhex("0b0504158a00000003010201"), True),
        (bytes.fromhex("0500"), False),
        (bytes.fromhex("01000003010201"), False),
    ],
)
def test_is_concatenated(udhdata: bytes | None, concatenated: bool) -> None:
    assert udh.is_concatenated(udhdata) is concatenated


def test_take_header() -> None:
    assert udh.take_header(bytes.fromhex("050003a50201") + b"Hello") == (
        bytes.fromhex("050003a50201"),
        b"Hello",
    )
    assert udh.take_header(b"\x00") == (b"\x00", b"")
    for octets in (b"", b"\x01", bytes.fromhex("0a0003a502014865")):
        with pytest.raises(Untranslatable) as refusal:
            udh.take_header(octets)
        assert refusal.value.command_status == 0x43


def test_concatenation_reference_of_16_bits() -> None:
    assert udh.concatenation(0xA5, 2, 1) == bytes.fromhex("050003a50201")
    assert udh.concatenation(0x1234, 2, 1) == bytes.fromhex("06080412340201")


@given(st.text(max_size=600), st.integers(0, 2), st.binary(max_size=60))
def test_parts_fit_and_join(text: str, coding: int, header: bytes) -> None:
    body = text.encode("utf-16-be" if coding == 2 else "utf-8")
    udhdata = bytes((len(header),)) + header if header else None
    if udh.is_concatenated(udhdata):
        return
    sms = _sms(coding, body, udhdata)
    parts = udh.split(sms, 7)
    if coding != 2 and (coding == 1 or text.isascii()):
        assert udh.count_parts(sms) == len(parts)
    assert b"".join(part.msgdata for part in parts) == body
    for part in parts:
        size = _units(sms, part.msgdata)
        octets = -(-size * 7 // 8) if coding == 0 else size
        assert len(part.udhdata or b"") + octets <= 140
        if coding == 2:
            part.msgdata.decode("utf-16-be")


@pytest.mark.parametrize(("text", "parts"), [("é" * 9_000, 59), ("é" * 60_000, 0)], ids=["fits", "too long"])
def test_a_long_text_is_counted_once_for_all_who_share_it(
    monkeypatch: pytest.MonkeyPatch, text: str, parts: int
) -> None:
    counted: list[bytes] = []
    encode = gsm0338.encode_as_bearerbox

    def count_calls(octets: bytes) -> bytes:
        counted.append(octets)
        return encode(octets)

    monkeypatch.setattr(gsm0338, "encode_as_bearerbox", count_calls)
    udh._count_long.cache_clear()
    first = _sms(0, text)
    for _ in range(254):
        if parts:
            assert udh.count_parts(dataclasses.replace(first)) == parts
        else:
            with pytest.raises(Untranslatable):
                udh.count_parts(dataclasses.replace(first))
    assert len(counted) == 1
