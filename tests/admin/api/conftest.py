"""A bench for each kind of database, kept for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api_bench import ApiBench

from ksmppd_py.config import Sqlite3Connection
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.postgresql import PostgreSQLDatabase
from ksmppd_py.storage.sqlite import SQLiteDatabase
from tests.parts.mariadb import MariaDB
from tests.parts.postgresql import PostgreSQL
from tests.storage.conftest import SERVERS, mysql_settings, pgsql_settings


@pytest.fixture(
    scope="module",
    params=["sqlite3", pytest.param("mysql", marks=SERVERS), pytest.param("pgsql", marks=SERVERS)],
)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiBench]:
    """The API on an empty database."""
    database = _database(request, tmp_path_factory)
    database.start()
    bench = ApiBench(database)
    yield bench
    bench.close()
    database.close()


def _database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    if request.param == "mysql":
        mariadb: MariaDB = request.getfixturevalue("mariadb")
        return MySQLDatabase(mysql_settings(mariadb, mariadb.create_database()))
    if request.param == "pgsql":
        postgresql: PostgreSQL = request.getfixturevalue("postgresql")
        return PostgreSQLDatabase(pgsql_settings(postgresql, postgresql.create_database()))
    path = tmp_path_factory.mktemp("api") / "ksmppd.sqlite"
    return SQLiteDatabase(Sqlite3Connection(id="db", database=str(path)))
