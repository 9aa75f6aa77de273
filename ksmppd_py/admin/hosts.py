"""The names under which browsers may show the dashboard.

Another site's page can point its own name at this server's address (DNS rebinding); the browser then takes this server
for that site's. Such a name always has a dot and is neither an address nor `localhost`, so names without a dot,
addresses and `localhost` are allowed without configuration.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::[0-9]*)?")


class HostNames:
    """The given names, and all names that another site's page can't have."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name.lower().rstrip(".") for name in names if name)

    def knows(self, host: str) -> bool:
        """Whether the value of a Host header (RFC 9110, 7.2) is allowed; an empty one is, since no browser sends it."""
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
