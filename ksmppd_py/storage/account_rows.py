"""Reads one account's rows of the store table without sorting or reading those of others (docs/rules/database.md 5).

MySQL's index on service holds a prefix, so the server doesn't use it for ORDER BY and sorts all rows of an account for
each page; 2,000,000 of them take 3 s. InnoDB keeps the entries of one service in the order of global_id all the same:
with that index forced and no ORDER BY it stops after a page. (If a server ever returned another order, rows would be
skipped, and found by the next pass.) The index on sms_type is better where few rows are for ESMEs at all, for instance
among a million MTs of the same account.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from time import monotonic
from typing import Any

from sqlalchemy import ColumnElement, bindparam, literal_column, or_, select
from sqlalchemy.sql import Select

from ksmppd_py.kannel.messages import SmsType
from ksmppd_py.storage.database import Database, Statement, compile_statement
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.values import Value, name

FEW = 20_000
"""Rows of one sms_type up to which all are read, instead of looking them up by account."""
RECOUNT = 10.0
"""Seconds until they are counted again, up to FEW, which takes some milliseconds."""
_ACCOUNTS_AT_ONCE = 100
_FOR_ESMES = (int(SmsType.MO), int(SmsType.REPORT_MO))

Rows = Sequence[tuple[Any, ...]]


class AccountRows:
    """Reads the rows of one account, and queries which accounts have rows."""

    def __init__(self, database: Database, layout: Layout, columns: Sequence[ColumnElement[Any]]) -> None:
        self._database = database
        self._store = store = layout.tables.store
        self._by_type = layout.index_on(store.c.sms_type)
        self._by_service = layout.index_on(store.c.service)
        self._counted: dict[int, tuple[float, bool]] = {}
        sms_type: ColumnElement[Any] = store.c.sms_type
        if database.dialect.name == "sqlite":
            sms_type = literal_column(
                "+sms_type"
            )  # its index isn't to be used: the one on service has our order
        ours = layout.equals(store.c.service, bindparam("service_name"))
        unordered = (
            select(*columns)
            .where(sms_type == bindparam("sms_type"), store.c.global_id > bindparam("after"), ours)
            .limit(bindparam("limit"))
        )
        self._page = self._compile(unordered.order_by(store.c.global_id), self._by_type)
        self._page_of_many = self._compile(unordered, self._by_service)
        exists: Select[Any] = select(bindparam("service_name")).select_from(store)
        for_esmes = or_(*(sms_type == literal_column(str(kind)) for kind in _FOR_ESMES))
        self._exists = [self._compile(exists.where(ours, for_esmes).limit(1), self._by_service)]
        if (
            database.dialect.name == "postgresql"
        ):  # its index has both columns, and only an order makes it be used
            of_kinds = (exists.where(ours, sms_type == literal_column(str(kind))) for kind in _FOR_ESMES)
            self._exists = [
                self._compile(of_kind.order_by(store.c.global_id).limit(1), None) for of_kind in of_kinds
            ]
        newest = select(store.c.global_id).where(ours, for_esmes).order_by(store.c.global_id.desc())
        self._surplus = self._compile(newest.limit(1).offset(bindparam("keep")), self._by_service)
        self._names = self._compile(select(store.c.service).where(for_esmes).distinct(), self._by_type)
        self._unaddressed = self._compile(self._select_unaddressed(columns, for_esmes), self._by_service)

    def last_surplus(self, service: str, keep: int) -> int:
        """Return the global_id of the newest MO or DLR of `service` but `keep` newer ones, or 0. May yield."""
        values: dict[str, Value] = {"service_name": service, "keep": keep}
        rows = self._database.execute(self._surplus, values, repeatable=True).rows
        return int(rows[0][0]) if rows else 0

    def _select_unaddressed(
        self, columns: Sequence[ColumnElement[Any]], for_esmes: ColumnElement[bool]
    ) -> Select[Any]:
        store = self._store
        nobodys = select(*columns).where(
            or_(store.c.service.is_(None), store.c.service == bindparam("no_name")),
            for_esmes,
            store.c.global_id > bindparam("after"),
        )
        return nobodys.order_by(store.c.global_id).limit(bindparam("limit"))

    def _compile(self, query: Select[Any], index: str | None) -> Statement:
        if index is not None:
            query = query.with_hint(self._store, f"FORCE INDEX ({index})", "mysql")
        return compile_statement(query, self._database.dialect)

    def page(self, values: dict[str, Value], service: str) -> Rows:
        """Return the next rows of `service` in global_id order. `values`: sms_type, after, limit. May yield."""
        few = self._by_service is None or self._are_few(int(str(values["sms_type"])))
        statement = self._page if few else self._page_of_many
        rows = self._database.execute(statement, {**values, "service_name": service}, repeatable=True).rows
        return rows if few else sorted(rows, key=lambda row: int(row[0]))

    def unaddressed(self, values: dict[str, Value]) -> Rows:
        """Return the next MOs and DLRs without an account in global_id order. `values`: after, limit. May yield."""
        return self._database.execute(self._unaddressed, {**values, "no_name": ""}, repeatable=True).rows

    def having_rows(self, among: Collection[str]) -> set[str]:
        """Return those of these accounts (lower case) that have MOs or DLRs. May yield."""
        if self._by_service is not None and all(self._are_few(kind) for kind in _FOR_ESMES):
            rows = self._database.execute(self._names, repeatable=True).rows
            return {service.lower() for (value,) in rows if (service := name(value))} & set(among)
        found: set[str] = set()
        remaining = iter(among)
        while some := list(islice(remaining, _ACCOUNTS_AT_ONCE)):
            found |= self._having_rows(some)
        return found

    def _having_rows(self, some: Sequence[str]) -> set[str]:
        """Ask about several accounts in one statement; on SQLite, which has no distance, one after the other."""
        if self._database.dialect.name == "sqlite":
            (exists,) = self._exists
            found = (
                self._database.execute(exists, {"service_name": each}, repeatable=True).rows for each in some
            )
            return {each for each, rows in zip(some, found, strict=True) if rows}
        literal = self._database.literal
        asked = [
            exists.text
            % {key: literal(value) for key, value in {**exists.defaults, "service_name": each}.items()}
            for each in some
            for exists in self._exists
        ]
        joined = Statement(" UNION ALL ".join(f"({text})" for text in asked))
        rows = self._database.execute(joined, repeatable=True).rows
        return {service.lower() for (value,) in rows if (service := name(value))}

    def _are_few(self, sms_type: int) -> bool:
        """Whether at most FEW rows are of this type, as of the last RECOUNT seconds. May yield."""
        until, few = self._counted.get(sms_type, (0.0, False))
        if self._by_type is None:
            return False
        if monotonic() >= until:
            table = self._database.dialect.identifier_preparer.format_table(self._store)
            count = Statement(
                f"SELECT COUNT(*) FROM (SELECT 1 FROM {table} FORCE INDEX ({self._by_type})"
                f" WHERE sms_type = {sms_type} LIMIT {FEW + 1}) AS few"
            )
            few = int(self._database.execute(count, repeatable=True).rows[0][0]) <= FEW
            self._counted[sms_type] = (monotonic() + RECOUNT, few)
        return few
