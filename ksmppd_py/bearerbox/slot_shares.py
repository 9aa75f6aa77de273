"""Divides a bearerbox's window among accounts where no store could take messages over (docs/rules/flows.md 2).

The bearerbox sends nothing more while a number of its messages are unacked, for any account. So an account may have as
many messages with its ESMEs as there are slots left: one silent account ends up with half of them, two with a third
each, and some always stay free for the others. Further messages wait for an answer of the same account. Uses no socket
and no clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sized

from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.ports import Deliveries
from ksmppd_py.model.work import Delivery


class SlotShares:
    """The number of slots that each account uses.

    `window` is the number of slots; it grows when more turn out to be used. `delayed` are the delayed nacks, which use
    slots too.
    """

    def __init__(self, window: int, flow: Deliveries, delayed: Sized) -> None:
        self.window = window
        self._flow = flow
        self._delayed = delayed
        self._open: dict[str, int] = {}
        self._total = 0
        self._waiting: dict[str, deque[Delivery]] = {}

    def dispatch(self, delivery: Delivery) -> Outcome | None:
        """Send a message. Returns None when it was sent, or waits for the next answer of its account.

        An Outcome is why it was not sent; the caller settles the message with it. Doesn't yield.
        """
        system_id = delivery.system_id
        if system_id in self._waiting or not self._fits(system_id):
            self._let_wait(delivery, False)
            return None
        return self.take(delivery, False)

    def take(self, delivery: Delivery, first: bool) -> Outcome | None:
        """Send a message. If its binds have no room it waits for their next answer, if one is to come. Doesn't yield.

        With `first` it then waits ahead of the account's other messages. Returns as `dispatch`.
        """
        system_id = delivery.system_id
        self._open[system_id] = self._open.get(system_id, 0) + 1
        self._total += 1
        outcome: Outcome | None = Outcome.TEMPORARY
        try:
            outcome = self._flow.dispatch(delivery)
        finally:
            if outcome is not None:
                self.ended(system_id)
        if outcome is Outcome.NO_RECEIVER and system_id in self._open:
            self._let_wait(delivery, first)
            return None
        return outcome

    def _fits(self, system_id: str) -> bool:
        """Whether the account may have another message in flight; one is always allowed."""
        own = self._open.get(system_id, 0)
        return not own or own < self.window - self._total - len(self._delayed)

    def ended(self, system_id: str) -> None:
        """Note that a message of the account ended, well or not."""
        left = self._open.get(system_id, 0) - 1
        if left > 0:
            self._open[system_id] = left
        else:
            self._open.pop(system_id, None)
        self._total -= 1

    def _let_wait(self, delivery: Delivery, first: bool) -> None:
        waiting = self._waiting.setdefault(delivery.system_id, deque())
        if first:
            waiting.appendleft(delivery)
        else:
            waiting.append(delivery)

    def next(self, system_id: str) -> Delivery | None:
        """Remove and return the account's message that waited longest; None without one, or without room for it."""
        waiting = self._waiting.get(system_id)
        if waiting is None or not self._fits(system_id):
            return None
        delivery = waiting.popleft()
        if not waiting:
            del self._waiting[system_id]
        return delivery

    def release(self, system_id: str, most: int) -> list[Delivery]:
        """Remove and return those of the account's messages that waited longest, `most` at most."""
        waiting = self._waiting.get(system_id)
        if waiting is None:
            return []
        released = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        if not waiting:
            del self._waiting[system_id]
        return released

    @property
    def waiting(self) -> list[str]:
        """The accounts whose messages wait."""
        return list(self._waiting)

    def is_crowded(self, unacked: int) -> bool:
        """Whether less than a quarter of the slots is free.

        `unacked`, the number of unacked messages, may exceed the window: then there are more slots, and it grows.
        """
        if unacked > self.window:
            self.window = unacked
        return unacked * 4 > self.window * 3

    def delayed_at_most(self, most: int) -> int:
        """Return how many slots delayed nacks may use: half of those that the ESMEs leave, `most` at most."""
        return min(most, max(0, self.window - self._total) // 2)
