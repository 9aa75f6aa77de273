"""The direction of a message; the numbers are the route table's and X-KSMPPD-Routing-Direction's."""

from __future__ import annotations

from enum import IntEnum


class Direction(IntEnum):
    """The direction as the ESME sees it."""

    OUTBOUND = 1
    """MT: from an ESME to the bearerbox."""
    INBOUND = 2
    """MO: from the bearerbox to an ESME."""
