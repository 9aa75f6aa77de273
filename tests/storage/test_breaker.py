"""The log tells once that the database went away and why, and once that it is back."""

from __future__ import annotations

import logging

import pytest

from ksmppd_py.storage.database import Breaker


def test_going_away_and_coming_back_are_a_line_each(caplog: pytest.LogCaptureFixture) -> None:
    breaker = Breaker(1.0, lambda: 0.0)
    with caplog.at_level(logging.INFO):
        breaker.worked()
        for _ in range(3):
            breaker.failed("connection refused")
        breaker.worked()
        breaker.worked()
        breaker.failed("gone again")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "The database doesn't answer: connection refused"),
        ("INFO", "The database answers again"),
        ("ERROR", "The database doesn't answer: gone again"),
    ]
