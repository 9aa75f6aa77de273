"""A database that failed is left alone: by all callers, or by those only that would change something."""

from __future__ import annotations

import logging

import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.storage.database import STALE, Gate, Passage, Statement


class Bed:
    def __init__(self) -> None:
        self.now = 100.0
        self.gate = Gate(1.0, lambda: self.now)

    def enter(self, changes: bool) -> Passage:
        return self.gate.enter(changes)

    def end(self, changes: bool, how: str) -> None:
        passage = self.enter(changes)
        passage.answered() if how == "answered" else getattr(passage, how)("trouble")
        passage.leave()

    def is_shut(self, changes: bool) -> bool:
        try:
            self.enter(changes).leave()
        except DatabaseUnavailable:
            return True
        return False


@pytest.fixture
def bed() -> Bed:
    return Bed()


@pytest.mark.parametrize(
    ("changes", "how", "reading_is_shut", "changes_are_shut"),
    [
        (True, "failed", False, True),
        (True, "lost", True, True),
        (True, "answered", False, False),
        (False, "failed", True, True),
        (False, "lost", True, True),
        (False, "answered", False, False),
    ],
)
def test_who_is_kept_off(
    bed: Bed, changes: bool, how: str, reading_is_shut: bool, changes_are_shut: bool
) -> None:
    bed.end(changes, how)
    assert (bed.is_shut(False), bed.is_shut(True)) == (reading_is_shut, changes_are_shut)
    assert bed.gate.meter.available is not reading_is_shut
    assert bed.gate.failures == (how != "answered")
    bed.now += 1.0
    assert not bed.is_shut(False)
    assert not bed.is_shut(True)


@pytest.mark.parametrize("changes", [False, True])
def test_one_at_a_time_tries_again(bed: Bed, changes: bool) -> None:
    bed.end(changes, "failed")
    bed.now += 1.0
    trying = bed.enter(changes)
    assert bed.is_shut(changes)
    if changes:
        assert not bed.is_shut(False)
    trying.failed("trouble")
    trying.leave()
    bed.now += 1.0
    trying = bed.enter(changes)
    trying.answered()
    trying.leave()
    assert not bed.is_shut(changes)
    assert not bed.is_shut(changes)


def test_a_change_that_finds_everything_shut_keeps_no_other_off(bed: Bed) -> None:
    bed.end(True, "failed")
    bed.now += 1.0
    bed.end(False, "failed")
    assert bed.is_shut(True)
    bed.now += 1.0
    bed.end(False, "answered")
    assert not bed.is_shut(True)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("SELECT 1", False),
        ("(SELECT 1) UNION ALL (SELECT 2)", False),
        ("SHOW VARIABLES", False),
        ("INSERT INTO t VALUES (1)", True),
        ("UPDATE t SET x = 1", True),
        ("DELETE FROM t WHERE x IN (1)", True),
        ("BEGIN", True),
        ("CREATE TABLE t (x)", True),
    ],
)
def test_what_changes_something(text: str, changes: bool) -> None:
    assert Statement(text).changes is changes


@pytest.mark.parametrize(
    ("changes", "fails", "works"),
    [
        (False, "The database doesn't answer: trouble", "The database answers again"),
        (True, "The database takes no changes: trouble", "The database takes changes again"),
    ],
)
def test_going_away_and_coming_back_are_a_line_each(
    bed: Bed, changes: bool, fails: str, works: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for how in ("answered", "failed", "failed", "answered", "answered", "failed"):
        bed.end(changes, how)
        bed.now += 1.0
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert lines == [("ERROR", fails), ("INFO", works), ("ERROR", fails)]


@pytest.mark.parametrize(
    ("ends", "later", "takes_changes"),
    [
        ([], 0.0, True),
        ([(True, "failed")], 0.0, False),
        ([(True, "failed")], STALE, False),
        ([(True, "failed")], STALE + 1.0, True),
        ([(True, "failed"), (True, "failed")], STALE, False),
        ([(True, "failed"), (False, "answered")], 0.0, False),
        ([(True, "failed"), (True, "answered")], 0.0, True),
        ([(False, "failed")], 0.0, True),
    ],
)
def test_changes_that_failed_are_told_until_one_works_or_none_is_tried(
    bed: Bed, ends: list[tuple[bool, str]], later: float, takes_changes: bool
) -> None:
    for changes, how in ends:
        bed.end(changes, how)
        bed.now += 1.0
    bed.now += later - (1.0 if ends else 0.0)
    assert bed.gate.meter.takes_changes is takes_changes
