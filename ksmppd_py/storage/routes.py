"""Rows of the route table (docs/rules/database.md 6)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any

import gevent
from sqlalchemy import ColumnElement, bindparam, literal_column, or_, select

from ksmppd_py.model import costs
from ksmppd_py.model.direction import Direction
from ksmppd_py.model.route_report import RouteRow
from ksmppd_py.model.routes import Route
from ksmppd_py.storage.database import Database, compile_statement
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.values import Value, cost_of, integer, name, octets, shown

log = logging.getLogger(__name__)

_OUTBOUND: ColumnElement[int] = literal_column(str(int(Direction.OUTBOUND)))
_COLUMNS = ("route_id", "regex", "cost", "system_id", "smsc_id", "source_regex")
MANY = 500
"""Rows of one account that are read at once; with more, other greenlets get their turns in between."""
_NAMES_AT_ONCE = 100


class DatabaseRoutes:
    """The rows of the route table: highest priority first, NULL last, then by route_id."""

    def __init__(self, database: Database, layout: Layout) -> None:
        route = layout.tables.route
        self._has_priority = layout.has(route, "priority")
        columns = [layout.read(route, column) for column in _COLUMNS]
        more = [route.c.direction, *([route.c.priority] if self._has_priority else [])]
        ours = route.c.direction == _OUTBOUND, layout.equals(route.c.system_id, bindparam("id"))
        rows = select(*columns).where(*ours)
        if self._has_priority:
            descending = route.c.priority.desc()
            on_postgresql = database.dialect.name == "postgresql"  # where NULL is the greatest value
            rows = rows.order_by(descending.nulls_last() if on_postgresql else descending)
        rows = rows.order_by(route.c.route_id)
        dialect = database.dialect
        user = layout.tables.user.c.system_id
        asked = or_(*(layout.equals(user, bindparam(f"id{number}")) for number in range(_NAMES_AT_ONCE)))
        self._database = database
        self._outbound = compile_statement(rows.limit(bindparam("most")), dialect)
        self._outbound_all = compile_statement(rows, dialect)
        self._everything = compile_statement(select(*columns, *more).order_by(route.c.route_id), dialect)
        self._accounts = compile_statement(select(user).where(asked), dialect)

    def outbound(self, system_id: str) -> list[Route]:
        """Return the rows of one account (lower case) in matching order. Raises DatabaseUnavailable. May yield."""
        values: dict[str, Value] = {"id": system_id, "most": MANY + 1}
        rows = self._database.execute(self._outbound, values, repeatable=True).rows
        if len(rows) <= MANY:
            return [_with_warning(*_route(row)) for row in rows]
        routes: list[Route] = []
        for portion in self._database.stream(self._outbound_all, {"id": system_id}):
            routes += [_with_warning(*_route(row)) for row in portion]
            gevent.sleep(0)
        return routes

    def everything(self) -> Iterator[Sequence[RouteRow]]:
        """Yield all rows by route_id, as of one moment, in portions. Raises DatabaseUnavailable. May yield."""
        for portion in self._database.stream(self._everything):
            yield [self._row(row) for row in portion]

    def existing(self, system_ids: Collection[str]) -> set[str]:
        """Return those of these accounts (lower case) that have a user row. Raises DatabaseUnavailable. May yield."""
        found: set[str] = set()
        remaining = iter(system_ids)
        while some := list(islice(remaining, _NAMES_AT_ONCE)):
            some += some[-1:] * (_NAMES_AT_ONCE - len(some))
            values = {f"id{number}": system_id for number, system_id in enumerate(some)}
            rows = self._database.execute(self._accounts, values, repeatable=True).rows
            found.update((name(value) or "").lower() for (value,) in rows)
        return found

    def _row(self, row: Sequence[Any]) -> RouteRow:
        route, cost_problem = _route(row)
        priority = row[len(_COLUMNS) + 1] if self._has_priority else None
        return RouteRow(
            direction=integer(row[len(_COLUMNS)]),
            priority=None if priority is None else integer(priority),
            route=route,
            cost_problem=cost_problem,
        )


def _route(row: Sequence[Any]) -> tuple[Route, str]:
    """Return the route and why its cost can't be charged ("" if it can)."""
    route_id, regex, cost, system_id, smsc_id, source_regex = row[: len(_COLUMNS)]
    read = cost_of(cost)
    route = Route(
        route_id=integer(route_id),
        regex=_regex(regex) or "",
        cost=read,
        system_id=(name(system_id) or "").lower() or None,
        smsc_id=name(smsc_id),
        source_regex=_regex(source_regex),
    )
    problem = (
        "" if costs.is_usable(read) else f"cost {shown(cost)} is no decimal number, its messages are refused"
    )
    return route, problem


def _with_warning(route: Route, cost_problem: str) -> Route:
    if cost_problem:
        log.warning("Route %d: %s", route.route_id, cost_problem)
    return route


def _regex(value: object) -> str | None:
    expression = octets(value)
    return None if expression is None else expression.decode("latin-1")
