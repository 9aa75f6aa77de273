"""Moving rates, and the token bucket that limits an account. Time is always an argument."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil

LIFETIME = -1
SERVER_INTERVALS = (LIFETIME, 1, 60, 300)
"""Intervals in seconds of the server-wide and per-account loads, in this order (docs/rules/smpp-session.md 6)."""
BIND_INTERVALS = (1,)
_ROUNDING = 1e-6
"""Tokens that floating point may lose when traffic comes exactly at the rate."""


class Load:
    """Events a second over several intervals, each counted from the start of its current window.

    A window restarts when an add or a read falls at or after its end; the lifetime entry never does.
    """

    __slots__ = ("_counts", "_intervals", "_more", "_second", "_starts")

    def __init__(self, intervals: tuple[int, ...], now: int) -> None:
        self._intervals = intervals
        self._counts = [0] * len(intervals)
        self._starts = [now] * len(intervals)
        self._second = now
        self._more = 0  # events of that second, not in the counts yet: no window can end within it

    def add(self, count: int, now: int) -> None:
        """Count `count` events at second `now`."""
        if now == self._second:
            self._more += count
            return
        self._take_in()
        self._second = now
        self._count(count, now)

    def _take_in(self) -> None:
        if self._more:
            more, self._more = self._more, 0
            self._count(more, self._second)

    def _count(self, count: int, now: int) -> None:
        starts = self._starts
        counts = self._counts
        for index, interval in enumerate(self._intervals):
            if interval != LIFETIME and now >= starts[index] + interval:
                starts[index] = now
                counts[index] = count
            else:
                counts[index] += count

    def rate(self, index: int, now: int) -> float:
        """Return events a second in the window of interval number `index`."""
        self._take_in()
        interval = self._intervals[index]
        if interval != LIFETIME and now >= self._starts[index] + interval:
            self._starts[index] = now
            self._counts[index] = 0
        return self._counts[index] / max(1, now - self._starts[index])

    def rates(self, now: int) -> tuple[float, float, float]:
        """Return the rates of the first three intervals, in the order of pages."""
        return self.rate(0, now), self.rate(1, now), self.rate(2, now)


LATENCY_BOUNDS = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds; no operation may take longer than 5."""


class Histogram:
    """Counts durations: `counts[i]` are those above `bounds[i - 1]` up to `bounds[i]` seconds, the last all others."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = LATENCY_BOUNDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


class TokenBucket:
    """Lets `rate` messages a second through, and a burst of one second's messages, or of `least` if that is more.

    Rate 0 = no limit. KSMPPD lets floor(rate)+1 through in each clock second. A bucket is never stricter than the
    configured rate nor, once the burst is spent, more generous (docs/rules/smpp-session.md 6).
    """

    __slots__ = ("_least", "_level", "_updated", "capacity", "rate")

    def __init__(self, rate: float, now: float, least: int = 1) -> None:
        self.rate = rate
        self._least = least
        self.capacity = float(max(least, ceil(rate)))
        self._level = self.capacity
        self._updated = now

    def set_rate(self, rate: float, now: float) -> None:
        """Change the rate; saved tokens stay, up to the new capacity."""
        if rate == self.rate:
            return
        self._refill(now)
        was_unlimited = self.rate <= 0
        self.rate = rate
        self.capacity = float(max(self._least, ceil(rate)))
        self._level = self.capacity if was_unlimited else min(self._level, self.capacity)

    def _refill(self, now: float) -> None:
        if now > self._updated:
            self._level = min(self.capacity, self._level + (now - self._updated) * self.rate)
        self._updated = now

    def lets_pass(self, now: float) -> bool:
        """Whether `take` would give a token at `now` (monotonic seconds). Takes none."""
        if self.rate <= 0:
            return True
        self._refill(now)
        return self._level + _ROUNDING >= 1

    def take(self, wanted: int, now: float) -> int:
        """Take up to `wanted` tokens at `now` (monotonic seconds); return how many there were."""
        if self.rate <= 0:
            return wanted
        self._refill(now)
        granted = min(wanted, int(self._level + _ROUNDING))
        self._level -= granted
        return granted
