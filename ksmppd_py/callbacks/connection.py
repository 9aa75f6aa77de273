"""One connection to an HTTP server, over which requests are sent one at a time."""

from __future__ import annotations

import select
import socket
from time import monotonic
from typing import Any, NamedTuple, TypeAlias

import gevent
from gevent import monkey
from geventhttpclient.connectionpool import ConnectionPool, SSLConnectionPool
from geventhttpclient.response import HTTPParseError

from ksmppd_py.callbacks.endpoint import Endpoint
from ksmppd_py.callbacks.parser import AnswerParser
from ksmppd_py.errors import KsmppdError
from ksmppd_py.transport.batch_results import MISSING, BatchResults
from ksmppd_py.transport.descriptors import HALF, is_kept_back

RECEIVE_OCTETS = 16384
"""Octets read at a time, at most."""
LONGEST_HEAD = 131_072
"""Octets of an answer's status line and headers; above it the answer is refused."""
LONGEST_BODY = 1_048_576
"""Octets of a body that are read and dropped; a longer one closes the connection."""
_poll = monkey.get_original("select", "poll")  # with 0 s it never waits, and gevent's is expensive


class HttpAnswer(NamedTuple):
    """Status code and headers as received, octets as Latin-1."""

    status: int
    headers: list[tuple[str, str]]


Answers: TypeAlias = BatchResults[HttpAnswer | KsmppdError]


class Request:
    """One request of a batch; `deadline` is monotonic seconds."""

    __slots__ = ("_batch", "_position", "deadline", "octets")

    def __init__(self, octets: bytes, deadline: float, batch: Answers, position: int) -> None:
        self.octets = octets
        self.deadline = deadline
        self._batch = batch
        self._position = position

    @property
    def is_settled(self) -> bool:
        """Whether it has its answer, or an error in its place."""
        return self._batch.results[self._position] is not MISSING

    def settle(self, answer: HttpAnswer | KsmppdError) -> None:
        """Set the answer unless there is one; with the last one of its batch the caller wakes. Doesn't yield."""
        self._batch.settle(self._position, answer)


class Broken(Exception):
    """A connection was lost or sent nonsense; `silent` = before the first octet of an answer."""

    def __init__(self, reason: str, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent


class NoConnection(Broken):
    """No connection could be opened in time."""


def connections(endpoint: Endpoint, ca_file: str, size: int, connect: float, total: float) -> ConnectionPool:
    """Return a pool of at most `size` connections, TLS included, that checks the server's certificate."""
    there = (endpoint.host, endpoint.port, endpoint.host, endpoint.port)
    if not endpoint.tls:
        return ConnectionPool(*there, size=size, connection_timeout=connect, network_timeout=total)
    return SSLConnectionPool(
        *there,
        ssl_options={"ca_certs": ca_file},
        size=size,
        connection_timeout=connect,
        network_timeout=total,
    )


class Connection:
    """A worker's connection: opened with the first request, kept as long as the server keeps it."""

    __slots__ = ("_connect_timeout", "_poll", "_pool", "_socket", "was_reused")

    def __init__(self, pool: ConnectionPool, connect_timeout: float) -> None:
        self._pool = pool
        self._connect_timeout = connect_timeout
        self._socket: socket.socket | None = None
        self._poll: Any = None
        self.was_reused = False

    def ask(self, request: Request) -> None:
        """Send, and settle the request when the headers have come. Raises Broken, OSError, HTTPParseError."""
        if self._socket is not None and self._poll.poll(0):
            self.close()  # the server's end, or octets that belong to no request
        self.was_reused = self._socket is not None
        connected = self._socket or self._open(request)
        parser = AnswerParser()
        try:
            self._send(connected, request)
            self._read(connected, request, parser)
        except BaseException:
            self.close()
            raise
        if not parser.complete or parser.surplus or not parser.should_keep_alive():
            self.close()

    def _open(self, request: Request) -> socket.socket:
        """Connect within the limit, name look-up and TLS included. May yield."""
        limit = gevent.Timeout(max(0.001, min(self._connect_timeout, request.deadline - monotonic())))
        try:
            with limit:
                connected: socket.socket = self._pool.get_socket()
        except gevent.Timeout as timeout:
            if timeout is not limit:
                raise
            raise NoConnection(f"no connection within {limit.seconds:g} s") from None
        except TimeoutError:
            raise NoConnection(f"no connection within {self._connect_timeout:g} s") from None
        self._socket = connected
        if is_kept_back(connected.fileno(), HALF):
            self.close()
            raise NoConnection("too few file descriptors are left")
        self._poll = _poll()
        self._poll.register(connected.fileno(), select.POLLIN)
        return connected

    @staticmethod
    def _send(connected: socket.socket, request: Request) -> None:
        connected.settimeout(max(0.001, request.deadline - monotonic()))
        try:
            connected.sendall(request.octets)
        except TimeoutError:
            raise
        except OSError as error:
            raise Broken(f"the connection broke: {error}", silent=True) from error

    @staticmethod
    def _read(connected: socket.socket, request: Request, parser: AnswerParser) -> None:
        """Settle the request by the headers, then read and drop the body. May yield."""
        received = 0
        while not parser.complete:
            try:
                octets = connected.recv(RECEIVE_OCTETS)
            except ConnectionError as error:
                raise Broken(f"the connection broke: {error}", silent=not received) from error
            if not octets and not received:
                raise Broken("the server closed the connection", silent=True)
            received += len(octets)
            try:
                parser.feed(octets)
            except HTTPParseError:
                if not parser.has_headers and octets:
                    raise
                parser.surplus = True  # the body has another length than announced; the headers are good
            if parser.has_headers:
                request.settle(HttpAnswer(parser.get_code(), parser.headers))
                if parser.surplus or received > LONGEST_HEAD + LONGEST_BODY:
                    return
            elif not octets:
                raise Broken("the server closed the connection within its answer's headers")
            elif received > LONGEST_HEAD:
                raise Broken(f"the answer's headers are longer than {LONGEST_HEAD} octets")
            if not octets:
                return
            if not parser.complete:
                connected.settimeout(max(0.001, request.deadline - monotonic()))

    def close(self) -> None:
        """Close the connection, if it is open. Doesn't yield."""
        if self._socket is not None:
            self._pool.release_socket(self._socket)
            self._socket = None
