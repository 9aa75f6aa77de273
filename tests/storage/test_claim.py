"""One daemon at a time replays: the claim on each kind of database."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import gevent
import pytest

from ksmppd_py.config import Sqlite3Connection
from ksmppd_py.storage import claim as claims
from ksmppd_py.storage.claim import Claim, open_claim
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.sqlite import SQLiteDatabase
from tests.parts.mariadb import MariaDB
from tests.parts.postgresql import PostgreSQL
from tests.parts.waiting import wait_until
from tests.storage.conftest import SERVERS, open_server

Opener = Callable[..., Claim]
Server: TypeAlias = "MariaDB | PostgreSQL"
KINDS = [pytest.param(kind, marks=SERVERS) for kind in ("mariadb", "postgresql")]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "INTERVAL", 0.05)


@pytest.fixture(params=["sqlite3", *KINDS])
def claim(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens claims as different daemons do, on one database."""
    opened: list[Claim] = []
    path = str(tmp_path / "db.sqlite")
    server: Server | None = None
    if request.param != "sqlite3":
        server = request.getfixturevalue(request.param)
        name = server.create_database()

    def open_it(table: str = "smpp_store") -> Claim:
        database: Database = SQLiteDatabase(Sqlite3Connection(id="db", database=path))
        if server is not None:
            database = open_server(server, name)
        one = open_claim(database, table)
        opened.append(one)
        one.start()
        return one

    yield open_it
    for one in opened:
        one.stop()


def wait_held(one: Claim, held: bool = True) -> None:
    with gevent.Timeout(10):
        while one.held is not held:
            gevent.sleep(0.01)


def test_one_of_two_has_it_and_the_other_takes_over(claim: Opener, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    first = claim()
    wait_held(first)
    second = claim()
    gevent.sleep(0.3)
    assert first.held
    assert not second.held
    assert caplog.text.count("Another ksmppd replays the queue") == 1
    first.stop()
    assert not first.held
    wait_held(second)
    assert caplog.text.count("is ours now") == 1


def test_it_is_free_when_its_process_is_killed(tmp_path: Path) -> None:
    path = str(tmp_path / "db.sqlite")
    program = """
from gevent import monkey; monkey.patch_all()
import sys, time
from ksmppd_py.storage.claim import open_claim
from ksmppd_py.config import Sqlite3Connection
from ksmppd_py.storage.sqlite import SQLiteDatabase
one = open_claim(SQLiteDatabase(Sqlite3Connection(id="db", database=sys.argv[1])), "smpp_store")
one.start()
while not one.held:
    time.sleep(0.01)
print("held", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    database = SQLiteDatabase(Sqlite3Connection(id="db", database=path))
    one = open_claim(database, "smpp_store")
    one.start()
    gevent.sleep(0.2)
    assert not one.held
    process.kill()
    process.wait()
    process.stdout.close()
    wait_held(one)
    one.stop()
    database.close()


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Server:
    """Each kind of database server."""
    found: Server = request.getfixturevalue(request.param)
    return found


HOLDERS = {
    MariaDB: "SELECT IS_USED_LOCK('ksmppd.{name}.smpp_store')",
    PostgreSQL: "SELECT max(pid) FROM pg_locks JOIN pg_database d ON d.oid = database"
    " WHERE locktype = 'advisory' AND granted AND datname = '{name}'",
}
"""Queries for the connection that has the lock."""
_KILL = {MariaDB: "KILL {}", PostgreSQL: "SELECT pg_terminate_backend({})"}


def holder(server: Server, name: str) -> int:
    """The connection that has the claim; 0 without one."""
    ((found,),) = server.query(HOLDERS[type(server)].format(name=name))
    return found or 0


class TestServers:
    def open_one(self, server: Server, name: str, table: str = "smpp_store") -> Claim:
        one = open_claim(open_server(server, name), table)
        one.start()
        return one

    def test_other_tables_are_another_claim(self, server: Server) -> None:
        name = server.create_database()
        places = [(name, "smpp_store"), (name, "other_store"), (server.create_database(), "smpp_store")]
        several = [self.open_one(server, database, table) for database, table in [*places, (name, "x" * 90)]]
        for one in several:
            wait_held(one)
        for one in several:
            one.stop()

    def test_lost_and_regained_with_the_connection(self, server: Server) -> None:
        name = server.create_database()
        one = self.open_one(server, name)
        wait_held(one)
        owner = holder(server, name)
        server.query(_KILL[type(server)].format(owner))
        wait_until(lambda: holder(server, name) not in (0, owner), "the claim to be regained", 10)
        wait_held(one)
        one.stop()

    def test_frozen_server(self, server: Server) -> None:
        """A daemon that can't ask for the claim doesn't replay, and asks again."""
        name = server.create_database()
        one = self.open_one(server, name)
        wait_held(one)
        with server.frozen():
            wait_held(one, False)
        wait_held(one)
        one.stop()

    def test_it_is_a_lease(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        """A daemon that is silent without closing its connection, as on a machine that lost power, loses the claim.

        It notices before it asks again.
        """
        monkeypatch.setattr(claims, "LEASE", 1.0)
        name = server.create_database()
        silent = self.open_one(server, name)
        wait_held(silent)
        monkeypatch.setattr(claims, "INTERVAL", 30.0)
        gevent.sleep(0.1)  # its next check is far away
        other = open_claim(open_server(server, name), "smpp_store")
        assert other.claim() is False
        monkeypatch.setattr(claims, "INTERVAL", 0.05)
        other.start()
        wait_held(other)
        assert not silent.held
        for one in (silent, other):
            one.stop()


def test_a_database_in_memory_is_always_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = open_claim(SQLiteDatabase(Sqlite3Connection(id="", database=":memory:")), "smpp_store")
    one.start()
    try:
        wait_held(one)
    finally:
        one.stop()
    assert not list(tmp_path.iterdir())


def test_a_defect_ends_no_claim(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Without it nothing would be replayed until a restart."""
    one = open_claim(SQLiteDatabase(Sqlite3Connection(id="", database=":memory:")), "smpp_store")
    answers = iter([True, RuntimeError("a defect"), True])
    seen: list[bool] = []

    def claim() -> bool:
        seen.append(one.held)
        answer = next(answers, True)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(one, "claim", claim)
    one.start()
    with gevent.Timeout(10):
        while len(seen) < 4:
            gevent.sleep(0.01)
    one.stop()
    assert seen[:4] == [False, True, False, True]
    assert "failed unexpectedly" in caplog.text
