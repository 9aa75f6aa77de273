"""Time strings of schedule_delivery_time and validity_period (SMPP 3.4, 7.1.1), in pure UTC arithmetic."""

from __future__ import annotations

import calendar
from datetime import datetime, timezone
from typing import Final

from ksmppd_py.smpp.errors import BadTime

LATEST: Final = 0x7FFFFFFF  # what a bearerbox takes; a relative time beyond it is reduced (7.1.1.2 note)

_LENGTH = 16  # YYMMDDhhmmsstnnp
_PIVOT = 38  # appendix C: 38 to 99 are 19xx
_QUARTER_HOUR = 15 * 60
_MOST_QUARTER_HOURS = 48
_DAY = 24 * 60 * 60


def to_epoch(text: bytes, now: int) -> int:
    """Return the epoch seconds of a time string.

    `now` in epoch seconds is the base of relative times. An absolute time may be past; the caller decides on that
    (D-26). Raises BadTime for anything but a time.
    """
    if len(text) != _LENGTH or not text[:15].isdigit():
        raise BadTime(f"{text!r} is not YYMMDDhhmmsstnnp")
    numbers = [int(text[i : i + 2]) for i in range(0, 12, 2)]
    quarter_hours = int(text[13:15])
    kind = text[15:]
    if kind == b"R":
        return min(_later(numbers, now), LATEST)
    if kind not in (b"+", b"-"):
        raise BadTime(f"{text!r} ends in none of + - R")
    if quarter_hours > _MOST_QUARTER_HOURS:
        raise BadTime(f"{text!r} is {quarter_hours} quarter hours off UTC, more than {_MOST_QUARTER_HOURS}")
    local = _absolute(numbers, text)
    epoch = local - quarter_hours * _QUARTER_HOUR if kind == b"+" else local + quarter_hours * _QUARTER_HOUR
    return min(epoch, LATEST)


def is_relative(text: bytes) -> bool:
    """Whether a time string that to_epoch accepts is relative to now (7.1.1.2)."""
    return text.endswith(b"R")


def from_epoch(epoch: int) -> bytes:
    """Return an absolute time string in UTC, as query_sm_resp's final_date has it."""
    moment = datetime.fromtimestamp(epoch, timezone.utc)
    return moment.strftime("%y%m%d%H%M%S").encode() + b"000+"


def _absolute(numbers: list[int], text: bytes) -> int:
    """Return the epoch seconds of a date and time as if it were UTC. Raises BadTime when it doesn't exist."""
    year, month, day, hour, minute, second = numbers
    year += 1900 if year >= _PIVOT else 2000
    if (
        not 1 <= month <= 12
        or not 1 <= day <= calendar.monthrange(year, month)[1]
        or hour > 23
        or minute > 59
        or second > 59
    ):
        raise BadTime(f"{text!r} is no date and time")
    return calendar.timegm((year, month, day, hour, minute, second))


def _later(numbers: list[int], now: int) -> int:
    """Return `now` plus years, months ... seconds; a day that the month lacks runs into the next."""
    years, months, days, hours, minutes, seconds = numbers
    today = datetime.fromtimestamp(now, timezone.utc)
    month = today.month - 1 + months
    first_of_month = calendar.timegm((today.year + years + month // 12, month % 12 + 1, 1, 0, 0, 0))
    since_first = now - calendar.timegm((today.year, today.month, 1, 0, 0, 0))
    return first_of_month + since_first + days * _DAY + hours * 3600 + minutes * 60 + seconds
