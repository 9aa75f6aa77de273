"""Calls that share a trip to the database."""

from __future__ import annotations

from collections.abc import Sequence

import gevent
import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.storage.group_commit import GroupCommit
from ksmppd_py.storage.writer import _weight as row_weight


def test_what_comes_through_too_late_is_undone() -> None:
    """A caller that got an error must not have been charged."""
    undone: list[tuple[int, int]] = []

    def serve(items: Sequence[int]) -> list[int]:
        gevent.sleep(0.1)
        return [item * 10 for item in items]

    group_commit = GroupCommit(
        "slow",
        serve,
        capacity=10,
        batch_size=1,
        timeout=0.05,
        undo=lambda item, result: undone.append((item, result)),
    )
    first = gevent.spawn(group_commit.call, 1)
    second = gevent.spawn(group_commit.call, 2)
    for caller in (first, second):
        with pytest.raises(DatabaseUnavailable):
            caller.get()
    while not group_commit.idle:
        gevent.sleep(0.01)
    assert undone == [(1, 10)]  # the second one was withdrawn in time


@pytest.mark.parametrize(
    ("rows", "weight"),
    [
        ([], 0),
        (["x" * 100] * 3, 3),
        (["x" * 60_000], 15),  # SQL text of a long message
        ([{"msgdata": b"x" * 60_000, "id": "1"}, {"msgdata": None}], 16),
        ([b"x" * 9000], 3),
    ],
)
def test_long_rows_weigh_more(rows: list[object], weight: int) -> None:
    """So what waits for the database is bounded in octets."""
    assert row_weight(rows) == weight
