"""Costs and credit as numbers: which ones can be charged, and the one way to read a cost from text (D-33)."""

from __future__ import annotations

import math
import re

MOST = 1e15
"""Credits that a part may cost, or bring when negative; above it a double has no room for the cents."""
DECIMALS = 6
"""Decimals of credits that count, as the C daemon sends them."""


class _Unusable(float):
    """A NaN that equals itself: from Python 3.13 on dataclasses compare their fields with == alone."""

    __hash__ = float.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


UNUSABLE: float = _Unusable(math.nan)
"""Stands for a cost that can't be charged: a message with this cost is refused.

One object everywhere, so that records that hold it are equal.
"""

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)


def is_usable(cost: float) -> bool:
    """Whether a message can be charged this many credits a part."""
    return -MOST <= cost <= MOST


def checked(cost: float) -> float:
    """`cost`, or UNUSABLE instead of one that can't be charged (NaN, infinity, beyond MOST)."""
    return cost if is_usable(cost) else UNUSABLE


def read(text: str) -> float:
    """Return the cost in `text`, a plain decimal number with blanks around it; otherwise UNUSABLE."""
    text = text.strip()
    return checked(float(text)) if _PLAIN.fullmatch(text) else UNUSABLE
