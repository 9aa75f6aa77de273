"""A PostgreSQL server of our own: private directory, socket and port; stopped by its process id."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.parts.process import free_port
from tests.parts.waiting import wait_until

PACKAGE = "postgresql"
_DEBIAN = Path("/usr/lib/postgresql")
_QUICK = {
    # the machine under a test may lose power, that is all right
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "5s",
    "shared_buffers": "32MB",
    "max_connections": "250",
    "listen_addresses": "127.0.0.1",
    "logging_collector": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "32MB",
}


REPLICATED = {"wal_level": "replica", "max_wal_senders": "5", "hot_standby": "on"}
"""Settings of servers of which one is a standby."""


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs, which Debian keeps out of PATH."""
    found = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise RuntimeError(f"{name} is missing: install the package {PACKAGE}")
    return path


class PostgreSQL:
    """A server in a temporary directory. `postgres` has all rights, and no password over the socket and over TCP."""

    username = "postgres"
    password = ""

    def __init__(
        self,
        wal_segment: int = 1,
        largest_file: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        **settings: str,
    ) -> None:
        """`settings` are those of postgresql.conf that differ from the quick ones; sizes are in MB, 0 = any."""
        self.host = host
        self._limit = ["prlimit", f"--fsize={largest_file << 20}"] if largest_file else []
        self._wal_segment = wal_segment
        self._settings = {**_QUICK, "listen_addresses": host, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.directory = Path(tempfile.mkdtemp(prefix="postgresql-"))  # a unix socket's path is short by law
        self.port = port or free_port()
        self.data = self.directory / "data"
        # PostgreSQL runs as nobody's superuser: as root we start it as the account that its package made.
        self._account = _account() if os.geteuid() == 0 else None
        if self._account is not None:
            os.chown(self.directory, self._account.pw_uid, self._account.pw_gid)

    @property
    def pid(self) -> int:
        """The first process's id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Make the data directory the first time, start the server and wait until it answers."""
        if not self.data.exists():
            self.run(
                "initdb", "-D", str(self.data), "-U", self.username, "-A", "trust", "-E", "UTF8", "--no-sync",
                "--locale", "C.UTF-8", f"--wal-segsize={self._wal_segment}",
            )  # fmt: skip
        options = {**self._settings, "port": str(self.port), "unix_socket_directories": str(self.directory)}
        arguments = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                [*self._limit, program("postgres"), "-D", str(self.data), *arguments],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.as_account(),
            )
        self._wait()

    def copy_from(self, primary: PostgreSQL) -> None:
        """Make this server a standby of `primary`, which has to have REPLICATED among its settings."""
        self.run(
            "pg_basebackup", "-D", str(self.data), "-h", str(primary.directory), "-p", str(primary.port),
            "-U", primary.username, "-R", "--checkpoint=fast", "--no-sync",
        )  # fmt: skip

    def promote(self) -> None:
        """Make this standby the primary."""
        self.query("SELECT pg_promote()")

    def run(self, name: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the server's account."""
        done = subprocess.run(
            [program(name), *arguments], capture_output=True, text=True, check=False, **self.as_account()
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")

    def as_account(self) -> dict[str, Any]:
        """The arguments of Popen for a program that runs as the server does."""
        known: dict[str, Any] = {"cwd": self.directory}
        if self._account is not None:
            known.update(user=self._account.pw_uid, group=self._account.pw_gid, extra_groups=[])
        return known

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.directory / "log").read_text(errors="replace")) from None
            time.sleep(0.05)

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection[Any]:
        """An administrator's connection over the socket, committing each statement."""
        return psycopg.connect(
            host=str(self.directory),
            port=self.port,
            dbname=database,
            autocommit=True,
            prepare_threshold=None,
            **{"user": self.username, **options},
        )

    def query(
        self, sql: str, database: str = "postgres", parameters: Sequence[object] | None = None
    ) -> tuple[Any, ...]:
        """Run one statement over a connection of its own and return its rows."""
        with self.connect(database) as connection:
            cursor = connection.execute(sql.encode(), parameters)
            return tuple(cursor.fetchall()) if cursor.description is not None else ()

    def script(self, sql: str, database: str) -> None:
        """Run statements."""
        if sql.strip():
            self.query(sql, database)

    def create_database(self, encoding: str = "UTF8") -> str:
        """Create a database for this caller alone; return its name."""
        self._databases += 1
        name = f"test_{os.getpid()}_{self._databases}"
        locale = "C.UTF-8" if encoding == "UTF8" else "C"
        self.query(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE '{locale}'")
        return name

    def drop_database(self, name: str) -> None:
        """Remove what create_database made."""
        self.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def create_user(self, name: str, password: str, database: str, privileges: str = "ALL") -> None:
        """Create an account with privileges on one database."""
        if not self.query(f"SELECT FROM pg_roles WHERE rolname = '{name}'"):
            self.query(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
        self.query(f"GRANT {privileges} ON SCHEMA public TO {name}", database)

    def end_connections(self, but: str = "") -> None:
        """End all connections of the server's clients, but those with an application_name."""
        self.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND application_name <> '{but}'"
        )

    def processes(self) -> list[int]:
        """The server's processes: the first one and its children."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Inside, the server neither answers nor refuses."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    def freeze(self) -> None:
        """SIGSTOP to all processes, and wait until each has stopped."""
        for pid in self.processes():
            _signal(pid, signal.SIGSTOP)
        wait_until(lambda: all(map(_has_stopped, self.processes())), "the server to stop")

    def thaw(self) -> None:
        """Continue after SIGSTOP."""
        for pid in self.processes():
            _signal(pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the server (as a fast shutdown); `start` starts it again on the same data."""
        if self._process is None:
            return
        self.thaw()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End the server as a crash does."""
        assert self._process is not None
        processes = self.processes()
        for pid in processes:
            _signal(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), "all to be gone")
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop the server and delete its directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def _account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:  # the package is missing, as `program` tells
        return None


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _has_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "TtZX"
    except FileNotFoundError:
        return True
