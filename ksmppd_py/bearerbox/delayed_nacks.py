"""Delays temporary refusals, because the bearerbox repeats a refused message at once (docs/rules/flows.md 2)."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count

from ksmppd_py.bearerbox.timings import BoxTimings
from ksmppd_py.model.work import Delivery


class DelayedNacks:
    """Messages to be refused temporarily, by the time at which that is due (monotonic seconds). No method yields."""

    def __init__(self, timings: BoxTimings) -> None:
        self._heap: list[tuple[float, int, Delivery]] = []
        self._order = count()
        self._first_delay = timings.first_nack_delay
        self._last_delay = timings.last_nack_delay
        self._delays: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, delivery: Delivery, now: float) -> None:
        """Delay the refusal of a message, each one of an account longer than the one before."""
        delay = self._delays.get(delivery.system_id, self._first_delay)
        self._delays[delivery.system_id] = min(self._last_delay, delay * 2)
        heappush(self._heap, (now + delay, next(self._order), delivery))

    def reset(self, system_id: str) -> None:
        """Start with the first delay again: the account took a message."""
        if self._delays:
            self._delays.pop(system_id, None)

    def due(self, now: float) -> Delivery | None:
        """Remove and return one message whose time has come, None without one."""
        return heappop(self._heap)[2] if self._heap and self._heap[0][0] <= now else None

    def first(self, count: int) -> list[Delivery]:
        """Remove and return `count` messages before their time, those due next."""
        return [heappop(self._heap)[2] for _ in range(min(count, len(self._heap)))]
