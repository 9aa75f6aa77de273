"""Patterns of IP addresses: connect_allow_ip and ip-blocklist-exempt-ips (spec/smpp-session.md 5.3)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache

_SEPARATORS = re.compile(r"[;,\s]+")


def matches(patterns: str, ip: str) -> bool:
    """Whether one of `patterns` (separated by `;`, `,` or blanks) is true of the address.

    In a pattern `*` stands for the rest of an octet, so it never crosses a dot: `10.0.*.*`, `192.168.1.1*`.
    Networks such as `10.0.0.0/8` are understood, too.
    """
    return any(accepts(ip) for accepts in _compiled(patterns))


@lru_cache(maxsize=1024)
def _compiled(patterns: str) -> tuple[Callable[[str], bool], ...]:
    return tuple(_compile(pattern) for pattern in _SEPARATORS.split(patterns) if pattern)


def _compile(pattern: str) -> Callable[[str], bool]:
    if "/" in pattern:
        try:
            network = ipaddress.ip_network(pattern, strict=False)
        except ValueError:
            return lambda _: False
        return lambda ip: _within(ip, network)
    # At least one character: the original's `192.168.1.1*` takes 192.168.1.10 and not 192.168.1.1. All of them: behind
    # a `*` nothing but a dot can match.
    expression = "".join(r"[^.]+(?![^.])" if char == "*" else re.escape(char) for char in pattern)
    compiled = re.compile(expression)
    return lambda ip: compiled.fullmatch(ip) is not None


def _within(ip: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(ip) in network
    except ValueError:
        return False
