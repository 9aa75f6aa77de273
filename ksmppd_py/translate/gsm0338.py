"""The GSM 03.38 default alphabet, one septet an octet, against UTF-8 (docs/rules/messages.md 3)."""

from __future__ import annotations

import codecs

ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\"} | {
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
ESCAPE = 0x1B

# Octets >= 0x80 are free inside the decoder: extension characters take the first, 0xFF is dropped.
_PAIRS = [(bytes((ESCAPE, code)), bytes((0x80 + number,))) for number, code in enumerate(EXTENSION)]
_DECODED = ALPHABET.replace("\x1b", "?") + "".join(EXTENSION.values()).ljust(0x80, "\ufffe")
_HIGH_TO_DROPPED = bytes(range(0x80)) + b"\xff" * 0x80

_ENCODED: dict[int, bytes] = {
    ord(char): bytes((code,)) for code, char in enumerate(ALPHABET) if code != ESCAPE
}
_ENCODED |= {ord(char): bytes((ESCAPE, code)) for code, char in EXTENSION.items()}
_ENCODED[ord("ç")] = b"\x09"

# One look-up an octet serves all text of which every character is ASCII and one septet; 0x80 marks the rest, also
# ASCII that the alphabet lacks.
_TO_ASCII = bytes(
    ord(ALPHABET[code]) if code < 0x80 and code != ESCAPE and ALPHABET[code].isascii() else 0x80
    for code in range(256)
)
_FROM_ASCII = bytes(
    _ENCODED[octet][0] if octet < 0x80 and len(_ENCODED.get(octet, b"")) == 1 else 0x80
    for octet in range(256)
)


def decode(septets: bytes) -> bytes:
    """Return UTF-8. Octets above 0x7F are dropped, an escape before no extension code becomes `?`."""
    text = septets.translate(_TO_ASCII)
    if text.isascii():
        return text
    octets = septets.translate(_HIGH_TO_DROPPED)
    if ESCAPE in octets:
        for pair, stand_in in _PAIRS:  # none can overlap another: no code is an escape
            octets = octets.replace(pair, stand_in)
    return codecs.charmap_decode(octets, "ignore", _DECODED)[0].encode()


def encode_all(text: bytes) -> bytes | None:
    """Return septets for UTF-8 text; None when it isn't UTF-8, or has a character that the alphabet lacks."""
    septets = text.translate(_FROM_ASCII)
    if septets.isascii():
        return septets
    try:
        return codecs.charmap_encode(text.decode(), "strict", _ENCODED)[0]
    except UnicodeError:
        return None


def encode(text: bytes) -> bytes:
    """Return septets for UTF-8 text; one `?` for each character that the alphabet lacks."""
    septets = text.translate(_FROM_ASCII)
    if septets.isascii():
        return septets
    return codecs.charmap_encode(text.decode("utf-8", "replace"), "replace", _ENCODED)[0]


def encode_as_bearerbox(text: bytes) -> bytes:
    """Return the septets that the bearerbox makes of UTF-8 text: as encode, but four `?` for an emoji.

    Kannel 1.4.5 puts one for each octet of a character of four.
    """
    septets = text.translate(_FROM_ASCII)
    if septets.isascii():
        return septets
    return codecs.charmap_encode(text.decode("utf-8", "replace"), _FOUR_FOR_AN_EMOJI, _ENCODED)[0]


def _four_for_an_emoji(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    return "?" * sum(4 if char > "\uffff" else 1 for char in lacking), error.end


_FOUR_FOR_AN_EMOJI = "ksmppd-four-for-an-emoji"
codecs.register_error(_FOUR_FOR_AN_EMOJI, _four_for_an_emoji)


def length(text: bytes) -> int:
    """Return how many septets UTF-8 text takes; an extension character takes two."""
    return len(encode(text))
