"""HAProxy's PROXY protocol, versions 1 and 2: the client's address in front of a connection that a proxy opened.

https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt; its sections are named here.
"""

from __future__ import annotations

import ipaddress
import socket

from ksmppd_py.ip_addresses import plain

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""First octets of a version 2 header (PROXY protocol, 2.2), with which no version 1, HTTP or SMPP starts."""
LONGEST_LINE = 107
"""Octets of a version 1 header at most, CR LF included (PROXY protocol, 2.1)."""
MOST_ADDITIONS = 4096
"""Octets after a version 2 header's fixed part; more are refused."""
_WORD = b"PROXY "
_SHORTEST_LINE = len(b"PROXY UNKNOWN\r\n")
_FIXED = 16
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21


class NoProxyHeader(Exception):
    """The connection doesn't start with a header of the protocol."""


def octets_wanted(header: bytes) -> int:
    """Return how many more octets the header has at least; 0 when it is whole. Raises NoProxyHeader.

    A reader that reads no more than this never reads what follows the header.
    """
    size = len(header)
    if SIGNATURE.startswith(header[: len(SIGNATURE)]) and header:
        if size < _FIXED:
            return _FIXED - size
        additions = int.from_bytes(header[14:16], "big")
        if additions > MOST_ADDITIONS:
            raise NoProxyHeader(f"{additions} octets of addresses")
        return _FIXED + additions - size
    if not _WORD.startswith(header[: len(_WORD)]):
        raise NoProxyHeader("neither version 1 nor 2")
    if size < _SHORTEST_LINE:
        return _SHORTEST_LINE - size
    if header.endswith(b"\r\n"):
        return 0
    if size >= LONGEST_LINE or b"\n" in header:
        raise NoProxyHeader("a line without its end")
    return 1


def source_of(header: bytes) -> str | None:
    """Return the address of the client in a whole header; None when the proxy speaks for itself or doesn't know.

    Raises NoProxyHeader.
    """
    if header.startswith(SIGNATURE):
        return _source_of_2(header)
    words = header[:-2].split(b" ")
    if words[1] == b"UNKNOWN":
        return None
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise NoProxyHeader(f"{words[1]!r} with {len(words)} words")
    try:
        address = ipaddress.ip_address(words[2].decode("ascii"))
    except ValueError as error:
        raise NoProxyHeader(f"{words[2]!r} is no address") from error
    if address.version != (4 if words[1] == b"TCP4" else 6):
        raise NoProxyHeader(f"{words[2]!r} is no address of {words[1].decode()}")
    return plain(str(address))


def _source_of_2(header: bytes) -> str | None:
    command, family = header[12], header[13]
    if command == _LOCAL:
        return None  # 2.2: a health check of the proxy itself
    if command != _PROXY:
        raise NoProxyHeader(f"version and command 0x{command:02X}")
    if family == _TCP4 and len(header) >= _FIXED + 12:
        return socket.inet_ntop(socket.AF_INET, header[16:20])
    if family == _TCP6 and len(header) >= _FIXED + 36:
        return plain(socket.inet_ntop(socket.AF_INET6, header[16:32]))
    if family in (_TCP4, _TCP6):
        raise NoProxyHeader(f"{len(header) - _FIXED} octets of addresses")
    return None  # 2.2: neither TCP over IPv4 nor over IPv6
