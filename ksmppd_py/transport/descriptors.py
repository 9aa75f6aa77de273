"""Keeps the last file descriptors for connections that the server depends on: bearerboxes, database, configuration.

The system always gives out the lowest free descriptor. So a connection that gets one of the highest has found all
others taken; if strangers' connections are closed then, the highest stay free for the rest.
"""

from __future__ import annotations

import logging
import resource
from typing import Any

from gevent.server import StreamServer

from ksmppd_py.ip_addresses import plain

logger = logging.getLogger(__name__)

MOST_KEPT = 64
"""Descriptors that are kept back, or a tenth of the limit where that is less."""


HALF = 0.5
"""The `part` of is_kept_back for connections that are needed though strangers open them.

These are the administration port's, and those to HTTP servers.
"""


def is_kept_back(descriptor: int, part: float = 1.0) -> bool:
    """Whether this descriptor is one of those kept back, or of the last `part` of them (0 to 1). Doesn't yield."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit != resource.RLIM_INFINITY and descriptor >= limit - part * min(MOST_KEPT, limit // 10)


class SparingServer(StreamServer):  # type: ignore[misc]  # gevent has no type hints
    """Refuses connections whose descriptor is one of those kept back, or of the last `part` (see is_kept_back).

    A server that can close another connection instead may take half of its part meanwhile. Beyond that it refuses the
    new connection too, and the next one finds room.
    """

    part = 1.0

    def make_room(self) -> bool:
        """Have the least needed connection closed, soon; return False when there is none. Doesn't yield."""
        return False

    def do_read(self) -> Any:
        """Accept, in the hub; return None for a connection that is refused."""
        accepted = super().do_read()
        if not accepted or not is_kept_back(accepted[0].fileno(), self.part):
            return accepted
        if self.make_room() and not is_kept_back(accepted[0].fileno(), self.part / 2):
            return accepted
        accepted[0].close()
        logger.warning(
            "Connection from %s to port %s refused: the last file descriptors are kept for bearerboxes and database",
            plain(accepted[1][0]),
            self.server_port,
        )
        return None
