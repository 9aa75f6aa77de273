"""The clock, passed to code that asks for the time, so that tests can set it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The `time` module of the standard library implements it. No method yields."""

    def time(self) -> float:
        """Return epoch seconds."""

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back; its zero is any."""
