"""Quoting, numbers and truth values against what Kannel and strtol were seen to do."""

from __future__ import annotations

import pytest

from kannel_conf.values import parse_boolean, parse_integer, split_ids, split_words, unquote

QUOTED = [
    ('"a b"', "a b"),
    (r'"q\"x\\y\nz"', r'q"x\y\nz'),
    ('"unterm', '"unterm'),
    ('half"', 'half"'),
    ('""', ""),
    ('"', ""),
    ("'s'", "'s'"),
    ('"a" b', '"a" b'),
    (r'"a\"', "a\\"),
    (r"\"a\"", r"\"a\""),
    ('"a"#c', '"a"#c'),
    (r'"a\\"', "a\\"),
    ('"""', '"'),
    ('" x "', " x "),
    ('\t"\tx\t"\v', "\tx\t"),
    ("a=b==c", "a=b==c"),
    ("\u00a0x\u00a0", "\u00a0x\u00a0"),  # white space for Python, not for C
]


@pytest.mark.parametrize(("raw", "value"), QUOTED)
def test_quoting(raw: str, value: str) -> None:
    assert unquote(raw) == value


INTEGERS = [
    ("0", 0, False),
    ("15", 15, False),
    (" 15\t", 15, False),
    ("-5", -5, False),
    ("+7", 7, False),
    ("0x1F", 31, False),
    ("-0X1f", -31, False),
    ("010", 8, True),
    ("07", 7, False),
    ("9223372036854775807", 2**63 - 1, False),
    ("-9223372036854775808", -(2**63), False),
]


@pytest.mark.parametrize(("text", "number", "octal"), INTEGERS)
def test_integer(text: str, number: int, octal: bool) -> None:
    assert parse_integer(text) == (number, octal)


@pytest.mark.parametrize(
    "text", ["", "abc", "12abc", "1e3", "1_000", "08", "0x", "1 # c", "- 5", "٣", "9223372036854775808"]
)
def test_no_integer(text: str) -> None:
    with pytest.raises(ValueError):
        parse_integer(text)


@pytest.mark.parametrize("text", ["true", "YES", "on", "1"])
def test_true(text: str) -> None:
    assert parse_boolean(text) == (True, False)


@pytest.mark.parametrize("text", ["false", "No", "OFF", "0"])
def test_false(text: str) -> None:
    assert parse_boolean(text) == (False, False)


@pytest.mark.parametrize("text", ["2", "y", "t", "enable", ""])
def test_anything_else_is_true_and_strange(text: str) -> None:
    assert parse_boolean(text) == (True, True)


def test_lists() -> None:
    assert split_words(" a  b\tc ") == ("a", "b", "c")
    assert split_words("a; b,c", ";, ") == ("a", "b", "c")
    assert split_ids("a; b;;c;") == ("a", " b", "", "c")
    assert split_ids("") == ()
