"""Opens listening sockets on IPv4, IPv6 or both."""

from __future__ import annotations

import socket as stdlib_socket

from gevent import socket

EVERYWHERE = "::"
"""All addresses of both families: an IPv6 socket that takes IPv4 connections too."""


def listen(interface: str, port: int, backlog: int) -> socket.socket:
    """Return a socket that listens on an address or host name; "" and `::` are all addresses, `0.0.0.0` all of IPv4.

    On a machine without IPv6 "" is all IPv4 addresses. Raises OSError and UnicodeError. A host name may ask the DNS.
    """
    if interface:
        return _listen(interface, port, backlog)
    try:
        return _listen(EVERYWHERE, port, backlog)
    except OSError:
        return _listen("0.0.0.0", port, backlog)  # reports the error if IPv6 wasn't it


def _listen(host: str, port: int, backlog: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=stdlib_socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_REUSEADDR, 1)
        if family == stdlib_socket.AF_INET6:
            alone = int(host != EVERYWHERE)
            listening.setsockopt(stdlib_socket.IPPROTO_IPV6, stdlib_socket.IPV6_V6ONLY, alone)
        listening.bind(address)
        listening.listen(backlog)
    except OSError:
        listening.close()
        raise
    return listening
