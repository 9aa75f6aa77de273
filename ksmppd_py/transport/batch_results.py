"""The results of one call that asks for many things at a time."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

import gevent
from gevent.hub import Waiter, get_hub


class Missing(Enum):
    """Stands for a result that isn't there, because None may be a result."""

    MISSING = 0


MISSING = Missing.MISSING
Result = TypeVar("Result")


class BatchResults(Generic[Result]):
    """The results in the order of the items; one greenlet waits until the last one is there, or for a time."""

    __slots__ = ("_left", "_waiter", "results")

    def __init__(self, count: int) -> None:
        self.results: list[Result | Missing] = [MISSING] * count
        self._left = count
        self._waiter: Waiter | None = None

    def settle(self, position: int, result: Result) -> bool:
        """Set a result unless it is there; return whether it was set. Doesn't yield."""
        if self.results[position] is not MISSING:
            return False
        self.results[position] = result
        self._left -= 1
        if not self._left and self._waiter is not None:
            get_hub().loop.run_callback(self._waiter.switch, None)
        return True

    def wait(self, seconds: float) -> None:
        """Return when all results are there, at the latest after `seconds`. May yield."""
        if not self._left:
            return
        self._waiter = Waiter()
        limit = gevent.Timeout.start_new(seconds)
        try:
            self._waiter.get()
        except gevent.Timeout as timeout:
            if timeout is not limit:
                raise
        finally:
            limit.cancel()
            self._waiter = None
