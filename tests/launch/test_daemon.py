"""Becoming a daemon, with real forks in programs of their own."""

from __future__ import annotations

import io
import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ksmppd_py.errors import StartError
from ksmppd_py.launch import daemon
from tests.parts.waiting import wait_until

HERE = Path(__file__).parents[2]

SUPERVISED = """
import os, signal, sys, time
from ksmppd_py.launch import daemon, signals
log = open({log!r}, "a", buffering=1)
daemon.Parachute("ksmppd", {script!r}, pauses=daemon.Pauses(**{pauses!r})).open()
lives = len(open({log!r}).read().splitlines())
log.write(f"{{os.getpid()}} {{os.getppid()}}\\n")
{life}
"""
QUICK = {"first_life": 0.0, "restart": 0.01, "short_life": 0.0, "after_short_life": 60.0}


def supervise(
    directory: Path, life: str, pauses: dict[str, float], script: str = ""
) -> subprocess.Popen[str]:
    """Start a supervisor whose child does `life`; it knows the number of lives before as `lives`."""
    program = SUPERVISED.format(log=str(directory / "log"), script=script, pauses=pauses, life=life)
    return subprocess.Popen([sys.executable, "-c", program], cwd=HERE, stderr=subprocess.PIPE, text=True)


def outcome(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=10)
    return process.returncode, err


def lives(directory: Path) -> list[str]:
    log = directory / "log"
    return log.read_text().splitlines() if log.exists() else []


def test_a_good_end_is_the_end(tmp_path: Path) -> None:
    assert outcome(supervise(tmp_path, "", QUICK)) == (0, "")
    assert len(lives(tmp_path)) == 1


@pytest.mark.parametrize(
    ("life", "status"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), signal.SIGKILL)", 1)]
)
def test_a_failure_at_once_is_a_failed_start(tmp_path: Path, life: str, status: int) -> None:
    assert outcome(supervise(tmp_path, life, {"first_life": 60.0})) == (status, "")
    assert len(lives(tmp_path)) == 1


def test_restarts_until_it_ends_well(tmp_path: Path) -> None:
    life = "sys.exit(3) if lives == 0 else os.abort() if lives == 1 else None"
    status, err = outcome(supervise(tmp_path, life, QUICK))
    assert status == 0
    assert len(set(lives(tmp_path))) == 3
    assert re.fullmatch(
        r".{19} \[\d+\] \[0\] ERROR: Child process died with status 3 after 0 s, restart 1 follows\n"
        r".{19} \[\d+\] \[0\] ERROR: Child process died with signal 6 after 0 s, restart 2 follows\n",
        err,
    )


def test_a_short_life_is_followed_by_a_longer_pause(tmp_path: Path) -> None:
    pauses = {"first_life": 0.0, "restart": 0.0, "short_life": 10.0, "after_short_life": 0.2}
    before = time.monotonic()
    status, err = outcome(supervise(tmp_path, "sys.exit(lives == 0)", pauses))
    assert time.monotonic() - before > 0.2
    assert status == 0
    assert "Child process lived less than 10 s, waiting longer" in err


def test_the_panic_script_runs_once_in_a_while(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\necho "$#:$1" >> {tmp_path}/panics\n')
    script.chmod(0o755)
    assert outcome(supervise(tmp_path, "sys.exit(lives < 3)", QUICK, str(script)))[0] == 0
    wait_until((tmp_path / "panics").exists)
    assert len(lives(tmp_path)) == 4
    assert (tmp_path / "panics").read_text() == "1:ksmppd 1\n"


def test_a_missing_panic_script_is_told(tmp_path: Path) -> None:
    status, err = outcome(supervise(tmp_path, "sys.exit(lives < 1)", QUICK, "/nonexistent"))
    assert status == 0
    assert "Could not run panic script '/nonexistent': No such file or directory" in err


WAIT_FOR_TERM = """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGHUP, lambda *_: log.write("hup\\n"))
signals.let_through()
log.write("ready\\n")
while True: time.sleep(10)
"""


def test_signals_reach_the_child(tmp_path: Path) -> None:
    process = supervise(tmp_path, WAIT_FOR_TERM, QUICK)
    wait_until(lambda: "ready" in lives(tmp_path))
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "hup" in lives(tmp_path))
    process.send_signal(signal.SIGTERM)
    assert outcome(process) == (0, "")


def test_a_child_that_dies_of_the_signal_is_not_restarted(tmp_path: Path) -> None:
    process = supervise(tmp_path, 'log.write("ready\\n")\ntime.sleep(60)', QUICK)
    wait_until(lambda: "ready" in lives(tmp_path))
    process.send_signal(signal.SIGTERM)
    assert outcome(process) == (1, "")
    assert len(lives(tmp_path)) == 2


def test_a_signal_between_two_lives_ends_it(tmp_path: Path) -> None:
    process = supervise(tmp_path, "sys.exit(1)", {"first_life": 0.0, "restart": 60.0})
    assert process.stderr is not None
    assert "died with status 1" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert outcome(process)[0] == 0


BACKGROUND = """
import os, sys, time
from ksmppd_py.launch import daemon
from ksmppd_py.launch.arguments import Arguments
process = daemon.Process()
daemon.apply_options(Arguments(daemonize=True, pid_file={pid!r}, parachute={parachute}), process)
log = open({log!r}, "w")
if {good}:
    process.report_up()
    log.write(f"{{os.getcwd()}} {{os.readlink('/proc/self/fd/2')}} {{os.getsid(0) != os.getpid()}}")
    log.close()
    while not os.path.exists({end!r}):
        time.sleep(0.01)
else:
    print("it went wrong", file=sys.stderr)
process.clean_up()
sys.exit(0 if {good} else 1)
"""


def background(directory: Path, good: bool, parachute: bool = False) -> tuple[subprocess.Popen[str], Path]:
    paths = {name: str(directory / name) for name in ("pid", "log", "end")}
    program = BACKGROUND.format(**paths, good=good, parachute=parachute)
    process = subprocess.Popen([sys.executable, "-c", program], cwd=HERE, stderr=subprocess.PIPE, text=True)
    return process, directory / "end"


@pytest.mark.parametrize("parachute", [False, True])
def test_the_caller_goes_when_the_server_is_up(tmp_path: Path, parachute: bool) -> None:
    process, end = background(tmp_path, True, parachute)
    status, err = outcome(process)
    pid_file = tmp_path / "pid"
    pid = int(pid_file.read_text())
    assert (status, err) == (0, "")
    wait_until((tmp_path / "log").read_text)
    assert (tmp_path / "log").read_text() == "/ /dev/null True"
    assert pid != process.pid
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    end.touch()
    wait_until(lambda: not pid_file.exists())


@pytest.mark.parametrize("parachute", [False, True])
def test_the_caller_hears_of_a_failed_start(tmp_path: Path, parachute: bool) -> None:
    process, _ = background(tmp_path, False, parachute)
    assert outcome(process) == (1, "it went wrong\n")
    wait_until(lambda: not (tmp_path / "pid").exists())


def test_pid_file(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    before = os.umask(0o077)
    try:
        pid_file = daemon.PidFile(str(path))
        pid_file.write()
    finally:
        os.umask(before)
    assert path.read_text() == f"{os.getpid()}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    pid_file.remove()
    assert not path.exists()


def test_only_the_writer_removes_its_pid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pid"
    pid_file = daemon.PidFile(str(path))
    pid_file.write()
    monkeypatch.setattr("ksmppd_py.launch.daemon.os.getpid", lambda: -1)
    pid_file.remove()
    assert path.exists()


def test_a_pid_file_of_a_living_process_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with subprocess.Popen(["sleep", "60"]) as other:
        path.write_text(f"{other.pid}\n")
        try:
            with pytest.raises(StartError, match="its process is alive"):
                daemon.PidFile(str(path)).write()
        finally:
            other.kill()
    daemon.PidFile(str(path)).write()  # now it is stale
    assert path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"garbage",
        b"0",
        b"-1",
        b"-9",
        b"9" * 10,
        b"9" * 20,
        b"9" * 64,
        b"99999999999999999999\n",
        b"0x1",
        b"1_0",
        b"1.0",
        b"1 1",
        b"\0" * 8,
        b"\xff\xfe",
        "\u0661".encode(),
        b"\r\n",
        pytest.param(str(os.getpid()).encode(), id="our own"),
        pytest.param(str(os.getppid()).encode() + b"\n", id="our parent's"),
    ],
)
def test_pid_files_that_say_nothing_are_replaced(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "pid"
    path.write_bytes(octets)
    daemon.PidFile(str(path)).write()
    assert path.read_text() == f"{os.getpid()}\n"


def in_place_of(path: Path, kind: str) -> None:
    match kind:
        case "FIFO":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "nothing":
            path.symlink_to("/dev/null")
        case "terminal":
            path.symlink_to("/dev/ptmx")
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case "loop":
            path.symlink_to(path)
        case "configuration":
            path.write_text("group = ksmppd\n" * 9)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("FIFO", "it is there and no file"),
        ("directory", "it is there and no file"),
        ("device", "it is there and no file"),
        ("nothing", "it is there and no file"),
        ("terminal", "it is there and no file"),
        ("socket", "No such device or address"),
        ("loop", "Too many levels of symbolic links"),
        ("configuration", "it is there and holds more than a number"),
    ],
)
def test_what_is_no_pid_file_is_left_alone(tmp_path: Path, kind: str, reason: str) -> None:
    path = tmp_path / "pid"
    in_place_of(path, kind)
    before = os.lstat(path)
    with pytest.raises(StartError, match=rf"^Could not write pid file '{path}': {reason}$"):
        daemon.PidFile(str(path)).write()
    assert os.lstat(path).st_ino == before.st_ino


def test_a_pid_file_of_somebody_elses_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pid"
    path.write_text("1\n")

    def refuse(pid: int, number: int) -> None:
        assert (pid, number) == (1, 0)
        raise PermissionError

    monkeypatch.setattr("ksmppd_py.launch.daemon.os.getppid", lambda: 2)
    monkeypatch.setattr("ksmppd_py.launch.daemon.os.kill", refuse)
    with pytest.raises(StartError, match="exists and its process is alive"):
        daemon.PidFile(str(path)).write()
    assert path.read_text() == "1\n"


def test_a_pid_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"^Could not write pid file '.*': No such file or directory$"):
        daemon.PidFile(str(tmp_path / "missing" / "pid")).write()


def test_change_user(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, object]] = []
    for name in ("setgid", "setuid"):
        monkeypatch.setattr(
            f"ksmppd_py.launch.daemon.os.{name}", lambda number, name=name: calls.append((name, number))
        )
    monkeypatch.setattr(
        "ksmppd_py.launch.daemon.os.initgroups", lambda *words: calls.append(("initgroups", words))
    )
    monkeypatch.setattr("ksmppd_py.launch.daemon.os.geteuid", lambda: 0)
    nobody = pwd.getpwnam("nobody")
    daemon.change_user("nobody")
    assert calls == [
        ("setgid", nobody.pw_gid),
        ("initgroups", ("nobody", nobody.pw_gid)),
        ("setuid", nobody.pw_uid),
    ]


def test_change_user_to_oneself_and_to_nobody_known() -> None:
    daemon.change_user(pwd.getpwuid(os.geteuid()).pw_name)
    with pytest.raises(StartError, match="Could not change to user 'no such user'"):
        daemon.change_user("no such user")


def test_say_survives_a_closed_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    daemon.write_log_line("PANIC", "x")
    with pytest.raises(ValueError, match="closed"):
        print("x", file=sys.stderr)
