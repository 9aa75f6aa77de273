"""tools/run_tests.py on small suites: exit codes, the line of counts, and what is repeated."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RUN_TESTS = Path(__file__).resolve().parents[2] / "tools/run_tests.py"
GOOD = "def test_one(): pass\ndef test_two(): pass\ndef test_three(): pass\n"
BAD = "def test_bad(): assert False\n"
DISTURBED = """
from pathlib import Path
def test_disturbed():
    mark = Path(__file__).with_name("mark")
    disturbed, _ = not mark.exists(), mark.touch()
    assert not disturbed
"""
ENDS_BADLY = """
import pytest
@pytest.fixture
def part():
    yield
    assert False
def test_part(part): assert False
"""
KILLED = "import os, signal\ndef test_killed(): os.kill(os.getpid(), signal.SIGKILL)\n"
UNREADABLE = "import nothing_of_this_name\n"


@pytest.mark.parametrize(
    ("modules", "options", "code", "last"),
    [
        ([GOOD], ["--groups", "4"], 0, "3 passed, 0 failed, 0 flaky"),  # one has nothing to do
        ([GOOD, DISTURBED], ["--groups", "2"], 1, "3 passed, 1 failed, 0 flaky"),
        ([GOOD, DISTURBED], ["--repeat"], 0, "4 passed, 0 failed, 1 flaky"),
        ([DISTURBED, BAD], ["--groups", "2", "--repeat"], 1, "1 passed, 1 failed, 1 flaky"),
        ([GOOD, ENDS_BADLY], ["--repeat"], 1, "3 passed, 1 failed, 0 flaky"),
        ([DISTURBED, KILLED], ["--groups", "2", "--repeat"], 1, "1 passed, 1 failed, 1 flaky"),
        ([UNREADABLE], ["--repeat"], 1, "0 passed, 1 failed, 0 flaky"),
        ([GOOD], ["-k", "nothing"], 1, "0 passed, 0 failed, 0 flaky"),
        ([GOOD], ["--no-such-option"], 1, "0 passed, 1 failed, 0 flaky"),
    ],
)
def test_the_line_of_counts(
    tmp_path: Path, modules: list[str], options: list[str], code: int, last: str
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for number, module in enumerate(modules):
        (tmp_path / f"test_{number}.py").write_text(module)
    done = subprocess.run(
        [sys.executable, str(RUN_TESTS), *options, "-p", "pytest_split.plugin"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # all others take a second to import
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout.splitlines()
    assert re.fullmatch(rf"{last} in \d+ s", told[-1]), done.stdout + done.stderr
    assert done.returncode == code
    flaky = [line for line in told if line.startswith("FLAKY ")]
    assert (
        flaky
        == [
            f"FLAKY test_{number}.py::test_disturbed"
            for number, module in enumerate(modules)
            if module == DISTURBED
        ][: int(last.split()[4])]
    )


def test_times_of_all_groups_replace_the_stored_ones(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_0.py").write_text(GOOD)
    (tmp_path / ".test_durations").write_text('{"test_0.py::test_removed": 5.0}')
    done = subprocess.run(
        [
            sys.executable,
            str(RUN_TESTS),
            "--groups",
            "2",
            "--store",
            ".test_durations",
            "-p",
            "pytest_split.plugin",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
    )
    assert done.returncode == 0
    stored = json.loads((tmp_path / ".test_durations").read_text("utf-8"))
    assert set(stored) == {f"test_0.py::test_{name}" for name in ("one", "two", "three")}
