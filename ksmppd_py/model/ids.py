"""Random message ids (version 4 UUIDs in text), made in batches."""

from __future__ import annotations

from collections.abc import Callable

_BATCH = 128
_VARIANT = "89ab"


class MessageIds:
    """Gives lower-case UUIDs of 36 octets; `random_octets(n)` is the source of randomness."""

    __slots__ = ("_random_octets", "_ready")

    def __init__(self, random_octets: Callable[[int], bytes]) -> None:
        self._random_octets = random_octets
        self._ready: list[bytes] = []

    def next(self) -> bytes:
        """A fresh id."""
        if not self._ready:
            self._ready = self._make()
        return self._ready.pop()

    def _make(self) -> list[bytes]:
        digits = self._random_octets(16 * _BATCH).hex()
        ids = []
        for start in range(0, 32 * _BATCH, 32):
            d = digits[start : start + 32]
            variant = _VARIANT[int(d[16], 16) & 3]
            ids.append(f"{d[:8]}-{d[8:12]}-4{d[13:16]}-{variant}{d[17:20]}-{d[20:]}".encode())
        return ids
