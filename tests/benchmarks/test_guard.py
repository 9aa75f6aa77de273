"""The guard in CI lets noise pass, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.guard import BOUNDS, judge
from benchmarks.scenarios import SCENARIOS, Scenario


def ratios(*found: float) -> Callable[[Scenario], float]:
    left = list(found)
    return lambda scenario: left.pop(0)


def test_every_bound_is_of_a_scenario_that_needs_no_server_installed() -> None:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    assert all(not (known[name].setup.mariadb or known[name].setup.pgsql) for name in BOUNDS)


def test_noise_passes_at_the_second_try(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge({"submit": 4.0, "report": 9.0}, ratios(7.5, 3.9, 9.0)) == []
    assert capsys.readouterr().out.count("guard: ") == 3


def test_what_stays_dear_is_named() -> None:
    assert judge({"submit": 4.0, "report": 9.0}, ratios(4.1, 4.1, 5.0)) == ["submit"]
