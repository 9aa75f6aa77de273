"""Makes requests refuse an answer that ends within its headers.

http.client takes the part that came for all headers: an accepted bind without its limits.
"""

from __future__ import annotations

import errno
import socket
from http.client import BadStatusLine, HTTPResponse
from typing import IO, Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from ksmppd_py.transport.descriptors import HALF, is_kept_back


class _Lines:
    """A stream in which every line must end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.close = stream.close

    def readline(self, limit: int = -1) -> bytes:
        """Return a line.

        Raises BadStatusLine at the end of the stream; a line as long as `limit` is left to the caller.
        """
        line = self._stream.readline(limit)
        if not line.endswith(b"\n") and len(line) != limit:
            raise BadStatusLine("the connection ended within the answer's headers")
        return line


class _Answer(HTTPResponse):
    def begin(self) -> None:
        """Read status line and headers."""
        stream: Any = self.fp
        lines: Any = _Lines(stream)
        self.fp = lines
        try:
            super().begin()
        finally:
            if self.fp is lines:
                self.fp = stream


class _Connection(HTTPConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        return _spare(super()._new_conn())


class _TlsConnection(HTTPSConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        return _spare(super()._new_conn())


def _spare(connected: socket.socket) -> socket.socket:
    """Return the socket. Raises OSError when its descriptor is one of those kept back for others."""
    if is_kept_back(connected.fileno(), HALF):
        connected.close()
        raise OSError(errno.EMFILE, "too few file descriptors are left")
    return connected


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def adapter(connections: int) -> HTTPAdapter:
    """Return the adapter for a requests.Session; it keeps at most `connections` connections to a host."""
    made = HTTPAdapter(pool_maxsize=connections)
    made.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return made
