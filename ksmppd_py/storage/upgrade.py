"""Brings an operator's tables to version 4, and describes them (docs/rules/database.md 3).

Existing tables keep their types, charsets, indexes and order; only missing columns are added. A change that fails is
logged and done without, because the C daemon starts on such a database too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Table, literal_column, select
from sqlalchemy.schema import CreateColumn

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.errors import StartError
from ksmppd_py.storage.database import Database, Statement, StatementRefused, compile_statement
from ksmppd_py.storage.layout import FoundColumn, Layout
from ksmppd_py.storage.schema import COMPONENT, VERSION, create_statements, define
from ksmppd_py.storage.transact import create_alone

log = logging.getLogger(__name__)

_NO_SUCH_TABLE = 1146
_INDEX_OF_ONE = re.compile(r"^ *KEY `([^`]+)` \(`([^`]+)`(?:\(\d+\))?\)(?: USING BTREE)?,?$", re.MULTILINE)
ADDED_LATER = {"user": ("connect_allow_ip",), "route": ("source_regex", "priority")}


def prepare(database: Database, ksmppd: KsmppdGroup) -> Layout:
    """Create and upgrade the tables, once at the start. Raises DatabaseUnavailable when they can't be described."""
    tables = define(ksmppd)
    found = {}
    for table in tables.all():
        columns = _columns(database, table)
        if not columns and _create(database, table):
            columns = _columns(database, table)
        if database.dialect.name == "postgresql":
            _refuse_text(database, table, columns)
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
    if database.dialect.name == "postgresql":
        return _postgresql_columns(database, table)
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


def _postgresql_columns(database: Database, table: Table) -> dict[str, FoundColumn]:
    name = database.literal(database.dialect.identifier_preparer.format_table(table))
    columns = Statement(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        f" WHERE attrelid = to_regclass({name}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    rows = database.execute(columns, repeatable=True).rows
    return {column.decode("latin-1"): FoundColumn(kind.decode("latin-1"), None) for column, kind in rows}


def _refuse_text(database: Database, table: Table, found: Mapping[str, FoundColumn]) -> None:
    """Raise StartError for a column that can't hold every octet: on PostgreSQL text would hold their digits."""
    for column in table.c:
        kind = found[column.name].type if column.name in found else ""
        wanted = column.type.compile(dialect=database.dialect)
        if wanted == "BYTEA" and kind not in ("", "bytea"):
            raise StartError(f"Table {table.fullname}: column {column.name} is {kind}, it has to be bytea")


def _indexes(database: Database, table: Table) -> dict[str, str]:
    """Return an index of one column for each column that has one: InnoDB's only, ordered by the primary key."""
    if database.dialect.name != "mysql":
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
        create_alone(database, create_statements(table, database.dialect))
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
