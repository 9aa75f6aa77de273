"""Dates of receipts: digits and time zones."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ksmppd_py.translate import receipt_dates
from ksmppd_py.translate.receipt_dates import write_date, zone_of


@pytest.fixture(autouse=True)
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process's time zone."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    _forget()
    yield
    monkeypatch.undo()
    time.tzset()
    _forget()


def _forget() -> None:
    receipt_dates.local_time.cache_clear()
    receipt_dates._local_minute.cache_clear()


@pytest.mark.parametrize(
    ("zone", "epoch", "date"),
    [
        ("local", 1700000000, b"231114171320"),
        ("local", 1690000000, b"230722002640"),  # summer time
        ("utc", 1700000000, b"231114221320"),
        ("+05:30", 1700000000, b"231115034320"),
        ("-03:00", 1700000000, b"231114191320"),
        ("Europe/Berlin", 1700000000, b"231114231320"),
        ("Europe/Berlin", 1690000000, b"230722062640"),
        ("local", 2**70, b"000000000000"),
        ("utc", 2**70, b"000000000000"),
        ("utc", -1, b"691231235959"),
    ],
)
def test_dates(zone: str, epoch: int, date: bytes) -> None:
    for digits in (12, 10):
        assert write_date(zone_of(zone), digits)(epoch) == date[:digits]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LOCAL",
        "+5:30",
        "+05",
        "+15:00",
        "+05:60",
        "+\u0660\u0665:00",
        "Nowhere/Land",
        "../etc/passwd",
        "+-5:00",
    ],
)
def test_no_zones(text: str) -> None:
    with pytest.raises(ValueError, match=r"isn't|is no"):
        zone_of(text)
