"""The daemon under test as a process: generated configuration, free ports, orderly end, clean log."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.config import Group, Value, render
from tests.parts.database import Account, Database, RouteRow, insert_account, insert_route
from tests.parts.http import HttpAnswer, request
from tests.parts.process import Process, accepts, free_port
from tests.parts.waiting import PartError, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
KSMPPD = Path(sys.executable).with_name("ksmppd")
PASSWORD = "ksmppdpass"

_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[\d+\] \[\d+\] (DEBUG|INFO|WARNING|ERROR|PANIC): .*", re.DOTALL
)

running: list[Daemon] = []


def environment() -> dict[str, str]:
    """The environment of the daemon: this checkout first on the module path."""
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{REPOSITORY}:{inherited}" if inherited else str(REPOSITORY)}


@dataclass
class DaemonConfig:
    """The settings of ksmppd.conf that a test chooses; ports are free ones unless given."""

    boxes: list[tuple[str, int]]
    queue: bool = True
    ksmppd: Mapping[str, Value] = field(default_factory=dict)
    routing: Mapping[str, Value] = field(default_factory=lambda: {"routing-method": 1})
    others: list[Group] = field(default_factory=list)
    http: Mapping[str, Value] = field(default_factory=dict)
    smpp_port: int = field(default_factory=free_port)
    admin_port: int = field(default_factory=free_port)

    def groups(self, database: Database, log_path: Path) -> list[Group]:
        """All groups in the order of the original's examples."""
        ksmppd: dict[str, Value] = {
            "id": "KSMPPD-TEST",
            "log-file": log_path,
            "log-level": 0,
            "smpp-port": self.smpp_port,
            "database-type": database.kind,
            "database-config": "test",
            "database-enable-queue": self.queue,
            "ip-blocklist-exempt-ips": "127.0.0.1",
            **self.ksmppd,
        }
        boxes: list[Group] = [
            ("bearerbox-connection", {"id": boxc_id, "host": "127.0.0.1", "port": port})
            for boxc_id, port in self.boxes
        ]
        return [
            ("ksmppd", ksmppd),
            *database.groups("test"),
            *boxes,
            ("http-server", {"port": self.admin_port, "password": PASSWORD, **self.http}),
            ("smpp-routing", self.routing),
            *self.others,
        ]


class Daemon:
    """One ksmppd. Used as a context manager it also checks its end: exit code 0, no traceback, no PANIC."""

    def __init__(
        self,
        directory: Path,
        config: DaemonConfig,
        database: Database,
        *,
        name: str = "ksmppd",
        program: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.name = name
        self.config = config
        self.database = database
        self._program = tuple(program) or (str(KSMPPD),)
        self.log_path = directory / f"{name}.log"
        self.config_path = directory / f"{name}.conf"
        self.config_path.write_text(render(config.groups(database, self.log_path)), "utf-8")
        self._process: Process | None = None

    @property
    def smpp_port(self) -> int:
        return self.config.smpp_port

    @property
    def process(self) -> Process:
        assert self._process is not None, "the daemon is not running"
        return self._process

    def start(self) -> Daemon:
        """Start it and return when the admin page answers and the SMPP port accepts."""
        self._process = Process(
            [*self._program, "-v", "1", "--", str(self.config_path)],
            self.directory,
            self.name,
            environment=environment(),
        )
        running.append(self)
        try:
            wait_until(self._is_ready, lambda: f"{self.name} to be ready\n{self.report()}", 20)
        except PartError:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End it with SIGTERM and check that it ended well, within the 15 seconds of docs/rules/operations.md 5."""
        if self._process is None:
            return
        process, self._process = self._process, None
        running.remove(self)
        code = process.stop(15)
        if code != 0:
            raise PartError(f"{self.name} ended with exit code {code}\n{self.report(process)}")
        self.check_log(process)

    def kill(self) -> None:
        """End it as a crash would; nothing is checked."""
        process, self._process = self.process, None
        running.remove(self)
        process.kill()

    def restart(self) -> None:
        """Stop orderly and start again with the same configuration."""
        self.stop()
        self.start()

    def __enter__(self) -> Daemon:
        return self.start()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.stop()
        elif self._process is not None:
            self.kill()

    def admin(self, path: str, *, method: str = "GET", **parameters: str | int) -> HttpAnswer:
        """Ask the admin server with its password; underscores in parameter names become dashes."""
        query = {"password": PASSWORD, **parameters}
        return request(self.config.admin_port, path, method=method, timeout=10.0, **query)

    def add_accounts(self, *accounts: Account) -> None:
        for account in accounts:
            insert_account(self.database, account)

    def add_routes(self, *routes: RouteRow) -> None:
        """Insert routes and have them loaded."""
        for route in routes:
            insert_route(self.database, route)
        answer = self.admin("/rebuild-routes")
        if answer.status != 200 or not answer.body.startswith("Routes updated"):
            raise PartError(f"rebuild-routes answered {answer}\n{self.report()}")

    def log(self) -> str:
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def wait_for_log(self, text: str, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until a text stands in the log file at least `count` times."""
        wait_until(
            lambda: self.log().count(text) >= count,
            lambda: f"{text!r} in the log of {self.name}\n{self.report()}",
            timeout,
        )

    def check_log(self, process: Process) -> None:
        """Raise PartError when the log holds a traceback or a PANIC, or a line without the usual prefix."""
        for text in (self.log(), process.output()):
            for bad in ("Traceback (most recent call last)", "PANIC:"):
                if bad in text:
                    raise PartError(f"{bad!r} in the log of {self.name}\n{self.report(process)}")
        for line in self.log().splitlines():
            if not _LINE.fullmatch(line):
                raise PartError(f"log line without the prefix of docs/rules/operations.md 2.1: {line!r}")

    def report(self, process: Process | None = None, lines: int = 80) -> str:
        """The last lines of what it logged, for reports."""
        process = process or self._process
        log = "\n".join(self.log().splitlines()[-lines:])
        return f"--- {self.log_path}\n{log}\n--- stderr\n{process.tail(20) if process else ''}"

    def _is_ready(self) -> bool:
        if self.process.exit_code() is not None:
            raise PartError(f"{self.name} ended with {self.process.exit_code()}\n{self.report()}")
        try:
            return self.admin("/uptime").status == 200 and accepts(self.smpp_port)
        except OSError:
            return False


def run_once(
    arguments: Iterable[str], directory: Path, name: str = "once", timeout: float = 20.0
) -> tuple[int, str]:
    """Run ksmppd to its own end; return exit code and output."""
    process = Process([str(KSMPPD), *arguments], directory, name, environment=environment())
    try:
        return process.wait(timeout), process.output()
    finally:
        if process.exit_code() is None:
            process.signal(signal.SIGKILL)
            process.wait()
