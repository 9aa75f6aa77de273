"""Connections before their first PDU: how many may be silent, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest
from gevent import socket

from ksmppd_py.esme.preamble import Preamble
from ksmppd_py.transport.framed import FramedSocket

PROXIES = "10.0.0.*"


class Connection:
    """One from `ip`, greeted in a greenlet of its own."""

    def __init__(self, preamble: Preamble, ip: str) -> None:
        ours, self.peer = socket.socketpair()
        self.framed = FramedSocket(ours, ip)
        self.greeting = gevent.spawn(preamble.accept_connection, self.framed, ip, None)
        gevent.sleep(0)


@pytest.fixture
def limit() -> Iterator[None]:
    with gevent.Timeout(10):
        yield


@pytest.mark.usefixtures("limit")
def test_one_too_many_closes_the_oldest(caplog: pytest.LogCaptureFixture) -> None:
    preamble = Preamble(PROXIES, 1, 10.0)
    first, second = Connection(preamble, "10.0.0.1"), Connection(preamble, "10.0.0.2")
    assert first.greeting.get() is None
    assert first.peer.recv(1) == b""
    logged = [record.getMessage() for record in caplog.records]
    assert logged[0].startswith("Too many connections")
    assert logged[0].endswith("the one from 10.0.0.1 is closed")
    second.peer.sendall(b"PROXY TCP4 203.0.113.9 10.0.0.9 1 2\r\n")
    assert second.greeting.get() == "203.0.113.9"
    for each in (first, second):
        each.framed.close()
        each.peer.close()


@pytest.mark.usefixtures("limit")
def test_a_header_that_does_not_come(caplog: pytest.LogCaptureFixture) -> None:
    connection = Connection(Preamble(PROXIES, 10, 0.05), "10.0.0.1")
    connection.peer.sendall(b"PROXY TCP4 203.")
    assert connection.greeting.get() is None
    assert "closed before its first PDU: too slow" in caplog.text
    connection.framed.close()
    connection.peer.close()
