"""Formats of small values in the operator's texts."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape as _escape

from ksmppd_py.smpp.constants import CommandStatus

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def duration(seconds: int) -> str:
    """Return seconds as days, hours, minutes and seconds."""
    return f"{seconds // 86400}d {seconds // 3600 % 24}h {seconds // 60 % 60}m {seconds % 60}s"


def escape(text: str) -> str:
    """Return text for an XML element; a character that XML can't carry becomes U+FFFD."""
    return _escape(representable(text), {'"': "&quot;", "'": "&apos;"})


def representable(text: str) -> str:
    """Return text with U+FFFD for each character that XML can't carry."""
    return _NOT_IN_XML.sub("\ufffd", text)


def status_words(command_status: int) -> str:
    """Return a command_status by SMPP's name and number, which people search for."""
    try:
        return f"ESME_{CommandStatus(command_status).name} (0x{command_status:02x})"
    except ValueError:
        return f"0x{command_status:02x}"


def one_line(text: str) -> str:
    """Return a peer's text for a list of lines: unprintable characters become `?`."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def load(rate: float) -> str:
    """Return a rate in messages a second."""
    return f"{rate:.2f}"


def loads(rates: tuple[float, float, float]) -> str:
    """Return the three rates of a load: lifetime, 1 s, 60 s."""
    return "/".join(map(load, rates))


def yes_no(flag: bool) -> str:
    """Return a flag in words."""
    return "yes" if flag else "no"
