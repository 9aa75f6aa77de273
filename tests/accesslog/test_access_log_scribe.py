"""The scribe as a process: what it survives, what becomes of lines when it doesn't, and what it leaves behind."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest
from test_access_log_file import note, receivers, wait_for_lines
from test_access_log_lines import EPOCH, sms, submission, submitter

from ksmppd_py.accesslog import log as log_module
from ksmppd_py.accesslog import process, scribe
from ksmppd_py.accesslog.batch import NO_PAGE, Batch
from ksmppd_py.accesslog.log import AccessLog, AccessLogSettings
from ksmppd_py.accesslog.pages import PAGES
from tests.accesslog.conftest import start

PROJECT = Path(__file__).resolve().parents[2]
PER_TURN = log_module.MOST_LINES


def wait_until(condition: Callable[[], object]) -> None:
    while not condition():
        gevent.sleep(0.01)


def freeze(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: " (stopped)" in Path(f"/proc/{pid}/status").read_text())


def is_gone(pid: int) -> bool:
    """Not even a zombie."""
    return not Path(f"/proc/{pid}").exists()


def pour(log: AccessLog, first: int, turns: int) -> int:
    """Submits with numbers from `first` on as their receivers, full turns of them; the next number."""
    for _ in range(turns):
        numbered = [submission(sms(receiver=b"%d" % number)) for number in range(first, first + PER_TURN)]
        log.submitted(numbered, submitter())
        gevent.sleep(0)
        first += PER_TURN
    return first


def numbers(*paths: Path) -> list[int]:
    return sorted(int(receiver) for path in paths for receiver in receivers(path))


def lost(caplog: pytest.LogCaptureFixture) -> int:
    told = [re.match(r"(\d+) line\(s\) of the access log are lost", r.getMessage()) for r in caplog.records]
    return sum(int(match.group(1)) for match in told if match)


def test_it_writes_in_the_daemon_s_place(
    log: AccessLog, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note(log, b"1")
    wait_for_lines(path, 1)
    pid = log.scribe_pid
    log.stop()
    assert is_gone(pid)
    assert not caplog.records


def test_it_holds_its_file_and_nothing_else_of_the_daemon(log: AccessLog, path: Path, tmp_path: Path) -> None:
    for name in ("2", "3"):
        note(log)
        path.rename(tmp_path / name)
        log.reopen()
    log.change(AccessLogSettings(str(path), json=True))
    note(log)
    wait_until(lambda: path.exists() and path.read_text())
    folder = Path(f"/proc/{log.scribe_pid}/fd")
    targets = {int(entry.name): os.readlink(entry) for entry in folder.iterdir()}
    assert targets.pop(0).startswith("socket:")
    [shared] = [number for number, target in targets.items() if target.startswith("/memfd:")]
    del targets[shared]
    assert sorted(targets.values()) == sorted(["/dev/null", "/dev/null", str(path)])


def test_nothing_is_left_of_it_here(path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(2):
        log = AccessLog(AccessLogSettings(str(path)))
        start(log)
        note(log)
        log.reopen()
        log.stop()
        kept = set(os.listdir("/proc/self/fd"))
    log = AccessLog(AccessLogSettings(str(path)))
    start(log)
    log.stop()
    assert len(set(os.listdir("/proc/self/fd"))) == len(kept)
    assert len(kept) <= len(before) + 2  # gevent's own, for signals of children


def test_signals_that_are_meant_for_the_daemon_do_not_end_it(log: AccessLog, path: Path) -> None:
    pid = log.scribe_pid
    note(log, b"1")
    wait_for_lines(path, 1)  # it is past its start
    for number in scribe.IGNORED:
        os.kill(pid, number)
    note(log, b"2")
    wait_for_lines(path, 2)
    assert log.scribe_pid == pid


def test_a_change_of_file_and_style_falls_between_two_lines(
    log: AccessLog, path: Path, tmp_path: Path
) -> None:
    freeze(log.scribe_pid)  # so that all of it is on its way at once
    other = tmp_path / "other.log"
    note(log, b"1")
    path.rename(tmp_path / "access.log.1")
    log.reopen()
    note(log, b"2")
    log.change(AccessLogSettings(str(path), json=True))
    note(log, b"3")
    log.change(AccessLogSettings(str(other), json=True, text=True))
    note(log, b"4")
    os.kill(log.scribe_pid, signal.SIGCONT)
    log.stop()
    assert receivers(tmp_path / "access.log.1") == ["1"]
    second, third = path.read_text().splitlines()
    assert " [to:2] " in second
    assert json.loads(third)["to"] == "3"
    [fourth] = other.read_text().splitlines()
    assert (json.loads(fourth)["to"], json.loads(fourth)["text"]) == ("4", "secret")


def test_one_that_was_killed_is_told_and_replaced(
    log: AccessLog, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pid = log.scribe_pid
    end = pour(log, 0, 1)
    wait_for_lines(path, end)
    wait_until(lambda: log._scribe is not None and not log._scribe.on_the_way)
    freeze(pid)
    pour(log, end, 1)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: log.scribe_pid not in (0, pid))
    assert is_gone(pid)
    assert lost(caplog) == PER_TURN
    assert any("ended by itself (-9)" in record.getMessage() for record in caplog.records)
    pour(log, 5000, 1)
    log.stop()
    assert numbers(path) == [*range(end), *range(5000, 5000 + PER_TURN)]


def test_what_is_answered_while_there_is_none_is_written_here(
    log: AccessLog, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "_COMMAND", ("/nowhere/python",))
    os.kill(log.scribe_pid, signal.SIGKILL)
    wait_until(lambda: any("can't be started" in record.getMessage() for record in caplog.records))
    assert log.scribe_pid == 0
    end = pour(log, 0, 2)
    assert numbers(path) == list(range(end))


def test_a_stalled_one_is_bounded_and_loses_nothing(
    log: AccessLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MOST_QUEUED", 300_000)
    freeze(log.scribe_pid)
    end = pour(log, 0, 30)
    assert log._scribe is not None
    assert log._scribe.queued < 300_000 + PER_TURN * 400  # one frame above
    written_here = numbers(path)
    assert 0 < len(written_here) < end
    os.kill(log.scribe_pid, signal.SIGCONT)
    end = pour(log, end, 2)
    log.stop(20.0)
    assert numbers(path) == list(range(end))


def test_rotation_goes_on_while_it_is_stalled(
    log: AccessLog, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MOST_QUEUED", 300_000)
    before = len(os.listdir("/proc/self/fd"))
    freeze(log.scribe_pid)
    ends = [0]
    for number in range(12):
        ends.append(pour(log, ends[-1], 1))
        path.rename(tmp_path / f"old.{number}")
        log.reopen()
    for _ in range(50):
        log.reopen()
    assert len(os.listdir("/proc/self/fd")) < before + 12
    ends.append(pour(log, ends[-1], 1))
    os.kill(log.scribe_pid, signal.SIGCONT)
    log.stop(20.0)
    for number in range(12):
        assert numbers(tmp_path / f"old.{number}") == list(range(ends[number], ends[number + 1]))
    assert numbers(path) == list(range(ends[-2], ends[-1]))


def test_stopping_waits_for_a_stalled_one_only_so_long(
    log: AccessLog, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What never left the daemon is written, what was in the pipe is told."""
    pid = log.scribe_pid
    freeze(pid)
    end = pour(log, 0, 12)
    log.stop(0.1)
    assert is_gone(pid)
    there = numbers(path)
    assert there == list(range(end - len(there), end))
    assert there
    assert lost(caplog) == end - len(there) > 0


def test_it_is_started_with_an_access_log_and_ends_with_it(path: Path) -> None:
    log = AccessLog(AccessLogSettings())
    with gevent.Timeout(30):
        log.start()
        gevent.sleep(0)
        assert log.scribe_pid == 0
        for _ in range(2):
            log.change(AccessLogSettings(str(path)))
            wait_until(lambda: log.scribe_pid)
            pid = log.scribe_pid
            note(log)
            log.change(AccessLogSettings())
            assert log.scribe_pid == 0
            wait_until(lambda pid=pid: is_gone(pid))
        log.stop()
    assert len(receivers(path)) == 2


DAEMON = """
import os, signal, sys
from gevent import monkey
monkey.patch_all()
import gevent
sys.path.insert(0, {tests!r})
from test_access_log_scribe import AccessLog, AccessLogSettings, pour, start
log = AccessLog(AccessLogSettings({path!r}))
start(log)
pour(log, 0, 4)
while log._scribe.queued:
    gevent.sleep(0.001)
print(log.scribe_pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_daemon_that_was_killed_loses_nothing_that_it_handed_over(path: Path) -> None:
    source = DAEMON.format(tests=str(Path(__file__).parent), path=str(path))
    daemon = subprocess.run(
        [sys.executable, "-c", source],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert daemon.returncode == -signal.SIGKILL
    with gevent.Timeout(30):
        wait_until(lambda: is_gone(int(daemon.stdout)))
    assert numbers(path) == list(range(4 * PER_TURN))


def test_it_loads_none_of_the_daemon() -> None:
    source = "import sys, ksmppd_py.accesslog.scribe; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", source], cwd=PROJECT, stdout=subprocess.PIPE, check=True
    )
    names = loaded.stdout.decode().split()
    assert "ksmppd_py.accesslog.lines" in names
    assert not {name.partition(".")[0] for name in names} & {"gevent", "greenlet", "sqlalchemy", "bottle"}
    rooms = {name.split(".")[1] for name in names if name.startswith("ksmppd_py.")}
    assert rooms == {"accesslog", "errors", "kannel", "smpp", "translate"}


def test_errors_of_formatting_are_told(path: Path, caplog: pytest.LogCaptureFixture, log: AccessLog) -> None:
    nonsense = b"\0\0\0\x08\0\0\0\x02\0\0\0\0"
    log._batch.add(EPOCH, 100.0, [(3, b"acme", 7, 99.5, 0, 0, 0.0)], [nonsense] * 3, None, [])
    log.reopen()
    note(log, b"2")
    log.stop()
    assert receivers(path) == ["2"]
    assert lost(caplog) == 3
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_what_cannot_be_handed_over_takes_no_page(
    log: AccessLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(batch: Batch) -> bytes:
        raise ValueError("a defect")

    with monkeypatch.context() as defect:
        defect.setattr(Batch, "frame", fail)
        for _ in range(PAGES + 1):
            note(log)
            log._turn_over()
    assert any("are lost" in record.getMessage() for record in caplog.records)
    assert log._batch.page != NO_PAGE
