"""Parts that tests of several rooms share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.parts.mariadb import MariaDB
from tests.parts.postgresql import PostgreSQL

# How long an example takes says more about who else uses the machine than about us.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("busy machine"), max_examples=20)  # make check
settings.load_profile("busy machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--every-seed`: `make faults` runs all seeds of the fault suite, `make test` the first of them."""
    parser.addoption(
        "--every-seed", action="store_true", help="run all seeds of tests/faults/test_scenarios.py"
    )


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A private MariaDB server. Without the package the test fails and names it."""
    server = MariaDB()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A private PostgreSQL server. Without the package the test fails and names it."""
    server = PostgreSQL()
    try:
        server.start()
        yield server
    finally:
        server.remove()
