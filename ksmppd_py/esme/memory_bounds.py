"""Estimates and bounds the memory that unanswered submits take."""

from __future__ import annotations

from collections.abc import Mapping

EACH = 1536
"""Octets that a submit takes besides its TLVs: its PDU with 255 octets of text, its sms, the objects around both."""
EACH_TLV = 128
"""Octets that a TLV takes besides its value: tag, value and the dictionary's entry."""
MOST_OF_ONE = 24 * 1024 * 1024
"""Octets of one bind. Above it the bind isn't read until half of its submits are answered."""
MOST_OF_ALL = 96 * 1024 * 1024
"""Octets of all binds.

A bind isn't read while its own exceed what the others leave of these; a single one may have half.
"""
REFUSED_ABOVE = 112 * 1024 * 1024
"""Octets of all binds above which submits are refused with ESME_RMSGQFUL, because there are too many binds to stop."""


class SubmitMemory:
    """The unanswered submits of all binds: their number, and the octets that their TLVs take."""

    __slots__ = ("count", "tlvs")

    def __init__(self) -> None:
        self.count = 0
        self.tlvs = 0

    @property
    def octets(self) -> int:
        """An estimate of all memory that they take."""
        return self.count * EACH + self.tlvs

    @property
    def most_of_one(self) -> int:
        """Octets that one bind may have now: MOST_OF_ONE, and no more than MOST_OF_ALL leaves."""
        return min(MOST_OF_ONE, max(0, MOST_OF_ALL - self.octets))


def octets_of(tlvs: Mapping[int, bytes]) -> int:
    """Return the octets that a submit's TLVs take: once as received, once more as translated for the bearerbox.

    A PDU has room for 16,000 TLVs without a value, so their number counts, too.
    """
    return EACH_TLV * len(tlvs) + 2 * sum(map(len, tlvs.values()))
