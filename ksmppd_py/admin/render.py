"""Renders facts as plain text and XML, octet by octet as KSMPPD does (docs/rules/http.md 3.2), and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ksmppd_py.admin import render_generic, render_routes, render_status, render_trial
from ksmppd_py.admin.facts import (
    AddressesCleared,
    BindsDisconnected,
    BlockedAddresses,
    Fact,
    Healthy,
    LogLevelInvalid,
    LogLevelSet,
    NotReady,
    QueueStatus,
    Ready,
    ReceiverMissing,
    RecentRefusals,
    RoutesKept,
    RoutesUpdated,
    Running,
    SystemIdMissing,
    SystemIdUnknown,
    Version,
)
from ksmppd_py.admin.requests import Reply
from ksmppd_py.admin.text import duration, escape
from ksmppd_py.model.esme import ServerSnapshot
from ksmppd_py.model.route_test import RouteTestResult
from ksmppd_py.model.status import BearerboxStatus

PLAIN = "text/plain; charset=utf-8"
XML = "text/xml; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class _Rendering:
    """The formats of one kind of fact. Each function gets a fact of the kind that it is registered for.

    `json` None: an object of the fact's fields.
    """

    status: int
    plain: Callable[[Any], str]
    xml: Callable[[Any], str]
    json: Callable[[Any], Any] | None = None


def _sentence(
    status: int, element: str, words: str, name: str | None = None, *, plain_end: str = "", xml_end: str = ""
) -> _Rendering:
    """Return the rendering as one sentence in one element; `{}` stands for the fact's attribute `name`."""

    def value(fact: object) -> str:
        return "" if name is None else str(getattr(fact, name))

    def plain(fact: object) -> str:
        return words.format(value(fact)) + plain_end

    def xml(fact: object) -> str:
        return f"<{element}>{words.format(escape(value(fact)))}</{element}>{xml_end}"

    def json(fact: object) -> object:
        return {"message": words.format(value(fact)), **render_generic.values(fact)}

    return _Rendering(status, plain, xml, json)


def _blocked_plain(fact: BlockedAddresses) -> str:
    lines = [
        f"{each.ip} failed binds:{each.attempts} blocked for:{each.seconds_left}s\n"
        for each in fact.addresses
    ]
    return f"{len(lines)} addresses blocked\n{''.join(lines)}"


def _blocked_xml(fact: BlockedAddresses) -> str:
    blocked = "".join(
        f"<address><ip>{escape(each.ip)}</ip><failed-binds>{each.attempts}</failed-binds>"
        f"<seconds-left>{each.seconds_left}</seconds-left></address>"
        for each in fact.addresses
    )
    return f"<blocked-ips>{blocked}</blocked-ips>"


def _blocked_json(fact: BlockedAddresses) -> Any:
    return {"blocked": [asdict(each) for each in fact.addresses]}


_INVALID = "Invalid level specified"

RENDERINGS: dict[type, _Rendering] = {
    Running: _Rendering(
        200, lambda fact: f"Uptime {duration(fact.uptime)}\n", lambda fact: f"<uptime>{fact.uptime}</uptime>"
    ),
    LogLevelSet: _sentence(200, "message", "Log level set to {}", "level", plain_end="\n", xml_end="\n"),
    LogLevelInvalid: _Rendering(
        200,
        lambda fact: f"{_INVALID}\n{fact.remark}\n",
        lambda fact: f"<message>{_INVALID}</message>\n",
        lambda fact: {"message": f"{_INVALID}. {fact.remark}", "level": fact.level},
    ),
    RoutesUpdated: _Rendering(200, render_routes.plain, render_routes.xml, render_routes.json),
    RoutesKept: _sentence(500, "status", "Routes could not be updated"),
    SystemIdMissing: _sentence(406, "status", "You must specify a 'system-id' parameter", plain_end="\n"),
    SystemIdUnknown: _sentence(404, "status", "No such system-id '{}' found", "system_id", plain_end="\n"),
    BindsDisconnected: _sentence(200, "status", "{} binds disconnected", "count", plain_end="\n"),
    BlockedAddresses: _Rendering(200, _blocked_plain, _blocked_xml, _blocked_json),
    AddressesCleared: _Rendering(
        200,
        lambda fact: f"{fact.count} addresses unblocked\n",
        lambda fact: f"<status>{fact.count} addresses unblocked</status>",
        lambda fact: {"unblocked": fact.count},
    ),
    ReceiverMissing: _sentence(406, "status", "You must specify a 'to' parameter", plain_end="\n"),
    RouteTestResult: _Rendering(200, render_trial.plain, render_trial.xml, render_trial.json),
    ServerSnapshot: _Rendering(200, render_status.plain, render_status.xml),
    BearerboxStatus: _Rendering(200, render_generic.plain, render_generic.xml),
    QueueStatus: _Rendering(200, render_generic.plain, render_generic.xml),
    Version: _Rendering(200, render_generic.plain, render_generic.xml),
    Healthy: _sentence(200, "status", "ok", plain_end="\n"),
    Ready: _sentence(200, "status", "ok{}", "remark", plain_end="\n"),
    NotReady: _sentence(503, "status", "not ok{}", "remark", plain_end="\n"),
    RecentRefusals: _Rendering(200, render_generic.plain, render_generic.xml),
}
"""The rendering of each kind of fact; a new kind needs a line here."""


def render(fact: Fact, xml: bool, json: bool = False) -> Reply:
    """Return the answer for `fact`."""
    rendering = RENDERINGS[type(fact)]
    if json:
        return json_reply(rendering.status, (rendering.json or render_generic.values)(fact))
    if xml:
        return Reply(rendering.status, XML, rendering.xml(fact).encode("utf-8", "replace"))
    return plain_reply(rendering.status, rendering.plain(fact))


def plain_reply(status: int, text: str) -> Reply:
    """Return a plain text answer; octets that came in and aren't UTF-8 leave unchanged."""
    return Reply(status, PLAIN, text.encode("utf-8", "surrogateescape"))


def json_reply(status: int, value: Any, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Return a JSON answer."""
    return Reply(status, JSON, render_generic.json(value), headers)


def denied() -> Reply:
    """Return the answer to a wrong password."""
    return plain_reply(403, "Denied")


def guessed_too_often(headers: tuple[tuple[str, str], ...]) -> Reply:
    """Return the answer to any password while its address has to pause after wrong ones."""
    return replace(
        plain_reply(429, "Too many wrong passwords from this address, wait a while\n"), headers=headers
    )


def not_this_host() -> Reply:
    """Return the answer to a browser that uses a name which isn't allowed (hosts.py)."""
    text = (
        "The dashboard isn't served under this name; host-names in group http-server can tell more of them.\n"
    )
    return plain_reply(421, text)


def not_found(path: str, available: Iterable[str]) -> Reply:
    """Return the answer to an unknown command, with a list of the commands."""
    listing = "".join(f"{name}\n" for name in available)
    return plain_reply(404, f"Command '{path}' not found, available commands are: \n\n{listing}")
