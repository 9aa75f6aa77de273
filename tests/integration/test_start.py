"""A start that meets signals, a locked database or strange files."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID
from tests.parts.config import render
from tests.parts.daemon import KSMPPD, DaemonConfig, environment, run_once
from tests.parts.database import SqliteDatabase
from tests.parts.process import Process
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration


class Starting:
    """A daemon with a pid file, from its first moment on."""

    def __init__(self, directory: Path, box: FakeBearerbox, *options: str, lock_timeout: int = 0) -> None:
        self.pid_path = directory / "pid"
        self.log_path = directory / "ksmppd.log"
        self.config_path = directory / "ksmppd.conf"
        groups = DaemonConfig([(BOX_ID, box.port)]).groups(
            SqliteDatabase(directory / "ksmppd.sqlite3"), self.log_path
        )
        for name, values in groups:
            if name == "sqlite3-connection" and lock_timeout:
                values["lock-timeout"] = lock_timeout
        self.config_path.write_text(render(groups), "utf-8")
        arguments = ["-v", "1", "-p", str(self.pid_path), *options, "--", str(self.config_path)]
        self.process = Process(
            [str(KSMPPD), *arguments],
            directory,
            "ksmppd",
            environment=environment(),
        )

    def wait_for(self, text: str) -> None:
        wait_until(
            lambda: self.is_alive() and text in self.output(), lambda: f"{text!r} in {self.output()}", 20
        )

    def is_alive(self) -> bool:
        assert self.process.exit_code() is None, self.output()
        return True

    def output(self) -> str:
        log = self.log_path.read_text() if self.log_path.exists() else ""
        return log + self.process.output()


@contextmanager
def starting(directory: Path, box: FakeBearerbox, *options: str, lock_timeout: int = 0) -> Iterator[Starting]:
    """One that starts now and has to end well."""
    daemon = Starting(directory, box, *options, lock_timeout=lock_timeout)
    try:
        yield daemon
        assert daemon.process.stop() == 0, daemon.output()
        assert not daemon.pid_path.exists()
        assert "Traceback" not in daemon.output()
    finally:
        daemon.process.kill()


@pytest.mark.parametrize("options", [(), ("-P",)])
@pytest.mark.parametrize("name", ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT"])
def test_signals_from_the_first_moment_on(
    tmp_path: Path, box: FakeBearerbox, name: str, options: tuple[str, ...]
) -> None:
    with starting(tmp_path, box, *options) as daemon:
        wait_until(lambda: daemon.pid_path.exists() and daemon.pid_path.read_text(), "the pid file", 20)
        pid = int(daemon.pid_path.read_text())

        def is_up() -> bool:
            os.kill(pid, signal.Signals[name])
            return daemon.is_alive() and "is up" in daemon.output()

        wait_until(is_up, daemon.output, 20)
        assert daemon.output().count("is up") <= 2  # on stderr and in the log: it started once


@pytest.mark.parametrize("options", [(), ("-P",)])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("after", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_a_stop_while_it_starts(
    tmp_path: Path, box: FakeBearerbox, name: str, options: tuple[str, ...], after: float
) -> None:
    """Seconds after its pid file is there."""
    with starting(tmp_path, box, *options) as daemon:
        wait_until(lambda: daemon.pid_path.exists() and daemon.pid_path.read_text(), "the pid file", 20)
        time.sleep(after)
        daemon.process.signal(signal.Signals[name])
        assert daemon.process.wait() == 0, daemon.output()


def test_a_rotation_while_it_starts_isnt_lost(tmp_path: Path, box: FakeBearerbox) -> None:
    with starting(tmp_path, box) as daemon:
        wait_until(daemon.log_path.exists, "the log", 20)
        daemon.log_path.rename(tmp_path / "old.log")
        daemon.process.signal(signal.SIGUSR2)
        wait_until(lambda: daemon.is_alive() and daemon.log_path.exists(), "the new log", 20)
        daemon.wait_for("is up")


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_locked_sqlite_file_is_waited_for(tmp_path: Path, box: FakeBearerbox, mode: str) -> None:
    path = tmp_path / "ksmppd.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode = {mode}")
        other.execute("CREATE TABLE x (y)")
        other.execute("BEGIN EXCLUSIVE")
        with starting(tmp_path, box, lock_timeout=100) as daemon:
            daemon.wait_for("database is locked")
            daemon.wait_for("trying again for 30 s")
            assert "is up" not in daemon.output()
            other.execute("COMMIT")
            daemon.wait_for("is up")


@pytest.mark.parametrize("kind", ["FIFO", "directory"])
def test_a_configuration_that_is_no_file_any_more(tmp_path: Path, box: FakeBearerbox, kind: str) -> None:
    with starting(tmp_path, box) as daemon:
        daemon.wait_for("is up")
        daemon.config_path.unlink()
        (os.mkfifo if kind == "FIFO" else os.mkdir)(daemon.config_path)
        daemon.process.signal(signal.SIGHUP)
        daemon.wait_for(f"{daemon.config_path}: cannot read it: it is a {kind}, not a file")
        daemon.wait_for("The configuration stays as it was")


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"9" * 40, "missing.conf: cannot read it: No such file or directory"),
        (b"-5", "missing.conf: cannot read it: No such file or directory"),
        (b"x" * 100, "Could not write pid file '{}': it is there and holds more than a number"),
    ],
    ids=["huge", "negative", "no pid file"],
)
def test_pid_files(tmp_path: Path, octets: bytes, problem: str) -> None:
    """A pid file without a process id is replaced, and the start goes on to the next problem."""
    (tmp_path / "pid").write_bytes(octets)
    code, output = run_once(["-p", "pid", "missing.conf"], tmp_path)
    assert code == 1
    assert problem.format(tmp_path / "pid") in output
    assert "Traceback" not in output
