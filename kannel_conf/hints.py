"""Hints for operators: the known word nearest to a mistyped one, and values that are read otherwise than they look."""

from __future__ import annotations

import difflib
from collections.abc import Collection

_TYPOGRAPHIC = "“”„‟«»‹›‘’‚‛"
_NEAR = 0.75  # of 1 = equal: two letters exchanged in a short key, several in a long one


def nearest(word: str, known: Collection[str]) -> str:
    """Return the known word that is most like this one; "" when none is near."""
    near = difflib.get_close_matches(word.lower().replace("_", "-"), sorted(known), 1, _NEAR)
    return near[0] if near else ""


def did_you_mean(word: str) -> str:
    """Return the end of a message about a wrong word, with the nearest known one; "" when none is near."""
    return f" Did you mean '{word}'?" if word else ""


def strange_writing(value: str) -> str:
    """Return why this value, as written in the file, may not be the one that was meant; "" when it looks right.

    The text never contains the value, which may be a password.
    """
    if not value or (len(value) > 1 and value[0] == value[-1] == '"'):
        return ""
    for char in (value[0], value[-1]):
        if char in _TYPOGRAPHIC:
            return f"{char} is no quote here, it is part of the value"
        if not char.isascii() and not char.isprintable():
            return f"the character U+{ord(char):04X}, which is invisible, is part of the value"
    if " #" in value or "\t#" in value:
        return "a comment needs a line of its own, '#' and all behind it are part of the value"
    if '"' in (value[0], value[-1]):
        return "the quote (\") isn't closed" if value[0] == '"' else "the quote (\") wasn't opened"
    return ""
