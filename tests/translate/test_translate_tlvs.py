"""Groups smpp-tlv, and values against TLV octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.smpp.tlvs import TlvType
from ksmppd_py.translate.tlvs import TlvDefinition, TlvTable, TlvTables


def define(
    name: str = "x", tag: int = 0x1400, length: int = 8, type: str = "octetstring", ids: str = ""
) -> TlvDefinition:
    return TlvDefinition(name, tag, length, TlvType(type), tuple(filter(None, ids.split(";"))))


def test_doubles() -> None:
    with pytest.raises(ValueError, match="Double TLV name x found"):
        TlvTables([define("x", 1), define("x", 2)])
    with pytest.raises(ValueError, match="Double TLV tag 1 found"):
        TlvTables([define("x", 1), define("y", 1)])
    with pytest.raises(ValueError, match="Double TLV tag 1 found"):
        TlvTables([define("x", 1, ids="a;b"), define("y", 1, ids="b;c")])
    TlvTables([define("x", 1), define("x", 1, ids="a"), define("x", 1, ids="b")])


def test_own_before_global() -> None:
    tables = TlvTables(
        [define("x", 1, 4), define("y", 2), define("x", 3, ids="a;b"), define("z", 2, ids="a")]
    )
    everyone, a, b = map(tables.for_system_id, ("other", "a", "b"))
    assert (everyone.by_name[b"x"].tag, a.by_name[b"x"].tag, b.by_name[b"x"].tag) == (1, 3, 3)
    assert (everyone.by_tag[2].name, a.by_tag[2].name, b.by_tag[2].name) == ("y", "z", "y")
    assert b"z" not in b.by_name


@pytest.mark.parametrize(
    ("type", "length", "tag", "octets", "value"),
    [
        ("integer", 4, 0x1400, "ffffffff", b"4294967295"),
        ("integer", 4, 0x1400, "", b"0"),
        ("integer", 4, 0x1400, "0007", b"7"),
        ("integer", 4, 0x1400, "0000000007", None),
        ("integer", 3000, 0x1400, "00" * 8 + "ff" * 8, b"18446744073709551615"),
        ("integer", 3000, 0x1400, "ff" * 3000, None),  # no number of the table
        ("octetstring", 3, 0x1400, "00ff00", b"\x00\xff\x00"),
        ("octetstring", 3, 0x1400, "00ff0000", None),
        ("nulterminated", 4, 0x1400, "61620063", b"ab"),
        ("nulterminated", 4, 0x1400, "61626364", None),
        ("nulterminated", 4, 0x1400, "00", b""),
        ("octetstring", 1, 0x0204, "0007", b"7"),  # a standard tag is read as the standard says
        ("integer", 4, 0x0204, "000007", None),
        ("octetstring", 1, 0x0381, "01020304", b"\x01\x02\x03\x04"),
    ],
)
def test_receiving(type: str, length: int, tag: int, octets: str, value: bytes | None) -> None:
    definition = define("x", tag, length, type)
    assert definition.decode(bytes.fromhex(octets)) == value
    assert TlvTable([definition]).to_values({tag: bytes.fromhex(octets), 0x3FFF: b"?", 0x0424: b""}) == (
        {} if value is None else {b"x": value}
    )


@pytest.mark.parametrize(
    ("type", "length", "value", "octets"),
    [
        ("integer", 4, b"256", "00000100"),
        ("integer", 4, b"-1", "ffffffff"),
        ("integer", 2, b"65537", "0001"),
        ("integer", 1, b" +12abc", "0c"),
        ("integer", 1, b"abc", "00"),
        ("integer", 0, b"1", ""),
        ("integer", 1, b"9" * 5000, "ff"),
        ("octetstring", 3, b"\x00\xff", "00ff"),
        ("octetstring", 3, b"abcd", None),
        ("nulterminated", 3, b"abc", "61626300"),
        ("nulterminated", 3, b"abcd", None),
    ],
)
def test_sending(type: str, length: int, value: bytes, octets: str | None) -> None:
    definition = define("x", 0x1400, length, type)
    expected = None if octets is None else bytes.fromhex(octets)
    assert definition.encode(value) == expected
    assert TlvTable([definition]).to_tlvs({b"x": value, b"y": b"1"}) == (
        {} if expected is None else {0x1400: expected}
    )


def test_only_unknown_keys_are_complained_about(caplog: pytest.LogCaptureFixture) -> None:
    """Fields of PDUs and what receipts are made of need no group smpp-tlv."""
    values = dict.fromkeys((b"source_addr_ton", b"data_coding", b"dlr_err", b"odd"), b"1")
    assert TlvTable([define("x", 0x1400, 1, "integer")]).to_tlvs(values) == {}
    assert [record.getMessage() for record in caplog.records] == ["SMPP: Unknown TLV `odd', don't send."]


@given(st.integers(0, 2**32 - 1), st.binary(max_size=8))
def test_round_trip(number: int, octets: bytes) -> None:
    integer, octetstring = define(type="integer", length=4), define()
    assert integer.decode(integer.encode(b"%d" % number) or b"") == b"%d" % number
    assert octetstring.decode(octetstring.encode(octets) or b"") == octets


@pytest.mark.parametrize(("count", "lines"), [(0, 0), (1, 1), (10, 10), (11, 10), (16_000, 10)])
def test_unknown_tlvs_take_few_lines(caplog: pytest.LogCaptureFixture, count: int, lines: int) -> None:
    """A PDU has room for 16,000, and a line takes 20 us."""
    assert TlvTable().to_values(dict.fromkeys(range(0x2000, 0x2000 + count), b"")) == {}
    assert sum("unknown TLV" in line for line in caplog.messages) == lines
