"""Message ids that are counted: decimal or hexadecimal numbers of a fixed length, for one account.

Every server leases blocks of positions from one counter of the account, which the database keeps. Position `p` is the
id `first + p % span`, where `span` numbers have this length and no leading zero. All leases of a server are at most
eight times as long as the messages for which it has wanted ids. So of the positions of all servers, killed ones too, an
eighth is used at least, and an id comes back after 9/8 of 10^(length - 1) messages of the account, or later.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from ksmppd_py.model.clock import Clock
from ksmppd_py.translate.dlr_profile import IdForm

LEASE_FACTOR = 8
MOST_LEASED = 10_000
"""Positions of one lease, unless a batch needs more; fewer of short ids."""
LONGEST_LEASE = 86_400.0
POSITIONS_PER_SECOND = 1_000_000
"""A lease ends before other servers can have gone once through all positions at this speed."""
_AT_ONCE = 256
"""Ids that are written at once."""
_NEVER = float("inf")


class IdLeases(Protocol):
    """The counters of all accounts."""

    def lease(self, system_id: str, count: int) -> int:
        """Return the first of `count` positions that are this caller's alone. Raises TemporaryError. May yield."""


class CountedIds:
    """The ids of one account in one form, for all of its binds at this server."""

    def __init__(self, system_id: str, form: IdForm, leases: IdLeases, clock: Clock) -> None:
        self._system_id = system_id
        self._leases = leases
        self._monotonic = clock.monotonic
        base, length = form
        self._first = base ** (length - 1)
        self._span = base**length - self._first
        self._pattern = b"%d" if base == 10 else b"%x"
        self._longest = min(LONGEST_LEASE, base**length / POSITIONS_PER_SECOND)
        self._most = min(MOST_LEASED, self._first // 1000)
        self._blocks: deque[tuple[int, int, float]] = deque()
        """First position, the one behind the last, and when the lease ends (monotonic seconds)."""
        self._ready: list[bytes] = []
        """The next ids, of which the last one comes first; they may be used until `_until`."""
        self._until = _NEVER
        self._wanted = 0
        self._leased = 0

    def has(self, count: int) -> bool:
        """Whether `take` of so many wouldn't yield. Doesn't yield."""
        ready = self._ready
        if self._monotonic() >= self._until:
            ready.clear()
            self._until = _NEVER
        while len(ready) < count and self._blocks:
            self._write_some()
        return len(ready) >= count

    def take(self, count: int) -> list[bytes]:
        """Return so many ids, the first one last; hexadecimal ones in lower case.

        Raises TemporaryError. May yield (leases).
        """
        self._wanted += count
        while not self.has(count):
            self._lease(count - len(self._ready))
        ids = self._ready[-count:]
        del self._ready[-count:]
        return ids

    def _write_some(self) -> None:
        start, end, until = self._blocks.popleft()
        if self._monotonic() >= until:
            return
        stop = min(end, start + _AT_ONCE)
        if stop < end:
            self._blocks.appendleft((stop, end, until))
        pattern, first, span = self._pattern, self._first, self._span
        ids = [pattern % (first + position % span) for position in range(stop - 1, start - 1, -1)]
        self._ready[:0] = ids
        self._until = min(self._until, until)

    def _lease(self, count: int) -> None:
        size = max(count, min(self._most, LEASE_FACTOR * self._wanted - self._leased))
        self._leased += size
        until = self._monotonic() + self._longest
        start = self._leases.lease(self._system_id, size)
        self._blocks.append((start, start + size, until))


class CountedIdsOfAccounts:
    """The CountedIds of each account and form that has bound; never removed while running."""

    def __init__(self, leases: IdLeases, clock: Clock) -> None:
        self._leases = leases
        self._clock = clock
        self._ids: dict[tuple[str, IdForm], CountedIds] = {}

    def of(self, system_id: str, form: IdForm) -> CountedIds:
        """Return the ids of an account (lower case)."""
        ids = self._ids.get((system_id, form))
        if ids is None:
            ids = self._ids[system_id, form] = CountedIds(system_id, form, self._leases, self._clock)
        return ids
