"""Which way a message goes; the numbers are the route table's and X-KSMPPD-Routing-Direction's."""

from __future__ import annotations

from enum import IntEnum


class Direction(IntEnum):
    """As seen from the ESME."""

    OUTBOUND = 1
    """MT: from an ESME to the bearerbox."""
    INBOUND = 2
    """MO: from the bearerbox to an ESME."""
