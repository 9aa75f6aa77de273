"""One daemon at a time replays: the claim on MariaDB and on SQLite."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from ksmppd_py.config import Sqlite3Connection
from ksmppd_py.storage import claim as claims
from ksmppd_py.storage.claim import Claim, open_claim
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.sqlite import SQLiteDatabase
from tests.parts.mariadb import MariaDB
from tests.storage.conftest import SERVERS, mysql_settings

Opener = Callable[..., Claim]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "INTERVAL", 0.05)


@pytest.fixture(params=["sqlite3", pytest.param("mysql", marks=SERVERS)])
def claim(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens claims as different daemons do, on one database."""
    opened: list[Claim] = []
    if request.param == "mysql":
        server: MariaDB = request.getfixturevalue("mariadb")
        name = server.create_database()

    def open_it(table: str = "smpp_store") -> Claim:
        if request.param == "mysql":
            database = MySQLDatabase(mysql_settings(server, name))
        else:
            database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(tmp_path / "db.sqlite")))
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


@pytest.mark.integration
@pytest.mark.database
class TestMariaDB:
    def open_one(self, server: MariaDB, name: str, table: str = "smpp_store") -> Claim:
        one = open_claim(MySQLDatabase(mysql_settings(server, name)), table)
        one.start()
        return one

    def test_other_tables_are_another_claim(self, mariadb: MariaDB) -> None:
        name = mariadb.create_database()
        places = [(name, "smpp_store"), (name, "other_store"), ("mysql", "smpp_store"), (name, "x" * 90)]
        several = [self.open_one(mariadb, database, table) for database, table in places]
        for one in several:
            wait_held(one)
        for one in several:
            one.stop()

    def test_lost_and_regained_with_the_connection(self, mariadb: MariaDB) -> None:
        name = mariadb.create_database()
        one = self.open_one(mariadb, name)
        wait_held(one)
        lock = f"ksmppd.{name}.smpp_store"
        ((owner,),) = mariadb.query(f"SELECT IS_USED_LOCK('{lock}')")
        mariadb.query(f"KILL {owner}")
        with gevent.Timeout(10):
            while mariadb.query(f"SELECT IS_USED_LOCK('{lock}')") in (((None,),), ((owner,),)):
                gevent.sleep(0.01)
        wait_held(one)
        one.stop()

    def test_frozen_server(self, mariadb: MariaDB) -> None:
        """A daemon that can't ask for the claim doesn't replay, and asks again."""
        name = mariadb.create_database()
        one = self.open_one(mariadb, name)
        wait_held(one)
        with mariadb.frozen():
            wait_held(one, False)
        wait_held(one)
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
