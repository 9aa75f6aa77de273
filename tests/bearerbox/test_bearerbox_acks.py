"""Acks of the last minute."""

from __future__ import annotations

from ksmppd_py.bearerbox.acks import MINUTE, AcksOfLastMinute


def test_only_the_last_minute_counts() -> None:
    acks = [0, 0, 0, 0]
    recent = AcksOfLastMinute()
    assert recent.now(acks) == (0, 0)
    acks[:] = [5, 2, 3, 1]
    for _ in range(MINUTE - 1):
        assert recent.now(acks) == (6, 5)
        recent.tick(acks)
    acks[1] += 7
    assert recent.now(acks) == (6, 12)
    recent.tick(acks)
    assert recent.now(acks) == (0, 7)
    for _ in range(MINUTE):
        recent.tick(acks)
    assert recent.now(acks) == (0, 0)
