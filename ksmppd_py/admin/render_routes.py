"""Renders the result of rebuild-routes. KSMPPD's octets stay where they are (docs/rules/http.md 3.2)."""

from __future__ import annotations

from typing import Any

from ksmppd_py.admin.facts import RoutesUpdated
from ksmppd_py.admin.text import representable
from ksmppd_py.model.route_report import RouteReport

_WORDS = "Routes updated"


def plain(fact: RoutesUpdated) -> str:
    """Return KSMPPD's words, then the number of rows read, then a line for each problem."""
    report = fact.report
    if report is None:
        return _WORDS
    return "".join(f"{line}\n" for line in [_WORDS, *_lines(report)])


def _lines(report: RouteReport) -> list[str]:
    lines = [f"{report.rows} rows read, {report.skipped} skipped"]
    for problem in report.problems:
        skipped = " skipped" if problem.skipped else ""
        lines.append(f"route {problem.route_id}{skipped}: {problem.reason}")
    if report.more:
        lines.append(f"and {report.more} more")
    return lines


def xml(fact: RoutesUpdated) -> str:
    """Return KSMPPD's document, which scripts parse or compare, then the report as a comment."""
    document = f"<status>{_WORDS}</status>"
    report = fact.report
    if report is None:
        return document
    told = "\n".join(_lines(report)).replace("--", "- -").replace("--", "- -")  # no comment may have either
    return f"{document}\n<!-- {representable(told)} -->\n"


def json(fact: RoutesUpdated) -> Any:
    """Return an object with a list of problems."""
    report = fact.report
    if report is None:
        return {"message": _WORDS}
    problems = [
        {"route_id": problem.route_id, "skipped": problem.skipped, "reason": problem.reason}
        for problem in report.problems
    ]
    return {
        "message": _WORDS,
        "rows": report.rows,
        "skipped": report.skipped,
        "problems": problems,
        "more": report.more,
    }
