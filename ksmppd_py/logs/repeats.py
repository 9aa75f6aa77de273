"""Keeps repeated lines out of the log, and counts them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

EACH = {"each": True}
"""`extra` of lines that are always written."""
MOST_ALIKE = 5
"""Lines of a kind that are written within REPEAT_WINDOW seconds."""
REPEAT_WINDOW = 30.0
"""Seconds in which lines of a kind are counted together."""
MOST_KINDS = 1000
"""Kinds that are remembered; lines of further kinds are all written."""


@dataclass(slots=True)
class _Kind:
    since: float
    written: int = 0
    left_out: int = 0
    last: logging.LogRecord | None = None


class Repeats:
    """Leaves out lines of a kind (logger and text before formatting) above MOST_ALIKE, and counts them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def admits(self, record: logging.LogRecord) -> bool:
        """Whether the line is to be written; otherwise it is counted."""
        if not logging.WARNING <= record.levelno < logging.CRITICAL or getattr(record, "each", False):
            return True
        key = (record.name, str(record.msg))
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= MOST_KINDS:
                return True
            kind = self._kinds[key] = _Kind(self._clock())
        elif not kind.left_out and self._clock() - kind.since >= REPEAT_WINDOW:
            kind.since, kind.written = self._clock(), 0
        if kind.written < MOST_ALIKE:
            kind.written += 1
            return True
        kind.left_out += 1
        kind.last = record
        return False

    def due(self, at_once: bool = False) -> list[tuple[logging.LogRecord, int, int]]:
        """Return the last line of each kind that was left out, with their number and the seconds of counting.

        A kind is due after REPEAT_WINDOW seconds, or with `at_once`; its count begins again.
        """
        now = self._clock()
        found = []
        for key, kind in list(self._kinds.items()):
            if not at_once and now - kind.since < REPEAT_WINDOW:
                continue
            if kind.last is None:
                del self._kinds[key]
            else:
                found.append((kind.last, kind.left_out, round(now - kind.since)))
                self._kinds[key] = _Kind(now, MOST_ALIKE)  # counted until the kind has been quiet
        return found
