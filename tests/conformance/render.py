"""docs/conformance.md from the table of clauses: `python -m tests.conformance.render` writes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from ksmppd_py.smpp.constants import CommandId
from ksmppd_py.smpp.session_state import BOUND, RULES, SessionState
from tests.conformance.clauses import CLAUSES, Clause

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
WORDS = {"yes": "supported", "differs": "**differs**", "no": "not supported"}

HEAD = """\
# Conformance to SMPP 3.4

Protocol implementation conformance statement (PICS) for the *SMPP Protocol Specification v3.4, issue 1.2*: each clause
that binds a server, in our words, what is done to the server, and what it does. `tests/conformance/` runs every row
against the running daemon, with third-party clients beside it (python-smpplib, node-smpp). This page is rendered from
its table by `python -m tests.conformance.render`.

{counts}

**How to read it.** TX, RX, TRX: a bound session, interface_version 0x34 unless said; OPEN: connected, not bound. smin
is the least submit_sm: from 491701 to 491709999999, text `Hello`, all other fields 0 or empty. 0xNN is the
command_status of the response; `*` marks our choice where the standard names no code. nack: generic_nack. "box" is
what the bearerbox gets, "alive" that the session stays and answers. Level is the standard's wording; "open": it leaves
the matter to us. Not supported means refused or ignored as the expected column says.

Points that the standard leaves open, or where the C daemon does otherwise, have numbers (D-01 and so on) and stand in
[decisions about the standard](rules/decisions.md).

The suite runs with `switch-dlr-addr = true`, the standard's way for the addresses of receipts, which isn't the default.
"""


def render(clauses: Sequence[Clause]) -> str:
    """The whole page."""
    counted = Counter(clause.stance for clause in clauses)
    unseen = sum(1 for clause in clauses if clause.unseen)
    counts = (
        f"Of {len(clauses)} clauses {counted['yes']} are supported, in {counted['differs']} the server differs on"
        f" purpose, {counted['no']} are not supported. {unseen} can't be shown by a dialogue; their rows say why."
    )
    parts = [HEAD.format(counts=counts)]
    for area in dict.fromkeys(clause.area for clause in clauses):
        parts.append(f"## {area}\n\n" + _table(clause for clause in clauses if clause.area == area))
        if area == "Session states and who may send what":
            parts.append(_states())
    return "\n".join(parts)


def _states() -> str:
    """Table 2-1 as the server takes it, from the rules that its sessions ask."""
    lines = [
        "Table 2-1 as the server takes it:\n",
        "| PDU | from the ESME in | from the server in | answer to an ESME otherwise |",
        "|---|---|---|---|",
    ]
    for command_id, rule in RULES.items():
        cells = [CommandId(command_id).name.lower()]
        for side in (rule.from_esme, rule.from_server):
            cells.append(", ".join(state.name for state in sorted(side)) or "no state")
        cells.append("—" if rule.from_esme == BOUND | {SessionState.OPEN} else rule.otherwise.value)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _table(clauses: Iterable[Clause]) -> str:
    lines = [
        "| Clause | Section | It says | Stimulus | Expected | Level | Stance |",
        "|---|---|---|---|---|---|---|",
    ]
    for clause in clauses:
        stance = "; ".join(filter(None, (WORDS[clause.stance], clause.note, clause.unseen)))
        cells = (
            clause.id, clause.section, clause.text, clause.stimulus, clause.expected, clause.level, stance
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(CLAUSES), "utf-8")
