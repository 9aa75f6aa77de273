"""Counts how many MTs a bearerbox accepted and refused within the last minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

MINUTE = 60
"""Seconds back for which counts are kept, one pair a second."""


class AcksOfLastMinute:
    """Compares the counts of acks by AckStatus, which only grow, with those of a minute ago."""

    __slots__ = ("_minute",)

    def __init__(self) -> None:
        self._minute: deque[tuple[int, int]] = deque(((0, 0),), maxlen=MINUTE)

    def tick(self, acks: Sequence[int]) -> None:
        """Remember the counts of this second; called once a second."""
        self._minute.append(_sums(acks))

    def now(self, acks: Sequence[int]) -> tuple[int, int]:
        """Return the numbers of MTs accepted and refused (temporarily or permanently) in the last minute."""
        accepted, refused = _sums(acks)
        accepted_before, refused_before = self._minute[0]
        return accepted - accepted_before, refused - refused_before


def _sums(acks: Sequence[int]) -> tuple[int, int]:
    accepted, refused, refused_for_now, buffered = acks
    return accepted + buffered, refused + refused_for_now
