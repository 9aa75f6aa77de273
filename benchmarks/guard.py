"""`python -m benchmarks.guard`: has a change made messages much dearer? Loose bounds, for noisy machines.

Processor time of a few scenarios as multiples of the floor's, measured just before and just after; what is above its
bound is measured again once, since a neighbour on the machine may have been at work.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from benchmarks.run import measure, measure_floor
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.servers import DatabaseServers

BOUNDS = {"submit": 5.0, "report": 13.0, "store-sqlite": 16.0, "binds-1000": 8.0, "access-log": 6.0}
"""Two to three times what a quiet machine has: its speed may change between the floor's run and ours."""
TRIES = 2


def ratio_of(scenario: Scenario) -> float:
    """Processor time of a message as a multiple of the floor's."""
    before = measure_floor().cpu_us
    ours = measure(scenario, DatabaseServers()).cpu_us
    return ours / ((before + measure_floor().cpu_us) / 2)


def judge(bounds: Mapping[str, float], ratio: Callable[[Scenario], float] = ratio_of) -> list[str]:
    """Print what is found; return the scenarios that stayed above their bounds."""
    dearer = []
    scenarios = {scenario.name: scenario for scenario in SCENARIOS}
    for name, bound in bounds.items():
        for attempt in range(1, TRIES + 1):
            found = ratio(scenarios[name])
            verdict = "ok" if found <= bound else "too much" if attempt == TRIES else "again"
            print(f"guard: {name:14s} {found:6.2f} x floor, bound {bound:g}: {verdict}", flush=True)
            if found <= bound:
                break
        else:
            dearer.append(name)
    return dearer


if __name__ == "__main__":
    sys.exit(1 if judge(BOUNDS) else 0)
