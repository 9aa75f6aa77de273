"""FramedSocket over TLS, as either side."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent import socket

from ksmppd_py.transport.framed import FramedSocket
from ksmppd_py.transport.tls import server_context, unverified_client_context

CERTIFICATE = Path(__file__).with_name("certificate.pem")
"""Key and certificate for these tests only."""


@pytest.fixture(params=["client", "server"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[FramedSocket, ssl.SSLSocket]]:
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server = server_context(str(CERTIFICATE), "")
    client = unverified_client_context()
    framed = FramedSocket(ours, "peer")
    with gevent.Timeout(10):
        if request.param == "client":
            shaking = gevent.spawn(framed.start_tls, client, False, "bearerbox.test")
            peer = server.wrap_socket(theirs, server_side=True)
        else:
            shaking = gevent.spawn(framed.start_tls, server, True)
            peer = client.wrap_socket(theirs, server_hostname="ksmppd.test")
        shaking.get()
        yield framed, peer
    framed.close()
    peer.close()


def read(peer: ssl.SSLSocket, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        more = peer.recv(count - len(octets))
        assert more, "the stream ended early"
        octets += more
    return octets


def test_both_ways(pair: tuple[FramedSocket, ssl.SSLSocket]) -> None:
    framed, peer = pair
    framed.write(b"one")
    framed.write(b"two")
    assert read(peer, 6) == b"onetwo"
    peer.sendall(b"three")
    assert framed.receive(100) == b"three"


def test_what_is_written_while_the_sender_is_busy_follows(pair: tuple[FramedSocket, ssl.SSLSocket]) -> None:
    framed, peer = pair
    expected = b""
    for turn in range(20):
        frame = bytes([turn]) * 20_000
        expected += frame
        framed.write(frame)
        gevent.sleep(0)
    assert read(peer, len(expected)) == expected
    assert framed.drain(5)


def test_drain_waits_for_what_the_sender_has_in_flight(pair: tuple[FramedSocket, ssl.SSLSocket]) -> None:
    framed, peer = pair
    framed.write(b"x" * 300_000)
    gevent.sleep(0)
    assert not framed.drain(0.02)
    reading = gevent.spawn(read, peer, 300_000)
    assert framed.drain(5)
    framed.close()
    assert len(reading.get(timeout=5)) == 300_000
