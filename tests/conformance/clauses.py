"""The table of clauses, read from clauses.txt, and which check goes with which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("clauses.txt")
LEVELS = {"must", "should", "may", "open", "must of the ESME"}
STANCES = {"yes", "differs", "no"}


@dataclass(frozen=True)
class Clause:
    """One clause and our stance on it. `unseen` says why no dialogue shows it; empty when one does."""

    id: str
    section: str
    text: str
    stimulus: str
    expected: str
    level: str
    stance: str
    note: str
    unseen: str
    area: str


def read() -> list[Clause]:
    """All clauses, in order."""
    clauses = []
    area = ""
    for line in TABLE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            area = line.removeprefix("## ")
        elif line.startswith("C-"):
            cells = [cell.strip() for cell in line.split("|")]
            cells += [""] * (9 - len(cells))
            clauses.append(Clause(*cells, area))
    return clauses


CLAUSES = read()

Check = Callable[[Any], None]
CHECKS: dict[str, list[Check]] = {}


def clause(*ids: str) -> Callable[[Check], Check]:
    """Register a check, a function of the bench, for these clauses."""

    def register(check: Check) -> Check:
        for id in ids:
            CHECKS.setdefault(id, []).append(check)
        return check

    return register
