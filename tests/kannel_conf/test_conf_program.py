"""`python -m kannel_conf FILE`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest

from kannel_conf.__main__ import main


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["kannel_conf", *words])
    return main()


def test_a_line_of_json_for_each_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.conf"
    path.write_text('# first\n\ngroup = smsc\nport = "1"\n\nlog-file = é\ngroup = core\n\ngroup = core\n')
    assert run(monkeypatch, str(path)) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"group": "smsc", "line": 3, "values": {"group": "smsc", "port": "1"}},
        {"group": "core", "line": 6, "values": {"log-file": "é", "group": "core"}},
        {"group": "core", "line": 9, "values": {"group": "core"}},
    ]


def test_a_broken_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.conf"
    path.write_text("group = smsc\nport = 1\nport = 2\nport\n")
    assert run(monkeypatch, str(path)) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        f"warning: {path}:3: 'port' replaces the value set at {path}:2.",
        f"{path}:4: An equals sign ('=') is missing.",
    ]


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("group = smsc\nport = 1\n\n" * 10_000)
    command = [sys.executable, "-m", "kannel_conf", str(path)]
    project = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == b""
        assert program.wait(20) == 0


class Closed:
    """An output whose reader has ended."""

    def __init__(self, output: TextIO) -> None:
        self.fileno = output.fileno

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_closed_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the buffer goes to /dev/null, so that the end of Python prints no error either."""
    (tmp_path / "x.conf").write_text("group = smsc\n")
    with (tmp_path / "out").open("w") as output, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", Closed(output))
        assert run(monkeypatch, str(tmp_path / "x.conf")) == 0
        assert os.path.samestat(os.fstat(output.fileno()), os.stat(os.devnull))


def test_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch) == 2
    assert capsys.readouterr().err.startswith("usage: ")
