"""Every clause of SMPP 3.4 that binds a server, against the running daemon."""

from __future__ import annotations

import pytest

from tests.conformance import (  # noqa: F401 - they register their checks
    checks_deliveries,
    checks_operations,
    checks_pdus,
    checks_sessions,
    checks_submits,
)
from tests.conformance.bench import Bench
from tests.conformance.clauses import CHECKS, CLAUSES, LEVELS, STANCES, Check, Clause
from tests.conformance.render import PAGE, render

pytestmark = pytest.mark.integration

passed: set[Check] = set()
"""Checks that serve several clauses run once."""
SEEN = [clause for clause in CLAUSES if not clause.unseen]


@pytest.mark.parametrize("clause", SEEN, ids=[clause.id for clause in SEEN])
def test_clause(bench: Bench, clause: Clause) -> None:
    for check in CHECKS[clause.id]:
        if check not in passed:
            check(bench)
            bench.renew()
            passed.add(check)


def test_the_table_is_whole() -> None:
    assert [clause.id for clause in CLAUSES] == [f"C-{number:03d}" for number in range(1, 192)]
    assert {clause.level for clause in CLAUSES} <= LEVELS
    assert {clause.stance for clause in CLAUSES} <= STANCES
    assert all(clause.section and clause.text and clause.stimulus and clause.expected for clause in CLAUSES)


def test_each_clause_has_a_check_or_says_why_not() -> None:
    assert set(CHECKS) == {clause.id for clause in SEEN}


def test_the_page_is_what_the_table_renders() -> None:
    """After a change of the table: python -m tests.conformance.render"""
    assert PAGE.read_text("utf-8") == render(CLAUSES)
