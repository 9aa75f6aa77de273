"""Group commit: what callers bring while the database is at work goes there together afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import gevent
from gevent.event import AsyncResult

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.storage.database import OPERATION_TIMEOUT

Item = TypeVar("Item")
Result = TypeVar("Result")


class Combiner(Generic[Item, Result]):
    """Serves calls in batches: one batch at a time, the next one the moment the last one is through.

    `serve` takes the items of a batch and returns their results in order; what it raises goes to each caller
    of the batch. `weigh` tells what an item counts against `capacity` (everything waiting) and `batch_size`.
    `undo` gets item and result of a call whose caller gave up while it was at the database.
    Idle, there is no greenlet and no timer.
    """

    def __init__(
        self,
        name: str,
        serve: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        capacity: int,
        batch_size: int,
        weigh: Callable[[Item], int] = lambda item: 1,
        timeout: float = OPERATION_TIMEOUT,
        undo: Callable[[Item, Result], None] | None = None,
    ) -> None:
        self._name = name
        self._serve = serve
        self._capacity = capacity
        self._batch_size = batch_size
        self._weigh = weigh
        self._timeout = timeout
        self._undo = undo
        self._abandoned: set[AsyncResult] = set()
        self._waiting: list[tuple[Item, AsyncResult]] = []
        self._weight = 0
        self._worker: gevent.Greenlet | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being served."""
        return self._worker is None

    def call(self, item: Item) -> Result:
        """Return the item's result, or raise what `serve` raised. May yield, at most 5 s.

        Raises DatabaseUnavailable after that or when too many wait.
        """
        weight = self._weigh(item)
        if self._weight + weight > self._capacity and self._waiting:
            raise DatabaseUnavailable(f"{self._name}: too many calls wait for the database")
        answer = AsyncResult()
        entry = (item, answer)
        self._waiting.append(entry)
        self._weight += weight
        if self._worker is None:
            self._worker = gevent.spawn(self._run)
        try:
            result: Result = answer.get(timeout=self._timeout)
        except gevent.Timeout:
            raise DatabaseUnavailable(f"{self._name}: no answer within {self._timeout:g} s") from None
        finally:
            if not answer.ready() and not self._withdraw(entry) and self._undo is not None:
                self._abandoned.add(answer)
        return result

    def _withdraw(self, entry: tuple[Item, AsyncResult]) -> bool:
        """The caller is gone: the item won't go to the database. False when it is there already."""
        for position, waiting in enumerate(self._waiting):
            if waiting[1] is entry[1]:
                del self._waiting[position]
                self._weight -= self._weigh(entry[0])
                return True
        return False

    def _run(self) -> None:
        try:
            while self._waiting:
                self._serve_batch(self._take())
        finally:
            self._worker = None

    def _take(self) -> list[tuple[Item, AsyncResult]]:
        count = weight = 0
        for item, _ in self._waiting:
            weight += self._weigh(item)
            if weight > self._batch_size and count:
                weight -= self._weigh(item)
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self._weight -= weight
        return batch

    def _serve_batch(self, batch: list[tuple[Item, AsyncResult]]) -> None:
        try:
            results = self._serve([item for item, _ in batch])
        except Exception as error:  # each caller logs and answers for its own
            for _, answer in batch:
                self._abandoned.discard(answer)
                answer.set_exception(error)
            return
        for (item, answer), result in zip(batch, results, strict=True):
            if answer in self._abandoned:
                self._take_back(item, answer, result)
            else:
                answer.set(result)

    def _take_back(self, item: Item, answer: AsyncResult, result: Result) -> None:
        """Its caller didn't wait so long and was told that it failed: make that true."""
        self._abandoned.discard(answer)
        if self._undo is not None:
            self._undo(item, result)
