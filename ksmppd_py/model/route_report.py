"""Checks all rows of a route table, portion by portion, and reports their problems."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ksmppd_py.model.direction import Direction
from ksmppd_py.model.routes import RegexChecker, Route, RouteProblem

_ByPriority = dict["int | None", list[Route]]

MOST_LISTED = 100
"""Problems that are listed one by one; the others are counted."""


class RouteRow(NamedTuple):
    """One row. `priority` None comes last; `cost_problem` is why its cost can't be charged, or ""."""

    direction: int
    priority: int | None
    route: Route
    cost_problem: str = ""


@dataclass(frozen=True, slots=True)
class RouteReport:
    """The result of reading the route table: rows read, rows that aren't used, and their problems.

    `problems` are by route_id, at most MOST_LISTED; `more` is the number of others.
    """

    rows: int
    skipped: int
    problems: tuple[RouteProblem, ...] = ()
    more: int = 0


class RouteReading:
    """Checks all rows, and keeps the inbound routes and those of the accounts in `known` (lower case). Pure.

    `target_accounts` are the accounts that usable rows name.
    """

    def __init__(self, known: Collection[str]) -> None:
        self._inbound: _ByPriority = {}
        self._outbound: dict[str, _ByPriority] = {system_id: {} for system_id in known}
        self._checker = RegexChecker()
        self._rows = 0
        self._problems: list[RouteProblem] = []
        self._targets: dict[str, list[tuple[int, bool]]] = {}

    def take(self, rows: Iterable[RouteRow]) -> None:
        """Take some rows, in the order of route_id."""
        for row in rows:
            self._rows += 1
            problem = self._problem(row)
            if problem is not None:
                self._problems.append(problem)
                if problem.skipped:
                    continue
            self._keep(row)

    def _problem(self, row: RouteRow) -> RouteProblem | None:
        route = row.route
        number = route.route_id
        is_inbound = row.direction == Direction.INBOUND
        if not is_inbound and row.direction != Direction.OUTBOUND:
            return RouteProblem(number, f"direction {row.direction} is neither 1 (MT) nor 2 (MO)")
        regex_problem = self._checker.problem(route)
        if regex_problem:
            return RouteProblem(number, regex_problem)
        if route.system_id is None:
            reason = "it names no system_id"
            if is_inbound:
                return RouteProblem(number, f"{reason}, so its messages are refused", skipped=False)
            return RouteProblem(number, reason)
        if row.cost_problem and not is_inbound:
            return RouteProblem(number, row.cost_problem, skipped=False)
        return None

    def _keep(self, row: RouteRow) -> None:
        is_inbound = row.direction == Direction.INBOUND
        system_id = row.route.system_id
        if system_id is not None:
            self._targets.setdefault(system_id, []).append((row.route.route_id, is_inbound))
        kept = self._inbound if is_inbound else self._outbound.get(system_id or "")
        if kept is not None:
            kept.setdefault(row.priority, []).append(row.route)

    @property
    def known(self) -> Collection[str]:
        """The accounts whose routes are kept."""
        return self._outbound.keys()

    @property
    def target_accounts(self) -> list[str]:
        """The accounts (lower case) that usable rows name, each once."""
        return list(self._targets)

    def miss(self, system_id: str) -> None:
        """Note that this account doesn't exist."""
        for number, is_inbound in self._targets.get(system_id, ()):
            reason = f"there is no account {system_id!r}"
            if is_inbound:
                reason += ", so no account gets its messages"
            self._problems.append(RouteProblem(number, reason, skipped=not is_inbound, is_error=False))

    def inbound(self) -> list[Route]:
        """Return the usable inbound routes in matching order."""
        return _in_order(self._inbound)

    def outbound(self, system_id: str) -> list[Route]:
        """Return the usable routes of a known account in matching order."""
        return _in_order(self._outbound[system_id])

    def report(self) -> RouteReport:
        """Return the report."""
        problems = sorted(self._problems)
        skipped = len({problem.route_id for problem in problems if problem.skipped})
        listed = tuple(problems[:MOST_LISTED])
        return RouteReport(self._rows, skipped, listed, len(problems) - len(listed))


def _in_order(routes: _ByPriority) -> list[Route]:
    """Return the routes by priority, highest first, those without one last; equals stay in their order."""
    ordered: list[Route] = []
    for priority in sorted(routes, key=lambda priority: (priority is None, -(priority or 0))):
        ordered += routes[priority]
    return ordered
