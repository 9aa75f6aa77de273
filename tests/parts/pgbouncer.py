"""A pgbouncer of our own before a private PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess

import psycopg

from tests.parts.mariadb import free_port
from tests.parts.postgresql import PostgreSQL
from tests.parts.waiting import wait_until

PACKAGE = "pgbouncer"


class PgBouncer:
    """Pools connections to all databases of `server`, by transaction or by session."""

    def __init__(self, server: PostgreSQL, mode: str) -> None:
        self._server = server
        self.mode = mode
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            raise RuntimeError(f"pgbouncer is missing: install the package {PACKAGE}")
        directory = self._server.directory
        users, settings = directory / f"users{self.port}", directory / f"pgbouncer{self.port}.ini"
        users.write_text(f'"{self._server.username}" ""\n')
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={self._server.port}\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\nauth_type = trust\n"
            f"auth_file = {users}\npool_mode = {self.mode}\nmax_client_conn = 100\ndefault_pool_size = 20\n"
        )
        self._process = subprocess.Popen(
            [program, "--quiet", str(settings)], stdout=subprocess.DEVNULL, **self._server.as_account()
        )
        wait_until(self._answers, "pgbouncer to answer", 20)

    def _answers(self) -> bool:
        try:
            psycopg.connect(
                host="127.0.0.1", port=self.port, user=self._server.username, dbname="postgres"
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
