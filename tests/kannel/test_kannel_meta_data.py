"""The meta_data string and Kannel's URL encoding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel import url
from ksmppd_py.kannel.meta_data import Groups, get_group, parse, render, set_group


@pytest.mark.parametrize(
    ("octets", "groups"),
    [
        (b"?smpp?", {"smpp": {}}),
        (b"?smpp?vendor_str=str&user_ref=7&", {"smpp": {b"vendor_str": b"str", b"user_ref": b"7"}}),
        (
            b"?orig_msg?dlr_mask=19&?smpp?dlr_err=%03%00%1B&",
            {"orig_msg": {b"dlr_mask": b"19"}, "smpp": {b"dlr_err": b"\x03\x00\x1b"}},
        ),
        (b"?smpp?a+b%26%25%FF%00=x&", {"smpp": {b"a b&%\xff\x00": b"x"}}),
        (b"?a??b?", {"a": {}, "b": {}}),
    ],
)
def test_both_ways(octets: bytes, groups: Groups) -> None:
    assert parse(octets) == groups
    assert render(groups) == octets


@pytest.mark.parametrize(
    ("octets", "groups"),
    [
        (None, {}),
        (b"", {}),
        (b"smpp", {}),
        (b"?smpp", {}),
        (b"?SMPP?a=1", {"smpp": {b"a": b"1"}}),
        (b"?smpp?a=1&&b=2&c", {"smpp": {b"a": b"1", b"b": b"2"}}),
        (b"?smpp?a=1&a=2&", {"smpp": {b"a": b"2"}}),
        (b"?smpp?a=%zz%4&", {"smpp": {b"a": b"%zz%4"}}),
        (b"?smpp?a=1?smpp?a=2", {"smpp": {b"a": b"1"}}),
        (b"?sm=pp?a=1&", {}),
        (b"?sm&pp?a=1&", {}),
        (b"?x?y=1&?smpp?a=1=2&", {}),
        (b"?smpp?a=1&\0b=2&", {"smpp": {b"a": b"1"}}),
    ],
)
def test_what_kannel_tolerates(octets: bytes | None, groups: Groups) -> None:
    assert parse(octets) == groups


def test_one_group() -> None:
    assert get_group(b"?orig_msg?dlr_mask=19&?smpp?a=1&", "smpp") == {b"a": b"1"}
    assert get_group(b"?orig_msg?dlr_mask=19&", "smpp") == {}
    assert get_group(None, "smpp") == {}
    assert set_group(None, "smpp", {b"a": b"1"}) == b"?smpp?a=1&"
    assert set_group(b"?smpp?a=1&?x?", "smpp", {b"b": b"2"}) == b"?smpp?b=2&?x?"
    assert (
        set_group(b"?orig_msg?dlr_mask=19&?x?", "smpp", {b"b": b"2"})
        == b"?orig_msg?dlr_mask=19&?smpp?b=2&?x?"
    )


def test_url_encoding() -> None:
    assert url.encode(b"a b&%\xff\0") == "a+b%26%25%FF%00"
    assert url.encode(b"Az09-_.!~*'()") == "Az09-_.!~*'()"
    assert url.encode(b"esme|1") == "esme%7C1"
    assert url.decode(b"a+b%2b%zz%") == b"a b+%zz%"


@given(st.binary())
def test_url_round_trip(octets: bytes) -> None:
    assert url.decode(url.encode(octets).encode()) == octets
    assert url.encode(octets).isascii()


_names = (
    st.text(st.characters(max_codepoint=0xFF), max_size=8)
    .map(str.lower)
    .filter(lambda name: name == name.encode("latin-1", "ignore").decode("latin-1").lower())
)
_groups = st.dictionaries(_names, st.dictionaries(st.binary(max_size=8), st.binary(max_size=8)), max_size=4)


@given(_groups)
def test_round_trip(groups: Groups) -> None:
    assert parse(render(groups)) == groups


@given(st.binary() | st.text("?&=%a0+ \0").map(str.encode))
def test_parse_takes_anything(octets: bytes) -> None:
    groups = parse(octets)
    assert parse(render(groups)) == groups
