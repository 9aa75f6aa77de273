"""The part of a connection before its first PDU: the PROXY header with the ESME's address, and the TLS handshake."""

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

SHARE = 4
"""Above the limit of connections without a bind, one address may have 1 / SHARE of them."""


class TooSlow(Exception):
    """A connection took too long. Not TimeoutError, which the socket takes for a lost connection."""


class Preamble:
    """Reads PROXY headers and shakes hands for TLS, for `most` connections at a time and `timeout` seconds each.

    Above that it closes the oldest one of the address that has more than its share, or else the oldest of all.
    `proxies` are the patterns of addresses whose connections start with a PROXY header; no others do.
    """

    def __init__(self, proxies: str, most: int, timeout: float) -> None:
        self.proxies = proxies
        self.most = most
        self._timeout = timeout
        self._accepting: dict[FramedSocket, str] = {}

    def __len__(self) -> int:
        return len(self._accepting)

    def is_proxy(self, ip: str) -> bool:
        """Whether a connection from this address starts with a PROXY header."""
        return bool(self.proxies) and matches(self.proxies, ip)

    def accept_connection(self, framed: FramedSocket, ip: str, context: ssl.SSLContext | None) -> str | None:
        """Read the PROXY header and shake hands for TLS; return the address of the ESME.

        May yield, for at most `timeout` seconds.

        Returns None, with the connection closed, when that fails; the log has the reason.
        """
        self._accepting[framed] = source_of(ip)
        if len(self._accepting) > self.most:
            busiest = busiest_source(self._accepting.values(), self.most)
            oldest = next(each for each, of in self._accepting.items() if busiest in (None, of))
            logger.warning(
                "Too many connections without a PROXY header or TLS, the one from %s is closed",
                self._accepting[oldest],
            )
            oldest.hang_up()
        found = None
        try:
            with gevent.Timeout(self._timeout, TooSlow("too slow")):
                source = _read_header(framed) if self.is_proxy(ip) else None
                if context is not None:
                    framed.start_tls(context, True)
                found = source or ip
        except (OSError, proxy.NoProxyHeader, TooSlow) as problem:
            logger.warning("Connection from %s closed before its first PDU: %s", ip, _in_words(problem))
        finally:
            try:
                if found is None and context is not None:
                    framed.finish(0.0)  # TLS has sent the peer the reason
                elif found is None:
                    framed.close()
            finally:
                del self._accepting[framed]
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


def busiest_source(addresses: Iterable[str], most: int) -> str | None:
    """Return the address with most entries; None when it has no more than its share, a quarter of `most`."""
    [(address, count)] = Counter(addresses).most_common(1)
    return address if count > max(1, most // SHARE) else None


def set_options(connected: socket.socket) -> None:
    """Set the socket options of an ESME's connection: no delay of small segments, TCP keepalive."""
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
