"""What submits in hand take of memory, and how much of it they may have."""

from __future__ import annotations

from collections.abc import Mapping

EACH = 1536
"""Octets that a submit takes besides its TLVs: its PDU with 255 octets of text, its sms, what holds both."""
MOST_OF_ONE = 24 * 1024 * 1024
"""Octets of one bind; above it the bind isn't read until half of its submits are answered."""
MOST_OF_ALL = 96 * 1024 * 1024
"""Octets of all binds. A bind isn't read while it has more than what is left of them: one by itself may have half."""
REFUSED_ABOVE = 112 * 1024 * 1024
"""Octets of all binds above which submits are refused with ESME_RMSGQFUL: more binds came than there is room for."""


class Held:
    """The submits of all binds that are read and not answered: their number, and what their TLVs take."""

    __slots__ = ("count", "tlvs")

    def __init__(self) -> None:
        self.count = 0
        self.tlvs = 0

    @property
    def octets(self) -> int:
        """What all of it takes, about."""
        return self.count * EACH + self.tlvs

    @property
    def most_of_one(self) -> int:
        """How many octets one bind may have now: no more than are left."""
        return min(MOST_OF_ONE, max(0, MOST_OF_ALL - self.octets))


def octets_of(tlvs: Mapping[int, bytes]) -> int:
    """What the TLVs of a submit take: as they came, and the text once more as the bearerbox wants it."""
    return 2 * sum(map(len, tlvs.values()))
