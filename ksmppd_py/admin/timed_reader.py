"""Limits the time that a client may take for a request."""

from __future__ import annotations

import io
from collections.abc import Callable
from time import monotonic
from typing import Any


class TimedReader(io.RawIOBase):
    """The octets of a connection: silence ends it after `idle` seconds, a begun request `limit` seconds after `begin`.

    At either moment the stream ends, as if the client had closed it.
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
        """End the stream."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def expect(self) -> None:
        """Wait for a further request, whose absence isn't an error."""
        self._deadline = None

    def begin(self) -> None:
        """Note the first octet of a request."""
        self._deadline = self._now() + self._limit

    def readinto(self, buffer: Any) -> int:
        """Read octets as they come; 0 at the end. Raises OSError when the connection is lost. May yield."""
        if self.ended:
            return 0
        timeout = self._idle
        if self._deadline is not None:
            timeout = min(timeout, self._deadline - self._now())
        if timeout <= 0:
            self.ended = True
            return 0
        self._socket.settimeout(timeout)
        try:
            count = int(self._socket.recv_into(buffer))
        except TimeoutError:
            count = 0
        finally:
            self._socket.settimeout(self._idle)
        self.ended = not count
        return count
