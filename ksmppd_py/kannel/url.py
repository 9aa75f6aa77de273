"""Kannel's URL encoding, as in meta_data and in HTTP headers."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

_PLAIN = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.!~*'()"
_ENCODED = [chr(octet) if octet in _PLAIN else f"%{octet:02X}" for octet in range(256)]
_ENCODED[ord(" ")] = "+"


def encode(octets: bytes) -> str:
    """Return ASCII text: a blank as `+`, all octets but letters, digits and ``-_.!~*'()`` as `%XX`."""
    if not octets.strip(_PLAIN):
        return octets.decode("ascii")
    return "".join([_ENCODED[octet] for octet in octets])


def decode(text: bytes) -> bytes:
    """Return the octets that `encode` took; a `%` without two hexadecimal digits stays as it is."""
    text = text.replace(b"+", b" ")
    return unquote_to_bytes(text) if b"%" in text else text
