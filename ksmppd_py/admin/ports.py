"""The interface between the operator's side and the rest of the daemon."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from ksmppd_py.model.condition import Condition
from ksmppd_py.model.esme import BlockedAddress, ServerSnapshot
from ksmppd_py.model.events import EventStream
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.route_test import InboundTestQuery, InboundTestResult, RouteTestQuery, RouteTestResult
from ksmppd_py.model.status import Backlog, BearerboxStatus, ServerMetrics


class ServerStatus(Protocol):
    """The daemon's state."""

    @property
    def events(self) -> EventStream:
        """Return the stream of what happened, to which changes by operators are added."""

    def bearerboxes(self) -> BearerboxStatus:
        """Return all bearerbox connections. Doesn't yield."""

    def queues(self, max_age: float) -> Backlog | None:
        """Return the queue tables' state, at most about `max_age` seconds old; None when it is unknown. May yield."""

    def refresh_credits(self, max_age: float) -> None:
        """If any account is prepaid, make `metrics().credits` at most about `max_age` seconds old. May yield."""

    def blocked(self) -> int:
        """Return the number of blocked addresses, by looking at each that failed: not every second. Doesn't yield."""

    def metrics(self) -> ServerMetrics:
        """Return all counters and meters. Doesn't yield."""

    def condition(self) -> Condition:
        """Return whether messages are accepted (port open, database up, a bearerbox or the queue), and the problems.

        Doesn't yield.
        """


class Operations(Protocol):
    """The requests that an operator can make to the running daemon."""

    @property
    def server_status(self) -> ServerStatus:
        """Return the daemon's state."""

    def uptime(self) -> int:
        """Return the seconds since the admin server was started."""

    def snapshot(self) -> ServerSnapshot:
        """Return the state of all accounts and binds known since the start."""

    def log_level(self) -> int | None:
        """Return the level of the log files, 0 to 4, the lowest of several; None without a log file."""

    def set_log_level(self, level: int) -> None:
        """Set the level of all log files, 0 = DEBUG to 4 = PANIC; stderr keeps its own."""

    def unbind(self, system_id: str, bind_id: int | None) -> int | None:
        """Start unbinding all live binds of a lower-case `system_id`, or only the one called `bind_id`.

        Returns their number, or None when the system_id hasn't bound since the start. May yield.
        """

    def blocked_ips(self) -> Sequence[BlockedAddress]:
        """Return the addresses that are blocked now."""

    def clear_blocked_ips(self, ip: str | None) -> int:
        """Forget the failures of one address, or of all; return the number that were blocked."""

    def pause_bearerbox(self, name: str, paused: bool) -> bool:
        """Give the bearerbox with this name in `bearerboxes` no more MTs, or give it some again. Doesn't yield.

        Returns whether there is one.
        """

    def paused_bearerboxes(self) -> Collection[str]:
        """Return the names of paused bearerboxes. Doesn't yield."""

    def test_route(self, query: RouteTestQuery) -> RouteTestResult:
        """Return how a message would be routed; nothing is sent. May yield."""

    def test_inbound_route(self, query: InboundTestQuery) -> InboundTestResult:
        """Return how a message from an SMSC would be routed; nothing is delivered. May yield."""

    def rebuild_routes(self) -> RouteReport | None:
        """Load the routes again and return the result; None where no routes are kept. May yield.

        Raises errors.TemporaryError when the previous routes had to be kept.
        """
