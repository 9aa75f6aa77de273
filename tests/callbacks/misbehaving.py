"""An HTTP server that a test controls, octet by octet."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable

import gevent
from gevent import socket
from gevent.event import Event
from gevent.server import StreamServer

GOOD_ROUTE = {"X-KSMPPD-Route-Status": "1", "X-KSMPPD-Route-Cost": "1.5"}


def answer(status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """A well-formed answer that keeps the connection."""
    lines = [f"HTTP/1.1 {status} whatever"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Request:
    """One request as it stood on the wire."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        head = octets.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        self.line = head[0]
        self.headers = [tuple(line.split(": ", 1)) for line in head[1:]]

    def __getitem__(self, name: str) -> str:
        return dict(self.headers)[name]


class Connection:
    """One accepted connection, for behaviours that want more than an answer."""

    def __init__(self, server: Misbehaving, connected: socket.socket) -> None:
        self.server = server
        self.socket = connected
        self.requests = 0

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)


Behaviour = Callable[[Request, Connection], bytes | None]


class Misbehaving:
    """Listens on a free port. `behaviour` returns the octets of an answer, or None when it has done everything."""

    def __init__(self, behaviour: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self.at_once = 0
        self.most_at_once = 0
        self.stopping = Event()
        options = {"ssl_context": context} if context else {}
        self._server = StreamServer(("127.0.0.1", 0), self._serve, **options)
        self._server.start()
        self.port: int = self._server.server_port

    def url(self, path: str = "/x.php", user: str = "", scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{user}{host}:{self.port}{path}"

    def hang(self, *_: object) -> None:
        """A behaviour: no answer before the test is over."""
        self.stopping.wait()

    def stop(self) -> None:
        self.stopping.set()
        self._server.stop(0.1)
        for connection in self.connections:
            connection.socket.close()

    def _serve(self, connected: socket.socket, _: object) -> None:
        connection = Connection(self, connected)
        self.connections.append(connection)
        octets = b""
        try:
            while True:
                while (end := re.search(rb"\r\n\r\n", octets)) is None:
                    more = connected.recv(65536)
                    if not more:
                        return
                    octets += more
                request = Request(octets[: end.end()])
                octets = octets[end.end() :]
                self._answer(request, connection)
        except OSError:
            return
        finally:
            connected.close()

    def _answer(self, request: Request, connection: Connection) -> None:
        self.requests.append(request)
        connection.requests += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = self.behaviour(request, connection)
        finally:
            self.at_once -= 1
        if reply is not None:
            connection.send(reply)


def slowly(seconds: float, octets: bytes) -> Behaviour:
    """Answer after a while."""

    def behave(request: Request, connection: Connection) -> bytes:
        gevent.sleep(seconds)
        return octets

    return behave


def dripping(octets: bytes, pause: float) -> Behaviour:
    """Answer octet by octet."""

    def behave(request: Request, connection: Connection) -> None:
        for octet in octets:
            connection.send(bytes((octet,)))
            gevent.sleep(pause)

    return behave
