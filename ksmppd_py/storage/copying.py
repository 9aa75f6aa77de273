"""Copies accounts, routes and the queue from one database to another one of any kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, select

from ksmppd_py.storage.database import Database, Statement, StatementRefused, compile_statement
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.schema import OPTIONAL_USER_COLUMNS
from ksmppd_py.storage.values import Value, octets

_PARTS = ("user", "route", "store", "pdu")
_OCTETS = ("BYTEA", "BLOB")
"""Types of columns that take octets, not characters."""


class CopyRefused(Exception):
    """A table can't be copied; the text says why."""


@dataclass(slots=True)
class CopiedTable:
    """One table: how many rows were read, and written unless it was a dry run; the columns that stay behind."""

    name: str
    rows: int = 0
    left_out: list[str] = field(default_factory=list)


def copy_tables(
    source: tuple[Database, Layout], target: tuple[Database, Layout], dry_run: bool
) -> Iterator[CopiedTable]:
    """Copy table after table into empty ones, with their ids; yield each when it is done. May yield.

    A dry run reads all, and writes nothing. Raises CopyRefused and DatabaseUnavailable; rows that were copied before
    stay there.
    """
    for part in _PARTS:
        theirs, ours = getattr(source[1].tables, part), getattr(target[1].tables, part)
        if not source[1].columns(theirs):
            yield CopiedTable(f"{theirs.fullname} (isn't there)")
            continue
        yield _TableCopy(source, target, theirs, ours).run(dry_run)


class _TableCopy:
    def __init__(
        self, source: tuple[Database, Layout], target: tuple[Database, Layout], theirs: Table, ours: Table
    ) -> None:
        self._source, self._source_layout = source
        self._target, self._target_layout = target
        self._theirs, self._ours = theirs, ours
        self._key = next(iter(ours.primary_key.columns)).name

    def run(self, dry_run: bool) -> CopiedTable:
        """Copy all rows. Raises CopyRefused."""
        there = self._target_layout.columns(self._ours)
        if there and self._count():
            raise CopyRefused(f"{self._ours.fullname} has rows already; only empty tables are copied into")
        known = {column.name for column in self._ours.c}
        optional = tuple(OPTIONAL_USER_COLUMNS) if self._theirs.name == self._user() else ()
        found = self._source_layout.columns(self._theirs)
        columns = sorted(found & known) + [column for column in optional if column in found]
        copied = CopiedTable(self._theirs.fullname, left_out=sorted(found - set(columns)))
        if not dry_run:
            self._add(set(columns) - there)
        query = select(*(self._source_layout.read(self._theirs, column) for column in columns))
        statement = compile_statement(query.order_by(self._theirs.c[self._key]), self._source.dialect)
        readers = [self._is_octets(column) for column in columns]
        for portion in self._source.stream(statement):
            rows = [self._row(row, readers) for row in portion]
            if not dry_run:
                self._insert(columns, rows, portion[0][columns.index(self._key)])
            copied.rows += len(rows)
        if not dry_run:
            self._finish(copied.rows)
        return copied

    def _user(self) -> str:
        return str(self._source_layout.tables.user.name)

    def _count(self) -> int:
        name = self._target.dialect.identifier_preparer.format_table(self._ours)
        (row,) = self._target.execute(Statement(f"SELECT count(*) FROM {name}"), repeatable=True).rows
        return int(row[0])

    def _add(self, columns: set[str]) -> None:
        """Add optional columns that the source has and the target hasn't."""
        name = self._target.dialect.identifier_preparer.format_table(self._ours)
        for column in sorted(columns):
            kind = OPTIONAL_USER_COLUMNS[column].compile(dialect=self._target.dialect)
            self._target.execute(
                Statement(f"ALTER TABLE {name} ADD COLUMN {column} {kind}"), repeatable=False
            )

    def _is_octets(self, column: str) -> bool:
        if column not in self._ours.c:
            return False
        return self._ours.c[column].type.compile(dialect=self._target.dialect) in _OCTETS

    def _row(self, row: Sequence[Any], are_octets: Sequence[bool]) -> str:
        literal = self._target.literal
        values = (_value(value, octet) for value, octet in zip(row, are_octets, strict=True))
        return f"({','.join(map(literal, values))})"

    def _insert(self, columns: Sequence[str], rows: Sequence[str], first: object) -> None:
        preparer = self._target.dialect.identifier_preparer
        names = ",".join(preparer.quote_identifier(column) for column in columns)
        head = f"INSERT INTO {preparer.format_table(self._ours)} ({names}) VALUES "
        statements = [Statement(head + ",".join(some)) for some in _portions(rows)]
        try:
            self._target.transaction(lambda transaction: [transaction.execute(each) for each in statements])
        except StatementRefused as error:
            shown = first.decode("latin-1") if isinstance(first, bytes) else first
            raise CopyRefused(
                f"{self._ours.fullname}, the {len(rows)} rows from {self._key} {shown} on: {error}"
            ) from error

    def _finish(self, rows: int) -> None:
        """Compare the numbers of rows, and have PostgreSQL give later rows later ids."""
        found = self._count()
        if found != rows:
            raise CopyRefused(f"{self._ours.fullname} has {found} rows after {rows} were copied")
        if self._target.dialect.name == "postgresql" and self._key != "system_id" and rows:
            name = self._target.dialect.identifier_preparer.format_table(self._ours)
            sequence = f"pg_get_serial_sequence({self._target.literal(name)}, '{self._key}')"
            following = f"SELECT setval({sequence}, max({self._key})) FROM {name}"
            self._target.execute(Statement(following), repeatable=True)


def _portions(rows: Sequence[str], most: int = 512 * 1024) -> Iterator[Sequence[str]]:
    """Split rows so that no statement is much longer than `most` characters."""
    some: list[str] = []
    size = 0
    for row in rows:
        if some and size + len(row) > most:
            yield some
            some, size = [], 0
        some.append(row)
        size += len(row)
    if some:
        yield some


def _value(value: Any, is_octets: bool) -> Value:
    """Return a value as the other database takes it: octets as such, text as a name, numbers as they are."""
    if value is None or isinstance(value, int | float):
        return value
    if is_octets:
        return value.encode("latin-1", "replace") if isinstance(value, str) else octets(value)
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
