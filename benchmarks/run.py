"""`python -m benchmarks.run [--json FILE] [--runs N] [--only NAME,...]`: measure, print a table, write JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.conditions import CONDITIONS
from benchmarks.load import Load, Result, run
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.servers import REPOSITORY, DatabaseServers, Server, daemon, floor

FLOOR_SUBMITS = 40_000
"""As many as take about a second: the shorter a run, the likelier it has the machine for itself."""


def measure_floor() -> Result:
    """Processor time of the floor for the plain submit."""
    with floor() as server:
        return run(Load(server.smpp_port, server.box_port, server.pids, total=FLOOR_SUBMITS))


def measure(scenario: Scenario, servers: DatabaseServers) -> Result:
    """Run one scenario against a fresh daemon."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        daemon(scenario.setup, Path(directory), servers) as server,
    ):
        return run(_load(scenario, server))


def _load(scenario: Scenario, server: Server) -> Load:
    return Load(server.smpp_port, server.box_port if scenario.box else 0, server.pids, **scenario.load)


def _machine() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "processor": model,
        "processors": os.cpu_count(),
        "kernel": platform.release(),
    }


def goals_of(scenario: Scenario, result: Result, ratio: float) -> list[str]:
    """Each goal of the scenario, and whether it is missed."""
    goals = (
        (scenario.goal, ratio, "x"),
        (scenario.most_us, result.cpu_us, "us"),
        (scenario.most_mb, result.rss_mb, "MB"),
        (scenario.most_idle_kb, result.idle_kb, "kB"),
    )
    return [
        f"{most:g} {unit}{'' if value <= most else ' MISSED'}"
        for most, value, unit in goals
        if most is not None
    ]


def _line(scenario: Scenario, result: Result, ratio: float) -> str:
    idle = f"  {result.idle_kb:.0f} kB a bind" if result.idle_kb else ""
    return (
        f"{scenario.name:14s} {result.cpu_us:7.1f} us {ratio:6.2f} x  {result.per_second:8.0f}/s  "
        f"p50 {result.p50_ms:6.1f} ms  p99 {result.p99_ms:6.1f} ms  {result.rss_mb:5.0f} MB{idle}  "
        f"{', '.join(goals_of(scenario, result, ratio))}"
    )


def steadiest(floors: Sequence[float]) -> tuple[int, float]:
    """Return the run whose floors before and after differ least, and the floor that it is compared with.

    There is one more of `floors` than of runs. The speed of a shared machine changes from second to second; a run
    counts that had the same before and after.
    """
    pairs = [(floors[index], floors[index + 1]) for index in range(len(floors) - 1)]
    index = min(range(len(pairs)), key=lambda number: max(pairs[number]) / min(pairs[number]))
    return index, sum(pairs[index]) / 2


def measure_costs(chosen: Collection[Scenario], servers: DatabaseServers, runs: int) -> dict[str, Any]:
    """Run scenarios so many times, a floor before and after each, and print a line for each."""
    costs: dict[str, Any] = {}
    for scenario in chosen:
        results: list[Result] = []
        try:
            floors = [measure_floor().cpu_us]
            for _ in range(runs):
                results.append(measure(scenario, servers))
                floors.append(measure_floor().cpu_us)
        except (ConnectionError, TimeoutError) as error:
            print(f"{scenario.name:14s} failed: {error}", flush=True)
            continue
        index, yardstick = steadiest(floors)
        result = results[index]
        ratio = result.cpu_us / yardstick
        print(_line(scenario, result, ratio), flush=True)
        costs[scenario.name] = {
            "what": scenario.what,
            "goal": scenario.goal,
            "floor_us": yardstick,
            "ratio": ratio,
            "costs": [each.cpu_us for each in results],
            "floors": floors,
            **asdict(result),
        }
    return costs


def measure_conditions(names: Collection[str], servers: DatabaseServers) -> list[dict[str, Any]]:
    """Measure everything that isn't a cost, and print a line for each finding."""
    found = []
    for name in names:
        for finding in CONDITIONS[name](servers):
            missed = "" if finding.is_met else "  MISSED"
            figures = f"{finding.value:7.1f} {finding.unit:3s} below {finding.goal:g}{missed}"
            print(f"{finding.name:14s} {figures}: {finding.what}", flush=True)
            found.append(asdict(finding))
    return found


def main() -> int:
    """Measure all or some; 1 when a scenario failed to finish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument(
        "--runs", type=int, default=5, help="of each scenario; the one between the steadiest floors counts"
    )
    parser.add_argument("--only", default="", help="scenarios and conditions, comma between")
    arguments = parser.parse_args()
    only = arguments.only.split(",") if arguments.only else None
    chosen = [s for s in SCENARIOS if only is None or s.name in only]
    conditions = [name for name in CONDITIONS if only is None or name in only]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    servers = DatabaseServers()
    try:
        costs = measure_costs(chosen, servers, arguments.runs)
        found = measure_conditions(conditions, servers)
    finally:
        servers.stop()
    if arguments.json is not None:
        report = {"machine": _machine(), "scenarios": costs, "conditions": found}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return int(len(costs) < len(chosen))


if __name__ == "__main__":
    sys.exit(main())
