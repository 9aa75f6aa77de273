"""Every storage test runs on MariaDB, on PostgreSQL and on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ksmppd_py.config import KsmppdGroup, MysqlConnection, PgsqlConnection, Sqlite3Connection
from ksmppd_py.storage.database import Database, Statement
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.passwords import password_hash
from ksmppd_py.storage.pool import PooledDatabase
from ksmppd_py.storage.postgresql import PostgreSQLDatabase
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.storage.upgrade import prepare
from tests.parts.mariadb import MariaDB
from tests.parts.postgresql import PostgreSQL

SERVERS = [pytest.mark.integration, pytest.mark.database]


def mysql_settings(server: MariaDB, database: str, **others: Any) -> MysqlConnection:
    """The connection settings of the private server."""
    known: dict[str, Any] = {"username": server.username, "password": server.password, "max_connections": 5}
    return MysqlConnection(
        id="db", database=database, host=server.host, port=server.port, **{**known, **others}
    )


def pgsql_settings(server: PostgreSQL, database: str, **others: Any) -> PgsqlConnection:
    """The address of the private server for the daemon."""
    known: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "username": server.username,
        "password": server.password,
        "max_connections": 5,
    }
    return PgsqlConnection(id="db", database=database, **{**known, **others})


def open_server(server: MariaDB | PostgreSQL, database: str, **others: Any) -> PooledDatabase:
    """A pool of connections to a private server."""
    if isinstance(server, MariaDB):
        return MySQLDatabase(mysql_settings(server, database), **others)
    return PostgreSQLDatabase(pgsql_settings(server, database), **others)


@dataclass
class Place:
    """A prepared database."""

    database: Database
    layout: Layout

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL without parameters."""
        return list(self.database.execute(Statement(sql), repeatable=False).rows)

    def add_user(self, system_id: str = "smppuserA", password: str = "userA", **columns: Any) -> None:
        """Insert an account; columns not given are 0."""
        row: dict[str, Any] = {
            "system_id": system_id,
            "password": password_hash(password.encode()).decode(),
            "default_cost": 0,
            "simulate_deliver_every": 0,
            "simulate_mo_every": 0,
            "simulate_permanent_failure_every": 0,
            "simulate_temporary_failure_every": 0,
            **columns,
        }
        self.insert("smpp_user", **row)

    def add_route(self, direction: int, regex: str | None, system_id: str | None, **columns: Any) -> None:
        """Insert a route."""
        self.insert("smpp_route", direction=direction, regex=regex, system_id=system_id, **columns)

    def insert(self, table: str, **columns: Any) -> None:
        """Insert one row; str are ASCII."""
        values = ", ".join(
            "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)
            for value in columns.values()
        )
        self.run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})")


@pytest.fixture(
    params=["sqlite3", pytest.param("mysql", marks=SERVERS), pytest.param("pgsql", marks=SERVERS)]
)
def open_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Place]]:
    """Opens one empty database, as often as wanted."""
    opened: list[Database] = []
    server: MariaDB | PostgreSQL | None = None
    if request.param != "sqlite3":
        server = request.getfixturevalue({"mysql": "mariadb", "pgsql": "postgresql"}[request.param])
        name = server.create_database()

    def connect() -> Database:
        if server is not None:
            return open_server(server, name)
        return SQLiteDatabase(Sqlite3Connection(id="db", database=str(tmp_path / "ksmppd.sqlite")))

    def open_it() -> Place:
        database = connect()
        opened.append(database)
        database.start()
        return Place(database, prepare(database, KsmppdGroup()))

    yield open_it
    for database in opened:
        database.close()
    if server is not None:
        server.drop_database(name)


@pytest.fixture
def place(open_place: Callable[[], Place]) -> Place:
    """An empty database with our tables."""
    return open_place()


@pytest.fixture
def mysql_place(mariadb: MariaDB) -> Iterator[Callable[..., Place]]:
    """Opens a new MariaDB database: `charset` is its default, `before` a script that runs in it first.

    `account` are privileges of an account that isn't the administrator's.
    """
    opened: list[tuple[Database, str]] = []

    def open_it(charset: str = "utf8mb4", before: str = "", account: str = "") -> Place:
        name = mariadb.create_database(charset)
        mariadb.script(before, name)
        others = {}
        if account:
            mariadb.create_user("limited", "secret", name, account)
            others = {"username": "limited", "password": "secret"}
        database = MySQLDatabase(mysql_settings(mariadb, name, **others))
        opened.append((database, name))
        database.start()
        return Place(database, prepare(database, KsmppdGroup()))

    yield open_it
    for database, name in opened:
        database.close()
        mariadb.drop_database(name)
