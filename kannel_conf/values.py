"""Reads one value: quotes, and its meaning as a number, a truth value or a list. After gwlib/cfg.c and strtol."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

WHITE_SPACE = " \t\n\v\f\r"  # C's isspace; Python's own idea is wider

_ESCAPED = re.compile(r'\\([\\"])')
_VARIABLE = re.compile(r"\$\{([^{}]+)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INTEGER = re.compile(r"([+-]?)(?:(0[xX])([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_LONG_MAX = 2**63 - 1


def unquote(text: str) -> str:
    """Strip white space and, where the first and the last byte are a quote, both quotes and their escapes.

    A single `"` counts as both. Inside quotes only `\\\\` and `\\"` are escapes, any other `\\x` stays.
    """
    text = text.strip(WHITE_SPACE)
    if text.startswith('"') and text.endswith('"'):
        return _ESCAPED.sub(r"\1", text[1:-1])
    return text


def expand(text: str, environment: Mapping[str, str], warn: Callable[[str], None]) -> str:
    """Replace `${NAME}` by variables of the environment. One that isn't set stays as written, with a warning.

    Inserted text isn't expanded again; neither `$NAME` nor `${}` is a variable.
    """

    def value_of(match: re.Match[str]) -> str:
        value = environment.get(match[1])
        if value is None:
            # The rest may be a piece of a password
            name = match[0] if _NAME.fullmatch(match[1]) else "this ${...}"
            warn(f"{name} stays as it stands, there is no such environment variable")
            return match[0]
        return value

    return _VARIABLE.sub(value_of, text)


def parse_integer(text: str) -> tuple[int, bool]:
    """Read a number as strtol(text, base 0) does; the second value says whether a leading zero made it octal.

    Raises ValueError for trailing garbage, for what is no number, and beyond 64 bits.
    """
    match = _INTEGER.fullmatch(text.strip(WHITE_SPACE))
    if match is None:
        raise ValueError(f"{text!r} is not a whole number")
    sign, hexadecimal, hex_digits, octal_digits, decimal_digits = match.groups()
    if hexadecimal:
        number = int(hex_digits, 16)
    elif octal_digits:
        number = int(octal_digits, 8)
    else:
        number = int(decimal_digits)
    if sign == "-":
        number = -number
    if not -_LONG_MAX - 1 <= number <= _LONG_MAX:
        raise ValueError(f"{text!r} does not fit into 64 bits")
    return number, bool(octal_digits) and abs(number) > 7


def parse_boolean(text: str) -> tuple[bool, bool]:
    """Read a truth value; the second value says whether the text is an unknown word, which means true."""
    word = text.lower()
    if word in _TRUE:
        return True, False
    if word in _FALSE:
        return False, False
    return True, True


def split_words(text: str, separators: str = WHITE_SPACE) -> tuple[str, ...]:
    """Split on runs of the given characters; no item is empty."""
    return tuple(item for item in re.split(f"[{re.escape(separators)}]", text) if item)


def split_ids(text: str) -> tuple[str, ...]:
    """Split one of Kannel's id lists: on `;` without trimming, an empty last item dropped."""
    items = text.split(";")
    if not items[-1]:
        items.pop()
    return tuple(items)
