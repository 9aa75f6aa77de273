"""Remembers recent refusals for operators, in bounded memory, and counts all refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MOST_REMEMBERED = 200
"""Kinds of refusals that operators are shown, the latest."""
LINE_INTERVAL = 30.0
"""Seconds between two log lines, and two events, on refusals of one kind."""
BIND, SUBMIT = "bind", "submit"
SIMULATED = "simulated refusal"
"""The reason of refusals that an account's simulation asks for."""
_OTHER = 0x500
"""From here on statuses are counted together, because a router may invent any number."""

Key = tuple[str, str, str, str, int]


class Example(NamedTuple):
    """The last of several refusals: its `command_status`, and sender, receiver and id of its message.

    Empty = unknown: a bind has none of the three, and a message that couldn't be read has no id.
    """

    command_status: int = 0
    sender: str = ""
    receiver: str = ""
    message_id: str = ""


NO_EXAMPLE = Example()


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """Refusals of one kind, from one side, for one reason and with one status; times are epoch seconds.

    `ip` is empty for submits. Of a refused bind the `system_id` is as the peer sent it.
    """

    kind: str
    system_id: str
    ip: str
    reason: str
    count: int
    first: float
    last: float
    example: Example = NO_EXAMPLE


class _Entry:
    """Refusals of one kind; `unlogged` is how many aren't logged yet, `unlogged_since` when the first of those came."""

    last: float
    example: Example
    __slots__ = ("count", "example", "first", "last", "logged_at", "unlogged", "unlogged_since")

    def __init__(self, now: float) -> None:
        self.first = self.unlogged_since = now
        self.count = self.unlogged = 0
        self.logged_at = -LINE_INTERVAL


class Refusals:
    """Refusals by kind.

    Repetitions are counted, not listed, so that one ESME above its throughput doesn't hide others.
    """

    __slots__ = ("_has_untold", "_recent", "binds", "counts")

    def __init__(self) -> None:
        self.binds: dict[str, int] = {}
        """Number of refusals by reason, since the start."""
        self.counts: dict[tuple[str, str, int], int] = {}
        """Number of refusals by kind, reason and command_status, since the start."""
        self._recent: dict[Key, _Entry] = {}
        self._has_untold = False

    def add(
        self,
        kind: str,
        system_id: str,
        ip: str,
        reason: str,
        now: float,
        count: int = 1,
        example: Example = NO_EXAMPLE,
    ) -> None:
        """Remember a refusal; `reason` is one of a few fixed texts. Of several, `example` is the last."""
        status = example.command_status
        if kind == BIND:
            self.binds[reason] = self.binds.get(reason, 0) + count
        counted = (kind, reason, status if status < _OTHER else _OTHER)
        self.counts[counted] = self.counts.get(counted, 0) + count
        recent = self._recent
        key = (kind, system_id, ip, reason, status)
        entry = recent.pop(key, None) or _Entry(now)
        recent[key] = entry
        entry.count += count
        entry.last = now
        entry.example = example
        if reason != SIMULATED:
            if not entry.unlogged:
                entry.unlogged_since = now
            entry.unlogged += count
            self._has_untold = True
        if len(recent) > MOST_REMEMBERED:
            del recent[next(iter(recent))]

    def recent(self) -> list[RefusalCount]:
        """Return the refusals, the latest first."""
        return [
            RefusalCount(*key[:4], entry.count, entry.first, entry.last, entry.example)
            for key, entry in reversed(self._recent.items())
        ]

    def take_unlogged(self, now: float) -> list[RefusalCount]:
        """Return the refusals that aren't logged yet, each kind at most every LINE_INTERVAL seconds.

        `count` is of those only, `first` is when they began. Kinds that were dropped before are never logged.
        """
        if not self._has_untold:
            return []
        due = []
        self._has_untold = False
        for key, entry in self._recent.items():
            if not entry.unlogged:
                continue
            if now - entry.logged_at < LINE_INTERVAL:
                self._has_untold = True
                continue
            due.append(
                RefusalCount(*key[:4], entry.unlogged, entry.unlogged_since, entry.last, entry.example)
            )
            entry.unlogged = 0
            entry.logged_at = now
        return due
