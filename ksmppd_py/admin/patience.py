"""How long a client may take for a request."""

from __future__ import annotations

import io
from collections.abc import Callable
from time import monotonic
from typing import Any

REQUEST_TIME = 10.0
"""Seconds from a request's first octet to its last."""


class TimedReader(io.RawIOBase):
    """The octets of a connection: silence ends it after `idle` seconds, a begun request `limit` seconds after `begin`.

    At either moment the stream is at its end, as if the client had hung up.
    """

    def __init__(
        self, connected: Any, idle: float, limit: float, now: Callable[[], float] = monotonic
    ) -> None:
        super().__init__()
        self._socket = connected
        self._idle = idle
        self._limit = limit
        self._now = now
        self._deadline: float | None = None
        self.ended = False
        """Nothing more comes."""

    def readable(self) -> bool:
        """It is."""
        return True

    def expect(self) -> None:
        """From now on silence is no fault: another request may come or not."""
        self._deadline = None

    def begin(self) -> None:
        """The first octet of a request is there."""
        self._deadline = self._now() + self._limit

    def readinto(self, buffer: Any) -> int:
        """Octets as they come; 0 at the end. Raises OSError when the connection broke. May yield."""
        if self.ended:
            return 0
        patience = self._idle
        if self._deadline is not None:
            patience = min(patience, self._deadline - self._now())
        if patience <= 0:
            self.ended = True
            return 0
        self._socket.settimeout(patience)
        try:
            count = int(self._socket.recv_into(buffer))
        except TimeoutError:
            count = 0
        finally:
            self._socket.settimeout(self._idle)
        self.ended = not count
        return count
