"""The answers that each side got, and whether they add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

OK, REFUSED = 0, 0x45
TEMPORARY = (0x08, 0x14, 0x58, 0x64)


@dataclass
class Submit:
    """An MT: the answers to its ESME, and the bearerbox's ack each time it came."""

    key: str
    session: int = 0
    sequence_number: int = 0
    answers: list[int] = field(default_factory=list)
    message_id: str = ""
    verdicts: list[int | None] = field(default_factory=list)
    """The bearerbox's acks in order of arrival; None = it got none (yet)."""


@dataclass
class Inbound:
    """An MO or DLR that the bearerbox has for us."""

    key: str
    parts: int = 1
    acks: list[int] = field(default_factory=list)
    accepted: Counter[int] = field(default_factory=Counter)
    """Number of times that an ESME answered 0, by part."""
    refused: Counter[int] = field(default_factory=Counter)
    """Number of times that an ESME refused it permanently, by part."""

    @property
    def arrived(self) -> bool:
        """Whether every part got to an ESME that took it, or that never will."""
        return all(self.accepted[part] or self.refused[part] for part in range(1, self.parts + 1))


@dataclass
class Ledger:
    """One scenario's. `excuses` are the faults that happened: duplicates need one."""

    submits: dict[str, Submit] = field(default_factory=dict)
    inbound: dict[str, Inbound] = field(default_factory=dict)
    failure_reports: Counter[str] = field(default_factory=Counter)
    """UNDELIV receipts by message_id, as taken by an ESME."""
    excuses: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def balance(self, live_sessions: set[int]) -> list[str]:
        """Everything that doesn't add up when all has been let go and every table is empty."""
        found = list(self.problems)
        for submit in self.submits.values():
            found += self._judge_submit(submit, submit.session in live_sessions)
        for inbound in self.inbound.values():
            found += self._judge_inbound(inbound)
        return found

    def _judge_submit(self, submit: Submit, alive: bool) -> list[str]:
        found = []
        if len(submit.answers) > 1:
            found.append(f"{submit.key}: answered {len(submit.answers)} times: {submit.answers}")
        if alive and not submit.answers:
            found.append(f"{submit.key}: no answer although its connection lives")
        taken = sum(verdict in (0, 3) for verdict in submit.verdicts)
        if submit.answers == [OK] and not taken:
            reported = self.failure_reports[submit.message_id]
            if 1 not in submit.verdicts:
                found.append(f"{submit.key}: accepted, never reached the bearerbox: {submit.verdicts}")
            elif not reported and "kill" not in self.excuses:
                found.append(f"{submit.key}: accepted, refused later, and no report told so")
        if submit.answers == [REFUSED] and 1 not in submit.verdicts:
            found.append(f"{submit.key}: refused for good although the bearerbox said {submit.verdicts}")
        if submit.answers and submit.answers[0] not in (OK, REFUSED, 0x08):
            found.append(f"{submit.key}: unexpected answer {submit.answers[0]:#x}")
        if taken > 1 and not self.excuses & {"kill", "stop", "box cut", "box late"}:
            found.append(f"{submit.key}: {taken} times at the bearerbox without cause")
        return found

    def _judge_inbound(self, inbound: Inbound) -> list[str]:
        found = []
        if inbound.acks and inbound.acks[-1] != 2 and not inbound.arrived:
            found.append(
                f"{inbound.key}: acked {inbound.acks}, but arrived only {dict(inbound.accepted)} "
                f"and was refused {dict(inbound.refused)} of {inbound.parts}"
            )
        if 1 in inbound.acks and not inbound.refused:
            found.append(f"{inbound.key}: refused for good, though no ESME did: {inbound.acks}")
        excused = {"kill", "stop", "box cut", "esme cut", "esme late", "database"}
        most = max(inbound.accepted.values(), default=0)
        # A message of several parts is repeated as a whole when one of them was refused temporarily.
        if most > 1 and not self.excuses & excused and inbound.parts == 1:
            found.append(f"{inbound.key}: delivered {most} times without cause")
        return found
