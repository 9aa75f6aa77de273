"""The quickstart's accounts in tables as the daemon makes them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from ksmppd_py.storage.schema import render
from ksmppd_py.tools import seed

USERS = (
    "SELECT system_id, password, simulate, simulate_deliver_every, simulate_mo_every "
    "FROM smpp_user ORDER BY system_id"
)
ROUTES = "SELECT direction, regex, system_id, smsc_id FROM smpp_route ORDER BY system_id"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "ksmppd.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(render(sqlite.dialect()))
    return path


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def test_accounts_and_routes_however_often(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seed.main([str(database)]) == 0
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE smpp_user SET password = 'forgotten'")
    assert seed.main([str(database)]) == 0
    assert rows(database, USERS) == [
        ("demo", "*C142FB215B6E05B7C134B1A653AD4B455157FD79", 0, 0, 0),
        ("simulated", "*427BC89506506C47AC01BAEDA4ED24974AF63FBB", 1, 1, 2),
    ]
    assert rows(database, ROUTES) == [(1, "", "demo", None), (1, "", "simulated", None)]
    assert capsys.readouterr().out.count("demo (password demo), simulated (password simulate)") == 2


def test_accounts_of_the_users_stay(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(seed.ACCOUNT, {**seed.ACCOUNTS[0], "system_id": "own"})
        connection.execute("INSERT INTO smpp_route (direction, regex, system_id) VALUES (1, '^46', 'demo')")
    seed.seed(database)
    assert [row[0] for row in rows(database, USERS)] == ["demo", "own", "simulated"]
    assert rows(database, ROUTES)[0] == (1, "^46", "demo", None)


def test_without_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.touch()
    assert seed.main([str(missing)]) == 1
    assert not missing.exists()
    assert seed.main([str(empty)]) == 1
    assert capsys.readouterr().err == (
        f"seed: {missing} doesn't exist: start ksmppd once, it makes the tables\n"
        f"seed: {empty} has no tables: start ksmppd once, it makes them\n"
    )
    assert seed.main([]) == 2


def test_passwords_fit_into_a_bind() -> None:
    assert all(len(str(account["password"])) <= 8 for account in seed.ACCOUNTS)
