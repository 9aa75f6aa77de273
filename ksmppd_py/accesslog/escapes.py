"""Escapes fields of log lines, so that no value can end its field or its line."""

from __future__ import annotations

import json

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.translate import national

HARMLESS = bytes(octet for octet in range(0x20, 0x7F) if octet != ord("]"))
"""Octets that stay as they are in a field of a line in Kannel's style."""
UNQUOTED = bytes(octet for octet in range(0x20, 0x7F) if octet not in b'"\\')
"""Octets that stay as they are in a JSON string."""


def clean(octets: bytes | None) -> bytes:
    """Return a field of a line in Kannel's style; octets that could end it become `\\x` and two digits."""
    if not octets or octets.isalnum() or not octets.translate(None, HARMLESS):
        return octets or b""
    return b"".join(bytes((octet,)) if octet in HARMLESS else b"\\x%02x" % octet for octet in octets)


def quoted(octets: bytes | None) -> bytes:
    """Return the inside of a JSON string; octets that aren't UTF-8 become `\\x` and two digits."""
    if not octets or octets.isalnum() or not octets.translate(None, UNQUOTED):
        return octets or b""
    text = octets.decode("utf-8", "backslashreplace")
    return json.dumps(text, ensure_ascii=True)[1:-1].encode()


def text_of(sms: Sms) -> bytes:
    """Return the text as bearerbox logs it: letters as UTF-8, control characters as dots, binary and UCS-2 in hex."""
    octets = sms.msgdata or b""
    if sms.coding in (1, 2):
        return octets.hex().encode()
    shifts = national.shifts_of(sms.udhdata)
    if shifts is not None:
        octets = national.letters_of(octets, shifts)
    text = octets.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else "." for char in text).encode()
