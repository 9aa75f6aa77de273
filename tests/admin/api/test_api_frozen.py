"""Every operation while the database is frozen: a problem document within 5 s, and no error in the log."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
import pytest
from api_bench import ApiBench

from ksmppd_py.admin.api.handler import OPERATIONS
from ksmppd_py.config import Sqlite3Connection
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.sqlite import SQLiteDatabase
from tests.parts.api import ApiAnswer
from tests.parts.mariadb import MariaDB
from tests.storage.conftest import mysql_settings

LONGEST = 5.5
"""Seconds: the 5 of a statement, and some for a busy machine."""
BODIES: dict[str, Any] = {
    "create_account": {"system_id": "other", "password": "secret"},
    "change_account": {"throughput": 1},
    "set_password": {"password": "secret2"},
    "change_credit": {"amount": 1, "reason": "invoice"},
    "create_route": {"direction": 1, "system_id": "acme"},
    "change_route": {"regex": "^46"},
    "replace_routes": {"items": []},
    "try_regex": {"regex": "^46", "addresses": ["46"]},
    "test_route": {"system_id": "acme", "from": "12345", "to": "+46701234567"},
}
QUERIES = {
    "replace_routes": "?system_id=acme&direction=1",
    "purge_queue": "?confirm=acme",
    "unbind_account": "?system_id=smppusera",
}
IN_MEMORY = {
    "show_me",
    "list_binds",
    "list_bearerboxes",
    "list_queues",
    "list_refusals",
    "list_blocked",
    "list_events",
    "get_schema",
    "pause_bearerbox",
    "resume_bearerbox",
}
IN_MEMORY |= {"unbind_account", "unbind", "clear_all_blocked", "clear_blocked", "test_route"}
IN_MEMORY |= {"show_server", "server_past", "account_past", "list_users", "try_regex"}
"""Operations that need no table; those that change something are made, and their audit is in the log only."""


@pytest.mark.integration
@pytest.mark.database
def test_every_operation(mariadb: MariaDB, caplog: pytest.LogCaptureFixture) -> None:
    database = MySQLDatabase(mysql_settings(mariadb, mariadb.create_database()))
    database.start()
    bench = ApiBench(database)
    bench.api("POST", "/accounts", {"system_id": "acme", "password": "secret"})
    bench.api("POST", "/routes", {"direction": 1, "system_id": "acme"})
    values = {"system_id": "acme", "route_id": "1", "bind_id": "4", "ip": "10.0.0.9", "name": "box"}

    def ask(name: str, method: str, path: str) -> tuple[str, ApiAnswer, float]:
        began = monotonic()
        answer = bench.api(method, path.format(**values) + QUERIES.get(name, ""), BODIES.get(name))
        return name, answer, monotonic() - began

    with mariadb.frozen():
        asked = [gevent.spawn(ask, each.run.__name__, each.method, each.path) for each in OPERATIONS]
        answers = [each.get() for each in asked]
    bench.close()
    database.close()
    for name, answer, seconds in answers:
        assert seconds < LONGEST, name
        if name in IN_MEMORY:
            assert answer.status < 500, (name, answer)
        else:
            assert answer.status == 503, (name, answer)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == "1"
    assert [record for record in caplog.records if record.exc_info or record.levelno > logging.ERROR] == []


@pytest.mark.slow
def test_a_locked_file(tmp_path: Path) -> None:
    """Another program holds SQLite's lock: reading works, changes are refused within 5 s."""
    path = tmp_path / "ksmppd.sqlite"
    database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(path)))
    database.start()
    bench = ApiBench(database)
    bench.api("POST", "/accounts", {"system_id": "acme", "password": "secret"})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = monotonic()
        assert bench.api("GET", "/accounts/acme").status == 200
        assert bench.api("PATCH", "/accounts/acme", {"throughput": 1}).status == 503
        assert bench.api("POST", "/accounts/acme/suspend").status == 503
        assert monotonic() - began < LONGEST
        other.execute("ROLLBACK")
    assert bench.api("GET", "/accounts/acme").body["throughput"] == 0
    bench.close()
    database.close()
