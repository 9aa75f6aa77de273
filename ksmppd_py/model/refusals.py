"""Who was refused lately and why: a bounded memory for operators, and counts that never go down."""

from __future__ import annotations

from dataclasses import dataclass, replace

MOST_REMEMBERED = 200
LINE_INTERVAL = 30.0
"""Seconds between two log lines on refusals of one kind."""
BIND, SUBMIT = "bind", "submit"
SIMULATED = "simulated refusal"
"""The reason of those that an account asked for."""
_OTHER = 0x500
"""Counts stand for all statuses from here on: a router may invent any number."""

Key = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Example:
    """The last of several refusals: the `command_status` that was told, and of a message where from, where to, its id.

    Empty = unknown: a bind has none of the three, a message that couldn't be read no id.
    """

    command_status: int = 0
    sender: str = ""
    receiver: str = ""
    message_id: str = ""


NO_EXAMPLE = Example()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Refusals of one kind, from one side, for one reason and with one status; times are epoch seconds.

    `ip` is empty for submits. Of a refused bind the `system_id` is what the peer sent, whoever that is.
    """

    kind: str
    system_id: str
    ip: str
    reason: str
    count: int
    first: float
    last: float
    example: Example = NO_EXAMPLE


class Refusals:
    """Repetitions are counted, not listed: one ESME above its throughput doesn't hide everybody else."""

    __slots__ = ("_recent", "_told", "_untold", "binds", "counts")

    def __init__(self) -> None:
        self.binds: dict[str, int] = {}
        """By reason, since the start."""
        self.counts: dict[tuple[str, str, int], int] = {}
        """By kind, reason and command_status, since the start."""
        self._recent: dict[Key, Refusal] = {}
        self._untold: dict[Key, Refusal] = {}
        self._told: dict[Key, float] = {}

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
        elif reason != SIMULATED:
            self._note(self._untold, (kind, system_id, ip, reason, status), now, count, example)
        counted = (kind, reason, min(status, _OTHER))
        self.counts[counted] = self.counts.get(counted, 0) + count
        self._note(self._recent, (kind, system_id, ip, reason, status), now, count, example)

    @staticmethod
    def _note(memory: dict[Key, Refusal], key: Key, now: float, count: int, example: Example) -> None:
        known = memory.pop(key, None)
        if known is None:
            memory[key] = Refusal(*key[:4], count, now, now, example)
        else:
            memory[key] = replace(known, count=known.count + count, last=now, example=example)
        _bound(memory)

    def recent(self) -> list[Refusal]:
        """The latest first."""
        return list(reversed(self._recent.values()))

    def take_untold(self, now: float) -> list[Refusal]:
        """Submits refused that no log line has told of, of each kind at most every LINE_INTERVAL seconds.

        `count` is of those only, `first` when they began.
        """
        if not self._untold:
            return []
        due = [key for key in self._untold if now - self._told.get(key, -LINE_INTERVAL) >= LINE_INTERVAL]
        for key in due:
            self._told.pop(key, None)
            self._told[key] = now
            _bound(self._told)
        return [self._untold.pop(key) for key in due]


def _bound(memory: dict[Key, Refusal] | dict[Key, float]) -> None:
    if len(memory) > MOST_REMEMBERED:
        del memory[next(iter(memory))]
