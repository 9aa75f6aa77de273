"""HTTP/1.x as the operator's tools know it: gevent's WSGI server with our rules for bad requests and logging.

Request lines hold the password, so nothing here logs one.
"""

from __future__ import annotations

import logging
import re
import socket
from types import TracebackType
from typing import Any

from gevent import GreenletExit
from gevent.pywsgi import WSGIHandler, WSGIServer

logger = logging.getLogger(__name__)

SERVER = b"KSMPPD"
METHODS = ("GET", "POST", "HEAD")

_REQUEST_LINE = re.compile(r"\S+ +\S+ +HTTP/1\.\d{1,3}\r?\n", re.ASCII)
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nServer: KSMPPD\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no type hints
    """One connection."""

    def read_request(self, raw_requestline: str) -> bool:
        """Parse a request; raises ValueError for what is answered 400, if possible after its headers."""
        if not _REQUEST_LINE.fullmatch(raw_requestline):
            raise ValueError("malformed request line")
        parsed: bool = super().read_request(raw_requestline)
        if self.command not in METHODS:
            raise ValueError("unsupported method")
        return parsed

    def get_environ(self) -> dict[str, Any]:
        """The WSGI environment, with the undecoded request target as REQUEST_URI."""
        environ: dict[str, Any] = super().get_environ()
        environ["REQUEST_URI"] = self.path
        return environ

    def finalize_headers(self) -> None:
        """Complete the headers of an answer."""
        super().finalize_headers()
        self.response_headers.insert(0, (b"Server", SERVER))
        names = {name.lower() for name, _ in self.response_headers}
        if self.close_connection and b"connection" not in names:
            self.response_headers.append((b"Connection", b"close"))

    def _handle_client_error(self, ex: BaseException) -> tuple[str, bytes] | None:
        """The hook for requests that can't be read: an answer of 400, or None to close silently."""
        if isinstance(ex, OSError):
            logger.debug("Lost the admin client %s: %s", self.client_address, ex)
            return None
        logger.info(
            "Refused a malformed request from admin client %s (%s)", self.client_address, type(ex).__name__
        )
        return "400", _BAD_REQUEST

    def handle_error(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Nobody else caught this: log it and answer 500, unless the client has gone or we are stopping."""
        self.close_connection = True
        if issubclass(kind, (OSError, GreenletExit)):
            logger.debug("Lost the admin client %s: %s", self.client_address, error)
            return
        logger.error("Could not answer admin client %s", self.client_address, exc_info=(kind, error, trace))
        self._send_error_response_if_possible(500)


class Server(WSGIServer):  # type: ignore[misc]  # gevent has no type hints
    """All connections; `idle_timeout` in seconds is the longest silence of a client that we bear."""

    def __init__(self, listener: Any, application: Any, idle_timeout: float, **options: Any) -> None:
        # SERVER_NAME is given since gevent would ask the DNS for it; no access log.
        super().__init__(
            listener,
            application,
            handler_class=Handler,
            environ={"SERVER_NAME": "KSMPPD"},
            log=None,
            error_log=logger,
            **options,
        )
        self.idle_timeout = idle_timeout

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> None:
        """Do the TLS handshake within the timeout, then serve."""
        client_socket.settimeout(self.idle_timeout)
        try:
            super().wrap_socket_and_handle(client_socket, address)
        except OSError as error:
            logger.debug("Lost the admin client %s: %s", address, error)

    def handle(self, sock: Any, address: Any) -> None:
        """Serve one connection until either side closes it."""
        sock.settimeout(self.idle_timeout)
        try:
            # Head and body leave in two writes: Nagle's algorithm would hold the second until the first is acked.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            super().handle(sock, address)
        except OSError as error:
            logger.debug("Lost the admin client %s: %s", address, error)
