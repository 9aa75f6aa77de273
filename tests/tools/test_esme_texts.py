"""The text of messages: alphabets and cuts."""

from __future__ import annotations

import pytest
from smpplib.command import DeliverSM

from ksmppd_py.tools import texts, words

HEADER = 6


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("@£$", b"\x00\x01\x02"),
        ("§", b"\x5f"),
        ("€[]", b"\x1b\x65\x1b\x3c\x1b\x3e"),
        ("Δ_ΦΓ", bytes([0x10, 0x11, 0x12, 0x13])),
        ("ÄÖÑÜ¿äöñüà", bytes([0x5B, 0x5C, 0x5D, 0x5E, 0x60, 0x7B, 0x7C, 0x7D, 0x7E, 0x7F])),
    ],
)
def test_gsm_both_ways(text: str, octets: bytes) -> None:
    assert texts.encode(text) == (0, octets)
    assert texts.decode(octets, 0) == text


def test_what_gsm_lacks_becomes_ucs2() -> None:
    assert texts.encode("`") == (8, b"\x00`")
    assert texts.encode("ç") == (8, b"\x00\xe7")  # GSM has the capital only
    assert texts.decode(b"a\x1b", 0) == "a�"


@pytest.mark.parametrize(
    ("data_coding", "name"),
    [
        (0, "GSM"),
        (1, "ascii"),
        (2, "octets"),
        (3, "latin-1"),
        (4, "octets"),
        (8, "UCS-2"),
        (0x09, "octets"),
        (0x0A, "iso2022_jp"),
        (0x0F, "octets"),
        (0x18, "UCS-2"),
        (0xC8, "GSM"),
        (0xE8, "UCS-2"),
        (0xF1, "GSM"),
        (0xF5, "octets"),
    ],
)
def test_coding_names(data_coding: int, name: str) -> None:
    assert texts.coding_name(data_coding) == name


def test_binary_has_no_text() -> None:
    assert texts.decode(b"\xff\x00", 4) is None
    assert texts.encode("é", 4) == (4, "é".encode())


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("a" * 306, [153, 153]),
        ("€" * 80, [160]),
        ("€" * 81, [152, 10]),  # 153 septets would cut an escape off
        ("Ж" * 70, [140]),
        ("Ж" * 71, [134, 8]),
        ("😀" * 36, [132, 12]),  # and 134 octets a surrogate pair
        ("", [0]),
    ],
)
def test_cuts(text: str, lengths: list[int]) -> None:
    data_coding, octets = texts.encode(text)
    parts = texts.split(octets, data_coding, reference=300)
    header = HEADER if len(parts) > 1 else 0
    assert [len(part) - header for part in parts] == lengths
    assert b"".join(part[header:] for part in parts) == octets
    if header:
        numbers = [texts.take_concatenation(part[:HEADER]) for part in parts]
        assert numbers == [(300 & 0xFF, len(parts), number) for number in range(1, len(parts) + 1)]


def test_too_many_parts() -> None:
    with pytest.raises(texts.TextError, match="256 parts"):
        texts.split(b"a" * (153 * 255 + 1), 0, reference=1)


@pytest.mark.parametrize(
    ("udh", "expected"),
    [
        ("0500031102 01", (0x11, 2, 1)),
        ("0608041234 0302", (0x1234, 3, 2)),
        ("0b0504158a0000 0003050201", (5, 2, 1)),
        ("06 0504158a0000", None),
        ("050003", None),
        ("", None),
    ],
)
def test_concatenation_headers(udh: str, expected: tuple[int, int, int] | None) -> None:
    assert texts.take_concatenation(bytes.fromhex(udh)) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"source_addr": b"\x1b[2J"},
        {"destination_addr": b"1\r\n2"},
        {"short_message": b"id:\x1b[2J stat:\x07 err:\x9b2J", "esm_class": 4},
        {"receipted_message_id": b"\x1b]0;x\x07\0", "esm_class": 4},
    ],
)
def test_a_server_cant_command_the_terminal(fields: dict[str, object]) -> None:
    pdu = DeliverSM("deliver_sm", need_sequence=False, sequence=1)
    for name, value in {"short_message": b"x", **fields}.items():
        setattr(pdu, name, value)
    assert words.describe(pdu).isprintable()
