"""Brings an operator's tables to version 4, and describes them (docs/rules/database.md 3).

Existing tables keep their types, charsets, indexes and order; only missing columns are added. A change that fails is
logged and done without, because the C daemon starts on such a database too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Column, ColumnElement, Table, func, literal_column, null, select
from sqlalchemy.schema import CreateColumn

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.storage.database import Database, Statement, StatementRefused, compile_statement
from ksmppd_py.storage.limits import ColumnLimit, limit_of
from ksmppd_py.storage.schema import COMPONENT, VERSION, Tables, create_statements, define

log = logging.getLogger(__name__)

_NO_SUCH_TABLE = 1146
_INDEX_OF_ONE = re.compile(r"^ *KEY `([^`]+)` \(`([^`]+)`(?:\(\d+\))?\)(?: USING BTREE)?,?$", re.MULTILINE)
ADDED_LATER = {"user": ("connect_allow_ip",), "route": ("source_regex", "priority")}


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column as the database describes it: its type, and its collation if it holds characters."""

    type: str
    collation: str | None


_Found: TypeAlias = Mapping[str, Mapping[str, FoundColumn]]


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
        if not self._mysql:
            return column.collate("NOCASE") == value
        if found is None or not _minds_case(found.collation):
            return column == value
        return func.lower(literal_column(f"CONVERT({self._quoted(column.name)} USING latin1)")) == func.lower(
            value
        )

    def index_on(self, column: Column[Any]) -> str | None:
        """Return the name, quoted, of an InnoDB index on this column alone; None on SQLite or without one."""
        found = self._found.get(column.table.fullname, {}).get(column.name)
        if found is None or (found.collation is not None and _minds_case(found.collation)):
            return None  # `equals` doesn't leave it bare
        name = self._indexes.get(column.table.fullname, {}).get(column.name)
        return None if name is None else self._quoted(name)

    def limits(self, table: Table) -> dict[str, ColumnLimit]:
        """Return the sizes of the text columns; empty on SQLite, which has no limits."""
        if not self._mysql:
            return {}
        found = self._found.get(table.fullname) or {
            column.name: FoundColumn(str(column.type), "latin1") for column in table.c
        }
        limits = {key: limit_of(column.type, column.collation) for key, column in found.items()}
        return {key: limit for key, limit in limits.items() if limit is not None}

    def _quoted(self, column: str) -> str:
        return f"`{column}`" if self._mysql else f'"{column}"'


def prepare(database: Database, ksmppd: KsmppdGroup) -> Layout:
    """Create and upgrade the tables, once at the start. Raises DatabaseUnavailable when they can't be described."""
    tables = define(ksmppd)
    found = {}
    for table in tables.all():
        columns = _columns(database, table)
        if not columns and _create(database, table):
            columns = _columns(database, table)
        found[table.fullname] = columns
    complete = True
    for attribute, added in ADDED_LATER.items():
        table = getattr(tables, attribute)
        found[table.fullname] = _add_missing(database, table, added, found[table.fullname])
        complete = complete and found[table.fullname].keys() >= set(added)
    if complete:
        _write_version(database, tables.version)
    return Layout(database, tables, found, {tables.store.fullname: _indexes(database, tables.store)})


def describe(database: Database, ksmppd: KsmppdGroup) -> Layout:
    """Describe the tables as they are, without changing anything. Raises DatabaseUnavailable."""
    tables = define(ksmppd)
    return Layout(database, tables, {table.fullname: _columns(database, table) for table in tables.all()})


def _columns(database: Database, table: Table) -> dict[str, FoundColumn]:
    """Describe a table; empty without one."""
    preparer = database.dialect.identifier_preparer
    if database.dialect.name == "sqlite":
        reply = database.execute(
            Statement(f"PRAGMA table_info({preparer.quote(table.name)})"), repeatable=True
        )
        return {row[1]: FoundColumn(row[2], None) for row in reply.rows}
    try:
        reply = database.execute(
            Statement(f"SHOW FULL COLUMNS FROM {preparer.format_table(table)}"), repeatable=True
        )
    except StatementRefused as error:
        if error.number == _NO_SUCH_TABLE:
            return {}
        raise
    return {
        row[0].decode("latin-1"): FoundColumn(
            row[1].decode("latin-1"), row[2].decode("latin-1") if row[2] else None
        )
        for row in reply.rows
    }


def _indexes(database: Database, table: Table) -> dict[str, str]:
    """Return an index of one column for each column that has one: InnoDB's only, ordered by the primary key."""
    if database.dialect.name == "sqlite":
        return {}
    name = database.dialect.identifier_preparer.format_table(table)
    try:
        created = database.execute(Statement(f"SHOW CREATE TABLE {name}"), repeatable=True).rows[0][1]
    except StatementRefused:
        return {}
    definition = created.decode("latin-1") if isinstance(created, bytes) else str(created)
    if "ENGINE=InnoDB" not in definition:
        return {}
    return {column: index for index, column in _INDEX_OF_ONE.findall(definition)}


def _create(database: Database, table: Table) -> bool:
    try:
        for statement in create_statements(table, database.dialect):
            database.execute(Statement(statement), repeatable=True)
    except StatementRefused as error:
        log.error("Can't create table %s: %s", table.fullname, error)
        return False
    return True


def _add_missing(
    database: Database, table: Table, added: tuple[str, ...], found: dict[str, FoundColumn]
) -> dict[str, FoundColumn]:
    missing = [column for column in added if found and column not in found]
    for column in missing:
        definition = CreateColumn(table.c[column]).compile(dialect=database.dialect)
        altered = database.dialect.identifier_preparer.format_table(table)
        try:
            database.execute(Statement(f"ALTER TABLE {altered} ADD COLUMN {definition}"), repeatable=False)
        except StatementRefused as error:
            log.warning("Table %s has no column %s; running without it: %s", table.fullname, column, error)
    return _columns(database, table) if missing else found


def _write_version(database: Database, version: Table) -> None:
    """Write this version, so that the C daemon adds nothing; a higher number stays."""
    mine = version.c.component == literal_column(f"'{COMPONENT}'")
    number: ColumnElement[int] = literal_column(str(VERSION))
    read = compile_statement(select(version.c.version).where(mine), database.dialect)
    add = version.insert().from_select(
        ["component", "version"], select(literal_column(f"'{COMPONENT}'"), number)
    )
    raise_it = version.update().where(mine, version.c.version < number).values(version=number)
    try:
        rows = database.execute(read, repeatable=True).rows
        change = raise_it if rows else add
        database.execute(compile_statement(change, database.dialect), repeatable=False)
    except StatementRefused as error:
        log.warning("Can't write the schema version into %s: %s", version.fullname, error)


def _minds_case(collation: str | None) -> bool:
    return collation is None or collation.endswith(("_bin", "_cs", "binary"))
