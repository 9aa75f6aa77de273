"""A queue from which one greenlet takes all values at once."""

from __future__ import annotations

from typing import Generic, TypeVar

from gevent.hub import Waiter, get_hub

Item = TypeVar("Item")


class BatchQueue(Generic[Item]):
    """Passes values to one waiting greenlet in batches, first come first served.

    Putting a value costs an append, and the taker is woken once a batch. A greenlet and an event for each message would
    cost much more.
    """

    __slots__ = ("_items", "_waiter", "closed")

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._waiter: Waiter | None = None
        self.closed = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_idle(self) -> bool:
        """Whether the queue is empty and the taker waits."""
        return self._waiter is not None

    def put(self, item: Item) -> None:
        """Add `item`; the taker wakes in the loop's next turn. Doesn't yield."""
        self._items.append(item)
        if self._waiter is not None:
            self._wake()

    def close(self) -> None:
        """Let the taker get the rest, and after that an empty list each time. Doesn't yield."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            get_hub().loop.run_callback(waiter.switch, None)

    def take(self) -> list[Item]:
        """Return all values, waiting until there is one; empty only when closed. May yield."""
        if not self._items and not self.closed:
            waiter = self._waiter = Waiter()
            try:
                waiter.get()
            finally:
                if self._waiter is waiter:
                    self._waiter = None
        items, self._items = self._items, []
        return items
