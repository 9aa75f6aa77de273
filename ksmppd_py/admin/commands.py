"""The operator's commands: each is a function that checks its parameters and returns a result (results.py).

A new command is a function here and a line in COMMANDS; generic_format.py renders its result.
"""

from __future__ import annotations

import importlib.metadata
import logging
import platform
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from ksmppd_py import __version__
from ksmppd_py.admin.ports import Operations
from ksmppd_py.admin.results import (
    AddressesCleared,
    BlockedAddresses,
    Message,
    QueueRow,
    QueueStatus,
    RecentRefusals,
    RefusalRow,
    RoutesUpdated,
    Uptime,
    Version,
)
from ksmppd_py.admin.text import one_line, status_words
from ksmppd_py.admin.users import Role
from ksmppd_py.errors import TemporaryError
from ksmppd_py.model.esme import ServerSnapshot
from ksmppd_py.model.refusals import RefusalCount
from ksmppd_py.model.route_test import RouteTestQuery, RouteTestResult
from ksmppd_py.model.status import BearerboxStatus

logger = logging.getLogger(__name__)

Parameters = Mapping[str, str]
"""Query parameters by name, the first one of each name."""
Command = Callable[[Operations, Parameters], object]
"""Runs a command and returns its result. May yield."""

QUEUE_AGE = 5.0
"""Seconds for which /queue-status repeats its last answer."""
LEVELS = {"0": "debug", "1": "info", "2": "warning", "3": "error", "4": "panic"}
NO_BIND = -1
"""A bind_id that no bind has."""

SYSTEM_ID_MISSING = Message(406, "You must specify a 'system-id' parameter")
RECEIVER_MISSING = Message(406, "You must specify a 'to' parameter")
ROUTES_KEPT = Message(500, "Routes could not be updated")

_INTEGER = re.compile(r"\s*([+-]?\d{1,18})(?!\d)", re.ASCII)  # 18 digits fit into a long


def leading_integer(text: str) -> int | None:
    """Return the integer that `text` starts with; None without one, or if it has more than 18 digits."""
    match = _INTEGER.match(text)
    return int(match[1]) if match else None


def _system_id(parameters: Parameters) -> str:
    """Return the account to look up; octets that aren't UTF-8 are taken for Latin-1, as in a bind."""
    given = parameters.get("system-id", "")
    try:
        given.encode()
    except UnicodeEncodeError:
        given = given.encode("utf-8", "surrogateescape").decode("latin-1")
    return given.lower()


def uptime(operations: Operations, _parameters: Parameters) -> Uptime:
    """Return the time since the start. Takes no parameters."""
    return Uptime(operations.uptime())


def log_level(operations: Operations, parameters: Parameters) -> Message:
    """Set the level of the log files to `level`, a number from 0 to 4; another one changes nothing."""
    given = parameters.get("level", "").strip()
    if given in LEVELS:
        operations.set_log_level(int(given))
        return Message(200, "Log level set to {level}", {"level": int(given)})
    level = operations.log_level()
    present = "There is no log file" if level is None else f"The log level is {level} ({LEVELS[str(level)]})"
    return Message(200, "Invalid level specified", {"level": level}, present)


def esme_status(operations: Operations, _parameters: Parameters) -> ServerSnapshot:
    """Return the state of all accounts and binds. Takes no parameters."""
    return operations.snapshot()


def esme_unbind(operations: Operations, parameters: Parameters) -> Message:
    """Start unbinding the binds of `system-id`, or only `bind-id`, a leading integer. May yield.

    A `bind-id` that isn't a number matches no bind; it never means all of them.
    """
    system_id, bind = parameters.get("system-id", "").lower(), parameters.get("bind-id", "")
    if not system_id:
        return SYSTEM_ID_MISSING
    bind_id = leading_integer(bind) if bind else None
    count = operations.unbind(system_id, NO_BIND if bind and bind_id is None else bind_id)
    if count is None:
        return Message(404, "No such system-id '{system_id}' found", {"system_id": system_id})
    return Message(200, "{count} binds disconnected", {"count": count})


def rebuild_routes(operations: Operations, _parameters: Parameters) -> RoutesUpdated | Message:
    """Load the routes again and wait for the result. Takes no parameters. May yield."""
    try:
        return RoutesUpdated(operations.rebuild_routes())
    except TemporaryError as error:
        logger.warning("Routes could not be updated: %s", error)
        return ROUTES_KEPT


def blocked_ips(operations: Operations, parameters: Parameters) -> BlockedAddresses | AddressesCleared:
    """Return the blocked addresses; with `clear`, an address or the word all, forget its failures instead."""
    clear = parameters.get("clear", "")
    if not clear:
        return BlockedAddresses(tuple(operations.blocked_ips()))
    return AddressesCleared(operations.clear_blocked_ips(None if clear == "all" else clear))


def route_test(operations: Operations, parameters: Parameters) -> RouteTestResult | Message:
    """Return how a message `from` a `system-id` `to` a receiver would be routed. May yield.

    `text` and `data-coding` may be given besides.
    """
    query = RouteTestQuery(
        _system_id(parameters),
        parameters.get("from", ""),
        parameters.get("to", ""),
        parameters.get("text", ""),
        (leading_integer(parameters.get("data-coding", "")) or 0) & 0xFF,
    )
    if not query.system_id:
        return SYSTEM_ID_MISSING
    return operations.test_route(query) if query.receiver else RECEIVER_MISSING


def bearerbox_status(operations: Operations, _parameters: Parameters) -> BearerboxStatus:
    """Return the state of all bearerbox connections. Takes no parameters."""
    return operations.server_status.bearerboxes()


def queue_status(operations: Operations, max_age: float = QUEUE_AGE) -> QueueStatus:
    """Return the queues as they were at most about `max_age` seconds ago. May yield."""
    waiting = operations.server_status.bearerboxes().waiting
    backlog = operations.server_status.queues(max_age)
    if backlog is None:
        return QueueStatus(waiting, 0, None, False, ())
    now = time.time()
    rows = tuple(
        QueueRow(
            depth.queue,
            depth.system_id,
            depth.rows,
            None if depth.oldest is None else max(0, int(now - depth.oldest)),
        )
        for depth in backlog.depths
    )
    stored = sum(row.rows for row in rows)
    return QueueStatus(waiting, stored, max(0, int(now - backlog.taken)), backlog.complete, rows)


def refusals(operations: Operations, parameters: Parameters) -> RecentRefusals:
    """Return the recent refusals of `system-id`; without it, of all accounts."""
    system_id = _system_id(parameters)
    recent = operations.server_status.metrics().meters.refusals.recent()
    rows = tuple(_refusal_row(each) for each in recent if system_id in ("", each.system_id.lower()))
    return RecentRefusals(len(rows), rows)


def _refusal_row(refusal: RefusalCount) -> RefusalRow:
    example = refusal.example
    return RefusalRow(
        refusal.kind,
        one_line(refusal.system_id),
        refusal.ip,
        refusal.reason,
        status_words(example.command_status),
        refusal.count,
        datetime.fromtimestamp(int(refusal.last)).astimezone().isoformat(),
        one_line(example.sender),
        one_line(example.receiver),
        one_line(example.message_id),
    )


def version(_operations: Operations, _parameters: Parameters) -> Version:
    """Return the versions of the program and its libraries. Takes no parameters."""
    of = importlib.metadata.version
    return Version(__version__, platform.python_version(), of("gevent"), of("SQLAlchemy"))


def healthz(_operations: Operations, _parameters: Parameters) -> Message:
    """Return ok. Takes no parameters."""
    return Message(200, "ok")


def readyz(operations: Operations, _parameters: Parameters) -> Message:
    """Return whether messages are taken, and the problems. Takes no parameters.

    `ok` stays in front also with problems, because load balancers look for it.
    """
    condition = operations.server_status.condition()
    values = {
        "state": condition.state,
        "troubles": tuple(dict.fromkeys(trouble.kind for trouble in condition.troubles)),
        "words": condition.words,
    }
    if condition.ready:
        return Message(200, "ok, {state}: {words}" if condition.words else "ok", values)
    return Message(503, "not ok: {words}" if condition.words else "not ok", values)


COMMANDS: Mapping[str, Command] = {
    "/uptime": uptime,
    "/log-level": log_level,
    "/esme-status": esme_status,
    "/esme-unbind": esme_unbind,
    "/rebuild-routes": rebuild_routes,
    "/blocked-ips": blocked_ips,
    "/route-test": route_test,
    "/bearerbox-status": bearerbox_status,
    "/queue-status": lambda operations, _parameters: queue_status(operations),
    "/refusals": refusals,
    "/version": version,
    "/healthz": healthz,
    "/readyz": readyz,
}
"""The function of each command by path, in the order in which the 404 answer lists them (docs/rules/http.md 3.1)."""

_ROLES = {
    "/log-level": ("level", Role.ADMIN),
    "/esme-unbind": ("", Role.OPERATOR),
    "/rebuild-routes": ("", Role.OPERATOR),
    "/blocked-ips": ("clear", Role.OPERATOR),
}
"""Commands that change something, the parameter without which they only show something, and the role they need."""


def role_needed(path: str, parameters: Parameters) -> Role:
    """Return the lowest role that may run a command."""
    changing, role = _ROLES.get(path, ("", Role.VIEWER))
    return role if not changing or parameters.get(changing) else Role.VIEWER


PUBLIC = frozenset({"/healthz", "/readyz"})
"""Commands without a password, for load balancers; they show nothing but ok or not ok."""
