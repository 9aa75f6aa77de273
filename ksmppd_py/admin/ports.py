"""The door between the operator's room and the rest of the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ksmppd_py.model.condition import Condition
from ksmppd_py.model.esme import BlockedAddress, ServerSnapshot
from ksmppd_py.model.operation import Backlog, BearerboxStatus, Measures
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.trial import RouteQuestion, RouteTrial


class Overview(Protocol):
    """How the daemon is doing."""

    def bearerboxes(self) -> BearerboxStatus:
        """All bearerbox connections. Doesn't yield."""

    def queues(self, max_age: float) -> Backlog | None:
        """The queue tables, at most about `max_age` seconds ago; None when nobody knows. May yield."""

    def look_at_credits(self, max_age: float) -> None:
        """If any account is prepaid, have `measures().credits` at most about `max_age` seconds old. May yield."""

    def blocked(self) -> int:
        """How many addresses may not connect now. Looks at each that failed: not for every second. Doesn't yield."""

    def measures(self) -> Measures:
        """All counters and meters. Doesn't yield."""

    def condition(self) -> Condition:
        """Whether messages are taken (port open, database there, a bearerbox or the queue), and what is wrong.

        Doesn't yield.
        """


class Operations(Protocol):
    """What an operator can ask of the running daemon."""

    @property
    def overview(self) -> Overview:
        """How it is doing."""

    def uptime(self) -> int:
        """Seconds since the admin server was started."""

    def snapshot(self) -> ServerSnapshot:
        """A picture of all accounts and binds known since the start."""

    def log_level(self) -> int | None:
        """The level of the log files, 0 to 4, the lowest of several; None when there is none."""

    def set_log_level(self, level: int) -> None:
        """Set the level of all log files, 0 = DEBUG to 4 = PANIC; stderr keeps its own."""

    def unbind(self, system_id: str, bind_id: int | None) -> int | None:
        """Start unbinding all live binds of a lower-case `system_id`, or only the one called `bind_id`.

        Returns how many were told to go, None when the system_id was never bound since the start. May yield.
        """

    def blocked_ips(self) -> Sequence[BlockedAddress]:
        """The addresses that may not connect now."""

    def clear_blocked_ips(self, ip: str | None) -> int:
        """Forgive one address, or all; returns how many of them were blocked."""

    def try_route(self, question: RouteQuestion) -> RouteTrial:
        """What would become of a message; nothing is sent. May yield."""

    def rebuild_routes(self) -> RouteReport | None:
        """Load the routes again and tell what came of it, None where none are kept. May yield.

        Raises errors.TemporaryError when the old ones had to be kept.
        """
