"""Describes the tables of an operator's database: the columns that exist, their types, collations and indexes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, func, literal_column, null

from ksmppd_py.storage.database import Database
from ksmppd_py.storage.limits import ColumnLimit, limit_of
from ksmppd_py.storage.schema import Tables

_VARYING = re.compile(r"character varying\((\d+)\)")


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column as the database describes it: its type, and its collation if it holds characters."""

    type: str
    collation: str | None


class Layout:
    """The five tables, and their differences in this database from those that would be created."""

    def __init__(
        self,
        database: Database,
        tables: Tables,
        found: Mapping[str, Mapping[str, FoundColumn]],
        indexes: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.tables = tables
        self._indexes = indexes or {}
        self._mysql = database.dialect.name == "mysql"
        self._postgresql = database.dialect.name == "postgresql"
        self._found = found

    def has(self, table: Table, column: str) -> bool:
        """Whether the column exists; a table that couldn't be described counts as complete."""
        found = self._found.get(table.fullname)
        return column in found if found else column in table.c

    def columns(self, table: Table) -> frozenset[str]:
        """Return the columns that were found; empty without such a table, or when it couldn't be described."""
        return frozenset(self._found.get(table.fullname, ()))

    def read(self, table: Table, column: str) -> ColumnElement[Any]:
        """Return the column to select, or NULL when the table lacks it."""
        if not self.has(table, column):
            return null().label(column)
        return table.c[column] if column in table.c else literal_column(self._quoted(column))

    def equals(self, column: Column[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition that `column` is the name `value` (lower case), with any collation of the column.

        The column stays bare where its collation ignores case, so that an index can be used.
        """
        found = self._found.get(column.table.fullname, {}).get(column.name)
        if self._postgresql:
            return func.lower(column) == func.lower(value)
        if not self._mysql:
            return column.collate("NOCASE") == value
        if found is None or not _minds_case(found.collation):
            return column == value
        return func.lower(literal_column(f"CONVERT({self._quoted(column.name)} USING latin1)")) == func.lower(
            value
        )

    def in_lower_case(self, column: Column[Any]) -> ColumnElement[Any]:
        """Return a column of names by which lists are ordered, without regard to case, whatever its collation is."""
        if self._postgresql:
            return func.lower(column)
        if not self._mysql:
            return column.collate("NOCASE")
        found = self._found.get(column.table.fullname, {}).get(column.name)
        if found is None or not _minds_case(found.collation):
            return column
        return func.lower(literal_column(f"CONVERT({self._quoted(column.name)} USING latin1)"))

    def tail(self, table: Table, column: str, length: int | ColumnElement[int]) -> ColumnElement[Any]:
        """Return the last `length` characters of a column of octets, in lower case."""
        if self._postgresql:
            return func.lower(func.right(func.encode(self.read(table, column), "escape"), length))
        return func.lower(func.substr(self.read(table, column), -length))

    def round(self, amount: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return an amount of credit with six decimals."""
        if (
            self._postgresql
        ):  # whose function of two arguments is one of NUMERIC, which has 15 digits of these
            return func.round(amount * literal_column("1000000")) / literal_column("1000000")
        return func.round(amount, 6)

    def index_on(self, column: Column[Any]) -> str | None:
        """Return the name, quoted, of an InnoDB index on this column alone; None elsewhere or without one."""
        found = self._found.get(column.table.fullname, {}).get(column.name)
        if found is None or (found.collation is not None and _minds_case(found.collation)):
            return None  # `equals` doesn't leave it bare
        name = self._indexes.get(column.table.fullname, {}).get(column.name)
        return None if name is None else self._quoted(name)

    def limits(self, table: Table) -> dict[str, ColumnLimit]:
        """Return the sizes of the text columns; empty on SQLite, which has none. PostgreSQL's are those of names."""
        if self._postgresql:
            return {
                key: ColumnLimit(int(sized[1]) * 4, int(sized[1]), unicode=True)
                for key, column in self._found.get(table.fullname, {}).items()
                if (sized := _VARYING.fullmatch(column.type))
            }
        if not self._mysql:
            return {}
        found = self._found.get(table.fullname) or {
            column.name: FoundColumn(str(column.type), "latin1") for column in table.c
        }
        limits = {key: limit_of(column.type, column.collation) for key, column in found.items()}
        return {key: limit for key, limit in limits.items() if limit is not None}

    def _quoted(self, column: str) -> str:
        return f"`{column}`" if self._mysql else f'"{column}"'


def _minds_case(collation: str | None) -> bool:
    return collation is None or collation.endswith(("_bin", "_cs", "binary"))
