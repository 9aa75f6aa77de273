"""Reads the values of columns, which may have any type in an operator's database (docs/rules/database.md 4).

Text columns hold octets. Where code wants a `str`, each octet is one character (Latin-1), both ways.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from ksmppd_py.model import costs

Value: TypeAlias = "int | float | bytes | str | None"
"""A value of a statement: `bytes` are octets, `str` is a name whose characters are octets."""

_GREATEST = 2.0**64
_LEADING_NUMBER = re.compile(rb"\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)")


def octets(value: Any) -> bytes | None:
    """Return a column's octets; None stays None. Text that was typed into an SQLite blob is UTF-8."""
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "surrogateescape")


def name(value: Any) -> str | None:
    """Return a name without trailing blanks, which SQL comparisons ignore; None for NULL or empty."""
    if value is None:
        return None
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return text.rstrip(" ") or None


def real(value: Any, default: float = 0.0) -> float:
    """Return a number read leniently: leading digits, else 0; `default` for NULL. The result is within 2 ** 64."""
    if value is None:
        return default
    if isinstance(value, (int, float)):
        number: float = value
    else:
        found = _LEADING_NUMBER.match(octets(value) or b"")
        number = float(found[1]) if found else 0.0
    return float(max(-_GREATEST, min(_GREATEST, number)))


def integer(value: Any, default: int = 0) -> int:
    """Return a whole number read as leniently as `real`."""
    return value if isinstance(value, int) else int(real(value, default))


def cost_of(value: Any) -> float:
    """Return a cost; 0 for NULL and empty text, costs.UNUSABLE for anything but a plain decimal number (D-33)."""
    if value is None:
        return 0.0
    if isinstance(value, (int, float)):
        return costs.checked(value)
    text = (octets(value) or b"").decode("latin-1").strip()
    return costs.read(text) if text else 0.0


def shown(value: Any) -> str:
    """Return a value as log lines quote it."""
    return repr(value.decode("latin-1") if isinstance(value, bytes) else value)
