"""Looks names up in such a way that no look-up waits for others.

Addresses and `localhost` need none. Equal questions at the same time are asked once. The hosts of the configuration
have threads of their own; all other names, above all those of plugins, share a few.
"""

from __future__ import annotations

import _socket
import copy
from collections.abc import Callable, Iterable
from typing import Any

from gevent import Greenlet
from gevent.hub import get_hub
from gevent.threadpool import ThreadPool

from ksmppd_py.transport.greenlets import GreenletGroup

THREADS = 10
"""Threads for names that aren't in the configuration."""
MOST_UNDER_WAY = 1000
"""Different questions at the same time; further ones are refused."""
_LOOPBACK = ("127.0.0.1", "::1")


class Resolver:
    """The resolver that gevent uses (gevent.resolver.AbstractResolver). Raises as the functions of `socket`."""

    def __init__(self, threads: int = THREADS, most_under_way: int = MOST_UNDER_WAY) -> None:
        self._others = ThreadPool(threads)
        self._ours = ThreadPool(1)
        self._known: frozenset[str] = frozenset()
        self._greenlets = GreenletGroup("look-ups")
        self._under_way: dict[object, Greenlet] = {}
        self._most_under_way = most_under_way

    def know(self, hosts: Iterable[str]) -> None:
        """Take these as the hosts of the configuration from now on. Doesn't yield."""
        known = [host.lower() for host in hosts]
        self._known = frozenset(known)
        self._ours.maxsize = max(1, len(known))  # one for each, as a host may be looked up with two ports

    def close(self) -> None:
        """Let threads and greenlets end by themselves."""

    def getaddrinfo(
        self, host: Any, port: Any, family: int = 0, kind: int = 0, protocol: int = 0, flags: int = 0
    ) -> list[Any]:
        """Do as socket.getaddrinfo. Yields only when a name has to be looked up."""
        arguments = (host, port, family, kind, protocol, flags)
        if not isinstance(port, str) or port.isdigit():
            found = _without_asking(*arguments)
            if found:
                return found
        return list(self._ask(host, _socket.getaddrinfo, arguments))

    def gethostbyname(self, host: Any) -> str:
        """Do as socket.gethostbyname. Yields only when a name has to be looked up."""
        found = _without_asking(host, None, _socket.AF_INET, 0, 0, 0) if host else []
        return str(found[0][4][0] if found else self._ask(host, _socket.gethostbyname, (host,)))

    def gethostbyname_ex(self, host: Any) -> Any:
        """Do as socket.gethostbyname_ex. May yield."""
        return self._ask(host, _socket.gethostbyname_ex, (host,))

    def gethostbyaddr(self, address: Any) -> Any:
        """Do as socket.gethostbyaddr. May yield."""
        return self._ask(address, _socket.gethostbyaddr, (address,))

    def getnameinfo(self, address: Any, flags: int) -> Any:
        """Do as socket.getnameinfo. May yield."""
        return self._ask(None, _socket.getnameinfo, (address, flags))

    def _ask(self, host: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Ask, or wait for the answer to the same question; the question goes on when a caller gives up. May yield."""
        key = (function.__name__, arguments)
        asking = self._under_way.get(key)
        if asking is None:
            if len(self._under_way) >= self._most_under_way:
                raise _socket.gaierror(_socket.EAI_AGAIN, "too many names are being looked up")
            name = host.decode("latin-1") if isinstance(host, bytes) else str(host)
            pool = self._ours if name.lower() in self._known else self._others
            asking = self._under_way[key] = self._greenlets.spawn(
                "look-up", self._run, key, pool, function, arguments
            )
        answer, error = asking.get()
        if error is not None:
            raise copy.copy(error)
        return answer

    def _run(
        self, key: object, pool: ThreadPool, function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> tuple[Any, Exception | None]:
        try:
            answer: tuple[Any, Exception | None] = pool.apply(_quietly, (function, arguments))
            return answer
        except Exception as error:
            return None, error
        finally:
            del self._under_way[key]


def _quietly(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """Call the function in a thread and return its result and error, because gevent would print an exception."""
    try:
        return function(*arguments), None
    except Exception as error:
        return None, error


def _without_asking(host: Any, port: Any, family: int, kind: int, protocol: int, flags: int) -> list[Any]:
    """Return the result for an address or a name of this machine; empty for names that must be looked up."""
    name = host.decode("latin-1") if isinstance(host, bytes) else host
    hosts: tuple[Any, ...] = (host,)
    if name is not None and name.lower().rstrip(".") == "localhost":
        hosts = _LOOPBACK
    found: list[Any] = []
    for each in hosts:
        try:
            found += _socket.getaddrinfo(each, port, family, kind, protocol, flags | _socket.AI_NUMERICHOST)
        except _socket.gaierror:
            continue
    return found


def install(hosts: Iterable[str] = ()) -> Resolver:
    """Use this resolver for all look-ups of the running thread; `hosts` are those of the configuration."""
    resolver = Resolver()
    resolver.know(hosts)
    get_hub().resolver = resolver
    return resolver


def know(hosts: Iterable[str]) -> None:
    """Take these as the hosts of the configuration; nothing happens without `install`. Doesn't yield."""
    resolver = get_hub().resolver
    if isinstance(resolver, Resolver):
        resolver.know(hosts)
