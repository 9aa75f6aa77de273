"""Runs a plugin's functions in a bounded number of greenlets, with a time limit, and catches everything they raise."""

from __future__ import annotations

import logging
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import gevent
from gevent.pool import Pool

from ksmppd_py.errors import BackendUnavailable, KsmppdError, QueueFull
from ksmppd_py.transport.batch_results import BatchResults, Missing

logger = logging.getLogger(__name__)

MOST_GREENLETS = 512
"""Calls of one plugin that run at a time."""
MOST_WAITING = 10_000
"""Calls that may wait to begin."""


Item = TypeVar("Item")
Result = TypeVar("Result")


class Calls:
    """Calls functions of one plugin. `timeout` is seconds for a whole batch."""

    def __init__(
        self, plugin_id: str, timeout: float, greenlets: int = MOST_GREENLETS, waiting: int = MOST_WAITING
    ) -> None:
        self._id = plugin_id
        self._timeout = timeout
        self._pool = Pool(greenlets)
        self._room = waiting

    def call_all(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> list[Result | KsmppdError]:
        """Return the results in order, with an error where a call failed. Yields, at most `timeout` seconds."""
        taken = items[: self._room]
        batch = _Batch(self, function, taken)
        self._room -= len(taken)
        try:
            batch.run(self._pool, self._timeout)
        finally:
            self._room += len(taken)
            batch.stop()
        results: list[Result | KsmppdError] = [
            self._late() if isinstance(result, Missing) else result for result in batch.results
        ]
        results += [QueueFull(f"too many messages wait for plugin '{self._id}'") for _ in items[len(taken) :]]
        return results

    def call(self, function: Callable[[Item], Result], item: Item) -> Result:
        """Return one result, or raise its error. Yields, at most `timeout` seconds."""
        [result] = self.call_all(function, (item,))
        if isinstance(result, KsmppdError):
            raise result
        return result

    def attempt(self, function: Callable[[Item], Result], item: Item) -> Result | KsmppdError:
        """Return the result, or an error for an exception of the plugin, which is logged. May yield."""
        try:
            return function(item)
        except KsmppdError as error:
            return error
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
            logger.error("Plugin '%s' failed: %s", self._id, reason)
            logger.debug("Plugin '%s' failed", self._id, exc_info=True)
            return BackendUnavailable(f"plugin '{self._id}' failed: {reason}")

    def _late(self) -> BackendUnavailable:
        logger.error("Plugin '%s' took more than %g s", self._id, self._timeout)
        return BackendUnavailable(f"plugin '{self._id}' took more than {self._timeout:g} s")


class _Batch(BatchResults[Result | KsmppdError], Generic[Item, Result]):
    """The items of one call of `call_all`.

    A greenlet takes items as long as there are any. It starts the next greenlet before its first item: that one finds
    nothing left when the plugin never blocks, and otherwise works while the first one waits.
    """

    def __init__(self, calls: Calls, function: Callable[[Item], Result], items: Sequence[Item]) -> None:
        super().__init__(len(items))
        self._calls = calls
        self._function = function
        self._items = deque(enumerate(items))
        self._pool: Pool | None = None
        self._greenlets: list[gevent.Greenlet] = []

    def run(self, pool: Pool, timeout: float) -> None:
        """Return when every item has its result, at the latest after `timeout` seconds. May yield."""
        if self._items:
            self._pool = pool
            self._greenlets.append(pool.spawn(self._work))
            self.wait(timeout)

    def _work(self) -> None:
        items, pool = self._items, self._pool
        first = True
        while items:
            position, item = items.popleft()
            if first and items and pool is not None and pool.free_count() > 0:
                self._greenlets.append(pool.spawn(self._work))
            first = False
            self.settle(position, self._calls.attempt(self._function, item))

    def stop(self) -> None:
        """End the greenlets. Doesn't yield."""
        self._items.clear()
        for greenlet in self._greenlets:
            if not greenlet.dead:
                greenlet.kill(block=False)
