"""Facts as plain text and as XML (spec/http.md 3.2). Users parse these: every octet counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ksmppd_py.admin import render_status
from ksmppd_py.admin.facts import (
    BindsDisconnected,
    Fact,
    LogLevelInvalid,
    LogLevelSet,
    RoutesKept,
    RoutesUpdated,
    Running,
    SystemIdMissing,
    SystemIdUnknown,
)
from ksmppd_py.admin.text import duration, escape
from ksmppd_py.model.esme import ServerSnapshot

PLAIN = "text/plain; charset=utf-8"
XML = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer as the server sends it."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Rendering:
    """How one kind of fact is told. Each function gets a fact of the kind that it is registered for."""

    status: int
    plain: Callable[[Any], str]
    xml: Callable[[Any], str]


def _sentence(
    status: int, element: str, words: str, name: str | None = None, *, plain_end: str = "", xml_end: str = ""
) -> _Rendering:
    """One sentence in one element; `{}` in it stands for the fact's attribute `name`."""

    def value(fact: object) -> str:
        return "" if name is None else str(getattr(fact, name))

    def plain(fact: object) -> str:
        return words.format(value(fact)) + plain_end

    def xml(fact: object) -> str:
        return f"<{element}>{words.format(escape(value(fact)))}</{element}>{xml_end}"

    return _Rendering(status, plain, xml)


RENDERINGS: dict[type, _Rendering] = {
    Running: _Rendering(
        200, lambda fact: f"Uptime {duration(fact.uptime)}\n", lambda fact: f"<uptime>{fact.uptime}</uptime>"
    ),
    LogLevelSet: _sentence(200, "message", "Log level set to {}", "level", plain_end="\n", xml_end="\n"),
    LogLevelInvalid: _sentence(200, "message", "Invalid level specified", plain_end="\n", xml_end="\n"),
    RoutesUpdated: _sentence(200, "status", "Routes updated"),
    RoutesKept: _sentence(500, "status", "Routes could not be updated"),
    SystemIdMissing: _sentence(406, "status", "You must specify a 'system-id' parameter", plain_end="\n"),
    SystemIdUnknown: _sentence(404, "status", "No such system-id '{}' found", "system_id", plain_end="\n"),
    BindsDisconnected: _sentence(200, "status", "{} binds disconnected", "count", plain_end="\n"),
    ServerSnapshot: _Rendering(200, render_status.plain, render_status.xml),
}
"""Every kind of fact; a new one needs its line here."""


def render(fact: Fact, xml: bool) -> Reply:
    """The answer that tells `fact`."""
    rendering = RENDERINGS[type(fact)]
    if xml:
        return Reply(rendering.status, XML, rendering.xml(fact).encode("utf-8", "replace"))
    return plain_reply(rendering.status, rendering.plain(fact))


def plain_reply(status: int, text: str) -> Reply:
    """A plain text answer; octets that were no UTF-8 on their way in leave as they came."""
    return Reply(status, PLAIN, text.encode("utf-8", "surrogateescape"))


def denied() -> Reply:
    """The answer to a wrong password."""
    return plain_reply(403, "Denied")


def not_found(path: str, available: Iterable[str]) -> Reply:
    """The answer to an unknown command, with a list of those that exist."""
    listing = "".join(f"{name}\n" for name in available)
    return plain_reply(404, f"Command '{path}' not found, available commands are: \n\n{listing}")
