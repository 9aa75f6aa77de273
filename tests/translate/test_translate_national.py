"""Texts behind a header that names a language: tables of 3GPP TS 23.038, what reaches the bearerbox, parts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.kannel.meta_data import get_group
from ksmppd_py.smpp.pdus import SubmitSm
from ksmppd_py.translate import gsm0338, national, udh
from ksmppd_py.translate import national_tables as tables
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_profile import KANNEL
from ksmppd_py.translate.mt import from_submit_sm
from ksmppd_py.translate.national import Shifts, decode

ALL = range(1, 14)
GSM_1 = replace(KANNEL, data_coding_1_as_gsm=True)


def encode(text: str, shifts: Shifts) -> bytes:
    """Return the septets of letters that the languages have."""
    main, single = tables.LOCKING_SHIFT[shifts.locking], tables.SINGLE_SHIFT[shifts.single]
    return b"".join(
        bytes((main.index(char),)) if char in main else bytes((0x1B, single.index(char))) for char in text
    )


def header(shifts: Shifts, *, concatenated: bool = False) -> bytes:
    elements = b"\x00\x03\x07\x02\x01" if concatenated else b""
    elements += bytes((0x24, 1, shifts.single)) if shifts.single else b""
    elements += bytes((0x25, 1, shifts.locking)) if shifts.locking else b""
    return bytes((len(elements),)) + elements


def submit(udhdata: bytes, septets: bytes, options: BindOptions | None = None, data_coding: int = 0) -> Sms:
    pdu = SubmitSm(destination_addr=b"1", esm_class=0x40, data_coding=data_coding)
    pdu.short_message = udhdata + septets
    if len(pdu.short_message) > 254:
        pdu.tlvs, pdu.short_message = {0x0424: pdu.short_message}, b""
    return from_submit_sm(pdu, options or BindOptions(), b"esme1", b"", 0)


def letters(sms: Sms) -> str:
    """Return the letters that a phone shows."""
    if sms.coding == 2:
        return (sms.msgdata or b"").decode("utf-16-be")
    assert sms.coding == 0
    shifts = national.shifts_of(sms.udhdata)
    text = sms.msgdata or b""
    return (text if shifts is None else national.letters_of(text, shifts)).decode()


def test_every_language_has_its_tables() -> None:
    assert set(tables.SINGLE_SHIFT) == {0, *ALL}
    assert set(tables.LOCKING_SHIFT) == {0, *ALL} - {tables.SPANISH}
    for table in (*tables.SINGLE_SHIFT.values(), *tables.LOCKING_SHIFT.values()):
        assert len(table) == 128
    for table in tables.LOCKING_SHIFT.values():
        assert (table[0x0A], table[0x0D], table[0x1B], table[0x20]) == ("\n", "\r", "\x1b", " ")
        letters = table.replace(tables.NO_LETTER, "")
        assert len(set(letters)) == len(letters)
        assert table[0x7F] != tables.NO_LETTER
    for table in tables.SINGLE_SHIFT.values():
        assert (table[0x0A], table[0x14], table[0x65], table[0x1B]) == ("\f", "^", "€", tables.NO_LETTER)


@pytest.mark.parametrize(
    ("shifts", "septets", "letters"),
    [  # by hand from annex A
        (Shifts(0, 1), "1b47 1b49 1b53 1b63 1b65 1b67 1b69 1b73", "ĞİŞç€ğış"),
        (Shifts(1, 0), "04 07 0b 0c 1c 1d 40 60", "€ıĞğŞşİç"),
        (Shifts(0, 2), "1b09 1b41 1b49 1b4f 1b55 1b61 1b69 1b6f 1b75", "çÁÍÓÚáíóú"),
        (Shifts(0, 3), "1b05 1b0b 1b0e 1b12 1b19 1b1f 1b41 1b5b 1b61 1b7c 1b7f", "êÔÁΦΘÊÀÃÂõâ"),
        (Shifts(3, 0), "04 09 0f 12 15 18 1a 1e 24 40 5d 60 7d 7f", "êçáª∞€|ÊºÍÚ~`à"),
        (Shifts(4, 4), "00 08 0f 1c 3d 46 60 7b 1b1c 1b24 1b2a",
         "\u0981\u098a\u098f\u099b\u09aa\u09b2\u09ce\u09d7\u09e8\u09df\u09e3"),
        (Shifts(5, 5), "00 0c 1f 49 4d 60 7f 1b19 1b1c", "\u0a81\u0a8d\u0a9e\u0ab5\u0ab9\u0ad0\u0af1\u0964\u0ae6"),
        (Shifts(6, 6), "00 2f 3e 4d 5f 7f 1b19 1b25 1b26 1b2c 1b3a",
         "\u0901\u0928\u092b\u0939\u094d\u097f\u0964\u096f\u0951\u0958\u0971"),
        (Shifts(7, 7), "01 24 47 60 7b 7f 1b26 1b2a", "\u0c82\u0ca1\u0cb3\u0cd5\u0cd6\u0ce3\u0cde\u0cf2"),
        (Shifts(8, 8), "01 4d 4f 60 7f 1b26 1b34", "\u0d02\u0d39\u0d3d\u0d57\u0d79\u0d70\u0d7f"),
        (Shifts(9, 9), "00 0f 13 46 60 7b 1b1c 1b2c", "\u0b01\u0b0f\u0b13\u0b32\u0b56\u0b57\u0b66\u0b71"),
        (Shifts(10, 10), "00 0f 13 46 4c 60 7b 1b26 1b2d", "\u0a01\u0a0f\u0a13\u0a32\u0a38\u0a51\u0a70\u0a59\u0a75"),
        (Shifts(11, 11), "01 0e 1d 22 26 2f 42 5f 60 7b 1b24 1b2e",
         "\u0b82\u0b8e\u0b9c\u0b9f\u0ba3\u0ba8\u0bae\u0bcd\u0bd0\u0bd7\u0bee\u0bfa"),
        (Shifts(12, 12), "00 0e 12 22 47 60 7b 1b22 1b26 1b32",
         "\u0c01\u0c0e\u0c12\u0c1f\u0c33\u0c55\u0c56\u0c6c\u0c58\u0c7f"),
        (Shifts(13, 13), "00 01 0b 1c 3f 45 5f 60 7f 1b19 1b1c 1b3b 1b3f",
         "\u0627\u0622\u0679\u068c?\u0641\u0657\u0654\u0670\u0600\u06f0\u06cd\u06d4"),
        (Shifts(0, 0), "48 65 1b65", "He€"),
        (Shifts(99, 99), "60 1b65 1b67", "¿€g"),  # a language of the future
        (Shifts(0, 1), "41 1b42 1b", "AB "),  # no letter behind an escape
    ],
)  # fmt: skip
def test_letters(shifts: Shifts, septets: str, letters: str) -> None:
    assert decode(bytes.fromhex(septets), shifts) == letters


@given(st.data(), st.sampled_from([0, *ALL]), st.sampled_from([0, *ALL]))
def test_any_text_of_a_language_keeps_its_letters(data: st.DataObject, locking: int, single: int) -> None:
    shifts = Shifts(0 if locking == tables.SPANISH else locking, single)
    known = set(tables.LOCKING_SHIFT[shifts.locking] + tables.SINGLE_SHIFT[single]) - {
        "\x1b",
        tables.NO_LETTER,
    }
    text = data.draw(st.text(st.sampled_from(sorted(known)), max_size=400))
    septets = encode(text, shifts)
    assert decode(septets, shifts) == text

    sms = submit(header(shifts), septets)
    assert letters(sms) == text
    if sms.coding == 0 and sms.udhdata is not None:
        assert gsm0338.encode(sms.msgdata or b"") == septets


@given(st.binary(max_size=300), st.binary(max_size=20), st.integers(0, 255))
def test_any_header_and_octets(body: bytes, elements: bytes, data_coding: int) -> None:
    sms = submit(bytes((len(elements),)) + elements, body, data_coding=data_coding)
    assert udh.count_parts(sms) >= 1


TURKISH = Shifts(0, tables.TURKISH)


@pytest.mark.parametrize(
    ("elements", "septets", "text"),
    [
        ("240101", "1b67 80 61", "ğa"),  # 0x80 is no septet
        ("240102", "1b61 1b4f", "áÓ"),
        ("240103 250103", "18 1b7b", "€ã"),
        ("24010e", "1b67 61", "ga"),  # a language of the future: its escapes count for nothing
        ("250101", "04 07 40 1b65", "€ıİ€"),
        ("250106", "15 2f", "\u0915\u0928"),
        ("250106", "1b15 1b", "\u0915"),
    ],
)
@pytest.mark.parametrize(
    ("data_coding", "options"),
    [
        (0x00, BindOptions()),
        (0xF1, BindOptions()),
        (0x10, BindOptions()),
        (0x00, BindOptions(alt_charset="latin-1")),  # such a header is about septets
        (0x01, BindOptions(profile=GSM_1)),
    ],
)
def test_no_letter_is_lost(
    elements: str, septets: str, text: str, data_coding: int, options: BindOptions
) -> None:
    own = bytes.fromhex(elements)
    sms = submit(bytes((len(own),)) + own, bytes.fromhex(septets), options, data_coding)
    assert letters(sms) == text


@pytest.mark.parametrize(
    ("data_coding", "coding"), [(0x01, 0), (0x03, 0), (0x04, 1), (0x08, 2), (0x45, 1), (0xF5, 1)]
)
def test_other_alphabets_have_no_septets(data_coding: int, coding: int) -> None:
    sms = submit(header(TURKISH), b"ab", data_coding=data_coding)
    assert (sms.coding, sms.msgdata, sms.udhdata) == (coding, b"ab", header(TURKISH))


@pytest.mark.parametrize(
    ("shifts", "text", "concatenated", "coding", "parts"),
    [
        (TURKISH, "ğ" * 70, False, 2, 1),
        (TURKISH, "ğ" * 71, False, 2, 2),
        (TURKISH, "ğ" * 74, True, 2, 2),  # a message of its own, of two parts
        (TURKISH, "a" * 155, False, 0, 1),
        (TURKISH, "a" * 161, False, 0, 2),
        (Shifts(tables.HINDI, 0), "\u0915" * 155, False, 0, 1),
        (Shifts(tables.HINDI, 0), "\u0915" * 156, False, 0, 2),
        (Shifts(tables.HINDI, 0), "\u0915" * 149, True, 0, 1),
        (Shifts(tables.HINDI, tables.HINDI), "\u0915\u0966" * 35, False, 2, 1),
    ],
)
def test_parts(shifts: Shifts, text: str, concatenated: bool, coding: int, parts: int) -> None:
    sms = submit(header(shifts, concatenated=concatenated), encode(text, shifts))
    assert (sms.coding, udh.count_parts(sms)) == (coding, parts)
    assert udh.is_concatenated(sms.udhdata) == (concatenated and not shifts.single)
    assert letters(sms) == text


def test_other_elements_stay_in_the_header_of_letters() -> None:
    sms = submit(bytes.fromhex("0e 240101 0003070201 050415810000".replace(" ", "")), b"\x1bg" * 100)
    assert (sms.coding, sms.udhdata) == (2, bytes.fromhex("06050415810000"))
    assert sms.msgdata == ("ğ" * 100).encode("utf-16-be")


def test_data_coding_1() -> None:
    """As GSM also where another alphabet stands for data_coding 0."""
    pdu = SubmitSm(destination_addr=b"1", data_coding=1, short_message=b"\x00\x05\x1be")
    for charset in (None, "latin-1"):
        options = BindOptions(profile=GSM_1, alt_charset=charset, fields_in_meta_data=True)
        sms = from_submit_sm(pdu, options, b"esme1", b"", 0)
        assert (sms.coding, sms.msgdata) == (0, "@é€".encode())
        assert get_group(sms.meta_data, "smpp")[b"data_coding"] == b"0"
    assert from_submit_sm(pdu, BindOptions(), b"esme1", b"", 0).msgdata == b"\x00\x05\x1be"
