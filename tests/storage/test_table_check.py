"""Looking at a database before a start: what is there, what isn't, what we may do. Nothing is changed by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ksmppd_py.config import KsmppdGroup, Sqlite3Connection
from ksmppd_py.storage.database import Database, Statement
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.storage.table_check import TableState, check_tables, privileges_on, version_of
from ksmppd_py.storage.upgrade import describe, prepare
from tests.parts.mariadb import MariaDB
from tests.storage.conftest import Place, mysql_settings

READY = [
    TableState("user", "smpp_user", note="SELECT, UPDATE allowed"),
    TableState("route", "smpp_route", note="SELECT allowed"),
    TableState("store", "smpp_store", note="SELECT, INSERT, UPDATE, DELETE allowed"),
    TableState("pdu", "smpp_queued_pdu", note="SELECT, INSERT, UPDATE, DELETE allowed"),
    TableState("version", "smpp_version", note="SELECT, INSERT, UPDATE allowed"),
]


def states(database: Database) -> list[TableState]:
    return list(check_tables(database, describe(database, KsmppdGroup())))


def run(database: Database, sql: str) -> None:
    database.execute(Statement(sql), repeatable=True)


def test_tables_that_are_ready(place: Place) -> None:
    assert states(place.database) == READY
    assert version_of(place.database)


def test_nothing_is_changed(place: Place) -> None:
    run(place.database, "INSERT INTO smpp_queued_pdu (system_id, time, pdu) VALUES ('a', 7, 'x')")
    states(place.database)
    reply = place.database.execute(Statement("SELECT system_id, time FROM smpp_queued_pdu"), repeatable=True)
    assert [time for _, time in reply.rows] == [7]


def test_tables_of_an_older_version_and_others(place: Place) -> None:
    run(place.database, "ALTER TABLE smpp_route DROP COLUMN priority")
    run(place.database, "ALTER TABLE smpp_user DROP COLUMN max_binds")
    run(place.database, "DROP TABLE smpp_queued_pdu")
    user, route, _, pdu, _ = states(place.database)
    assert user == TableState("user", "smpp_user", "there is no column max_binds")
    assert route == TableState("route", "smpp_route", note="SELECT allowed; the next start adds priority")
    assert pdu == TableState("pdu", "smpp_queued_pdu", note="isn't there yet, the first start creates it")
    assert not describe(place.database, KsmppdGroup()).columns(place.layout.tables.pdu)


def test_a_new_sqlite_database(tmp_path: Path) -> None:
    database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(tmp_path / "x")))
    assert {state.note for state in states(database)} == {"isn't there yet, the first start creates it"}
    database.close()


USAGE = "GRANT USAGE ON *.* TO `k`@`localhost` IDENTIFIED BY PASSWORD '*0'"
PUBLIC = r"GRANT SELECT, CREATE, ALTER ON `test\_%`.* TO PUBLIC"


@pytest.mark.parametrize(
    ("name", "grants", "privileges"),
    [
        ("ksmppd", [USAGE], "USAGE"),
        ("ksmppd", [USAGE, "GRANT SELECT, INSERT ON `ksmppd`.* TO `k`@`%`"], "USAGE, SELECT, INSERT"),
        ("ksmppd", [USAGE, "GRANT ALL PRIVILEGES ON `other`.* TO `k`@`%`"], "USAGE"),
        ("ksmppd", [USAGE, PUBLIC], "USAGE"),
        ("test_1", [USAGE, PUBLIC], "USAGE, SELECT, CREATE, ALTER"),
        ("testing", [PUBLIC], ""),
        ("ksmppd", ["GRANT ALL PRIVILEGES ON *.* TO `k`@`%` WITH GRANT OPTION"], "ALL PRIVILEGES"),
        (
            "ksmppd",
            ["GRANT ALTER ON `ks%`.* TO `k`@`%`", "GRANT CREATE ON `ksmpp_`.* TO `k`@`%`"],
            "ALTER, CREATE",
        ),
        ("ksmppd", ["GRANT ALTER ON `ksmppd`.`smpp_user` TO `k`@`%`"], "ALTER"),
        ("a`.b", ["GRANT ALTER ON `a``.b`.* TO `k`@`%`", "GRANT CREATE ON `a`.* TO `k`@`%`"], "ALTER"),
        ("ksmppd", ["GRANT PROXY ON ''@'%' TO 'root'@'localhost'", USAGE], "USAGE"),
        ("ksmppd", [USAGE, "GRANT `manager` TO `k`@`%`"], None),
        ("ksmppd", [], ""),
    ],
)
def test_privileges_of_other_databases_count_for_nothing(
    name: str, grants: list[str], privileges: str | None
) -> None:
    assert privileges_on(name, grants) == privileges


@pytest.fixture
def limited(mariadb: MariaDB) -> Iterator[Callable[..., Database]]:
    """Opens a database with our tables as a user who has these privileges on it."""
    name = mariadb.create_database()
    opened: list[Database] = []

    def open_it(privileges: str, drop: str = "") -> Database:
        for user, password, rights in (("owner", "o", "ALL"), ("limited", "secret", privileges)):
            mariadb.create_user(user, password, name, rights)
        opened.append(MySQLDatabase(mysql_settings(mariadb, name, username="owner", password="o")))
        prepare(opened[-1], KsmppdGroup())
        if drop:
            run(opened[-1], drop)
        opened.append(MySQLDatabase(mysql_settings(mariadb, name, username="limited", password="secret")))
        return opened[-1]

    yield open_it
    for database in opened:
        database.close()
    mariadb.drop_database(name)


@pytest.mark.integration
@pytest.mark.database
class TestRights:
    def test_only_what_a_running_server_needs(self, limited: Callable[..., Database]) -> None:
        assert states(limited("SELECT, INSERT, UPDATE, DELETE")) == READY

    def test_reading_only(self, limited: Callable[..., Database]) -> None:
        user, route, store, pdu, version = states(limited("SELECT"))
        assert (route.problem, route.note) == ("", "SELECT allowed")
        assert user.problem.startswith("UPDATE command denied to user 'limited'@")
        for state, denied in (
            (store, "INSERT UPDATE DELETE"),
            (pdu, "INSERT UPDATE DELETE"),
            (version, "INSERT UPDATE"),
        ):
            assert [part.split()[0] for part in state.problem.split("; ")] == denied.split()

    def test_a_table_that_is_missing_and_may_not_be_created(self, limited: Callable[..., Database]) -> None:
        store = states(limited("SELECT, INSERT, UPDATE, DELETE", "DROP TABLE smpp_store"))[2]
        assert store.problem == "isn't there, and this user may not create it"

    def test_a_table_that_is_missing_and_will_be_created(self, limited: Callable[..., Database]) -> None:
        store = states(limited("SELECT, INSERT, UPDATE, DELETE, CREATE", "DROP TABLE smpp_store"))[2]
        assert store == TableState("store", "smpp_store", note="isn't there yet, the first start creates it")

    def test_a_column_that_may_not_be_added(self, limited: Callable[..., Database]) -> None:
        database = limited("SELECT, INSERT, UPDATE, DELETE", "ALTER TABLE smpp_route DROP COLUMN priority")
        assert states(database)[1].note == (
            "SELECT allowed; there is no column priority, and this user may not add it: it goes without"
        )
