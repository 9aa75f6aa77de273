"""Runs scenarios of the fault suite: `python -m tests.faults.run mariadb 17` repeats seed 17."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import sys  # noqa: E402

from tests.faults.scenarios import KINDS, run_lane  # noqa: E402


def main() -> None:
    """Run the seeds and exit with 1 when one fails."""
    parser = argparse.ArgumentParser(description="Run seeds of the fault suite.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int, nargs="?")
    parser.add_argument("--verbose", action="store_true")
    asked = parser.parse_args()
    seeds = range(asked.first, (asked.last or asked.first) + 1)
    failures = run_lane(asked.kind, iter(seeds), verbose=asked.verbose)
    for failure in failures:
        print(failure)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
