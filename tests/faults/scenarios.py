"""Many seeds one after the other in one lane, several lanes at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.faults.lane import Lane
from tests.faults.scenario import Scenario

KINDS = ("sqlite", "mariadb", "without-queue")


def run_lane(kind: str, seeds: Iterator[int], verbose: bool = False) -> list[str]:
    """Run seeds until there are no more; return what failed, with what is needed to repeat it."""
    failures: list[str] = []
    lane = Lane("mariadb" if kind == "mariadb" else "sqlite", queue=kind != "without-queue")
    with lane.opened():
        for seed in seeds:
            began = time.monotonic()
            scenario = Scenario(lane, seed)
            found = scenario.run()
            if verbose:
                took = time.monotonic() - began
                print(f"{took:5.1f} s {scenario}; {len(found)} problems", flush=True)
            if found:
                failures.append(
                    f"{scenario}\n  repeat: python -m tests.faults.run {kind} {seed}\n  "
                    + "\n  ".join(found[:20])
                    + f"\n{lane.daemon.report(lines=60)}"
                )
                break  # the lane isn't clean any more
    return failures
