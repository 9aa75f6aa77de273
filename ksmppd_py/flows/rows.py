"""A walk over stored rows by ascending global_id: where it stands, which are in hand, which wait for another try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

PAGE = 500
"""Rows read at a time."""
ROWS_PAUSE = 2.0
"""Seconds until rows are read again after the database failed."""

FIRST_DELAY = 30.0
"""Seconds until a row that was refused for now is tried again; doubles up to LAST_DELAY (docs/rules/flows.md 4)."""
LAST_DELAY = 600.0
MOST_WAITING = 2_000
"""Rows refused for now and remembered; with so many the walk goes no further. Each walk reads all of them."""


class Bell(Protocol):
    """Wakes the greenlet that walks an account's rows."""

    def put(self, item: str) -> None:
        """There is something to do for this account. Doesn't yield."""


class Reading(NamedTuple):
    """A page that is being read: in which walk, and which rows that wait for another try it may hold."""

    walk: int
    waiting: frozenset[int]


class RowWalk:
    """Pure bookkeeping; the time is an argument (monotonic seconds). No row is in hand twice."""

    __slots__ = ("_again_at", "_set_aside", "_waiting", "_walks", "after", "in_hand")

    def __init__(self) -> None:
        self._walks = 0
        self.after = 0
        self.in_hand: set[int] = set()
        self._waiting: dict[int, tuple[float, float]] = {}
        self._set_aside: set[int] = set()
        self._again_at: float | None = None

    def begin_page(self) -> Reading:
        """To be called before the rows behind `after` are read."""
        return Reading(self._walks, frozenset(row for row in self._waiting if row > self.after))

    def keeps_page(self, reading: Reading, rows: Sequence[int], limit: int) -> bool:
        """Whether these rows, at most `limit`, are to be looked at; not when the walk was started over meanwhile.

        Rows that wait for another try and should have been among them were deleted by somebody else: forgotten,
        or so many of them would stop the walk for good.
        """
        if reading.walk != self._walks:
            return False
        if reading.waiting:
            found = set(rows)
            for row in reading.waiting - found:
                if len(rows) < limit or row < rows[-1]:
                    self._waiting.pop(row, None)
        return True

    def takes(self, row: int, now: float) -> bool:
        """Whether this row, just read, is to be tried now; the walk has passed it either way."""
        self.after = row
        if row in self.in_hand or row in self._set_aside:
            return False
        waiting = self._waiting.get(row)
        if waiting is not None and waiting[0] > now:
            self._look_again(waiting[0])
            return False
        self.in_hand.add(row)
        return True

    def step_back(self, row: int) -> None:
        """Nobody took the row: it is the next to be read again."""
        self.in_hand.discard(row)
        self.after = min(self.after, row - 1)

    def done(self, row: int) -> None:
        """The row is to be deleted."""
        self.in_hand.discard(row)
        if self._waiting:
            self._waiting.pop(row, None)

    def set_aside(self, row: int) -> bool:
        """The row can't be read: out of the way until a restart. False when it was already."""
        self.in_hand.discard(row)
        if row in self._set_aside:
            return False
        self._set_aside.add(row)
        return True

    @property
    def unusable(self) -> int:
        """How many rows were set aside."""
        return len(self._set_aside)

    def retry_at_once(self, row: int, now: float) -> None:
        """Its bind or box went away: the next walk takes it."""
        self.in_hand.discard(row)
        self._look_again(now)

    def retry_later(self, row: int, now: float) -> None:
        """It was refused for now: not before its delay is over."""
        self.in_hand.discard(row)
        _, delay = self._waiting.get(row, (0.0, FIRST_DELAY / 2))
        delay = min(LAST_DELAY, delay * 2)
        if len(self._waiting) < MOST_WAITING or row in self._waiting:
            self._waiting[row] = (now + delay, delay)
        self._look_again(now + delay)

    def must_stop_before(self, row: int) -> bool:
        """Whether too many rows wait for another try already to try this one, which was never refused."""
        return len(self._waiting) >= MOST_WAITING and row not in self._waiting and row not in self.in_hand

    def start_over(self) -> None:
        """Read from the first row again: there may be some that were passed."""
        self._walks += 1
        self.after = 0
        self._again_at = None

    def due(self, now: float) -> bool:
        """Whether rows that were passed are worth another walk."""
        return self._again_at is not None and self._again_at <= now

    def _look_again(self, at: float) -> None:
        if self._again_at is None or at < self._again_at:
            self._again_at = at
