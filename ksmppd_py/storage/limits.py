"""Sizes of text columns, because a lenient server cuts longer values off silently (docs/rules/database.md 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SIZES = {"tiny": 255, "": 65_535, "medium": 16_777_215, "long": 4_294_967_295}
_TEXT = re.compile(r"(tiny|medium|long)?(?:text|blob)$")
_VARYING = re.compile(r"(?:varchar|char|varbinary|binary)\((\d+)\)")
_ASCII = bytes(range(128))
_THREE = bytes.fromhex("80 82 84 85 86 87 89 8b 91 92 93 94 95 96 97 99 9b")
"""Octets that are three octets of UTF-8 in MySQL's latin1, which is cp1252: typographic quotes, the euro sign."""


@dataclass(frozen=True, slots=True)
class ColumnLimit:
    """A column that stores `octets` octets; each octet of a value is a character of one to three of them."""

    octets: int
    characters: int
    unicode: bool

    @property
    def always_fits(self) -> int:
        """Octets up to which any value fits."""
        return min(self.characters, self.octets // 3 if self.unicode else self.octets)

    def holds(self, value: bytes) -> bool:
        """Whether the server would store all of `value`."""
        if len(value) > self.characters:
            return False
        size = len(value)
        if self.unicode:
            not_ascii = value.translate(None, _ASCII)
            size += len(not_ascii) + len(not_ascii) - len(not_ascii.translate(None, _THREE))
        return size <= self.octets


def limit_of(column_type: str, collation: str | None) -> ColumnLimit | None:
    """Read a column's type as the database describes it; None when it isn't text."""
    kind = column_type.lower().strip()
    unicode = collation is not None and not collation.startswith(("latin1", "binary"))
    if found := _TEXT.match(kind):
        octets = _SIZES[found[1] or ""]
        return ColumnLimit(octets, octets, unicode)
    if found := _VARYING.match(kind):
        return ColumnLimit(int(found[1]) * 4, int(found[1]), unicode)
    return None
