"""Starts the programs that are measured: the daemon on a database of its own, and the floor."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from tests.parts.certificates import Authority
from tests.parts.config import Group, Value
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import Account, Database, MariaDatabase, PostgresDatabase, RouteRow, SqliteDatabase
from tests.parts.mariadb import MariaDB
from tests.parts.postgresql import PostgreSQL
from tests.parts.process import accepts, free_port
from tests.parts.waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[1]
ServerT = TypeVar("ServerT", MariaDB, PostgreSQL)
SYSTEM_ID, PASSWORD = "load", "pw"


@dataclass(frozen=True)
class Setup:
    """The arguments of a daemon's start; `program` runs in place of ksmppd."""

    mariadb: bool = False
    pgsql: bool = False
    queue: bool = False
    prepaid: bool = False
    routes: int = 1
    stored: int = 0
    stored_for: str = SYSTEM_ID
    http: bool = False
    tls: bool = False
    ksmppd: Mapping[str, Value] = field(default_factory=dict)
    routing: Mapping[str, Value] = field(default_factory=lambda: {"routing-method": 1})
    others: Sequence[Group] = ()
    program: Sequence[str] = ()


@dataclass
class Server:
    """Something to load: its process, where it listens, where it looks for a bearerbox; `started_in` seconds."""

    pids: tuple[int, ...]
    smpp_port: int
    box_port: int
    admin_port: int = 0
    started_in: float = 0.0


class DatabaseServers:
    """Private database servers, each started when it is first asked for."""

    def __init__(self) -> None:
        self._started: list[MariaDB | PostgreSQL] = []

    @cached_property
    def mariadb(self) -> MariaDB:
        """A MariaDB."""
        return self._start(MariaDB())

    @cached_property
    def postgresql(self) -> PostgreSQL:
        """A PostgreSQL."""
        return self._start(PostgreSQL(wal_segment=16, shared_buffers="64MB", max_wal_size="1GB"))

    def _start(self, server: ServerT) -> ServerT:
        self._started.append(server)
        server.start()
        return server

    def stop(self) -> None:
        """End all of them."""
        for server in self._started:
            server.remove()


@contextmanager
def daemon(setup: Setup, directory: Path, servers: DatabaseServers) -> Iterator[Server]:
    """Run ksmppd with an account `load` and its routes; with `http` a local program decides about routes."""
    if setup.http:
        port = free_port()
        with started("answerer", str(port)):
            wait_until(lambda: accepts(port), "the answerer to listen", 20)
            url = f"http://127.0.0.1:{port}/"
            routing: dict[str, Value] = {"routing-method": 2, "http-routing-url": url, "http-num-callers": 4}
            with daemon(replace(setup, http=False, routing=routing), directory, servers) as server:
                yield server
        return
    database, drop = _database(setup, directory, servers)
    box_port = free_port()
    config = DaemonConfig(
        [("KSMPPD", box_port)],
        queue=setup.queue,
        ksmppd={"log-level": 2, "default-max-open-acks": 500, **_tls(setup, directory), **setup.ksmppd},
        routing=setup.routing,
        others=list(setup.others),
    )
    running = Daemon(directory, config, database, name="ksmppd", program=setup.program)
    running.start()
    running.stop()  # the tables are there now
    _fill(setup, database)
    began = time.monotonic()
    running.start()
    took = time.monotonic() - began
    try:
        port = int(str(config.ksmppd["smpp-tls-port"])) if setup.tls else config.smpp_port
        yield Server((running.process.pid,), port, box_port, config.admin_port, took)
    finally:
        running.kill()
        drop()


def _tls(setup: Setup, directory: Path) -> Mapping[str, Value]:
    if not setup.tls:
        return {}
    certificate = Authority().server(directory)
    return {"smpp-tls-port": free_port(), "smpp-tls-cert-file": certificate}


def _database(setup: Setup, directory: Path, servers: DatabaseServers) -> tuple[Database, Callable[[], None]]:
    """Return a database of its own, and how it is dropped."""
    if setup.mariadb:
        server = servers.mariadb
        name = server.create_database("latin1")
        place = MariaDatabase(server.host, server.port, server.username, server.password, name)
        return place, lambda: server.drop_database(name)
    if setup.pgsql:
        other = servers.postgresql
        name = other.create_database()
        database = PostgresDatabase(other.host, other.port, other.username, other.password, name)
        return database, lambda: other.drop_database(name)
    return SqliteDatabase(directory / "db.sqlite3"), lambda: None


def _fill(setup: Setup, database: Database) -> None:
    from tests.parts.database import insert_account, insert_route  # noqa: PLC0415 - with their tables only

    account = Account(
        SYSTEM_ID, PASSWORD, default_cost=0.0, enable_prepaid_billing=int(setup.prepaid), credit=1e9
    )
    insert_account(database, account)
    for number in range(1, setup.routes):
        insert_route(database, RouteRow(1, rf"^\+99{number:07d}", SYSTEM_ID, "other", 1.0, priority=1))
    insert_route(database, RouteRow(1, r"^\+44", SYSTEM_ID, "ksmppd3", 1.0))
    insert_route(database, RouteRow(2, "^6800", SYSTEM_ID, "ksmppd3", 1.0))
    if setup.stored:
        _store_reports(database, setup.stored, setup.stored_for)


def _store_reports(database: Database, count: int, system_id: str) -> None:
    """Reports for the account, made by the database itself."""
    integers = "time sms_type mclass mwi coding compress validity deferred dlr_mask pid alt_dcs rpi msg_left priority"
    columns = [
        *integers.split(),
        "resend_try",
        "resend_time",
        "sender",
        "receiver",
        "service",
        "id",
        "dlr_url",
    ]
    values = ["1700000000", "3", *["-1"] * 6, "1", *["-1"] * 7]
    hexadecimal = {
        "mysql": "LPAD(LOWER(HEX(seq)),12,'0')",
        "pgsql": "lpad(to_hex(seq),12,'0')",
        "sqlite3": "printf('%012x',seq)",
    }[database.kind]
    if database.kind == "mysql":
        own_id = f"CONCAT('00000000-0000-4000-8000-',{hexadecimal})"
        url = f"CONCAT('{system_id}|1700000000|',{own_id})"
        source = f"seq_1_to_{count}"
    elif database.kind == "pgsql":
        own_id = f"'00000000-0000-4000-8000-'||{hexadecimal}"
        url = f"convert_to('{system_id}|1700000000|'||{own_id},'UTF8')"
        source = f"generate_series(1,{count}) AS numbers(seq)"
    else:
        own_id = f"'00000000-0000-4000-8000-'||{hexadecimal}"
        url = f"'{system_id}|1700000000|'||{own_id}"
        numbers = f"SELECT 1 UNION ALL SELECT seq+1 FROM s WHERE seq<{count}"
        source = f"(WITH RECURSIVE s(seq) AS ({numbers}) SELECT seq FROM s)"
    values += ["'+447700900000'", "'+447700900123'", f"'{system_id}'", own_id, url]
    quote = "`" if database.kind == "mysql" else '"'
    named = ",".join(f"{quote}{column}{quote}" for column in columns)
    database.execute(f"INSERT INTO smpp_store ({named}) SELECT {','.join(values)} FROM {source}")


@contextmanager
def floor() -> Iterator[Server]:
    """Start the floor; stop it at the end."""
    smpp_port, box_port = free_port(), free_port()
    with started("floor", str(smpp_port), str(box_port)) as process:
        wait_until(lambda: accepts(smpp_port), "the floor to listen", 20)
        yield Server((process.pid,), smpp_port, box_port)


@contextmanager
def started(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of this package beside us."""
    process = subprocess.Popen([sys.executable, "-m", f"benchmarks.{module}", *arguments], cwd=REPOSITORY)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
