"""Parts that tests of several rooms share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts.mariadb import MariaDB


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A private MariaDB server. Without the package the test fails and names it."""
    server = MariaDB()
    try:
        server.start()
        yield server
    finally:
        server.remove()
