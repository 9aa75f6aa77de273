"""Time strings of 7.1.1 at one fixed moment."""

from __future__ import annotations

import calendar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.smpp.errors import BadTime
from ksmppd_py.smpp.times import LATEST, is_relative, to_epoch

NOW = calendar.timegm((2026, 11, 23, 6, 20, 23))


def utc(*fields: int) -> int:
    return calendar.timegm((*fields, 0, 0, 0)[:6])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # relative
        (b"000000000000000R", NOW),
        (b"000000010000000R", NOW + 3600),
        (b"000000013000000R", NOW + 5400),
        (b"000000003000000R", NOW + 1800),
        (b"000001000000000R", NOW + 86400),
        (b"010000000000000R", utc(2027, 11, 23, 6, 20, 23)),
        (b"000000000130000R", NOW + 90),
        (b"000000720000000R", NOW + 72 * 3600),
        (b"000000009999000R", NOW + 99 * 60 + 99),
        (b"000099000000000R", NOW + 99 * 86400),
        (b"001400000000000R", utc(2028, 1, 23, 6, 20, 23)),
        (b"000200000000000R", utc(2027, 1, 23, 6, 20, 23)),
        (b"020610233429000R", utc(2029, 5, 23, 6, 20, 23) + 10 * 86400 + 23 * 3600 + 34 * 60 + 29),
        (b"020610233429959R", utc(2029, 5, 23, 6, 20, 23) + 10 * 86400 + 23 * 3600 + 34 * 60 + 29),
        (b"990000000000000R", LATEST),
        (b"999999999999999R", LATEST),
        # past: what that means is the field's matter
        (b"261123062022000+", NOW - 1),
        (b"261123062022900-", NOW - 1),
        (b"261123070000004+", utc(2026, 11, 23, 6)),
        (b"380101000000000+", utc(1938, 1, 1)),
        (b"700101000000000+", 0),
        (b"991231235959000+", utc(1999, 12, 31, 23, 59) + 59),
        (b"000101000000000+", utc(2000, 1, 1)),
        # absolute
        (b"261123062023000+", NOW),
        (b"261123090000004+", utc(2026, 11, 23, 8)),
        (b"261123070000004-", utc(2026, 11, 23, 8)),
        (b"261123070000000+", utc(2026, 11, 23, 7)),
        (b"261123070000900-", utc(2026, 11, 23, 7)),
        (b"261123200000048+", utc(2026, 11, 23, 8)),
        (b"261122200000048-", utc(2026, 11, 23, 8)),
        (b"280229120000000+", utc(2028, 2, 29, 12)),
        (b"371231235959000+", utc(2037, 12, 31, 23, 59) + 59),
        (b"371231235959048-", utc(2038, 1, 1, 11, 59) + 59),
    ],
)
def test_to_epoch(text: bytes, expected: int) -> None:
    assert to_epoch(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        b"261301000000000+",
        b"260001000000000+",
        b"261200000000000+",
        b"261232000000000+",
        b"270229000000000+",
        b"261131000000000+",
        b"261123250000000+",
        b"261123240000000+",
        b"261123066000000+",
        b"261123060060000+",
        b"261123070000049+",
        b"261123070000049-",
        b"26112307000000Z+",
        b"261123070000000X",
        b"261123070000000r",
        b"261123070000000\xb2",
        b"2611230700000 0+",
        b"+61123070000000+",
        b"00000001000000R",
        b"0000000100000000R",
        b"0000010000",
        b"00000a010000000R",
        b"00000001000000ZR",
        b"\xb2\xb3112307000000+",
        b"",
        b"0",
        b"0000000000000000",
        b"000000000000000+",
    ],
)
def test_refuses(text: bytes) -> None:
    with pytest.raises(BadTime) as problem:
        to_epoch(text, NOW)
    assert problem.value.reason


@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        ((2027, 1, 31), b"000100000000000R", (2027, 3, 3)),  # there is no 31 February
        ((2028, 1, 31), b"000100000000000R", (2028, 3, 2)),
        ((2028, 2, 29), b"010000000000000R", (2029, 3, 1)),
        ((2026, 12, 31), b"000001000000000R", (2027, 1, 1)),
        ((2026, 12, 31), b"000100000000000R", (2027, 1, 31)),
    ],
)
def test_months_without_the_day(now: tuple[int, ...], text: bytes, expected: tuple[int, ...]) -> None:
    assert to_epoch(text, utc(*now)) == utc(*expected)


@given(st.binary(max_size=20) | st.text("0123456789+-R", min_size=15, max_size=16).map(str.encode))
def test_anything_is_a_time_or_a_bad_one(text: bytes) -> None:
    try:
        epoch = to_epoch(text, NOW)
    except BadTime:
        return
    assert epoch <= LATEST
    assert epoch >= NOW or not is_relative(text)
