"""The operations for the console: server, histories, users, expressions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_bench import ApiBench

from ksmppd_py.admin.users import Role, UserSettings
from ksmppd_py.config import Sqlite3Connection
from ksmppd_py.storage.sqlite import SQLiteDatabase
from tests.fakes.prometheus import FakePrometheus


@pytest.fixture
def prometheus() -> Iterator[FakePrometheus]:
    with FakePrometheus() as server:
        yield server


@pytest.fixture
def bench(tmp_path: Path, prometheus: FakePrometheus) -> Iterator[ApiBench]:
    """A server with a name, users and a Prometheus."""
    database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(tmp_path / "ksmppd.sqlite")))
    database.start()
    users = [UserSettings("eve", b"$2b$12$" + b"x" * 53, Role.VIEWER, "10.0.0.0/8")]
    bench = ApiBench(database, users=users, server_id="KSMPPD-1", prometheus_url=prometheus.url)
    yield bench
    bench.close()
    database.close()


def test_server(bench: ApiBench) -> None:
    answer = bench.api("GET", "/server").body
    assert (answer["server_id"], answer["state"], answer["longest_history"]) == ("KSMPPD-1", "ready", 90 * 24)


def test_users_without_their_passwords(bench: ApiBench) -> None:
    answer = bench.api("GET", "/users").body
    assert answer["items"] == [
        {"username": "admin", "role": "admin", "allow_ip": "", "password_form": "plain"},
        {"username": "eve", "role": "viewer", "allow_ip": "10.0.0.0/8", "password_form": "bcrypt"},
    ]


@pytest.mark.parametrize("path", ["/history", "/accounts/smppusera/history"])
def test_an_hour_from_memory(bench: ApiBench, path: str) -> None:
    answer = bench.api("GET", path).body
    assert answer["source"] == "memory"
    assert set(answer["values"]) == {"submits", "refused", "deliveries", "reports", "binds"}


@pytest.mark.parametrize(
    ("path", "binds"),
    [("/history", "sum(ksmppd_binds)"), ('/accounts/a"%7D/history', 'sum(ksmppd_binds{system_id="a\\"}"})')],
)
def test_a_day_from_prometheus(bench: ApiBench, prometheus: FakePrometheus, path: str, binds: str) -> None:
    answer = bench.api("GET", f"{path}?hours=24").body
    assert answer["source"] == "prometheus"
    assert answer["values"]["binds"][:3] == [1.5, None, None]
    assert len(answer["times"]) == len(answer["values"]["submits"]) == 361
    queries = [query["query"][0] for query in prometheus.asked]
    assert len(queries) == 5
    assert queries[-1] == binds


@pytest.mark.parametrize(
    "answer", [{"data": {}}, {"status": "error"}, [], {"data": {"result": [{"values": [[1]]}]}}]
)
def test_a_prometheus_that_fails_is_503(bench: ApiBench, prometheus: FakePrometheus, answer: Any) -> None:
    prometheus.answer = answer or {"data": None}
    found = bench.api("GET", "/accounts/a/history?hours=2")
    assert (found.status, found.headers["content-type"]) == (503, "application/problem+json")


@pytest.mark.parametrize(
    ("regex", "matching", "problem"),
    [
        (r"^\+46", ["+46701234567"], False),
        ("^(0|[+])", ["+46701234567", "0701"], False),
        ("(", [], True),
        ("\u2603", [], True),
    ],
)
def test_an_expression_on_addresses(bench: ApiBench, regex: str, matching: list[str], problem: bool) -> None:
    asked = {"regex": regex, "addresses": ["+46701234567", "0701", "12345"]}
    answer = bench.api("POST", "/routes/try-regex", asked).body
    assert answer["matching"] == matching
    assert bool(answer["problem"]) is problem
