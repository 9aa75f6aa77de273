"""The daemon's database as a test sees it: where it is, and what stands in it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import psycopg
import pymysql

from tests.parts.config import Group, Value
from tests.parts.waiting import wait_until

Row = Sequence[object]


@dataclass(frozen=True)
class Account:
    """A row of the user table; `password` in clear, hashed as MySQL's old PASSWORD() when it is inserted."""

    system_id: str
    password: str
    throughput: float = 0.0
    default_smsc: str | None = None
    default_cost: float = 0.0
    enable_prepaid_billing: int = 0
    credit: float = 0.0
    simulate: int = 0
    simulate_deliver_every: int = 0
    simulate_permanent_failure_every: int = 0
    simulate_temporary_failure_every: int = 0
    simulate_mo_every: int = 0
    max_binds: int = 0
    connect_allow_ip: str | None = None


@dataclass(frozen=True)
class RouteRow:
    """A row of the route table; direction 1 = outbound (MT), 2 = inbound (MO)."""

    direction: int
    regex: str
    system_id: str
    smsc_id: str | None = None
    cost: float = 0.0
    source_regex: str | None = None
    priority: int = 0


def password_hash(password: str) -> str:
    """MySQL's old PASSWORD()."""
    inner = hashlib.sha1(password.encode()).digest()
    return "*" + hashlib.sha1(inner).hexdigest().upper()


class Database(Protocol):
    """One database of one daemon."""

    kind: str

    def groups(self, group_id: str) -> list[Group]:
        """The connection group for ksmppd.conf."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement with `?` parameters in a connection of its own; return the rows, commit."""


@dataclass
class SqliteDatabase:
    """A file."""

    path: Path
    kind: str = "sqlite3"

    def groups(self, group_id: str) -> list[Group]:
        return [("sqlite3-connection", {"id": group_id, "database": self.path})]

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        with closing(sqlite3.connect(self.path, timeout=10)) as connection, connection:
            return list(connection.execute(sql, parameters).fetchall())


@dataclass
class ServerDatabase:
    """A database on a private server, reached by TCP as the daemon does; `kind` is that of database-type."""

    host: str
    port: int
    username: str
    password: str
    name: str
    kind: str = ""

    def groups(self, group_id: str) -> list[Group]:
        keys: dict[str, Value] = {
            "id": group_id,
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "password": self.password,
            "database": self.name,
            "max-connections": 5,
        }
        return [(f"{self.kind}-connection", keys)]


@dataclass
class MariaDatabase(ServerDatabase):
    """A database on a private MariaDB server."""

    kind: str = "mysql"

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        connection = pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.username,
            password=self.password,
            database=self.name,
            charset="latin1",
            use_unicode=False,  # text columns hold octets
            autocommit=True,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), list(parameters))
            return list(cursor.fetchall())


@dataclass
class PostgresDatabase(ServerDatabase):
    """A database on a private PostgreSQL server."""

    kind: str = "pgsql"

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        with psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.username,
            password=self.password,
            dbname=self.name,
            autocommit=True,
        ) as connection:
            text = sql.replace("%", "%%").replace("?", "%s").replace("`", '"')
            cursor = connection.execute(text.encode(), [_for_postgresql(each) for each in parameters])
            return list(cursor.fetchall()) if cursor.description is not None else []


def _for_postgresql(value: object) -> object:
    """Names are text there: octets, as latin1 has them."""
    return (
        value.decode("latin-1")
        if isinstance(value, bytes) and value.isascii() and b"\0" not in value
        else value
    )


def insert_account(database: Database, account: Account) -> None:
    columns = [field.name for field in fields(account)]
    values = [getattr(account, name) for name in columns]
    values[columns.index("password")] = password_hash(account.password)
    _insert(database, "smpp_user", columns, values)


def insert_route(database: Database, route: RouteRow) -> None:
    columns = [field.name for field in fields(route)]
    _insert(database, "smpp_route", columns, [getattr(route, name) for name in columns])


def stored_messages(database: Database, sms_type: int | None = None) -> list[Row]:
    """(global_id, id, service, msgdata) of the store table in order, of one sms_type or of all."""
    where = "" if sms_type is None else f" WHERE sms_type = {int(sms_type)}"
    return database.execute(
        f"SELECT global_id, id, service, msgdata FROM smpp_store{where} ORDER BY global_id"
    )


def count_rows(database: Database, table: str) -> int:
    (row,) = database.execute(f"SELECT COUNT(*) FROM {table}")
    return int(str(row[0]))


def wait_rows(database: Database, table: str, count: int, timeout: float = 10.0) -> None:
    """Wait until a table has exactly `count` rows."""
    wait_until(
        lambda: count_rows(database, table) == count,
        lambda: f"{count} rows in {table}, it has {count_rows(database, table)}",
        timeout,
    )


def _insert(database: Database, table: str, columns: Sequence[str], values: Sequence[object]) -> None:
    names = ", ".join(f"`{name}`" for name in columns)
    marks = ", ".join("?" * len(columns))
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
