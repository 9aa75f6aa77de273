"""Parts that tests of several rooms share."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.parts.mariadb import MariaDB

# How long an example takes says more about who else uses the machine than about us.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("busy machine"), max_examples=20)  # make check
settings.load_profile("busy machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--part 1/2`: so that several processes can share the tests, module by module."""
    parser.addoption("--part", default="1/1", help="run the modules of part N of M, N/M")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the modules of our part."""
    number, parts = (int(figure) for figure in config.getoption("--part").split("/"))
    if parts == 1:
        return
    ours, others = [], []
    for item in items:
        module = item.nodeid.split("::", 1)[0]
        mine = zlib.crc32(module.encode()) % parts == number - 1
        (ours if mine else others).append(item)
    items[:] = ours
    config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A private MariaDB server. Without the package the test fails and names it."""
    server = MariaDB()
    try:
        server.start()
        yield server
    finally:
        server.remove()
