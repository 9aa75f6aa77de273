"""A client on a bare socket: what it sends and gets is visible octet by octet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from gevent import socket

from ksmppd_py.admin.server import AdminServer

StartServer = Callable[..., AdminServer]

PASSWORD = "s3cr=t&x"
PASSWORD_QUERY = "password=s3cr%3Dt%26x"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; header names in lower case."""

    status_line: str
    headers: dict[str, str]
    body: bytes

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.status_line.split()[1])


class Client:
    """One connection; every wait ends after 5 s."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), timeout=5)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.socket.close()

    def send(self, octets: bytes) -> None:
        """Send as it is."""
        self.socket.sendall(octets)

    def read(self, with_body: bool = True) -> Answer:
        """The next answer."""
        status_line = self._file.readline().decode("ascii").rstrip("\r\n")
        headers = {}
        while (line := self._file.readline().decode("ascii").rstrip("\r\n")) != "":
            name, _, value = line.partition(":")
            assert name.lower() not in headers
            headers[name.lower()] = value.strip()
        length = int(headers["content-length"]) if with_body else 0
        return Answer(status_line, headers, self._file.read(length))

    def get(self, target: str, *, password: str = PASSWORD_QUERY, method: str = "GET") -> Answer:
        """One request in the form of today's tools."""
        query = ("&" if "?" in target else "?") + password if password else ""
        self.send(f"{method} {target}{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return self.read(with_body=method != "HEAD")

    def is_closed(self) -> bool:
        """Wait for the server to close; False when it sends anything else."""
        try:
            return not self._file.read(1)
        except ConnectionResetError:
            return True

    def drain(self) -> bool:
        """Read until the server closes; return whether it did."""
        try:
            return self._file.read() is not None
        except ConnectionResetError:
            return True
