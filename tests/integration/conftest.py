"""The test bed: databases, a real Kannel, scripted neighbours, and the daemon between them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.bearerbox import FakeBearerbox
from tests.parts import daemon as daemon_part
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import Database, SqliteDatabase

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
def sqlite_factory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], SqliteDatabase]:
    """Makes empty SQLite databases."""
    return lambda: SqliteDatabase(tmp_path_factory.mktemp("sqlite") / "ksmppd.sqlite3")


@pytest.fixture
def sqlite(sqlite_factory: Callable[[], SqliteDatabase]) -> SqliteDatabase:
    """An empty SQLite database of this test alone."""
    return sqlite_factory()


@pytest.fixture
def box() -> Iterator[FakeBearerbox]:
    """A scripted bearerbox of this test alone."""
    with FakeBearerbox() as box:
        yield box


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
