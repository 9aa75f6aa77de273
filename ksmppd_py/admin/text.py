"""Small pieces of the operator's texts."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape as _escape

from ksmppd_py.smpp.constants import CommandStatus

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def duration(seconds: int) -> str:
    """Seconds as days, hours, minutes and seconds."""
    return f"{seconds // 86400}d {seconds // 3600 % 24}h {seconds // 60 % 60}m {seconds % 60}s"


def escape(text: str) -> str:
    """Text for an XML element; a character that XML can't carry becomes U+FFFD."""
    return _escape(representable(text), {'"': "&quot;", "'": "&apos;"})


def representable(text: str) -> str:
    """Text with U+FFFD for each character that XML can't carry."""
    return _NOT_IN_XML.sub("\ufffd", text)


def status_words(command_status: int) -> str:
    """A command_status as people look for it: by SMPP's name and number."""
    try:
        return f"ESME_{CommandStatus(command_status).name} (0x{command_status:02x})"
    except ValueError:
        return f"0x{command_status:02x}"


def one_line(text: str) -> str:
    """A stranger's text in a list of lines: what can't be printed is a `?`."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def load(rate: float) -> str:
    """Messages a second."""
    return f"{rate:.2f}"


def loads(rates: tuple[float, float, float]) -> str:
    """The three rates of a moving load: lifetime, 1 s, 60 s."""
    return "/".join(map(load, rates))


def yes_no(flag: bool) -> str:
    """A flag in words."""
    return "yes" if flag else "no"
