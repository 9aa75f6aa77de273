"""By which names browsers may show the dashboard.

A stranger's page can have its own name lead to our address (DNS rebinding); a browser then takes us for that page's
server. Such a name always has a dot and is neither an address nor `localhost`, so these need not be told.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::[0-9]*)?")


class HostNames:
    """The names that were configured, our own, and all that no stranger's page can have."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name.lower().rstrip(".") for name in names if name)

    def knows(self, host: str) -> bool:
        """Whether the value of a Host header (RFC 9110, 7.2) is one of them; so is none, which no browser sends."""
        match = _HOST.fullmatch(host.strip())
        if match is None:
            return False
        name = match[1].strip("[]").lower().rstrip(".")
        if "." not in name and ":" not in name:
            return True
        return name in self._names or name.endswith(".localhost") or _is_address(name)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
