"""`python -m benchmarks.run [--json FILE] [--only NAME,...]`: measure, print a table, write JSON."""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.load import Load, Result, run
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.servers import REPOSITORY, Server, daemon, floor
from tests.parts.mariadb import MariaDB

FLOOR_SUBMITS = 80_000


def measure_floor() -> Result:
    """Processor time of the floor for the plain submit."""
    with floor() as server:
        return run(Load(server.smpp_port, server.box_port, server.pids, total=FLOOR_SUBMITS))


def measure(scenario: Scenario, mariadb: MariaDB | None) -> Result:
    """Run one scenario against a fresh daemon."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        daemon(scenario.setup, Path(directory), mariadb) as server,
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
        "kernel": platform.release(),
    }


def _line(name: str, result: Result, against: float, goal: float | None) -> str:
    ratio = result.cpu_us / against
    told = "" if goal is None else f"{goal:g} x{'' if ratio <= goal else '  MISSED'}"
    idle = f"  {result.idle_kb:.0f} kB a bind" if result.idle_kb else ""
    return (
        f"{name:14s} {result.cpu_us:7.1f} us {ratio:6.2f} x  {result.per_second:8.0f}/s  "
        f"p50 {result.p50_ms:6.1f} ms  p99 {result.p99_ms:6.1f} ms  {result.rss_mb:5.0f} MB  {told}{idle}"
    )


def main() -> int:
    """Measure all or some scenarios; 1 when one failed to finish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--only", default="", help="scenarios, comma between")
    arguments = parser.parse_args()
    chosen = [s for s in SCENARIOS if not arguments.only or s.name in arguments.only.split(",")]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    report: dict[str, Any] = {"machine": _machine(), "scenarios": {}}
    mariadb = MariaDB() if any(s.setup.mariadb for s in chosen) else None
    failed = False
    try:
        if mariadb is not None:
            mariadb.start()
        for scenario in chosen:
            yardstick = measure_floor()
            try:
                result = measure(scenario, mariadb)
            except (ConnectionError, TimeoutError) as error:
                print(f"{scenario.name:14s} failed: {error}", flush=True)
                failed = True
                continue
            print(_line(scenario.name, result, yardstick.cpu_us, scenario.goal), flush=True)
            report["scenarios"][scenario.name] = {
                "what": scenario.what,
                "goal": scenario.goal,
                "floor_us": yardstick.cpu_us,
                "ratio": result.cpu_us / yardstick.cpu_us,
                **asdict(result),
            }
    finally:
        if mariadb is not None:
            mariadb.stop()
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
