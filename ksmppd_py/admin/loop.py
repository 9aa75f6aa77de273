"""Measures how late the event loop is, by a greenlet that measures its own sleep."""

from __future__ import annotations

from collections import deque
from time import monotonic

import gevent

from ksmppd_py.model.meters import Histogram

INTERVAL = 0.25
"""Seconds between two measurements of the event loop's delay."""
REMEMBERED = 60.0
"""Seconds over which the worst delay is reported."""


class LoopWatch:
    """Measures by how many seconds a sleeping greenlet woke too late."""

    def __init__(self) -> None:
        self.lag = Histogram()
        self._recent: deque[float] = deque(maxlen=round(REMEMBERED / INTERVAL))

    @property
    def worst(self) -> float:
        """Return the longest delay of the last minute, in seconds."""
        return max(self._recent, default=0.0)

    @property
    def latest(self) -> float:
        """Return the longest delay of the last five seconds, in seconds."""
        return max(list(self._recent)[-round(5 / INTERVAL) :], default=0.0)

    def measure(self) -> None:
        """Measure every INTERVAL seconds, without end. Yields."""
        while True:
            due = monotonic() + INTERVAL
            gevent.sleep(INTERVAL)
            late = max(0.0, monotonic() - due)
            self.lag.observe(late)
            self._recent.append(late)
