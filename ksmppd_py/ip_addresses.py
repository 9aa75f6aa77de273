"""IP addresses as text, and the patterns of connect_allow_ip, ip-blocklist-exempt-ips and smpp-proxy-allow-ip."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Accepts: TypeAlias = Callable[[str, Address | None], bool]

SUBNET = 64
"""Leading bits of an IPv6 address that identify a subscriber, who can choose the other 64."""
_SEPARATORS = re.compile(r"[;,\s]+")
_IPV4_PATTERN = re.compile(r"(?:[0-9]{1,3}|\*)(?:\.(?:[0-9]{1,3}|\*)){3}|(?:[0-9*]+\.){3}[0-9*]+")
_GROUP = re.compile(r"[0-9a-f]{1,4}|[0-9a-f]{0,3}\*")
_GROUPS = 8


def plain(ip: str) -> str:
    """Return the address in its usual form: an IPv4 address in IPv6's form (`::ffff:10.0.0.1`) as IPv4, no zone.

    A text that isn't an address is returned as it is.
    """
    address = _parse(ip)
    return ip if address is None else str(address)


def source_of(ip: str) -> str:
    """Return the address as which this one is counted: an IPv6 address's `/64` network, any other itself."""
    address = _parse(ip) if ":" in ip else None
    if not isinstance(address, ipaddress.IPv6Address):
        return ip if address is None else str(address)
    return str(ipaddress.ip_network((address, SUBNET), strict=False))


def _parse(ip: str) -> Address | None:
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def matches(patterns: str, ip: str) -> bool:
    """Whether one of `patterns` (separated by `;`, `,` or blanks) matches the address.

    In a pattern `*` stands for the rest of an octet, so it never crosses a dot: `10.0.*.*`, `192.168.1.1*`; in an IPv6
    address for the rest of a group, and at the end for all remaining groups: `2001:db8:*`. `::` is zeros. Networks such
    as `10.0.0.0/8` and `2001:db8::/32` are allowed. An address may be written in any form.
    """
    address = _parse(ip)
    text = ip if address is None else str(address)
    return any(accepts(text, address) for accepts in _compiled(patterns))


def is_pattern(pattern: str) -> bool:
    """Whether this pattern can match any address."""
    if "/" in pattern:
        return _network(pattern) is not None
    if ":" in pattern:
        return _parse(pattern) is not None or _groups(pattern) is not None
    return _IPV4_PATTERN.fullmatch(pattern) is not None


@lru_cache(maxsize=1024)
def _compiled(patterns: str) -> tuple[Accepts, ...]:
    return tuple(_compile(pattern) for pattern in _SEPARATORS.split(patterns) if pattern)


def _compile(pattern: str) -> Accepts:
    if "/" in pattern:
        network = _network(pattern)
        return lambda _, address: network is not None and address is not None and address in network
    if ":" in pattern:
        return _compile_ipv6(pattern)
    # At least one character: KSMPPD's `192.168.1.1*` matches 192.168.1.10 and not 192.168.1.1. The rest of the octet:
    # after a `*` only a dot can match.
    expression = "".join(r"[^.:]+(?![^.])" if char == "*" else re.escape(char) for char in pattern)
    compiled = re.compile(expression)
    return lambda text, _: compiled.fullmatch(text) is not None


def _network(pattern: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the network that a pattern names, an IPv4 network also in IPv6's form; None when it names none."""
    try:
        network = ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


def _compile_ipv6(pattern: str) -> Accepts:
    wanted = _parse(pattern)
    if wanted is not None:
        return lambda _, address: address == wanted
    groups = _groups(pattern)
    if groups is None:
        return lambda _text, _address: False
    expression = re.compile(":".join(map(_group_expression, groups)))

    def accepts(_: str, address: Address | None) -> bool:
        if not isinstance(address, ipaddress.IPv6Address):
            return False
        number = int(address)
        text = ":".join(f"{number >> shift & 0xFFFF:x}" for shift in range(112, -1, -16))
        return expression.fullmatch(text) is not None

    return accepts


def _group_expression(group: str) -> str:
    return group.replace("*", "[0-9a-f]+") if "*" in group else f"{int(group, 16):x}"


def _groups(pattern: str) -> list[str] | None:
    """Return the eight groups of an IPv6 pattern; None when it isn't one."""
    before, gap, after = pattern.lower().partition("::")
    head, tail = before.split(":") if before else [], after.split(":") if after else []
    missing = _GROUPS - len(head) - len(tail)
    if gap:
        groups = head + ["0"] * missing + tail if missing > 0 else []
    elif head[-1] == "*":
        groups = head + ["*"] * missing
    else:
        groups = head
    whole = len(groups) == _GROUPS and all(_GROUP.fullmatch(group) for group in groups)
    return groups if whole else None
