"""The operator's commands as data: a command holds checked arguments, and running it returns a fact.

A new command is a class here, a line in COMMANDS, and a rendering for each new kind of fact.
"""

from __future__ import annotations

import importlib.metadata
import logging
import platform
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ksmppd_py import __version__
from ksmppd_py.admin.facts import (
    AddressesCleared,
    BindsDisconnected,
    BlockedAddresses,
    Fact,
    Healthy,
    LogLevelInvalid,
    LogLevelSet,
    NotReady,
    QueueRow,
    QueueStatus,
    Ready,
    ReceiverMissing,
    RecentRefusals,
    RefusalRow,
    RoutesKept,
    RoutesUpdated,
    Running,
    SystemIdMissing,
    SystemIdUnknown,
    Version,
)
from ksmppd_py.admin.ports import Operations
from ksmppd_py.admin.text import one_line, status_words
from ksmppd_py.errors import TemporaryError
from ksmppd_py.model.esme import ServerSnapshot
from ksmppd_py.model.refusals import RefusalCount
from ksmppd_py.model.route_test import RouteTestQuery, RouteTestResult
from ksmppd_py.model.status import BearerboxStatus

logger = logging.getLogger(__name__)

Parameters = Mapping[str, str]
"""Query parameters by name, the first one of each name."""

QUEUE_AGE = 5.0
"""Seconds for which /queue-status repeats its last answer."""
LEVELS = ("0", "1", "2", "3", "4")
NO_BIND = -1
"""A bind_id that no bind has."""

_INTEGER = re.compile(r"\s*([+-]?\d{1,18})(?!\d)", re.ASCII)  # 18 digits fit into a long


def leading_integer(text: str) -> int | None:
    """Return the integer that `text` starts with; None without one, or if it has more than 18 digits."""
    match = _INTEGER.match(text)
    return int(match[1]) if match else None


def _name(given: str) -> str:
    """Return the system_id to look up; octets that aren't UTF-8 are taken for Latin-1, as in a bind."""
    try:
        given.encode()
    except UnicodeEncodeError:
        given = given.encode("utf-8", "surrogateescape").decode("latin-1")
    return given.lower()


class Command(Protocol):
    """One request of the operator, its arguments checked."""

    def run(self, operations: Operations) -> Fact:
        """Run it and return the result. May yield."""


@dataclass(frozen=True, slots=True)
class Uptime:
    """Show how long the server has been running."""

    @classmethod
    def read(cls, _parameters: Parameters) -> Uptime:
        """Takes no parameters."""
        return cls()

    def run(self, operations: Operations) -> Running:
        """Return the time since the start."""
        return Running(operations.uptime())


@dataclass(frozen=True, slots=True)
class LogLevel:
    """Set the level of the log files; `level` None = not given, or not a level."""

    level: int | None

    @classmethod
    def read(cls, parameters: Parameters) -> LogLevel:
        """Takes `level`, a number from 0 to 4 and nothing else."""
        given = parameters.get("level", "").strip()
        return cls(int(given) if given in LEVELS else None)

    def run(self, operations: Operations) -> LogLevelSet | LogLevelInvalid:
        """Set the level, or return the present one when `level` is None."""
        if self.level is None:
            return LogLevelInvalid(operations.log_level())
        operations.set_log_level(self.level)
        return LogLevelSet(self.level)


@dataclass(frozen=True, slots=True)
class EsmeStatus:
    """Show all accounts and their binds."""

    @classmethod
    def read(cls, _parameters: Parameters) -> EsmeStatus:
        """Takes no parameters."""
        return cls()

    def run(self, operations: Operations) -> ServerSnapshot:
        """Return the state of all accounts and binds."""
        return operations.snapshot()


@dataclass(frozen=True, slots=True)
class EsmeUnbind:
    """Disconnect binds of an account; `bind_id` None = all of them, empty `system_id` = not given."""

    system_id: str
    bind_id: int | None = None

    @classmethod
    def read(cls, parameters: Parameters) -> EsmeUnbind:
        """Takes `system-id`, and `bind-id` as a leading integer; a wrong one is NO_BIND, and never means all."""
        system_id = parameters.get("system-id", "").lower()
        text = parameters.get("bind-id", "")
        if not text:
            return cls(system_id)
        bind_id = leading_integer(text)
        return cls(system_id, NO_BIND if bind_id is None else bind_id)

    def run(self, operations: Operations) -> BindsDisconnected | SystemIdMissing | SystemIdUnknown:
        """Start unbinding them. May yield."""
        if not self.system_id:
            return SystemIdMissing()
        count = operations.unbind(self.system_id, self.bind_id)
        return SystemIdUnknown(self.system_id) if count is None else BindsDisconnected(count)


@dataclass(frozen=True, slots=True)
class RebuildRoutes:
    """Load the routes again."""

    @classmethod
    def read(cls, _parameters: Parameters) -> RebuildRoutes:
        """Takes no parameters."""
        return cls()

    def run(self, operations: Operations) -> RoutesUpdated | RoutesKept:
        """Load the routes and wait for the result. May yield."""
        try:
            report = operations.rebuild_routes()
        except TemporaryError as error:
            logger.warning("Routes could not be updated: %s", error)
            return RoutesKept()
        return RoutesUpdated(report)


@dataclass(frozen=True, slots=True)
class BlockedIps:
    """Show the blocked addresses, or forget their failures; `clear` None = show."""

    clear: str | None = None

    @classmethod
    def read(cls, parameters: Parameters) -> BlockedIps:
        """Takes `clear`, an address or the word all."""
        return cls(parameters.get("clear") or None)

    def run(self, operations: Operations) -> BlockedAddresses | AddressesCleared:
        """Return the blocked addresses, or how many were cleared."""
        if self.clear is None:
            return BlockedAddresses(tuple(operations.blocked_ips()))
        return AddressesCleared(operations.clear_blocked_ips(None if self.clear == "all" else self.clear))


@dataclass(frozen=True, slots=True)
class RouteTest:
    """Show how a message would be routed; empty `system_id` or `receiver` = not given."""

    question: RouteTestQuery

    @classmethod
    def read(cls, parameters: Parameters) -> RouteTest:
        """Takes `system-id`, `from`, `to`, and optionally `text` and `data-coding`."""
        return cls(
            RouteTestQuery(
                _name(parameters.get("system-id", "")),
                parameters.get("from", ""),
                parameters.get("to", ""),
                parameters.get("text", ""),
                (leading_integer(parameters.get("data-coding", "")) or 0) & 0xFF,
            )
        )

    def run(self, operations: Operations) -> RouteTestResult | SystemIdMissing | ReceiverMissing:
        """Ask the router. May yield."""
        if not self.question.system_id:
            return SystemIdMissing()
        if not self.question.receiver:
            return ReceiverMissing()
        return operations.test_route(self.question)


def queue_status(operations: Operations, max_age: float) -> QueueStatus:
    """Return the queues as they were at most about `max_age` seconds ago. May yield."""
    waiting = operations.overview.bearerboxes().waiting
    backlog = operations.overview.queues(max_age)
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


@dataclass(frozen=True, slots=True)
class Plainly:
    """A command without parameters that changes nothing."""

    look: Callable[[Operations], Fact]

    def run(self, operations: Operations) -> Fact:
        """Return the result. May yield."""
        return self.look(operations)


def _looks(look: Callable[[Operations], Fact]) -> Callable[[Parameters], Command]:
    return lambda parameters: Plainly(look)


def _bearerboxes(operations: Operations) -> BearerboxStatus:
    return operations.overview.bearerboxes()


def _version(_operations: Operations) -> Version:
    of = importlib.metadata.version
    return Version(__version__, platform.python_version(), of("gevent"), of("SQLAlchemy"))


def _readiness(operations: Operations) -> Ready | NotReady:
    condition = operations.overview.condition()
    kinds = tuple(dict.fromkeys(trouble.kind for trouble in condition.troubles))
    return (Ready if condition.ready else NotReady)(condition.state, kinds, condition.words)


@dataclass(frozen=True, slots=True)
class Refused:
    """Show recent refusals; empty `system_id` = of all accounts."""

    system_id: str = ""

    @classmethod
    def read(cls, parameters: Parameters) -> Refused:
        """Takes `system-id`."""
        return cls(_name(parameters.get("system-id", "")))

    def run(self, operations: Operations) -> RecentRefusals:
        """Return the refusals. Doesn't yield."""
        recent = operations.overview.measures().meters.refusals.recent()
        wanted = [each for each in recent if self.system_id in ("", each.system_id.lower())]
        return RecentRefusals(len(wanted), tuple(map(_refusal_row, wanted)))


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


COMMANDS: Mapping[str, Callable[[Parameters], Command]] = {
    "/uptime": Uptime.read,
    "/log-level": LogLevel.read,
    "/esme-status": EsmeStatus.read,
    "/esme-unbind": EsmeUnbind.read,
    "/rebuild-routes": RebuildRoutes.read,
    "/blocked-ips": BlockedIps.read,
    "/route-test": RouteTest.read,
    "/bearerbox-status": _looks(_bearerboxes),
    "/queue-status": _looks(lambda operations: queue_status(operations, QUEUE_AGE)),
    "/refusals": Refused.read,
    "/version": _looks(_version),
    "/healthz": _looks(lambda operations: Healthy()),
    "/readyz": _looks(_readiness),
}
"""The class of each command by path, in the order in which the 404 answer lists them (docs/rules/http.md 3.1)."""

PUBLIC = frozenset({"/healthz", "/readyz"})
"""Commands without a password, for load balancers; they show nothing but ok or not ok."""
