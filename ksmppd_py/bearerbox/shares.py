"""How a bearerbox's slots are shared out where there is no store to move messages to (docs/rules/flows.md 2).

The bearerbox sends nothing more while a number of its messages are unacked, whoever they are for. So an account may
have as many messages with its ESMEs as there are slots left free: one silent account ends up with half of them, two
with a third each, and some always stay free for the others. What comes above that waits here for an answer of the
same account. No socket, no clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sized

from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.ports import Deliveries
from ksmppd_py.model.work import Delivery


class Shares:
    """Who has how many of the slots. `window` is how many there are; more show by being used.

    `held` are the refused messages, which keep slots, too, for a while.
    """

    def __init__(self, window: int, flow: Deliveries, held: Sized) -> None:
        self.window = window
        self._flow = flow
        self._held = held
        self._open: dict[str, int] = {}
        self._total = 0
        self._parked: dict[str, deque[Delivery]] = {}

    def dispatch(self, delivery: Delivery) -> Outcome | None:
        """Send a message. None: it is under way, or waits for the next answer of its account. Doesn't yield."""
        system_id = delivery.system_id
        if system_id in self._parked or not self._fits(system_id):
            self._park(delivery, False)
            return None
        return self.take(delivery, False)

    def take(self, delivery: Delivery, first: bool) -> Outcome | None:
        """Send it; without room at its ESMEs it waits for their next answer, if one is to come. Doesn't yield.

        `first`: then it waits before the others of its account.
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
            self._park(delivery, first)
            return None
        return outcome

    def _fits(self, system_id: str) -> bool:
        """Whether the account may have another one; the first is always its own."""
        own = self._open.get(system_id, 0)
        return not own or own < self.window - self._total - len(self._held)

    def ended(self, system_id: str) -> None:
        """A message of the account ended, well or not."""
        left = self._open.get(system_id, 0) - 1
        if left > 0:
            self._open[system_id] = left
        else:
            self._open.pop(system_id, None)
        self._total -= 1

    def _park(self, delivery: Delivery, first: bool) -> None:
        waiting = self._parked.setdefault(delivery.system_id, deque())
        if first:
            waiting.appendleft(delivery)
        else:
            waiting.append(delivery)

    def next(self, system_id: str) -> Delivery | None:
        """Take out what has waited longest for this account, if it may have another one."""
        waiting = self._parked.get(system_id)
        if waiting is None or not self._fits(system_id):
            return None
        delivery = waiting.popleft()
        if not waiting:
            del self._parked[system_id]
        return delivery

    def release(self, system_id: str, most: int) -> list[Delivery]:
        """Take out what has waited longest for this account, so many at most."""
        waiting = self._parked.get(system_id)
        if waiting is None:
            return []
        released = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        if not waiting:
            del self._parked[system_id]
        return released

    @property
    def parked(self) -> list[str]:
        """Accounts whose messages wait."""
        return list(self._parked)

    def is_crowded(self, in_hand: int) -> bool:
        """Whether less than a quarter of the slots is free. `in_hand` above the window shows that there are more."""
        if in_hand > self.window:
            self.window = in_hand
        return in_hand * 4 > self.window * 3

    def held_at_most(self, most: int) -> int:
        """How many refused messages may keep their slots for a while: half of what the ESMEs leave."""
        return min(most, max(0, self.window - self._total) // 2)
