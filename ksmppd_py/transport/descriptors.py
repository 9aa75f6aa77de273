"""The last file descriptors, kept for those that we depend on: bearerboxes, the database, the configuration.

A new descriptor is always the lowest that is free. So a connection that is given one of the highest has found all
others taken, and if strangers give it back at once, the highest are there for the rest.
"""

from __future__ import annotations

import logging
import resource
from typing import Any

from gevent.server import StreamServer

from ksmppd_py.ip_addresses import plain

logger = logging.getLogger(__name__)

MOST_KEPT = 64
"""Descriptors that are kept back, or a tenth of all that we may have where these are few."""


HALF = 0.5
"""For what is needed and yet of strangers' making: the administration port, HTTP servers that decide."""


def is_kept_back(descriptor: int, part: float = 1.0) -> bool:
    """Whether this one belongs to those kept back, or to the last `part` of them. Doesn't yield."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit != resource.RLIM_INFINITY and descriptor >= limit - part * min(MOST_KEPT, limit // 10)


class SparingServer(StreamServer):  # type: ignore[misc]  # gevent has no type hints
    """Refuses connections that would take a descriptor of those kept back, or of the last `part` of them."""

    part = 1.0

    def do_read(self) -> Any:
        """Accept, in the hub; None for a connection that is refused."""
        accepted = super().do_read()
        if not accepted or not is_kept_back(accepted[0].fileno(), self.part):
            return accepted
        accepted[0].close()
        logger.warning(
            "Connection from %s to port %s refused: the last file descriptors are kept for bearerboxes and database",
            plain(accepted[1][0]),
            self.server_port,
        )
        return None
