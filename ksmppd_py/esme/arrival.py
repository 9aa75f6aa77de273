"""What comes before the first PDU of a connection: a proxy's word about who is behind it, and TLS."""

from __future__ import annotations

import logging
import socket
import ssl
from collections import Counter
from collections.abc import Iterable

import gevent

from ksmppd_py.ip_addresses import matches, source_of
from ksmppd_py.transport import proxy
from ksmppd_py.transport.framed import FramedSocket

logger = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds that a connection has for all of it."""

SHARE = 4
"""Of the connections that haven't bound one address may have this fraction when there are too many of them."""


class TooSlow(Exception):
    """A connection took longer than PATIENCE. Not TimeoutError, which the socket takes for a lost connection."""


class Arrivals:
    """Greets connections, at most `most` at a time; one more and the oldest of the greatest crowd is closed.

    `proxies` are the patterns of addresses whose connections start with a PROXY header; no others do.
    """

    def __init__(self, proxies: str, most: int) -> None:
        self.proxies = proxies
        self.most = most
        self._greeting: dict[FramedSocket, str] = {}

    def __len__(self) -> int:
        return len(self._greeting)

    def is_proxy(self, ip: str) -> bool:
        """Whether a connection from there starts with a PROXY header."""
        return bool(self.proxies) and matches(self.proxies, ip)

    def greet(self, framed: FramedSocket, ip: str, context: ssl.SSLContext | None) -> str | None:
        """The address of the ESME on this connection; None when it comes to nothing and is closed. May yield."""
        self._greeting[framed] = source_of(ip)
        if len(self._greeting) > self.most:
            crowd = crowding(self._greeting.values(), self.most)
            oldest = next(each for each, of in self._greeting.items() if crowd in (None, of))
            logger.warning(
                "Too many connections that say nothing, the one from %s is closed", self._greeting[oldest]
            )
            oldest.hang_up()
        found = None
        try:
            with gevent.Timeout(PATIENCE, TooSlow("too slow")):
                source = _read_header(framed) if self.is_proxy(ip) else None
                if context is not None:
                    framed.start_tls(context, True)
                found = source or ip
        except (OSError, proxy.NoProxyHeader, TooSlow) as problem:
            logger.warning("Connection from %s closed before its first PDU: %s", ip, _in_words(problem))
        finally:
            try:
                if found is None and context is not None:
                    framed.finish(0.0)  # TLS has told the peer why
                elif found is None:
                    framed.close()
            finally:
                del self._greeting[framed]
        return found


def _read_header(framed: FramedSocket) -> str | None:
    header = b""
    while True:
        wanted = proxy.octets_wanted(header)
        if not wanted:
            return proxy.source_of(header)
        octets = framed.receive(wanted)
        if not octets:
            raise proxy.NoProxyHeader(f"{len(header)} octets of a header and then the end")
        header += octets


def _in_words(problem: Exception) -> str:
    if isinstance(problem, proxy.NoProxyHeader):
        return f"no PROXY header: {problem}"
    return f"TLS: {problem.reason or problem}" if isinstance(problem, ssl.SSLError) else str(problem)


def crowding(addresses: Iterable[str], most: int) -> str | None:
    """The address that has most of them, None when that is no more than its share: a quarter of `most`."""
    [(address, count)] = Counter(addresses).most_common(1)
    return address if count > max(1, most // SHARE) else None


def set_options(connected: socket.socket) -> None:
    """As every connection of an ESME is to be."""
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
