"""Seeded random damage to octets."""

from __future__ import annotations

import random
from collections.abc import Sequence

_EDGES = (0, 1, 2, 3, 4, 15, 16, 17, 35, 36, 37, 127, 128, 254, 255)
_WIDE = (0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate(rng: random.Random, samples: Sequence[bytes]) -> bytes:
    """One of the samples with one to six damages."""
    octets = bytearray(rng.choice(samples))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        rng.choice(_DAMAGES)(rng, octets, samples)
    return bytes(octets)


def _position(rng: random.Random, octets: bytearray) -> int:
    return rng.randrange(len(octets) + 1)


def _flip(rng: random.Random, octets: bytearray, samples: Sequence[bytes]) -> None:
    if octets:
        octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)


def _replace(rng: random.Random, octets: bytearray, samples: Sequence[bytes]) -> None:
    if octets:
        octets[rng.randrange(len(octets))] = rng.choice((rng.randrange(256), rng.choice(_EDGES)))


def _insert(rng: random.Random, octets: bytearray, samples: Sequence[bytes]) -> None:
    at = _position(rng, octets)
    octets[at:at] = rng.randbytes(rng.choice((1, 1, 2, 4, 40)))


def _delete(rng: random.Random, octets: bytearray, samples: Sequence[bytes]) -> None:
    at = _position(rng, octets)
    del octets[at : at + rng.choice((1, 1, 2, 4, 40))]


def _truncate(rng: random.Random, octets: bytearray, samples: Sequence[bytes]) -> None:
    del octets[_position(rng, octets) :]


def _repeat(rng: random.Random, octets: bytearray, samples: Sequence[bytes]) -> None:
    at = _position(rng, octets)
    piece = octets[at : at + rng.randrange(1, 60)]
    octets[at:at] = piece * rng.choice((1, 2, 20))


def _splice(rng: random.Random, octets: bytearray, samples: Sequence[bytes]) -> None:
    other = rng.choice(samples)
    octets[_position(rng, octets) :] = other[rng.randrange(len(other) + 1) :]


def _number(rng: random.Random, octets: bytearray, samples: Sequence[bytes]) -> None:
    size = rng.choice((2, 4))
    if len(octets) >= size:
        at = rng.randrange(len(octets) - size + 1)
        octets[at : at + size] = (rng.choice(_WIDE) & (256**size - 1)).to_bytes(size, "big")


_DAMAGES = (_flip, _flip, _replace, _replace, _insert, _delete, _truncate, _repeat, _splice, _number, _number)
