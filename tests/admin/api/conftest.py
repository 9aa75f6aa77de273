"""A bench for each kind of database, kept for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api_bench import ApiBench

from ksmppd_py.config import Sqlite3Connection
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.sqlite import SQLiteDatabase
from tests.parts.mariadb import MariaDB
from tests.storage.conftest import SERVERS, mysql_settings


@pytest.fixture(scope="module", params=["sqlite3", pytest.param("mysql", marks=SERVERS)])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiBench]:
    """The API on an empty database."""
    database: Database
    if request.param == "mysql":
        server: MariaDB = request.getfixturevalue("mariadb")
        database = MySQLDatabase(mysql_settings(server, server.create_database()))
    else:
        path = tmp_path_factory.mktemp("api") / "ksmppd.sqlite"
        database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(path)))
    database.start()
    bench = ApiBench(database)
    yield bench
    bench.close()
    database.close()
