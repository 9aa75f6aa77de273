"""Group commit: calls that come while the database is busy are sent to it together afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import gevent
from gevent.event import AsyncResult

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.storage.database import OPERATION_TIMEOUT

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Serves calls in batches: one batch at a time, the next one as soon as the last one has ended.

    `serve` takes the items of a batch and returns their results in order; each caller of the batch gets the error that
    it raises. `weigh` returns how much of `capacity` (all waiting items) and of `batch_size` an item takes. `undo` gets
    item and result of a call whose caller gave up during `serve`. While idle there is neither greenlet nor timer.
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
        """Take out the item of a caller that gave up; False when it is being served already."""
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
        except Exception as error:  # each caller logs and handles it
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
        """Undo a call whose caller gave up and has reported a failure."""
        self._abandoned.discard(answer)
        if self._undo is not None:
            self._undo(item, result)
