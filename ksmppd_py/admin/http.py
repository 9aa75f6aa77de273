"""HTTP/1.x for operators' tools: gevent's WSGI server with stricter rules for bad requests and logging.

Request lines hold the password, so they are never logged.
"""

from __future__ import annotations

import io
import logging
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import gevent
from gevent import Greenlet, GreenletExit
from gevent.pool import Pool
from gevent.pywsgi import Input, WSGIHandler, WSGIServer, headers_factory

from ksmppd_py.admin.heads import LONGEST_HEAD, MOST_LINES, BadRequest, check_fields, line_end
from ksmppd_py.admin.requests import Accepted
from ksmppd_py.admin.timed_reader import TimedReader
from ksmppd_py.ip_addresses import plain
from ksmppd_py.transport.descriptors import HALF, SparingServer

logger = logging.getLogger(__name__)

SERVER = b"KSMPPD"

_REQUEST_LINE = re.compile(r"[^\s\x00-\x20\x7f]+ +[^\s\x00-\x20\x7f]+ +HTTP/1\.\d{1,3}\r?\n", re.ASCII)
_END = b"\r\nServer: KSMPPD\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request" + _END
_TOO_LARGE = b"HTTP/1.1 413 Content Too Large" + _END


class _TooLarge(ValueError):
    """A body of more octets than are accepted on its path."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Seconds: `idle_timeout` of a client's silence, `request_time` from a request's first octet to its last."""

    idle_timeout: float = 60.0
    request_time: float = 10.0
    max_connections: int = 500


class Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no type hints
    """One connection. A request is read whole, body included, before it is processed."""

    def __init__(self, sock: Any, address: Any, server: Server) -> None:
        limits = server.limits
        self._octets = TimedReader(sock, limits.idle_timeout, limits.request_time)
        super().__init__(sock, address, server, io.BufferedReader(self._octets))
        self._line_end = b"\r\n"
        self._body = b""

    def read_requestline(self) -> str:
        """Return the next request's first line; "" when none comes. May yield."""
        self.server.note_waiting(self.client_address[0])
        self._octets.expect()
        if not self.rfile.peek(1):
            return ""
        self._octets.begin()
        line: str = super().read_requestline()
        return "" if self._octets.ended and not line.endswith("\n") else line

    def read_request(self, raw_requestline: str) -> bool:
        """Read the rest of a request. Raises ValueError for an answer of 400, if possible after the headers.

        May yield.
        """
        if not _REQUEST_LINE.fullmatch(raw_requestline):
            raise BadRequest("malformed request line")
        self._line_end = line_end(raw_requestline.encode("latin-1"))
        parsed: bool = super().read_request(raw_requestline)
        accepted: Accepted = self.server.accepted(self.path)
        if self.command not in accepted.methods:
            raise BadRequest("unsupported method")
        self._body = self._read_body(accepted.longest_body)
        self.server.note_serving()
        return parsed

    def MessageClass(self, *_: Any) -> Any:  # noqa: N802 - gevent's name
        """Read the headers. Raises BadRequest. May yield."""
        lines: list[bytes] = []
        octets = 0
        while (line := self.rfile.readline(LONGEST_HEAD)) not in (b"\r\n", b"\n"):
            octets += len(line)
            if self._octets.ended and not line.endswith(b"\n"):
                raise ConnectionError("the client hung up, or was too slow")
            if octets >= LONGEST_HEAD or len(lines) >= MOST_LINES:
                raise BadRequest("too many headers")
            lines.append(line)
        if line != self._line_end:
            raise BadRequest("lines that end in two ways")
        check_fields(lines, self._line_end, self.request_version)
        return headers_factory(io.BytesIO(b"".join(lines) + b"\r\n"))

    def _read_body(self, longest: int) -> bytes:
        chunked = "transfer-encoding" in self.headers
        if not chunked and not self.content_length:
            return b""
        if (self.content_length or 0) > longest:
            raise _TooLarge
        waits = self.headers.get("expect", "").lower() == "100-continue"
        source = Input(self.rfile, self.content_length, self.socket if waits else None, chunked)
        try:
            body: bytes = source.read(longest + 1)
        except OSError as error:  # gevent's error about chunks is one
            if self._octets.ended or isinstance(error, ConnectionError):
                raise
            raise BadRequest("malformed chunks") from error
        if len(body) > longest:
            raise _TooLarge
        return body

    def get_environ(self) -> dict[str, Any]:
        """Return the WSGI environment, with the undecoded request target as REQUEST_URI."""
        environ: dict[str, Any] = super().get_environ()
        environ["REQUEST_URI"] = self.path
        self.wsgi_input = environ["wsgi.input"] = Input(io.BytesIO(self._body), len(self._body))
        environ["CONTENT_LENGTH"] = str(len(self._body))
        return environ

    def write(self, data: bytes) -> None:
        """Send a piece of the answer; a client that doesn't read it is treated as a silent one. May yield."""
        self.server.note_waiting(self.client_address[0])
        super().write(data)

    def finalize_headers(self) -> None:
        """Complete the headers of an answer."""
        super().finalize_headers()
        self.response_headers.insert(0, (b"Server", SERVER))
        names = {name.lower() for name, _ in self.response_headers}
        if self.close_connection and b"connection" not in names:
            self.response_headers.append((b"Connection", b"close"))

    def _handle_client_error(self, ex: BaseException) -> tuple[str, bytes] | None:
        """Return the answer 400 to a request that can't be read, or None to close without one."""
        if isinstance(ex, OSError):
            logger.debug("Lost the admin client %s: %s", self.client_address[0], ex)
            return None
        reason = str(ex) if isinstance(ex, BadRequest) else type(ex).__name__
        logger.warning(
            "Refused a malformed request from admin client %s (%s)", self.client_address[0], reason
        )
        return ("413", _TOO_LARGE) if isinstance(ex, _TooLarge) else ("400", _BAD_REQUEST)

    def handle_error(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Log an unexpected error and answer 500, unless the client has gone or the server stops."""
        self.close_connection = True
        if issubclass(kind, (OSError, GreenletExit)):
            logger.debug("Lost the admin client %s: %s", self.client_address[0], error)
            return
        logger.error(
            "Could not answer admin client %s", self.client_address[0], exc_info=(kind, error, trace)
        )
        self._send_error_response_if_possible(500)


class Server(SparingServer, WSGIServer):  # type: ignore[misc]  # gevent has no type hints
    """All connections. One above the limit closes the one that has waited longest for its request.

    `accepted` returns the requests that are accepted for a target. Operators may use half of the descriptors that are
    kept back.
    """

    part = HALF

    def __init__(
        self,
        listener: Any,
        application: Any,
        limits: HttpLimits,
        accepted: Callable[[str], Accepted],
        **options: Any,
    ) -> None:
        # SERVER_NAME is given since gevent would ask the DNS for it; no access log.
        super().__init__(
            listener,
            application,
            handler_class=Handler,
            environ={"SERVER_NAME": "KSMPPD"},
            log=None,
            error_log=logger,
            spawn=Pool(),
            **options,
        )
        self.limits = limits
        self.accepted = accepted
        self._waiting: dict[Greenlet, str] = {}

    def note_waiting(self, peer: str) -> None:
        """Note that the running greenlet waits for a request of its client at `peer`. Doesn't yield."""
        current = gevent.getcurrent()
        self._waiting.pop(current, None)
        self._waiting[current] = peer

    def note_serving(self) -> None:
        """Note that the running greenlet has a whole request and processes it. Doesn't yield."""
        self._waiting.pop(gevent.getcurrent(), None)

    def make_room(self) -> bool:
        """Have the connection that waited longest closed; return False when all are busy. Doesn't yield."""
        if not self._waiting:
            return False
        oldest = next(iter(self._waiting))
        logger.warning(
            "Too many connections to the administration port, the one from %s is closed",
            self._waiting.pop(oldest),
        )
        oldest.kill(block=False)
        return True

    def do_handle(self, *arguments: Any) -> None:
        """Take a connection, in the hub. With too many another one is closed, or this one if all others are busy."""
        if len(self.pool) >= self.limits.max_connections and not self.make_room():
            logger.warning("All connections of the administration port are at work, one more is refused")
            arguments[0].close()
            return
        connected, address = arguments
        super().do_handle(connected, (plain(address[0]), *address[1:]))

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> None:
        """Do the TLS handshake within the limits, then serve."""
        self.note_waiting(address[0])
        client_socket.settimeout(self.limits.idle_timeout)
        try:
            with self.wrap_socket(client_socket, **self.ssl_args) as tls:
                with gevent.Timeout(self.limits.request_time, TimeoutError("too slow")):
                    tls.do_handshake()
                self.handle(tls, address)
        except ssl.SSLError as error:
            if error.reason == "HTTP_REQUEST":
                logger.warning(
                    "Plain HTTP from %s to the administration port, which speaks HTTPS", address[0]
                )
            else:
                logger.debug("Lost the admin client %s: %s", address[0], error)
        except OSError as error:
            logger.debug("Lost the admin client %s: %s", address[0], error)
        finally:
            self.note_serving()

    def handle(self, sock: Any, address: Any) -> None:
        """Serve one connection until either side closes it."""
        self._waiting.setdefault(gevent.getcurrent(), address[0])
        sock.settimeout(self.limits.idle_timeout)
        try:
            # Head and body leave in two writes: Nagle's algorithm would hold the second until the first is acked.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            super().handle(sock, address)
        except OSError as error:
            logger.debug("Lost the admin client %s: %s", address[0], error)
        finally:
            self.note_serving()
