"""Rewrites POSIX extended regular expressions, as glibc reads them, for RE2 (docs/rules/flows.md 7.1).

Operators wrote their routes in the C daemon's dialect. RE2 reads most of it the same; this rewrites the rest:
backslashes inside and outside brackets, `{,n}`, collating symbols, GNU's word and buffer anchors.
"""

from __future__ import annotations

import re

_INTERVAL = re.compile(rb"\{(\d*)(,?)(\d*)\}")
_GNU_ESCAPES = {
    b"w": b"[0-9A-Za-z_]",
    b"W": b"[^0-9A-Za-z_]",
    b"s": b"[[:space:]]",
    b"S": b"[^[:space:]]",
    b"b": b"\\b",
    b"B": b"\\B",
    b"<": b"\\b",  # the start of a word ...
    b">": b"\\b",  # ... and its end: the neighbouring octets decide which
    b"`": b"^",
    b"'": b"$",
}
_REPEATS = (b"*", b"+", b"?", b"{")
_NOT_REPEATABLE = (b"(", b"|", b"^", b"$", b"\\b", b"\\B")
_SYMBOL = re.compile(rb"\[([.=])(.)\1\]", re.DOTALL)
_CLASS = re.compile(rb"\[:[a-z]+:\]")
_PLAIN = re.compile(rb"\^?(?:[0-9A-Za-z_ #@,;:/-]|\\\+)*\$?")
"""Expressions that both dialects read alike, as nearly all routes are: a prefix or a whole number."""


MOST_COPIES = 2_000
"""Characters that intervals may add to an expression. RE2 takes minutes for a million, and nothing else runs then."""
_MOST_DIGITS = 4
"""Digits of a repetition; RE2 takes up to 1000."""


class _Copies:
    """Counts the characters that intervals add: `a{3}` stands for `aaa`, `(ab){3}` for `ababab`."""

    def __init__(self) -> None:
        self._groups = [0]
        self._last = 0
        self._added = 0

    def note(self, part: bytes) -> None:
        """Take in the next part of an expression for RE2. Raises ValueError for too many characters."""
        if part == b"(":
            self._groups.append(0)
            return
        if part == b")":
            self._last = self._groups.pop()
        elif part.startswith(b"{"):
            added = self._last * (max(1, *map(int, filter(None, part[1:-1].split(b",")))) - 1)
            self._last += added
            self._groups[-1] += added
            self._added += added
            if self._added > MOST_COPIES:
                raise ValueError(f"its intervals stand for more than {MOST_COPIES} characters")
            return
        else:
            self._last = 1
        self._groups[-1] += self._last


def to_re2(expression: bytes) -> bytes:
    """Return the expression for RE2 with posix_syntax.

    Raises ValueError when RE2 can't match it, or not soon, or glibc refuses it.
    """
    if _PLAIN.fullmatch(expression):
        return expression
    parts = []
    copies = _Copies()
    position = depth = 0
    repeatable = False  # whether the part before can be repeated by `*`
    while position < len(expression):
        octet = expression[position : position + 1]
        if octet in _REPEATS and not repeatable:
            raise ValueError(f"nothing to repeat before {octet.decode()}")
        if octet == b"(":
            depth += 1
        part, position = _next_part(expression, position)
        if part == b")":
            part = b")" if depth else b"\\x29"  # one too many is a character
            depth = max(0, depth - 1)
        copies.note(part)
        parts.append(part)
        repeatable = part not in _NOT_REPEATABLE
    return b"".join(parts)


def _next_part(expression: bytes, position: int) -> tuple[bytes, int]:
    octet = expression[position : position + 1]
    if octet == b"\\":
        return _escape(expression[position + 1 : position + 2]), position + 2
    if octet == b"[":
        return _bracket(expression, position)
    if octet == b"{":
        return _interval(expression, position)
    return octet, position + 1


def _escape(octet: bytes) -> bytes:
    if not octet:
        raise ValueError("trailing backslash")
    if octet in _GNU_ESCAPES:
        return _GNU_ESCAPES[octet]
    if octet.isdigit() and octet != b"0":
        raise ValueError("back-references aren't supported")
    return _quoted(octet)


def _quoted(octet: bytes) -> bytes:
    return octet if octet.isalnum() or octet >= b"\x80" else b"\\x%02x" % ord(octet)


def _interval(expression: bytes, position: int) -> tuple[bytes, int]:
    """Return an interval `{n}`, `{n,}`, `{n,m}`, `{,m}` or `{,}` for RE2, and the position after it."""
    found = _INTERVAL.match(expression, position)
    if not found or (not found[1] and not found[2]):
        raise ValueError("invalid content of {}")
    least, comma, most = found.groups()
    if len(least) > _MOST_DIGITS or len(most) > _MOST_DIGITS:
        raise ValueError("invalid repetition size")
    return b"{%s%s%s}" % (least or b"0", comma, most), found.end()


def _bracket(expression: bytes, start: int) -> tuple[bytes, int]:
    """Return a bracket expression for RE2 and the position after it; a backslash in it is an ordinary character."""
    position = start + 1
    parts = [b"["]
    if expression[position : position + 1] == b"^":
        parts.append(b"^")
        position += 1
    first = True
    while position < len(expression):
        octet = expression[position : position + 1]
        if octet == b"]" and not first:
            parts.append(b"]")
            return b"".join(parts), position + 1
        first = False
        if symbol := _SYMBOL.match(expression, position):
            parts.append(_quoted(symbol[2]))
            position = symbol.end()
        elif named := _CLASS.match(expression, position):
            parts.append(named[0])
            position = named.end()
        elif octet == b"-":
            parts.append(b"-" if _is_range(expression, position, start) else b"\\x2d")
            position += 1
        else:
            parts.append(_quoted(octet))
            position += 1
    raise ValueError("missing ]")


def _is_range(expression: bytes, position: int, start: int) -> bool:
    """Whether the hyphen is between two ends, neither first nor last in its bracket."""
    opening = expression[start + 1 : position]
    return opening not in (b"", b"^") and expression[position + 1 : position + 2] not in (b"]", b"")
