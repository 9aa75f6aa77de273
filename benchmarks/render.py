"""`python -m benchmarks.render bench.json`: put the figures of a run between the marks in docs/performance.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import REPOSITORY

PAGE = REPOSITORY / "docs" / "performance.md"
BEGIN, END = "<!-- figures: make bench, python -m benchmarks.render bench.json -->", "<!-- end of figures -->"


def _among(value: float, all_of_them: list[float]) -> str:
    """The one that counts, and between which others it was."""
    return f"{value:.1f} µs ({min(all_of_them):.0f} to {max(all_of_them):.0f})"


def costs_table(scenarios: dict[str, Any]) -> list[str]:
    """A row for each scenario that was measured, in the order of the list."""
    lines = [
        "| work | processor time a message | floor | × floor | goal | messages a second | p99 | memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for scenario in SCENARIOS:
        found = scenarios.get(scenario.name)
        if found is None:
            continue
        goals = [(scenario.goal, "×"), (scenario.most_us, "µs"), (scenario.most_mb, "MB")]
        goal = ", ".join(f"≤ {most:g} {unit}" for most, unit in goals if most is not None) or "–"
        p99 = f"{found['p99_ms']:.1f} ms" if found["p99_ms"] else "–"
        idle = f", {found['idle_kb']:.0f} kB an idle bind" if found["idle_kb"] else ""
        lines.append(
            f"| {scenario.what} | {_among(found['cpu_us'], found['costs'])} "
            f"| {_among(found['floor_us'], found['floors'])} "
            f"| {found['ratio']:.2f} "
            f"| {goal} | {found['per_second']:,.0f} | {p99} | {found['rss_mb']:.0f} MB{idle} |"
        )
    return lines


def conditions_table(findings: list[dict[str, Any]]) -> list[str]:
    """A row for each finding."""
    lines = ["| what | measured | goal |", "|---|---|---|"]
    for found in findings:
        value, unit, goal = found["value"], found["unit"], found["goal"]
        lines.append(f"| {found['name']}: {found['what']} | {value:.1f} {unit} | below {goal:g} {unit} |")
    return lines


def page_with(text: str, report: dict[str, Any]) -> str:
    """The page with the figures of this report; ValueError when it has no marks."""
    machine = report["machine"]
    head, _, rest = text.partition(BEGIN)
    _, mark, tail = rest.partition(END)
    if not mark:
        raise ValueError("the page has no marks")
    lines = [
        f"Measured on {machine['date'][:10]} at commit {machine['commit']}: Python {machine['python']}, "
        f"Linux {machine['kernel']}, {machine['processor']}, {machine['processors']} processors.",
        "",
        *costs_table(report["scenarios"]),
        "",
        *conditions_table(report["conditions"]),
    ]
    return f"{head}{BEGIN}\n\n{chr(10).join(lines)}\n\n{END}{tail}"


def main() -> int:
    """Rewrite the page; 2 when the argument is missing."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    PAGE.write_text(
        page_with(PAGE.read_text("utf-8"), json.loads(Path(sys.argv[1]).read_text("utf-8"))), "utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
