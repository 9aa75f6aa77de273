"""Estimates and bounds the memory that unanswered submits take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EACH = 1536
"""Octets that a submit takes besides its TLVs: its PDU with 255 octets of text, its sms, the objects around both."""
EACH_TLV = 128
"""Octets that a TLV takes besides its value: tag, value and the dictionary's entry."""


@dataclass(frozen=True, slots=True)
class MemoryBounds:
    """Octets that unanswered submits may take."""

    one_bind: int = 24 * 1024 * 1024
    """Octets of one bind. Above it the bind isn't read until half of its submits are answered."""
    all_binds: int = 96 * 1024 * 1024
    """Octets of all binds. A bind isn't read while its own exceed the octets that the others leave of these.

    A single one may have half.
    """
    refused_above: int = 112 * 1024 * 1024
    """Octets of all binds above which submits are refused with ESME_RMSGQFUL: there are too many binds to stop."""


class SubmitMemory:
    """The memory of the unanswered submits of all binds: their number, and the octets that their TLVs take."""

    __slots__ = ("bounds", "count", "tlvs")

    def __init__(self, bounds: MemoryBounds = MemoryBounds()) -> None:  # it is frozen
        self.bounds = bounds
        self.count = 0
        self.tlvs = 0

    @property
    def octets(self) -> int:
        """An estimate of all memory that they take."""
        return self.count * EACH + self.tlvs

    @property
    def is_full(self) -> bool:
        """Whether further submits have to be refused."""
        return self.count * EACH + self.tlvs > self.bounds.refused_above

    @property
    def most_of_one(self) -> int:
        """Octets that one bind may have now: its bound, and no more than the others leave of the bound of all."""
        return min(self.bounds.one_bind, max(0, self.bounds.all_binds - self.octets))


def octets_of(tlvs: Mapping[int, bytes]) -> int:
    """Return the octets that a submit's TLVs take: once as received, once more as translated for the bearerbox.

    A PDU has room for 16,000 TLVs without a value, so their number counts, too.
    """
    return EACH_TLV * len(tlvs) + 2 * sum(map(len, tlvs.values()))
