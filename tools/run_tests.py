"""Runs tests in several pytest processes side by side; prints their outputs one after the other, then a line of counts.

    run_tests.py [--groups N] [--repeat] [--coverage] [--store FILE] [PYTEST ARGUMENT...]

pytest-split cuts the tests into groups that take equally long by .test_durations. Most tests wait for servers, so more
groups than processors pay. With --repeat a test that failed is run once more by itself: one that passes then was
disturbed by a neighbour on the machine, and is named and counted as flaky. With --coverage each process writes the data
file that pyproject.toml names; programs that tests start don't. With --store the times that the tests took beside each
other replace those in FILE. Exit code 0: no test failed twice.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_PYTEST = ("-m", "gevent.monkey", "--module", "pytest", "-q")
PYTEST = (sys.executable, *_PYTEST)
COVERED_PYTEST = (sys.executable, "-m", "coverage", "run", *_PYTEST)

PASSED, FAILED, NOTHING_TO_DO = 0, 1, 5
"""Exit codes of pytest. All others say that it did not run to the end."""
DURATIONS = Path(".test_durations")
_PASSED = re.compile(r"(\d+) passed\b")


class Group:
    """One pytest process over one group of the tests, in `directory`; it runs from here on."""

    def __init__(self, arguments: Sequence[str], directory: Path, pytest: Sequence[str] = PYTEST) -> None:
        self._pytest = pytest
        self._cache = ["-o", f"cache_dir={directory / 'cache'}"]
        self._output = directory / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [*pytest, *self._cache, *arguments], stdout=output, stderr=subprocess.STDOUT
            )
        self._cache_file = directory / "cache/v/cache/lastfailed"

    def text(self) -> str:
        """Everything that it wrote so far."""
        return self._output.read_text("utf-8", "replace")

    def failed(self) -> set[str]:
        """The ids of the tests that failed when they ran last."""
        if not self._cache_file.exists():
            return set()
        return set(json.loads(self._cache_file.read_text("utf-8")))

    def repeat(self, arguments: Sequence[str]) -> set[str]:
        """Run the tests that failed once more; return those that passed now."""
        before = self.failed()
        last_failed = ["--last-failed", "--last-failed-no-failures", "none"]
        subprocess.run([*self._pytest, *self._cache, *last_failed, *arguments], check=False)
        return before - self.failed()


def count_passed(text: str) -> int:
    """Return how many tests passed by the last line of pytest's output; 0 when it does not end with such a line."""
    found = _PASSED.search(text.strip().rpartition("\n")[2])
    return int(found[1]) if found else 0


def store_durations(directories: Sequence[Path], target: Path) -> None:
    """Write to `target` the seconds of all tests that the groups in these directories noted."""
    together: dict[str, float] = {}
    for directory in directories:
        together |= json.loads((directory / DURATIONS.name).read_text("utf-8"))
    target.write_text(json.dumps(together, sort_keys=True, indent=0) + "\n", "utf-8")


def _noting(directory: Path) -> list[str]:
    """Return the arguments with which pytest-split notes times in a file of `directory`, and cuts as it did before."""
    own = directory / DURATIONS.name
    if DURATIONS.exists():
        shutil.copy(DURATIONS, own)
    return [f"--durations-path={own}", "--store-durations", "--clean-durations"]


def run(
    groups: int,
    repeat: bool,
    arguments: Sequence[str],
    directory: Path,
    pytest: Sequence[str] = PYTEST,
    store: Path | None = None,
) -> int:
    """Run the tests; print their outputs and the line that counts; return the exit code."""
    began = time.monotonic()
    running = []
    for number in range(1, groups + 1):
        place = directory / str(number)
        place.mkdir()
        share = ["--splits", str(groups), "--group", str(number)] if groups > 1 else []
        noting = _noting(place) if store else []
        running.append(Group([*share, *noting, *arguments], place, pytest))
    passed = failed = 0
    for number, group in enumerate(running, 1):
        code = group.process.wait()
        text = group.text()
        print(f"--- group {number} of {groups}\n{text}", flush=True)
        passed += count_passed(text)
        if code not in (PASSED, FAILED, NOTHING_TO_DO):
            print(f"group {number} did not run to its end: exit code {code}")
            failed += not group.failed()
    if store:
        store_durations([directory / str(number) for number in range(1, groups + 1)], store)
    flaky = _repeat(running, arguments) if repeat else []
    failed += sum(len(group.failed()) for group in running)
    passed += len(flaky)
    print(
        f"{passed} passed, {failed} failed, {len(flaky)} flaky in {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return 1 if failed or not passed else 0


def _repeat(groups: Sequence[Group], arguments: Sequence[str]) -> list[str]:
    """Repeat the failed tests of the groups, one after the other; print and return those that passed this time."""
    flaky: list[str] = []
    for group in groups:
        if group.failed():
            print("--- once more by itself", flush=True)
            flaky += sorted(group.repeat(arguments))
    for test in flaky:
        print(f"FLAKY {test}")
    return flaky


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Run tests in several pytest processes side by side.")
    parser.add_argument("--groups", type=int, default=1)
    parser.add_argument("--repeat", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--store", type=Path, metavar="FILE")
    asked, arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="ksmppd-tests-") as directory:
        pytest = COVERED_PYTEST if asked.coverage else PYTEST
        return run(asked.groups, asked.repeat, arguments, Path(directory), pytest, asked.store)


if __name__ == "__main__":
    sys.exit(main())
