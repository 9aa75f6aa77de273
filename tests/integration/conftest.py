"""The test bed: databases, a real Kannel, scripted neighbours, and the daemon between them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, Bed, StartBed
from tests.integration.console_page import HASTE
from tests.parts import daemon as daemon_part
from tests.parts.chromium import chromium
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import Database, MariaDatabase, PostgresDatabase, SqliteDatabase
from tests.parts.mariadb import MariaDB
from tests.parts.postgresql import PostgreSQL

_numbers = itertools.count(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show what the running daemons logged when a test fails."""
    report = yield
    if report.failed:
        for daemon in daemon_part.running:
            report.sections.append((f"daemon {daemon.name}", daemon.report()))
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    """One browser for all tests of the console."""
    with chromium() as browser:
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": HASTE})
        yield browser


@pytest.fixture(scope="session")
def sqlite_factory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], SqliteDatabase]:
    """Makes empty SQLite databases."""
    return lambda: SqliteDatabase(tmp_path_factory.mktemp("sqlite") / "ksmppd.sqlite3")


@pytest.fixture(scope="session")
def mariadb_factory(request: pytest.FixtureRequest) -> Callable[[], MariaDatabase]:
    """Makes empty databases on the private MariaDB server, started when the first one is asked for."""

    def make() -> MariaDatabase:
        server: MariaDB = request.getfixturevalue("mariadb")
        name = server.create_database("latin1")
        return MariaDatabase(server.host, server.port, server.username, server.password, name)

    return make


@pytest.fixture(scope="session")
def pgsql_factory(request: pytest.FixtureRequest) -> Callable[[], PostgresDatabase]:
    """Makes empty databases on the private PostgreSQL server, started when the first one is asked for."""

    def make() -> PostgresDatabase:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        name = server.create_database()
        return PostgresDatabase(server.host, server.port, server.username, server.password, name)

    return make


KINDS = [
    "sqlite",
    pytest.param("mariadb", marks=pytest.mark.database),
    pytest.param("pgsql", marks=pytest.mark.database),
]


def make_database(request: pytest.FixtureRequest) -> Database:
    factory: Callable[[], Database] = request.getfixturevalue(f"{request.param}_factory")
    return factory()


@pytest.fixture(scope="module", params=KINDS)
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database of this module: each test runs on each kind."""
    return make_database(request)


@pytest.fixture(params=KINDS)
def own_database(request: pytest.FixtureRequest) -> Database:
    """An empty database of this test alone, on each kind."""
    return make_database(request)


@pytest.fixture
def sqlite(sqlite_factory: Callable[[], SqliteDatabase]) -> SqliteDatabase:
    """An empty SQLite database of this test alone."""
    return sqlite_factory()


@pytest.fixture
def box() -> Iterator[FakeBearerbox]:
    """A scripted bearerbox of this test alone."""
    with FakeBearerbox() as box:
        yield box


@pytest.fixture(scope="module")
def shared_box() -> Iterator[FakeBearerbox]:
    """A scripted bearerbox of this module."""
    with FakeBearerbox() as box:
        yield box


@pytest.fixture(scope="module")
def shared_daemon(
    database: Database, shared_box: FakeBearerbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    """A daemon of this module with the queue on, on each kind of database."""
    config = DaemonConfig([(BOX_ID, shared_box.port)])
    with Daemon(tmp_path_factory.mktemp("daemon"), config, database) as daemon:
        shared_box.wait_for_box()
        yield daemon


@pytest.fixture
def bed(shared_daemon: Daemon, shared_box: FakeBearerbox) -> Iterator[Bed]:
    """The module's daemon and bearerbox, with accounts and sessions of this test; on each kind of database."""
    bed = Bed(shared_daemon, shared_box)
    yield bed
    bed.close()


@pytest.fixture(scope="module")
def shared_sqlite_box() -> Iterator[FakeBearerbox]:
    """The bearerbox of `sqlite_bed`; a module may use both beds."""
    with FakeBearerbox() as box:
        yield box


@pytest.fixture(scope="module")
def shared_sqlite_daemon(
    shared_sqlite_box: FakeBearerbox,
    sqlite_factory: Callable[[], SqliteDatabase],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Daemon]:
    config = DaemonConfig([(BOX_ID, shared_sqlite_box.port)])
    with Daemon(tmp_path_factory.mktemp("daemon"), config, sqlite_factory()) as daemon:
        shared_sqlite_box.wait_for_box()
        yield daemon


@pytest.fixture
def sqlite_bed(shared_sqlite_daemon: Daemon, shared_sqlite_box: FakeBearerbox) -> Iterator[Bed]:
    """As `bed`, for what no database can change: SQLite only."""
    bed = Bed(shared_sqlite_daemon, shared_sqlite_box)
    yield bed
    bed.close()


@pytest.fixture
def start_daemon(tmp_path: Path, sqlite: SqliteDatabase) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons with configurations of their own; each is stopped and its log checked at the end."""
    daemons: list[Daemon] = []

    def start(boxes: list[tuple[str, int]], database: Database | None = None, **config: Any) -> Daemon:
        name = f"ksmppd{next(_numbers)}"
        daemon = Daemon(tmp_path, DaemonConfig(boxes, **config), database or sqlite, name=name)
        daemons.append(daemon)
        return daemon.start()

    yield start
    for daemon in reversed(daemons):
        daemon.stop()


@pytest.fixture
def start_bed(box: FakeBearerbox, start_daemon: Callable[..., Daemon]) -> Iterator[StartBed]:
    """Starts a bed of this test alone, with configuration keys of its own."""
    beds: list[Bed] = []

    def start(**config: Any) -> Bed:
        bed = Bed(start_daemon([(BOX_ID, box.port)], **config), box)
        beds.append(bed)
        box.wait_for_box()
        return bed

    yield start
    for bed in beds:
        bed.close()
