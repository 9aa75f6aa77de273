"""Seeds of faults on SQLite, MariaDB, PostgreSQL and without a queue: the ledger balances after each.

`make test` runs the first of each kind, `make faults` all 300 (`--every-seed`). A seed that fails is named with the
command that repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping

import gevent
import pytest

from tests.faults.scenarios import KINDS, run_lane

pytestmark = [pytest.mark.faults, pytest.mark.integration, pytest.mark.slow]

SEEDS = {"sqlite": 16, "mariadb": 16, "pgsql": 12, "without-queue": 10}
"""Number of seeds of each kind that run by default."""

EVERY_SEED = {"sqlite": 80, "mariadb": 90, "pgsql": 90, "without-queue": 40}
LANES = {"sqlite": 2, "mariadb": 2, "pgsql": 2, "without-queue": 1}


@pytest.fixture(scope="module")
def failures(request: pytest.FixtureRequest) -> Mapping[str, list[str]]:
    """Run the seeds; return the failures by kind. All kinds run side by side: most of it is waiting."""
    wanted = {
        item.callspec.params["kind"]  # type: ignore[attr-defined]
        for item in request.session.items
        if item.path == request.path
    }
    counts = EVERY_SEED if request.config.getoption("--every-seed") else SEEDS
    lanes: dict[str, list[gevent.Greenlet]] = {}
    for kind in sorted(wanted):
        seeds = iter(range(1, counts[kind] + 1))
        lanes[kind] = [gevent.spawn(run_lane, kind, seeds) for _ in range(LANES[kind])]
    return {kind: _all(greenlets) for kind, greenlets in lanes.items()}


def _all(greenlets: list[gevent.Greenlet]) -> list[str]:
    return [failure for greenlet in gevent.joinall(greenlets, raise_error=True) for failure in greenlet.value]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.database] if kind in ("mariadb", "pgsql") else [])
        for kind in KINDS
    ],
)
def test_the_ledger_balances(failures: Mapping[str, list[str]], kind: str) -> None:
    assert not failures[kind], "\n\n".join(failures[kind])
