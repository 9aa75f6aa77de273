"""Who was refused lately and why: a bounded memory for operators, and counts that never go down."""

from __future__ import annotations

from dataclasses import dataclass

MOST_REMEMBERED = 200
BIND, SUBMIT = "bind", "submit"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Refusals of one kind, from one side and for one reason; times are epoch seconds.

    `ip` is empty for submits. Of a refused bind the `system_id` is what the peer sent, whoever that is.
    """

    kind: str
    system_id: str
    ip: str
    reason: str
    count: int
    first: float
    last: float


class Refusals:
    """Repetitions are counted, not listed: one ESME above its throughput doesn't hide everybody else."""

    __slots__ = ("_recent", "binds")

    def __init__(self) -> None:
        self.binds: dict[str, int] = {}
        self._recent: dict[tuple[str, str, str, str], Refusal] = {}

    def add(self, kind: str, system_id: str, ip: str, reason: str, now: float, count: int = 1) -> None:
        """Remember a refusal; `reason` is one of a few fixed texts."""
        if kind == BIND:
            self.binds[reason] = self.binds.get(reason, 0) + count
        key = (kind, system_id, ip, reason)
        known = self._recent.pop(key, None)
        first = now if known is None else known.first
        total = count if known is None else known.count + count
        self._recent[key] = Refusal(kind, system_id, ip, reason, total, first, now)
        if len(self._recent) > MOST_REMEMBERED:
            del self._recent[next(iter(self._recent))]

    def recent(self) -> list[Refusal]:
        """The latest first."""
        return list(reversed(self._recent.values()))
