"""Replies: results of commands as text, XML or JSON, and the fixed ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ksmppd_py.admin import generic_format, legacy_format
from ksmppd_py.admin.requests import Reply
from ksmppd_py.admin.results import Message

PLAIN = "text/plain; charset=utf-8"
XML = "text/xml; charset=utf-8"
JSON = "application/json"


def render(command: str, result: object, extension: str = "") -> Reply:
    """Return the reply of a command (its path) for its result; `extension` is .xml, .json or any other for text."""
    status = result.status if isinstance(result, Message) else 200
    if extension == ".json":
        return json_reply(status, legacy_format.JSON.get(type(result), generic_format.values)(result))
    if extension == ".xml":
        return Reply(status, XML, _xml(command, result).encode("utf-8", "replace"))
    return plain_reply(status, _plain(command, result))


def _xml(command: str, result: object) -> str:
    if isinstance(result, Message):
        return legacy_format.message_xml(command, result)
    return legacy_format.XML.get(type(result), generic_format.xml)(result)


def _plain(command: str, result: object) -> str:
    if isinstance(result, Message):
        return legacy_format.message_plain(command, result)
    return legacy_format.PLAIN.get(type(result), generic_format.plain)(result)


def plain_reply(status: int, text: str) -> Reply:
    """Return a plain text answer; octets that came in and aren't UTF-8 leave unchanged."""
    return Reply(status, PLAIN, text.encode("utf-8", "surrogateescape"))


def json_reply(status: int, value: Any, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Return a JSON answer."""
    return Reply(status, JSON, generic_format.json(value), headers)


def denied() -> Reply:
    """Return the answer to a wrong password."""
    return plain_reply(403, "Denied")


def too_many_guesses(headers: tuple[tuple[str, str], ...]) -> Reply:
    """Return the answer to any password while its address has to pause after wrong ones."""
    return replace(
        plain_reply(429, "Too many wrong passwords from this address, wait a while\n"), headers=headers
    )


def wrong_host() -> Reply:
    """Return the answer to a browser that uses a name that isn't allowed (hosts.py)."""
    text = "The dashboard isn't served under this name; add the name to host-names in group http-server.\n"
    return plain_reply(421, text)


def not_found(path: str, available: Iterable[str]) -> Reply:
    """Return the answer to an unknown command, with a list of the commands."""
    listing = "".join(f"{name}\n" for name in available)
    return plain_reply(404, f"Command '{path}' not found, available commands are: \n\n{listing}")
