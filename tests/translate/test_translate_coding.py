"""data_coding both ways for all 256 values, and the texts (docs/rules/messages.md 2, 3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.translate import gsm0338
from ksmppd_py.translate.coding import (
    DATA_CODINGS,
    can_write,
    data_coding_of,
    known_charset,
    read_text,
    to_ucs2,
    write_text,
)

# D-17 and docs/rules/messages.md 2.1: these differ from the bits of GSM 03.38.
EIGHT_BIT = {0x02, 0x04, 0x09, 0x0B, 0x0C, 0x0F}
TEXT = {0x01, 0x03, 0x05, 0x06, 0x07, 0x0A, 0x0D, 0x0E}


def _expected(dcs: int) -> tuple[int, int, int, int, int]:
    """coding, mclass, mwi, compress, alt_dcs by the tables, with the improvements."""
    if dcs < 0x40:
        coding = 1 if dcs in EIGHT_BIT else 0 if dcs in TEXT else (dcs >> 2) & 3
        coding = 1 if coding == 3 else coding  # reserved: 8-bit
        return coding, dcs & 3 if dcs & 0x10 else -1, -1, dcs >> 5 & 1, 0
    if dcs < 0xC0:
        return -1, -1, -1, -1, -1
    if dcs < 0xF0:
        # Improve: 0xE0-0xEF are UCS-2, and bit 2 is reserved
        return 2 if dcs >= 0xE0 else 0, -1, (dcs & 3) + (0 if dcs & 8 else 4), -1, 0
    return dcs >> 2 & 1, dcs & 3, -1, -1, 1


@pytest.mark.parametrize("dcs", range(256))
def test_every_data_coding(dcs: int) -> None:
    assert DATA_CODINGS[dcs][:5] == _expected(dcs)
    octets = b"Hi\x1be\x00"
    coding, text = read_text(dcs, octets, False, None)
    if dcs in TEXT:
        assert coding == 0
        if dcs == 0x0A:  # ESC e is no escape sequence of ISO-2022-JP
            assert text.startswith(b"Hi")
    elif _expected(dcs)[0] in (0, -1):
        assert (coding, text) == (0, "Hi€@".encode())
    else:
        assert (coding, text) == (_expected(dcs)[0], octets)


@pytest.mark.parametrize("dcs", range(0x40, 0xC0))
def test_reserved_data_coding_with_udh_is_binary(dcs: int) -> None:
    assert read_text(dcs, b"\x1be", True, None) == (1, b"\x1be")


@pytest.mark.parametrize(
    ("dcs", "octets", "coding", "text"),
    [
        # docs/rules/messages.md 9.2
        (0x00, "48691b6500e9", 0, "4869e282ac40"),
        (0x02, "48691b6500e9", 1, "48691b6500e9"),
        (0x04, "48691b6500e9", 1, "48691b6500e9"),
        (0x08, "48691b6500e9", 2, "48691b6500e9"),
        (0x03, "48691b6500e9", 0, "48691b6500c3a9"),
        (0xF4, "48691b6500e9", 1, "48691b6500e9"),
        (0x01, "416263", 0, "416263"),
        (0x01, "48e9", 0, "48c3a9"),  # Improve: the original sends invalid UTF-8
        # C-129, C-130, C-131, C-132
        (0x03, "e9", 0, "c3a9"),
        (0x06, "b0", 0, "d090"),
        (0x07, "e0", 0, "d790"),
        (0x04, "00ff01", 1, "00ff01"),
        (0x08, "4f60", 2, "4f60"),
        (0x05, "82a0", 0, "e38182"),
        (0x0D, "8fb0a1", 0, "e4b882"),
        (0x0E, "b0a1", 0, "eab080"),
        # what isn't in the charset
        (0x07, "41bf", 0, "413f"),
        (0x05, "41ff", 0, "413f"),
        # D-17
        (0x0A, "1b2442242c1b2842", 0, "e3818c"),
        (0x0A, "ff00", 1, "ff00"),
        (0x09, "4f60", 1, "4f60"),
        (0x0B, "4f60", 1, "4f60"),
        (0x0C, "e9", 1, "e9"),
        (0x0F, "e9", 1, "e9"),
        (0xE8, "4f60", 2, "4f60"),
        (0x18, "4f60", 2, "4f60"),
        (0xF0, "1b65", 0, "e282ac"),
    ],
)
def test_text_of_an_esme(dcs: int, octets: str, coding: int, text: str) -> None:
    assert read_text(dcs, bytes.fromhex(octets), False, None) == (coding, bytes.fromhex(text))


def test_alt_charset() -> None:
    assert read_text(0, b"H\xe9", False, "latin-1") == (0, "Hé".encode())
    assert read_text(0xF0, b"\x00", False, "latin-1") == (0, b"@")
    assert read_text(0, b"H\xff", False, "utf-8") == (0, b"H?")
    assert read_text(0, b"H+3uY-", False, "utf-7") == (0, b"H?")  # half a surrogate pair is no UTF-8
    assert write_text("Hé€".encode(), "latin-1") == b"H\xe9?"  # Improve: not raw UTF-8


@pytest.mark.parametrize(
    ("text", "charset", "fits"),
    [
        (b"", "latin-1", True),
        ("mañana está".encode(), "latin-1", True),
        ("é€".encode(), "latin-1", False),
        ("é€".encode(), "cp1252", True),
        ("Привет".encode(), "iso8859-5", True),
        ("Привет".encode(), "koi8-r", True),
        ("שלום".encode(), "iso8859-8", True),
        ("Привет".encode(), "iso8859-8", False),
        ("😀".encode(), "utf-16-be", True),
        ("😀".encode(), "shift_jis", False),
        (b"ma\xf1ana", "latin-1", False),  # no UTF-8
        (b"\xed\xa0\x80", "utf-8", False),  # half a surrogate pair
    ],
)
def test_what_an_alt_charset_can_write(text: bytes, charset: str, fits: bool) -> None:
    assert can_write(text, charset) is fits


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        (b"", ""),
        ("Привет 😀".encode(), "Привет 😀"),
        (b"ma\xf1ana est\xe1", "mañana está"),
        ("ж".encode() + b"\xe9", "жé"),
        (b"\x80\xff", "\x80ÿ"),
        ("ж".encode()[:1], "Ð"),
        (b"\xed\xa0\x80", "í\xa0\x80"),
    ],
)
def test_text_as_ucs2(text: bytes, characters: str) -> None:
    assert to_ucs2(text).decode("utf-16-be") == characters


def test_known_charset() -> None:
    assert known_charset("ISO-8859-1") == "iso8859-1"
    for name in ("nonsense", "hex", "undefined", "idna", "a\0b"):
        with pytest.raises(LookupError):
            known_charset(name)


N = -1


@pytest.mark.parametrize(
    ("fields", "dcs"),
    [  # coding, mclass, mwi, compress, alt_dcs
        ((N, N, N, N, N), 0x00),
        ((0, N, N, N, N), 0x00),
        ((1, N, N, N, N), 0x04),
        ((2, N, N, N, N), 0x08),
        ((0, 0, N, N, N), 0xF0),
        ((0, 1, N, N, N), 0xF1),
        ((0, 3, N, N, N), 0xF3),
        ((1, 0, N, N, N), 0xF4),
        ((1, 2, N, N, N), 0xF6),
        ((2, 0, N, N, N), 0x18),
        ((2, 1, N, N, N), 0x19),
        ((2, 3, N, N, N), 0x1B),
        ((3, N, N, N, 0), 0x0C),
        ((0, N, 0, N, N), 0xD8),
        ((0, N, 1, N, N), 0xD9),
        ((0, N, 4, N, N), 0xC0),
        ((0, N, 7, N, N), 0xC3),
        ((2, N, 0, N, N), 0xE8),
        ((2, N, 3, N, N), 0xEB),
        ((2, N, 5, N, N), 0xC1),
        ((0, N, N, N, 1), 0xF1),
        ((1, N, N, N, 1), 0xF5),
        ((0, N, N, 1, 0), 0x20),
        ((0, N, N, 1, 1), 0x20),
        ((0, 0, N, 1, 0), 0x30),
        ((1, N, 0, N, N), 0xE8),
    ],
)
def test_data_coding_for_an_esme(fields: tuple[int, int, int, int, int], dcs: int) -> None:
    coding, mclass, mwi, compress, alt_dcs = fields
    sms = Sms(msgdata=b"x", coding=coding, mclass=mclass, mwi=mwi, compress=compress, alt_dcs=alt_dcs)
    assert data_coding_of(sms) == dcs


def test_data_coding_depends_on_udh_and_text() -> None:
    assert data_coding_of(Sms(msgdata=b"x", udhdata=b"\x01\x00")) == 0x04
    assert data_coding_of(Sms(msgdata=b"x", udhdata=b"")) == 0x00
    assert data_coding_of(Sms(coding=0, mwi=0)) == 0xC8
    assert data_coding_of(Sms(coding=0, mwi=0, msgdata=b"")) == 0xC8


@pytest.mark.parametrize(
    "dcs", [*range(0x10, 0x14), *range(0xF0, 0xF8), 0x00, 0x04, 0x08, 0x18, 0x1B, 0xC9, 0xE8]
)
def test_data_coding_survives_both_ways_in_meaning(dcs: int) -> None:
    coding, mclass, mwi, compress, alt_dcs, _ = DATA_CODINGS[dcs]
    again = data_coding_of(
        Sms(coding=coding, mclass=mclass, mwi=mwi, compress=compress, alt_dcs=alt_dcs, msgdata=b"")
    )
    assert DATA_CODINGS[again][1:3] == (mclass, mwi)


GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ?ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)


@pytest.mark.parametrize("code", range(128))
def test_gsm_table(code: int) -> None:
    expected = GSM[code]
    assert gsm0338.decode(bytes((code,))).decode() == expected
    if code != 0x1B:
        assert gsm0338.encode(expected.encode()) == bytes((code,))


@pytest.mark.parametrize(
    ("septets", "text"),
    [
        ("1b0a", "\f"),
        ("1b14", "^"),
        ("1b28", "{"),
        ("1b29", "}"),
        ("1b2f", "\\"),
        ("1b3c", "["),
        ("1b3d", "~"),
        ("1b3e", "]"),
        ("1b40", "|"),
        ("1b65", "€"),
    ],
)
def test_gsm_extension(septets: str, text: str) -> None:
    assert gsm0338.decode(bytes.fromhex(septets)).decode() == text
    assert gsm0338.encode(text.encode()) == bytes.fromhex(septets)
    assert gsm0338.length(text.encode()) == 2


@pytest.mark.parametrize(
    ("septets", "text"),
    [
        ("1b41", "?A"),
        ("1b1b", "??"),
        ("1b1b65", "?€"),
        ("1b00", "?@"),
        ("1b80", "?"),
        ("1b8065", "?e"),
        ("1b", "?"),
        ("80ff41", "A"),
        ("", ""),
    ],
)
def test_gsm_that_is_none(septets: str, text: str) -> None:
    assert gsm0338.decode(bytes.fromhex(septets)).decode() == text


@pytest.mark.parametrize("char", "`\t\0\x1báíóúêâ“”–…ΑΒΕ中😀")
def test_one_question_mark_a_character(char: str) -> None:
    assert gsm0338.encode(char.encode()) == b"?"
    assert gsm0338.encode(f"€{char}a".encode()) == b"\x1be?a"


def test_cedilla_and_broken_utf8() -> None:
    assert gsm0338.encode("ç".encode()) == b"\x09"
    assert gsm0338.encode(b"a\xffb\xe2\x82") == b"a?b?"


@given(st.text(st.sampled_from(GSM + "€^{}[]~|\\\f")))
def test_gsm_round_trip(text: str) -> None:
    assert gsm0338.decode(gsm0338.encode(text.encode())).decode() == text


@given(st.binary())
def test_gsm_takes_anything(octets: bytes) -> None:
    text = gsm0338.decode(octets)
    text.decode()
    septets = gsm0338.encode(octets)
    assert septets.isascii()
    assert gsm0338.length(octets) == len(septets)


@given(st.integers(0, 255), st.binary(), st.booleans())
def test_msgdata_of_coding_0_is_utf8(dcs: int, octets: bytes, has_udh: bool) -> None:
    coding, text = read_text(dcs, octets, has_udh, None)
    assert coding in (0, 1, 2)
    if coding == 0:
        text.decode()
    else:
        assert text == octets
