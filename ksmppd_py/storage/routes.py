"""Rows of the route table (spec/database.md 6)."""

from __future__ import annotations

import logging

from sqlalchemy import ColumnElement, bindparam, literal_column, select

from ksmppd_py.model import costs
from ksmppd_py.model.routes import Route
from ksmppd_py.storage.database import Database, Statement, compile_statement
from ksmppd_py.storage.upgrade import Layout
from ksmppd_py.storage.values import Value, cost_of, integer, name, octets, shown

log = logging.getLogger(__name__)

_OUTBOUND: ColumnElement[int] = literal_column("1")
_INBOUND: ColumnElement[int] = literal_column("2")
_COLUMNS = ("route_id", "regex", "cost", "system_id", "smsc_id", "source_regex")


class DatabaseRoutes:
    """Implements ports.RouteSource. Highest priority first, NULL last, then by route_id."""

    def __init__(self, database: Database, layout: Layout) -> None:
        route = layout.tables.route
        rows = select(*(layout.read(route, column) for column in _COLUMNS))
        if layout.has(route, "priority"):
            rows = rows.order_by(route.c.priority.desc())
        rows = rows.order_by(route.c.route_id)
        mine = layout.equals(route.c.system_id, bindparam("id"))
        dialect = database.dialect
        self._database = database
        self._outbound = compile_statement(rows.where(route.c.direction == _OUTBOUND, mine), dialect)
        self._all = compile_statement(rows, dialect)
        self._inbound = compile_statement(rows.where(route.c.direction == _INBOUND), dialect)

    def outbound(self, system_id: str) -> list[Route]:
        """See ports.RouteSource."""
        return self._load(self._outbound, {"id": system_id})

    def inbound(self) -> list[Route]:
        """See ports.RouteSource."""
        return self._load(self._inbound, {})

    def all(self) -> list[Route]:
        """Every route of both directions and all accounts. May yield. Raises DatabaseUnavailable."""
        return self._load(self._all, {})

    def _load(self, statement: Statement, values: dict[str, Value]) -> list[Route]:
        rows = self._database.execute(statement, values, repeatable=True).rows
        return [
            Route(
                route_id=integer(route_id),
                regex=_regex(regex) or "",
                cost=_cost(route_id, cost),
                system_id=(name(system_id) or "").lower() or None,
                smsc_id=name(smsc_id),
                source_regex=_regex(source_regex),
            )
            for route_id, regex, cost, system_id, smsc_id, source_regex in rows
        ]


def _cost(route_id: object, value: object) -> float:
    """The cost; one that can't be charged is told, and the route's messages are refused (D-33)."""
    cost = cost_of(value)
    if not costs.is_usable(cost):
        log.warning(
            "Route %d: cost %s is no decimal number, its messages are refused",
            integer(route_id),
            shown(value),
        )
    return cost


def _regex(value: object) -> str | None:
    expression = octets(value)
    return None if expression is None else expression.decode("latin-1")
