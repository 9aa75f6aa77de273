"""A MariaDB server of our own: private directory, socket and port; stopped by its process id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

from tests.parts.process import free_port
from tests.parts.waiting import wait_until

PACKAGE = "mariadb-server"


def _program(*names: str) -> str:
    for name in names:
        found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if found:
            return found
    raise RuntimeError(f"{names[0]} is missing: install the package {PACKAGE}")


class MariaDB:
    """A server in a temporary directory. `root` has the empty password, over the socket and over TCP."""

    username = "root"
    password = ""
    host = "127.0.0.1"

    def __init__(self, *options: str) -> None:
        """`options` are further ones of mariadbd."""
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        # A unix socket's path is short by law, so not pytest's directory.
        self.directory = Path(tempfile.mkdtemp(prefix="mariadb-"))
        self.socket_path = str(self.directory / "s")
        self.port = free_port()

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Make the data directory the first time, start the server and wait until it answers."""
        server = _program("mariadbd", "mysqld")
        data = self.directory / "data"
        account = ["--user=root"] if os.geteuid() == 0 else []
        if not data.exists():
            self._install(data, account)
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    server,
                    "--no-defaults",
                    f"--datadir={data}",
                    f"--socket={self.socket_path}",
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1",
                    f"--pid-file={self.directory / 'pid'}",
                    "--skip-log-bin",
                    "--innodb-flush-method=nosync",  # the machine under a test may lose power, that is all right
                    "--skip-innodb-doublewrite",
                    "--innodb-buffer-pool-size=64M",
                    "--skip-name-resolve",
                    *account,
                    *self._options,
                ],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=self._environment(),
            )
        self._wait()

    def _environment(self) -> dict[str, str]:
        """With temporary files of its own: a server that starts removes those of all others from where it has its."""
        return {**os.environ, "TMPDIR": str(self.directory)}

    def _install(self, data: Path, account: list[str]) -> None:
        subprocess.run(
            [
                _program("mariadb-install-db", "mysql_install_db"),
                "--no-defaults",
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *account,
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.directory,
            env=self._environment(),
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(self.socket_path)
                self.connect().close()
                return
            except (OSError, pymysql.err.OperationalError):
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.directory / "log").read_text(errors="replace")) from None
            time.sleep(0.05)

    def connect(self, database: str | None = None, **options: Any) -> pymysql.Connection[Any]:
        """An administrator's connection over the socket, committing each statement."""
        known: dict[str, Any] = {
            "user": self.username,
            "password": self.password,
            "charset": "utf8mb4",
            "ssl_disabled": True,
        }
        peer = socket.socket(socket.AF_UNIX)
        try:
            peer.settimeout(30)
            peer.connect(self.socket_path)
        except BaseException:
            peer.close()  # PyMySQL would leave its own to the garbage collector, and that to another test
            raise
        connection = pymysql.connect(
            database=database, autocommit=True, defer_connect=True, **{**known, **options}
        )
        connection.connect(peer)
        return connection

    def query(self, sql: str, database: str | None = None, **options: Any) -> tuple[Any, ...]:
        """Run one statement over a connection of its own and return its rows."""
        connection = self.connect(database, **options)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                rows: tuple[Any, ...] = tuple(cursor.fetchall())
                return rows
        finally:
            connection.close()

    def script(self, sql: str, database: str) -> None:
        """Run statements that end with a semicolon and a line end; lines of comment may hold anything."""
        statements = "".join(line for line in sql.splitlines(keepends=True) if not line.startswith("--"))
        for statement in statements.split(";\n"):
            if statement.strip():
                self.query(statement, database)

    def create_database(self, charset: str = "utf8mb4") -> str:
        """Create a database for this caller alone; return its name."""
        self._databases += 1
        name = f"test_{os.getpid()}_{self._databases}"
        self.query(f"CREATE DATABASE {name} CHARACTER SET {charset}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove what create_database made."""
        self.query(f"DROP DATABASE IF EXISTS {name}")

    def create_user(self, name: str, password: str, database: str, privileges: str = "ALL") -> None:
        """Create an account with privileges on one database."""
        self.query(f"CREATE OR REPLACE USER '{name}'@'%' IDENTIFIED BY '{password}'")
        self.query(f"GRANT {privileges} ON {database}.* TO '{name}'@'%'")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Inside, the server neither answers nor refuses."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    def freeze(self) -> None:
        """SIGSTOP, and wait until every thread has stopped: one that runs may still answer a statement."""
        os.kill(self.pid, signal.SIGSTOP)
        wait_until(self._has_stopped, "the server to stop")

    def _has_stopped(self) -> bool:
        threads = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return all(thread.read_text().rpartition(")")[2].split()[0] in "TtZX" for thread in threads)

    def thaw(self) -> None:
        """Continue after SIGSTOP."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the server; `start` starts it again on the same data."""
        if self._process is None:
            return
        self.thaw()
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the server as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def remove(self) -> None:
        """Stop the server and delete its directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
