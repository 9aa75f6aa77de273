"""Rows of the route table as operators change them (docs/routes.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, func, literal_column, select

from ksmppd_py.management.errors import NotFound, Outdated
from ksmppd_py.management.records import AuditNote, Page, RouteRecord, Setting, Settings
from ksmppd_py.management.rules import ROUTE_COLUMNS
from ksmppd_py.model import costs
from ksmppd_py.storage.audit import AuditTable
from ksmppd_py.storage.database import Database, Statement, Transaction, compile_statement
from ksmppd_py.storage.keyset import Order, key_values, page_of
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.transact import transact
from ksmppd_py.storage.values import Value, cost_of, integer, name, octets

_BELOW_ALL = -(2**31)
"""The place of priority NULL, below all numbers that can be set."""


class RouteChanges:
    """Implements management.ports.RouteStore."""

    def __init__(self, database: Database, layout: Layout, audit: AuditTable) -> None:
        route = self._route = layout.tables.route
        self._database = database
        self._audit = audit
        self.columns = frozenset(column for column in ROUTE_COLUMNS if layout.has(route, column))
        self._read = ["route_id", *sorted(self.columns)]
        self._rows = select(*(route.c[column] for column in self._read))
        has_priority = "priority" in self.columns
        rank = func.coalesce(route.c.priority if has_priority else literal_column("0"), _BELOW_ALL)
        self._rank = rank if has_priority else literal_column("0")
        self._owner = func.coalesce(layout.in_lower_case(route.c.system_id), literal_column("''"))
        self._order: Order = [
            (route.c.direction, False),
            (self._owner, False),
            (self._rank, True),
            (route.c.route_id, False),
        ]
        this = route.c.route_id == bindparam("this_id")
        self._one = self._compile(self._rows.where(this))
        self._locked = self._compile(self._rows.where(this).with_for_update())
        self._this = this
        self._delete = self._compile(route.delete().where(this))
        self._ours = (
            route.c.direction == bindparam("ours_direction"),
            layout.equals(route.c.system_id, bindparam("id")),
        )
        self._delete_ours = self._compile(route.delete().where(*self._ours))
        self._returns_id = bool(getattr(database.dialect, "insert_returning", False))

    def _compile(self, clause: Any) -> Statement:
        return compile_statement(clause, self._database.dialect)

    def page(self, direction: int | None, system_id: str | None, page: Page) -> list[RouteRecord]:
        """See RouteStore."""
        statement = page_of(self._rows, self._order, page.limit, page.after)
        values: dict[str, Value] = key_values(page.after)
        if direction is not None:
            statement = statement.where(self._ours[0])
            values["ours_direction"] = direction
        if system_id is not None:
            statement = statement.where(self._ours[1])
            values["id"] = system_id
        rows = self._database.execute(self._compile(statement), values, repeatable=True).rows
        return [self._record(row) for row in rows]

    def key(self, route: RouteRecord) -> list[int | str]:
        """See RouteStore."""
        settings = route.settings
        priority = settings.get("priority", 0)
        return [
            integer(settings["direction"]),
            str(settings["system_id"] or ""),
            _BELOW_ALL if priority is None else integer(priority),
            route.route_id,
        ]

    def get(self, route_id: int) -> RouteRecord:
        """See RouteStore."""
        return self._only(
            self._database.execute(self._one, {"this_id": route_id}, repeatable=True).rows, route_id
        )

    def add(self, settings: Settings, note: AuditNote) -> RouteRecord:
        """See RouteStore."""
        self._audit.need()
        insert = self._insert(settings, with_id=True)

        def work(transaction: Transaction) -> RouteRecord:
            reply = transaction.execute(insert, _values(settings))
            route_id = integer(reply.rows[0][0]) if self._returns_id else reply.first_id
            route = self._only(transaction.execute(self._one, {"this_id": route_id}).rows, route_id)
            named = replace(note, subject=f"{note.subject} {route_id}")
            self._audit.add(transaction, named, None, dict(route.settings))
            return route

        return transact(self._database, work)

    def change(
        self, route_id: int, settings: Settings, version: str, note: AuditNote
    ) -> tuple[RouteRecord, RouteRecord]:
        """See RouteStore."""
        self._audit.need()
        changed = settings or {"route_id": route_id}
        update = self._compile(self._route.update().where(self._this).values(_parameters(changed)))

        def work(transaction: Transaction) -> tuple[RouteRecord, RouteRecord]:
            before = self._lock(transaction, route_id, version)
            transaction.execute(update, {"this_id": route_id, **_values(changed)})
            after = self._only(transaction.execute(self._one, {"this_id": route_id}).rows, route_id)
            self._audit.add(transaction, note, dict(before.settings), dict(after.settings))
            return before, after

        return transact(self._database, work)

    def remove(self, route_id: int, version: str, note: AuditNote) -> RouteRecord:
        """See RouteStore."""
        self._audit.need()

        def work(transaction: Transaction) -> RouteRecord:
            route = self._lock(transaction, route_id, version)
            transaction.execute(self._delete, {"this_id": route_id})
            self._audit.add(transaction, note, dict(route.settings), None)
            return route

        return transact(self._database, work)

    def replace(self, direction: int, system_id: str, routes: Sequence[Settings], note: AuditNote) -> None:
        """See RouteStore."""
        self._audit.need()
        insert = self._insert(routes[0], with_id=False) if routes else None

        def work(transaction: Transaction) -> None:
            ours: dict[str, Value] = {"ours_direction": direction, "id": system_id}
            removed = transaction.execute(self._delete_ours, ours).matched
            if insert is not None:
                transaction.execute_many(insert, [_values(route) for route in routes])
            self._audit.add(
                transaction, note, {"routes": removed}, {"routes": [dict(route) for route in routes]}
            )

        transact(self._database, work)

    def _insert(self, columns: Collection[str], with_id: bool) -> Statement:
        insert = self._route.insert().values(_parameters(columns))
        if with_id and self._returns_id:
            return self._compile(insert.returning(self._route.c.route_id))
        return self._compile(insert.inline())

    def _lock(self, transaction: Transaction, route_id: int, version: str) -> RouteRecord:
        route = self._only(transaction.execute(self._locked, {"this_id": route_id}).rows, route_id)
        if version and version != route.version:
            raise Outdated("the route was changed since it was read")
        return route

    def _only(self, rows: Sequence[Sequence[Any]], route_id: int) -> RouteRecord:
        if not rows:
            raise NotFound(f"there is no route {route_id}")
        return self._record(rows[0])

    def _record(self, row: Sequence[Any]) -> RouteRecord:
        values = dict(zip(self._read, row, strict=True))
        settings = {column: _read(column, values[column]) for column in sorted(self.columns)}
        state = repr(settings).encode("utf-8", "surrogateescape")
        return RouteRecord(integer(values["route_id"]), settings, hashlib.sha256(state).hexdigest()[:32])


def _parameters(columns: Collection[str]) -> dict[str, Any]:
    return {column: bindparam(f"v_{column}") for column in columns}


def _values(settings: Settings) -> dict[str, Value]:
    return {f"v_{column}": value for column, value in settings.items()}


def _read(column: str, value: Any) -> Setting:
    if column in ("direction", "priority"):
        return None if value is None else integer(value)
    if column == "cost":
        cost = cost_of(value)
        return cost if costs.is_usable(cost) else None
    if column == "system_id":
        return (name(value) or "").lower() or None
    if column == "smsc_id":
        return name(value)
    expression = octets(value)
    return None if expression is None else expression.decode("latin-1")
