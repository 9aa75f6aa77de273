"""Fields of lines that nobody can break out of."""

from __future__ import annotations

import json

from ksmppd_py.kannel.messages import Sms

HARMLESS = bytes(octet for octet in range(0x20, 0x7F) if octet != ord("]"))
"""What may stand in a field of a line in Kannel's style."""
UNQUOTED = bytes(octet for octet in range(0x20, 0x7F) if octet not in b'"\\')
"""What may stand in a JSON string as it is."""


def clean(octets: bytes | None) -> bytes:
    """Nothing that could end a field or a line."""
    if not octets:
        return b""
    if not octets.translate(None, HARMLESS):
        return octets
    return b"".join(bytes((octet,)) if octet in HARMLESS else b"\\x%02x" % octet for octet in octets)


def quoted(octets: bytes | None) -> bytes:
    """The inside of a JSON string."""
    if not octets:
        return b""
    if not octets.translate(None, UNQUOTED):
        return octets
    text = octets.decode("utf-8", "backslashreplace")
    return json.dumps(text, ensure_ascii=True)[1:-1].encode()


def text_of(sms: Sms) -> bytes:
    """As bearerbox has it: text as it is, control characters replaced; everything else in hexadecimal."""
    octets = sms.msgdata or b""
    if sms.coding in (1, 2):
        return octets.hex().encode()
    text = octets.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else "." for char in text).encode()
