"""The dates of receipts: YYMMDDhhmm or YYMMDDhhmmss in a time zone (SMPP 3.4, appendix B)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

WriteDate: TypeAlias = Callable[[int], bytes]
"""Writes epoch seconds as the date of a receipt; all zeros for a time outside of the calendar."""


@lru_cache(maxsize=1024)
def _local_minute(minute: int) -> bytes:
    return time.strftime("%y%m%d%H%M", time.localtime(minute * 60)).encode()


@lru_cache(maxsize=4096)
def local_time(epoch: int) -> bytes:
    """Return `YYMMDDhhmmss` in the process's time zone."""
    try:
        return b"%b%02d" % (_local_minute(epoch // 60), epoch % 60)
    except (OverflowError, ValueError, OSError):  # a time outside of the C library's calendar
        return b"000000000000"


def local_minutes(epoch: int) -> bytes:
    """Return `YYMMDDhhmm` in the process's time zone."""
    return local_time(epoch)[:10]


@lru_cache(maxsize=64)
def write_date(zone: tzinfo | None, digits: int) -> WriteDate:
    """Return the function that writes dates of 10 or 12 digits; `zone` None is the process's time zone."""
    if zone is None:
        return local_time if digits == 12 else local_minutes
    pattern = "%y%m%d%H%M%S" if digits == 12 else "%y%m%d%H%M"

    @lru_cache(maxsize=4096)
    def write(epoch: int) -> bytes:
        try:
            return datetime.fromtimestamp(epoch, zone).strftime(pattern).encode()
        except (OverflowError, ValueError, OSError):
            return b"0" * digits

    return write


def zone_of(text: str) -> tzinfo | None:
    """Return the zone of `local` (None), `utc`, `+hh:mm`, `-hh:mm` or an IANA name. Raises ValueError for others."""
    if text == "local":
        return None
    if text == "utc":
        return timezone.utc
    if text[:1] in ("+", "-"):
        hours, colon, minutes = text[1:].partition(":")
        if not (
            colon and len(hours) == len(minutes) == 2 and (hours + minutes).isdecimal() and hours.isascii()
        ):
            raise ValueError(f"{text!r} isn't +hh:mm")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if int(minutes) > 59 or offset > timedelta(hours=14):
            raise ValueError(f"{text!r} is no offset from UTC")
        return timezone(offset if text[0] == "+" else -offset)
    try:
        return ZoneInfo(text)
    except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"{text!r} is no time zone") from error
    except KeyError as error:
        raise ValueError(f"{text!r} is no time zone") from error
