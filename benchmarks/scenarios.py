"""The scenarios that are measured. A goal is a multiple of the floor's processor time per submit, of the same run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.servers import Setup

LONG_TEXT = b"b" * 1000


@dataclass(frozen=True)
class Scenario:
    """One line of the table. `load` are fields of benchmarks.load.Load; without `box` no bearerbox is there.

    Goals: `goal` times the floor, `most_us` of processor time, `most_mb` of memory, `most_idle_kb` for each idle bind.
    """

    name: str
    what: str
    setup: Setup = field(default_factory=Setup)
    load: Mapping[str, Any] = field(default_factory=dict)
    box: bool = True
    goal: float | None = None
    most_us: float | None = None
    most_mb: float | None = None
    most_idle_kb: float | None = None


SCENARIOS = (
    Scenario("submit", "submit_sm to bearerbox and back, database routes", load={"total": 40_000}, goal=2.5),
    Scenario("report", "the same and its report", load={"total": 15_000, "reports": True}, goal=5),
    Scenario(
        "prepaid",
        "prepaid account, MariaDB",
        Setup(mariadb=True, prepaid=True),
        {"total": 25_000},
        goal=4,
    ),
    Scenario(
        "prepaid-pgsql",
        "prepaid account, PostgreSQL",
        Setup(pgsql=True, prepaid=True),
        {"total": 25_000},
        goal=4.8,
    ),
    Scenario(
        "routes",
        "50,000 routes, the last one matches, once they are loaded",
        Setup(routes=50_000),
        {"total": 30_000, "warm_up": 1},
        goal=4,
    ),
    Scenario(
        "store",
        "bearerbox away, into MariaDB",
        Setup(mariadb=True, queue=True),
        {"total": 12_000},
        box=False,
        goal=8,
    ),
    Scenario(
        "store-pgsql",
        "bearerbox away, into PostgreSQL",
        Setup(pgsql=True, queue=True),
        {"total": 12_000},
        box=False,
        goal=9.6,
    ),
    Scenario("store-sqlite", "bearerbox away, into SQLite", Setup(queue=True), {"total": 10_000}, box=False),
    Scenario(
        "drain",
        "stored reports to one ESME, MariaDB",
        Setup(mariadb=True, queue=True, stored=40_000),
        {"total": 0, "binds": 1, "stored": 40_000},
        goal=5,
    ),
    Scenario(
        "drain-pgsql",
        "stored reports to one ESME, PostgreSQL",
        Setup(pgsql=True, queue=True, stored=40_000),
        {"total": 0, "binds": 1, "stored": 40_000},
        goal=6,
    ),
    Scenario(
        "http",
        "HTTP routing, a local answerer, 4 callers",
        Setup(http=True),
        {"total": 8_000},
        most_us=200,
    ),
    Scenario(
        "binds-1000",
        "1,000 binds, window 5",
        load={"binds": 1000, "window": 5, "total": 40_000},
        goal=3,
        most_mb=120,
    ),
    Scenario("window-1", "4 binds, window 1", load={"window": 1, "total": 5_000}),
    Scenario("window-10", "4 binds, window 10", load={"window": 10, "total": 25_000}),
    Scenario("window-250", "4 binds, window 250", load={"window": 250, "total": 50_000}),
    Scenario("one-bind", "1 bind, window 50", load={"binds": 1, "total": 30_000}),
    Scenario(
        "access-log",
        "submit with an access log",
        Setup(ksmppd={"access-log": "access.log"}),
        {"total": 40_000},
        goal=2.5,
    ),
    Scenario(
        "access-json",
        "submit with an access log in JSON",
        Setup(ksmppd={"access-log": "access.log", "access-log-format": "json"}),
        {"total": 40_000},
    ),
    Scenario("tls", "submit over TLS", Setup(tls=True), {"total": 40_000, "tls": True}),
    Scenario("long", "1,000 octets in message_payload", load={"text": LONG_TEXT, "total": 15_000}),
    Scenario(
        "idle",
        "10,000 idle binds beside 4 busy ones",
        load={"idle": 10_000, "total": 40_000, "limit": 300},
        most_idle_kb=40,
    ),
)
