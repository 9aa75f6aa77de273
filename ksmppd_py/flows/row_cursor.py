"""Bookkeeping of reading stored rows by ascending global_id: the position, rows in flight, rows waiting for a retry."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from ksmppd_py.model.store import StoredMessage, StoredPdu

logger = logging.getLogger(__name__)

PAGE = 500
"""Rows that one query reads at most."""
ROWS_PAUSE = 2.0
"""Seconds until rows are read again after the database failed."""

FIRST_DELAY = 30.0
"""Seconds until a temporarily refused row is tried again; doubles up to LAST_DELAY (docs/rules/flows.md 4)."""
LAST_DELAY = 600.0
"""Seconds between two tries of a row, at most."""
MOST_WAITING = 2_000
"""Refused rows that are remembered until their retry; with this many, reading stops before rows never tried."""


class Wakeups(Protocol):
    """Wakes the greenlet that sends an account's rows."""

    def put(self, item: str) -> None:
        """Wake the greenlet for this account ("" where there is only one thing to do). Doesn't yield."""


Stored = TypeVar("Stored", StoredMessage, StoredPdu)


class Reading(NamedTuple):
    """A page being read: the pass that it belongs to, and the rows waiting for a retry that it may contain."""

    pass_number: int
    waiting: frozenset[int]


class RowCursor:
    """Reads rows in passes: from the first to the last, then, when rows need it, from the first again.

    Pure bookkeeping, time is given in monotonic seconds. No row is in flight twice. `after` is the last row passed.
    """

    __slots__ = ("_again_at", "_passes", "_set_aside", "_waiting", "after", "in_flight")

    def __init__(self) -> None:
        self._passes = 0
        self.after = 0
        self.in_flight: set[int] = set()
        self._waiting: dict[int, tuple[float, float]] = {}
        self._set_aside: set[int] = set()
        self._again_at: float | None = None

    def next_page(self, read: Callable[[int, int], Sequence[Stored]], limit: int) -> Sequence[Stored] | None:
        """Return `read(after, limit)`, the next rows; None when a new pass began while they were read.

        May yield and raises as `read`.
        """
        reading = self.begin_page()
        rows = read(self.after, limit)
        return rows if self.keeps_page(reading, [row.global_id for row in rows], limit) else None

    def begin_page(self) -> Reading:
        """Note the start of a read of the rows behind `after`."""
        return Reading(self._passes, frozenset(row for row in self._waiting if row > self.after))

    def keeps_page(self, reading: Reading, rows: Sequence[int], limit: int) -> bool:
        """Whether to process these rows, which were read with `limit`: not if a new pass began meanwhile.

        Rows waiting for a retry that should be among them and aren't were deleted by another process. They are
        forgotten here; otherwise they would count against MOST_WAITING for ever.
        """
        if reading.pass_number != self._passes:
            return False
        if reading.waiting:
            found = set(rows)
            for row in reading.waiting - found:
                if len(rows) < limit or row < rows[-1]:
                    self._waiting.pop(row, None)
        return True

    def takes(self, row: int, now: float) -> bool:
        """Move past this row; return whether to send it now, which puts it in flight."""
        self.after = row
        if row in self.in_flight or row in self._set_aside:
            return False
        waiting = self._waiting.get(row)
        if waiting is not None and waiting[0] > now:
            self._look_again(waiting[0])
            return False
        self.in_flight.add(row)
        return True

    def step_back(self, row: int) -> None:
        """Read this row again next: no bind or bearerbox took it."""
        self.in_flight.discard(row)
        self.after = min(self.after, row - 1)

    def done(self, row: int) -> None:
        """Forget a row that is being deleted."""
        self.in_flight.discard(row)
        if self._waiting:
            self._waiting.pop(row, None)

    def set_aside(self, row: int) -> bool:
        """Skip a row that can't be read until a restart; False when it was skipped already."""
        self.in_flight.discard(row)
        if row in self._set_aside:
            return False
        self._set_aside.add(row)
        return True

    @property
    def unusable(self) -> int:
        """Number of rows that are skipped because they can't be read."""
        return len(self._set_aside)

    def retry_at_once(self, row: int, now: float) -> None:
        """Let the next pass take the row: its bind or bearerbox went away."""
        self.in_flight.discard(row)
        self._look_again(now)

    def retry_later(self, row: int, now: float) -> None:
        """Let the row wait for its delay: it was refused temporarily (docs/rules/flows.md 4)."""
        self.in_flight.discard(row)
        _, delay = self._waiting.get(row, (0.0, FIRST_DELAY / 2))
        delay = min(LAST_DELAY, delay * 2)
        if len(self._waiting) < MOST_WAITING or row in self._waiting:
            self._waiting[row] = (now + delay, delay)
        self._look_again(now + delay)

    def must_stop_before(self, row: int) -> bool:
        """Whether too many rows wait for a retry to try this one, which was never refused."""
        return len(self._waiting) >= MOST_WAITING and row not in self._waiting and row not in self.in_flight

    def start_over(self) -> None:
        """Begin a new pass from the first row, for rows that were skipped or added."""
        self._passes += 1
        self.after = 0
        self._again_at = None

    def due(self, now: float) -> bool:
        """Whether there are skipped rows that a new pass may take now."""
        return self._again_at is not None and self._again_at <= now

    def _look_again(self, at: float) -> None:
        if self._again_at is None or at < self._again_at:
            self._again_at = at


def log_unreadable(row: StoredMessage) -> None:
    """Log a row that can't be read; callers do so once for each row, not each time they meet it."""
    logger.error("Stored message %d can't be read and is left where it is: %s", row.global_id, row.problem)
