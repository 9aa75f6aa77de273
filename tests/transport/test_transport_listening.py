"""Sockets that listen: which addresses reach them."""

from __future__ import annotations

import socket

import pytest
from gevent import socket as gevent_socket

from ksmppd_py.transport.listening import listen


def reaches(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("interface", "ipv4", "ipv6"),
    [
        ("", True, True),
        ("::", True, True),
        ("0.0.0.0", True, False),
        ("127.0.0.1", True, False),
        ("::1", False, True),
        ("localhost", True, None),  # as the machine has it
    ],
)
def test_who_gets_in(interface: str, ipv4: bool, ipv6: bool | None) -> None:
    with listen(interface, 0, 5) as listening:
        port = listening.getsockname()[1]
        if ipv6 is None:
            assert reaches("127.0.0.1", port) or reaches("::1", port)
        else:
            assert (reaches("127.0.0.1", port), reaches("::1", port)) == (ipv4, ipv6)


def test_a_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    real = gevent_socket.socket

    def make(family: int, *arguments: int) -> gevent_socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *arguments)

    monkeypatch.setattr(gevent_socket, "socket", make)
    with listen("", 0, 5) as listening:
        assert listening.getsockname()[0] == "0.0.0.0"
    with pytest.raises(OSError, match="Address family"):
        listen("::", 0, 5)


@pytest.mark.parametrize("interface", ["", "::", "127.0.0.1", "::1"])
def test_a_port_that_is_taken(interface: str) -> None:
    with listen("", 0, 5) as listening, pytest.raises(OSError, match="in use"):
        listen(interface, listening.getsockname()[1], 5)


@pytest.mark.parametrize("interface", ["no-such-host.invalid", "a..b", "192.0.2.1", "2001:db8::1"])
def test_what_is_no_address_of_ours(interface: str) -> None:
    with pytest.raises((OSError, UnicodeError)):
        listen(interface, 0, 5)
