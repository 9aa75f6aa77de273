"""ksmppd-copy-database: what it prints, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from ksmppd_py.config import KsmppdGroup, Sqlite3Connection
from ksmppd_py.storage.claim import open_claim
from ksmppd_py.storage.database import Statement
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.storage.upgrade import prepare
from ksmppd_py.tools.copy_database import main

CONFIG = """group = ksmppd
database-type = sqlite3
database-config = db

group = sqlite3-connection
id = db
database = {path}

group = http-server
port = 14010
password = secret

group = bearerbox-connection
host = 127.0.0.1
port = 13001
"""


def write(directory: Path, name: str) -> tuple[str, SQLiteDatabase]:
    """A configuration and its database."""
    path = directory / f"{name}.sqlite"
    file = directory / f"{name}.conf"
    file.write_text(CONFIG.format(path=path))
    return str(file), SQLiteDatabase(Sqlite3Connection(id="db", database=str(path)))


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A database with a route, and one without tables."""
    source, database = write(tmp_path, "old")
    prepare(database, KsmppdGroup())
    database.execute(Statement("INSERT INTO smpp_route (direction, regex) VALUES (1, '')"), repeatable=False)
    database.close()
    return source, write(tmp_path, "new")[0]


def test_dry_run_and_copy(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*files, "--dry-run"]) == 0
    tables = ("smpp_user", "smpp_route", "smpp_store", "smpp_queued_pdu")
    assert capsys.readouterr().out.splitlines() == [
        f"{name}: {int(name == 'smpp_route')} rows read" for name in tables
    ]
    assert main([*files]) == 0
    assert "smpp_route: 1 rows copied" in capsys.readouterr().out
    assert main([*files]) == 1
    assert capsys.readouterr().err == (
        "ksmppd-copy-database: smpp_route has rows already; only empty tables are copied into\n"
    )


def test_not_beside_a_daemon(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "old.sqlite")
    running = open_claim(SQLiteDatabase(Sqlite3Connection(id="db", database=path)), "smpp_store")
    assert running.claim()
    assert main([*files]) == 1
    assert "a ksmppd runs on the source; stop it first" in capsys.readouterr().err
    running.release()


@pytest.mark.parametrize("missing", [0, 1])
def test_a_file_that_isnt_there(
    files: tuple[str, str], missing: int, capsys: pytest.CaptureFixture[str]
) -> None:
    given = list(files)
    given[missing] = "/nonexistent.conf"
    assert main(given) == 1
    assert "/nonexistent.conf" in capsys.readouterr().err
