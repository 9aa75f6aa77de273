"""Whether the daemon takes messages, and its problems, for operators and load balancers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """One problem: a fixed `kind` for programs, `words` for all clients, `details` for operators only."""

    kind: str
    words: str
    details: str = ""


KINDS = (
    "closed",
    "database",
    "no_bearerbox",
    "database_changes",
    "bearerboxes_away",
    "bearerbox_away",
    "bearerbox_refuses",
    "bearerbox_silent",
)
"""Every kind of problem; with one of the first three no messages are taken."""
_FATAL = frozenset(KINDS[:3])


@dataclass(frozen=True, slots=True)
class Condition:
    """All problems of the moment, worst first."""

    troubles: tuple[Trouble, ...]

    @property
    def ready(self) -> bool:
        """Whether messages are taken."""
        return not any(trouble.kind in _FATAL for trouble in self.troubles)

    @property
    def state(self) -> str:
        """One word: ready, degraded (messages are taken, but there are problems) or `not ready`."""
        if not self.ready:
            return "not ready"
        return "degraded" if self.troubles else "ready"

    @property
    def words(self) -> str:
        """The problems without names and addresses, since clients needn't sign in to ask."""
        return "; ".join(dict.fromkeys(trouble.words for trouble in self.troubles))
