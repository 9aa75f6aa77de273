"""One daemon that faults happen to, with a database, a bearerbox and ESMEs of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import gevent
from gevent.lock import RLock

from tests.faults.box import Box
from tests.parts.daemon import REPOSITORY, Daemon, DaemonConfig, environment, running
from tests.parts.database import (
    Account,
    Database,
    MariaDatabase,
    PostgresDatabase,
    RouteRow,
    SqliteDatabase,
    count_rows,
    insert_account,
    insert_route,
)
from tests.parts.mariadb import MariaDB
from tests.parts.postgresql import PostgreSQL
from tests.parts.process import Process
from tests.parts.waiting import PartError, wait_until

ACCOUNTS = {"faulta": "4001", "faultb": "4002"}
"""system_id -> the short code that is routed to it."""
PASSWORD = "secret"

QUICK: Mapping[str, float] = {
    "ksmppd_py.bearerbox.timings:BoxTimings.reconnect_timeout": 0.7,
    "ksmppd_py.bearerbox.timings:BoxTimings.ack_timeout": 1.5,
    "ksmppd_py.bearerbox.timings:BoxTimings.first_pause": 0.1,
    "ksmppd_py.bearerbox.timings:BoxTimings.last_pause": 0.2,
    "ksmppd_py.bearerbox.timings:BoxTimings.first_nack_delay": 0.1,
    "ksmppd_py.bearerbox.timings:BoxTimings.last_nack_delay": 0.4,
    "ksmppd_py.bearerbox.timings:BoxTimings.slow_after": 0.3,
    "ksmppd_py.bearerbox.timings:BoxTimings.silent_after": 0.1,
    "ksmppd_py.bearerbox.timings:BoxLimits.busy": 0.15,
    "ksmppd_py.flows.row_cursor:FIRST_DELAY": 0.3,
    "ksmppd_py.flows.row_cursor:LAST_DELAY": 0.6,
    "ksmppd_py.flows.deliver_replay:ROWS_PAUSE": 0.3,
    "ksmppd_py.flows.submit_replay:ROWS_PAUSE": 0.3,
    "ksmppd_py.server.replay_jobs:ReplayTimings.round_interval": 0.2,
    "ksmppd_py.server.replay_jobs:ReplayTimings.scan_interval": 0.5,
    "ksmppd_py.storage.claim:INTERVAL": 0.3,
}
"""Shorter waits and bounds, in seconds or messages, so that a thousand faults can be run."""


class LaunchedDaemon(Daemon):
    """A daemon whose constants are changed."""

    constants: Mapping[str, float] = {}

    def start(self) -> Daemon:
        changed = [f"{place}={value}" for place, value in self.constants.items()]
        launcher = str(REPOSITORY / "tests" / "faults" / "launcher.py")
        self._process = Process(
            [sys.executable, launcher, *changed, "--", "-v", "1", "--", str(self.config_path)],
            self.directory,
            self.name,
            environment=environment(),
        )
        running.append(self)
        try:
            wait_until(self._is_ready, lambda: f"{self.name} to be ready\n{self.report()}", 40)
        except PartError:
            self.kill()
            raise
        return self

    @property
    def is_running(self) -> bool:
        return self._process is not None


class Lane:
    """Everything around one daemon. `kind` is sqlite, mariadb or pgsql; servers are this lane's alone."""

    def __init__(
        self,
        kind: str,
        *,
        queue: bool = True,
        keys: Mapping[str, int] | None = None,
        constants: Mapping[str, float] = QUICK,
        server_options: tuple[str, ...] = (),
        largest_file: int = 0,
        settings: Mapping[str, str] | None = None,
        database_host: str = "127.0.0.1",
    ) -> None:
        self.kind = kind
        self.queue = queue
        self.directory = Path(tempfile.mkdtemp(prefix="faults-"))
        self.server: MariaDB | PostgreSQL | None = None
        self.database: Database
        if kind == "mariadb":
            self.server = MariaDB("--innodb-flush-log-at-trx-commit=1", *server_options)
            self.server.start()
            name = self.server.create_database("latin1")
            self.database = MariaDatabase(self.server.host, self.server.port, "root", "", name)
        elif kind == "pgsql":
            self.server = PostgreSQL(largest_file=largest_file, **(settings or {}))
            self.server.start()
            name = self.server.create_database()
            self.database = PostgresDatabase(database_host, self.server.port, "postgres", "", name)
        else:
            self.database = SqliteDatabase(self.directory / "ksmppd.sqlite3")
        self.box = Box(lambda sms: (0, 0.0), lambda sms, nack: None).start()
        ksmppd = {"wait-ack-timeout": 1, "default-max-open-acks": 10, "log-level": 1, **(keys or {})}
        config = DaemonConfig([("KSMPPD", self.box.port)], queue=queue, ksmppd=ksmppd)
        self.daemon = LaunchedDaemon(self.directory, config, self.database)
        self.daemon.constants = constants
        self._locks = {part: RLock() for part in ("daemon", "box", "esme")}

    def open(self) -> Lane:
        """Start the daemon, make the accounts."""
        self.daemon.start()
        for system_id, short_code in ACCOUNTS.items():
            insert_account(self.database, Account(system_id, PASSWORD))
            insert_route(self.database, RouteRow(1, "", system_id))
            insert_route(self.database, RouteRow(2, f"^{short_code}", system_id))
        self.daemon.admin("/rebuild-routes")
        return self

    def close(self) -> None:
        """End everything; the daemon must end well."""
        try:
            if self.daemon.is_running:
                self.daemon.stop()
        finally:
            self.box.stop()
            if self.server is not None:
                self.server.remove()
            shutil.rmtree(self.directory, ignore_errors=True)

    @contextmanager
    def opened(self) -> Iterator[Lane]:
        """Open, and close at the end."""
        try:
            yield self.open()
        except BaseException:
            if self.daemon.is_running:
                self.daemon.kill()
            self.close()
            raise
        self.close()

    def lose_box(self) -> None:
        """Stop the bearerbox, and wait until the daemon has noticed."""
        self.box.stop()
        wait_until(lambda: not self.boxes_online(), "the daemon to miss its bearerbox", 30)

    def boxes_online(self) -> int:
        """Number of bearerboxes of the daemon."""
        return int(json.loads(self.daemon.admin("/bearerbox-status.json").body)["online"])

    def stored(self) -> int:
        """Rows in both queue tables."""
        return count_rows(self.database, "smpp_store") + count_rows(self.database, "smpp_queued_pdu")

    @contextmanager
    def one_at_a_time(self, fault: str) -> Iterator[None]:
        """Faults of the same part wait for each other; a daemon doesn't start while its database is away."""
        part = fault.split(maxsplit=1)[0]
        with self._locks[part if part in ("box", "esme") else "daemon"]:
            yield

    def greenlets(self) -> str:
        """Return the stack of every greenlet of the daemon."""
        process = self.daemon.process
        before = len(process.output())
        process.signal(signal.SIGUSR2)
        gevent.sleep(1)
        return process.output()[before:]

    # -- faults ------------------------------------------------------------------------------------------------

    def kill(self, pause: float) -> None:
        """kill -9, and a new start."""
        self.daemon.kill()
        gevent.sleep(pause)
        self.daemon.start()

    def terminate(self) -> None:
        """SIGTERM, which must be obeyed within 15 s and well, and a new start."""
        self.daemon.stop()
        self.daemon.start()

    def freeze(self, seconds: float) -> None:
        """SIGSTOP for a while."""
        pid = self.daemon.process.pid
        os.kill(pid, signal.SIGSTOP)
        gevent.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    def freeze_database(self, seconds: float) -> None:
        """No answer from the database for a while."""
        with self.frozen_database():
            gevent.sleep(seconds)

    @contextmanager
    def frozen_database(self) -> Iterator[None]:
        """Keep the database from answering: MariaDB is stopped, SQLite locked by another process."""
        if self.server is not None:
            with self.server.frozen():
                yield
            return
        assert isinstance(self.database, SqliteDatabase)
        connection = sqlite3.connect(self.database.path, timeout=5, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    def restart_database(self, crash: bool) -> None:
        """The server goes away and comes back; nothing to do for SQLite."""
        if self.server is not None:
            (self.server.kill if crash else self.server.stop)()
            self.server.start()

    def kill_connections(self) -> None:
        """The server closes every connection of the daemon."""
        if isinstance(self.server, PostgreSQL):
            self.server.end_connections()
        elif self.server is not None:
            rows = self.server.query(
                "SELECT id FROM information_schema.processlist WHERE command <> 'Daemon' AND id <> connection_id()"
            )
            for (number,) in rows:
                try:
                    self.server.query(f"KILL {number}")
                except Exception:  # it may be gone already
                    continue
