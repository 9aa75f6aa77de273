"""Many seeds one after the other in one lane, several lanes at a time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from tests.faults.lane import Lane
from tests.faults.scenario import Scenario

KINDS = ("sqlite", "mariadb", "pgsql", "without-queue")
MOST_FAILURES = 3
"""Failures after which a lane gives up."""


def run_lane(kind: str, seeds: Iterator[int], verbose: bool = False) -> list[str]:
    """Run seeds until there are no more; return what failed, with what is needed to repeat it."""
    failures: list[str] = []
    for first in seeds:
        failures += _run_clean(kind, itertools.chain([first], seeds), verbose)
        if len(failures) >= MOST_FAILURES:
            break
    return failures


def _run_clean(kind: str, seeds: Iterator[int], verbose: bool) -> list[str]:
    """Run seeds on one daemon, up to the first that fails: after it nothing is clean any more."""
    lane = Lane("sqlite" if kind == "without-queue" else kind, queue=kind != "without-queue")
    scenario: Scenario | None = None
    try:
        with lane.opened():
            for seed in seeds:
                began = time.monotonic()
                scenario = Scenario(lane, seed)
                found = scenario.run()
                if verbose:
                    print(f"{time.monotonic() - began:5.1f} s {scenario}; {len(found)} problems", flush=True)
                if found:
                    report = _report(kind, scenario, found, lane.daemon.report(lines=60))
                    lane.daemon.kill()
                    return [report]
    except Exception as error:
        return [_report(kind, scenario, [repr(error)], str(error))]
    return []


def _report(kind: str, scenario: Scenario | None, found: list[str], log: str) -> str:
    seed = scenario.seed if scenario is not None else "?"
    problems = "\n  ".join(found[:20])
    return f"{kind}: {scenario}\n  repeat: python -m tests.faults.run {kind} {seed}\n  {problems}\n{log}"
