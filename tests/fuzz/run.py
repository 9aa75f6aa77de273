"""A million cases: `python -m tests.fuzz.run [--cases N] [--seed S]`, spread over the processors."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
import traceback

from tests.fuzz.targets import Target, case, targets


def run(target: Target, seed: int, first: int, count: int) -> list[str]:
    """Run these cases; what failed, with what is needed to repeat it."""
    failures = []
    for number in range(first, first + count):
        octets = case(target, seed, number)
        try:
            target.read(octets)
        except Exception:
            failures.append(
                f"{target.name}, seed {seed}, case {number}: {octets!r}\n{traceback.format_exc()}"
            )
            if len(failures) >= 5:
                break
    return failures


def _run_named(job: tuple[str, int, int, int]) -> list[str]:
    name, seed, first, count = job
    return next(run(target, seed, first, count) for target in targets() if target.name == name)


def main() -> None:
    """Exit with 1 when a case failed."""
    parser = argparse.ArgumentParser(description="Feed damaged octets to every parser.")
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    shares = {target.name: 1 / target.cost for target in targets()}
    whole = sum(shares.values())
    jobs = []
    step = 5_000
    for name, share in shares.items():
        count = int(asked.cases * share / whole) + 1
        jobs += [(name, asked.seed, first, min(step, count - first)) for first in range(0, count, step)]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        failures = [failure for found in pool.imap_unordered(_run_named, jobs) for failure in found]
    for failure in failures:
        print(failure)
    print(f"seed {asked.seed}: {sum(job[3] for job in jobs)} cases, {len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
