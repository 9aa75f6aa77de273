"""Names that were replaced don't come back: docs/glossary.md has the present ones."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FOLDERS = ("ksmppd_py", "kannel_conf", "tests", "tools", "benchmarks", "docs", "examples", "packaging")
SUFFIXES = (".py", ".md", ".txt", ".js", ".html", ".sh", ".conf", ".yaml")

REPLACED = {
    "in flight": r"in_hand|in hand",
    "next hop": r"next_holder|next holder",
    "BatchQueue": r"desk|Desk",
    "InboundMessages": r"Incoming|bearerbox/incoming",
    "DelayedNacks": r"HeldBack|hold_back|bearerbox/held",
    "SlotShares": r"Shares",
    "relieve_backpressure": r"_let_go",
    "WaitingQueue": r"WaitingLine|bearerbox/line",
    "ReplayHandover": r"Adopter|adopts?",
    "is_duplicate_report": r"swallow(s|ed)?",
    "GreenletGroup": r"Owner",
    "set_log_context": r"bears?_context",
    "SubmitQueue": r"class Submits|esme/submits",
    "DeliverWindow": r"Outgoing|esme/outgoing",
    "SessionContext": r"Surroundings|esme/surroundings",
    "Preamble": r"Arrivals?|greet|esme/arrival",
    "error_responses": r"esme/refusals",
    "pdu_log": r"esme/dump",
    "QueryCancelQueue": r"esme/operations",
    "memory_bounds": r"esme/held",
    "SmppSession, BrowserSession, Transaction, EsmeClient": r"class Session",
    "Submit": r"Submission|SubmissionFlow|Submitter|SubmissionReplay|resubmission",
    "DeliverReplay": r"DeliveryReplay|flows/replay",
    "RowCursor": r"RowWalk|flows/rows",
    "unaddressed": r"nameless",
    "rescan": r"look_for_passed_rows|passed_rows",
    "BindOptions": r"translate/dialect|class Dialect",
    "MessageLookup": r"Enquiries|flows/enquiries",
    "RouteTest": r"RouteTrials?|RouteQuestion|try_out|try_route|flows/trial|model/trial",
    "HttpPool": r"class Callers|callbacks/callers|whole_heads",
    "ServerStatus": r"class Overview|class Measures|model/operation",
    "ConfigReload": r"class Live|server/live",
    "Backends": r"class Decisions|server/decisions",
    "replay_jobs": r"ksmppd_py/workers|server/workers",
    "wakeups": r"Bell|_box_bell|the bell",
    "snapshot": r"Pictured|SAME_PICTURE|picture",
    "command results": r"Fact|Panel|Visit|Wish|Plainly",
    "GroupCommit": r"Combiner|storage/combine",
    "StatementResult": r"storage/look\b|storage/reading\b",
    "timeouts and intervals": r"PATIENCE|FAREWELL|GLANCE|PROOF|ROUND",
}
"""The present name, and a pattern of whole words of those that it replaced."""


def files() -> list[Path]:
    """Return the files of the project, this one and other people's libraries excepted."""
    found = (path for folder in FOLDERS for path in (PROJECT / folder).rglob("*"))
    ours = (path for path in found if path.parent.name != "vendor")
    return [path for path in ours if path.suffix in SUFFIXES and path != Path(__file__).resolve()]


def test_former_names_are_gone() -> None:
    """All patterns are looked for at once; the files are read once."""
    all_former = "|".join(f"(?P<n{number}>{former})" for number, former in enumerate(REPLACED.values()))
    pattern = re.compile(rf"(?<![\w-])(?:{all_former})(?![\w-])")
    left = []
    for path in files():
        text = path.read_text("utf-8")
        for found in pattern.finditer(text):
            assert found.lastgroup is not None
            present = list(REPLACED)[int(found.lastgroup[1:])]
            line = text.count("\n", 0, found.start()) + 1
            left.append(f"{path.relative_to(PROJECT)}:{line}: {found[0]}: say {present}")
    assert not left, "\n".join(left)
