"""Reads the headers of an answer as leniently as the C daemon does (docs/rules/http.md 1.2 and 2.2)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def is_integer(text: str | None) -> bool:
    """Whether a value starts with an integer, as C reads one; None is a missing or empty header."""
    return text is not None and _INTEGER.match(text) is not None


class Headers:
    """Headers by name in any case. The first one of a name counts; values have no blanks around them."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), value.strip())

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def items(self) -> Iterable[tuple[str, str]]:
        """Name in lower case and value of each."""
        return self._values.items()

    def text(self, name: str) -> str | None:
        """Return the value; None when it is missing or empty."""
        return self._values.get(name.lower()) or None

    def integer(self, name: str) -> int:
        """Return the integer that the value starts with, else 0."""
        found = _INTEGER.match(self._values.get(name.lower(), ""))
        return int(found[0]) if found else 0

    def real(self, name: str) -> float | None:
        """Return the number that the value starts with; None without one, or if it isn't finite."""
        found = _REAL.match(self._values.get(name.lower(), ""))
        number = float(found[0]) if found else math.inf
        return number if math.isfinite(number) else None
