"""Starts the programs that are measured: the daemon on a database of its own, and the floor."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.parts.certificates import Authority
from tests.parts.config import Group, Value
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import Account, Database, MariaDatabase, RouteRow, SqliteDatabase
from tests.parts.mariadb import MariaDB
from tests.parts.process import accepts, free_port
from tests.parts.waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[1]
SYSTEM_ID, PASSWORD = "load", "pw"


@dataclass(frozen=True)
class Setup:
    """The arguments of a daemon's start; `program` runs in place of ksmppd."""

    mariadb: bool = False
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


@contextmanager
def daemon(setup: Setup, directory: Path, mariadb: MariaDB | None) -> Iterator[Server]:
    """Run ksmppd with an account `load` and its routes; with `http` a local program decides about routes."""
    if setup.http:
        port = free_port()
        with started("answerer", str(port)):
            wait_until(lambda: accepts(port), "the answerer to listen", 20)
            url = f"http://127.0.0.1:{port}/"
            routing: dict[str, Value] = {"routing-method": 2, "http-routing-url": url, "http-num-callers": 4}
            with daemon(replace(setup, http=False, routing=routing), directory, mariadb) as server:
                yield server
        return
    database, drop = _database(setup, directory, mariadb)
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
        if mariadb is not None and drop:
            mariadb.drop_database(drop)


def _tls(setup: Setup, directory: Path) -> Mapping[str, Value]:
    if not setup.tls:
        return {}
    certificate = Authority().server(directory)
    return {"smpp-tls-port": free_port(), "smpp-tls-cert-file": certificate}


def _database(setup: Setup, directory: Path, mariadb: MariaDB | None) -> tuple[Database, str]:
    if not setup.mariadb:
        return SqliteDatabase(directory / "db.sqlite3"), ""
    assert mariadb is not None
    name = mariadb.create_database("latin1")
    return MariaDatabase(mariadb.host, mariadb.port, mariadb.username, mariadb.password, name), name


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
    hexadecimal = "LPAD(LOWER(HEX(seq)),12,'0')" if database.kind == "mysql" else "printf('%012x',seq)"
    own_id = f"'00000000-0000-4000-8000-',{hexadecimal}"
    if database.kind == "mysql":
        url = f"CONCAT('{system_id}|1700000000|',{own_id})"
        own_id, source = f"CONCAT({own_id})", f"seq_1_to_{count}"
    else:
        own_id = own_id.replace(",printf", "||printf")
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
