"""The private servers that tests use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parts import postgresql as postgresql_part
from tests.parts.mariadb import MariaDB
from tests.parts.pgbouncer import PgBouncer
from tests.parts.postgresql import PostgreSQL, program


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    server = MariaDB()
    try:
        with pytest.raises(RuntimeError, match="install the package mariadb-server"):
            server.start()
    finally:
        server.remove()
    monkeypatch.setattr(postgresql_part, "_DEBIAN", tmp_path)
    with pytest.raises(RuntimeError, match="initdb is missing: install the package postgresql"):
        program("initdb")


def test_a_pooler_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    server = PostgreSQL()
    try:
        monkeypatch.setattr("shutil.which", lambda *_, **__: None)
        with pytest.raises(RuntimeError, match="install the package pgbouncer"):
            PgBouncer(server, "session").start()
    finally:
        server.remove()
