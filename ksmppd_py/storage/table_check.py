"""Checks whether a database can be used, without changing anything: tables, columns, privileges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, literal_column, select
from sqlalchemy.sql.elements import ClauseElement

from ksmppd_py.storage.database import Database, Statement, StatementRefused, compile_statement
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.schema import Tables
from ksmppd_py.storage.upgrade import ADDED_LATER

_NEVER: ColumnElement[bool] = literal_column("1 = 0")
_READ = ("SELECT",)
_QUEUE = ("SELECT", "INSERT", "UPDATE", "DELETE")
_NEEDED: dict[str, Sequence[str]] = {
    "user": ("SELECT", "UPDATE"),
    "route": _READ,
    "store": _QUEUE,
    "pdu": _QUEUE,
    "version": ("SELECT", "INSERT", "UPDATE"),
}
_GRANT = re.compile(r"GRANT (.*?) ON (.*?) TO ", re.DOTALL)
_NAME = re.compile(r"`((?:[^`]|``)*)`\.")
_PATTERN = re.compile(r"\\(.)|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TableState:
    """One table by its name. `problem` is why it can't be used, or empty; then `note` may have a remark.

    `use` is its role: user, route, store, pdu or version.
    """

    use: str
    name: str
    problem: str = ""
    note: str = ""


def version_of(database: Database) -> str:
    """Return the server's own name and version. May yield. Raises DatabaseUnavailable."""
    if database.dialect.name == "sqlite":
        return "SQLite " + _text(
            database.execute(Statement("SELECT sqlite_version()"), repeatable=True).rows[0][0]
        )
    if database.dialect.name == "postgresql":
        return "PostgreSQL " + _text(
            database.execute(Statement("SHOW server_version"), repeatable=True).rows[0][0]
        )
    return _text(database.execute(Statement("SELECT VERSION()"), repeatable=True).rows[0][0])


def check_tables(database: Database, layout: Layout) -> Iterator[TableState]:
    """Yield the state of each table that this server uses. May yield. Raises DatabaseUnavailable."""
    grants = _grants(database)
    tables: Tables = layout.tables
    for use, needed in _NEEDED.items():
        table = getattr(tables, use)
        found = layout.columns(table)
        if not found:
            yield TableState(use, table.fullname, *_absent(grants))
            continue
        added = set(ADDED_LATER.get(use, ())) - found
        missing = sorted({column.name for column in table.c} - found - added)
        if missing:
            yield TableState(use, table.fullname, f"there is no column {', '.join(missing)}")
            continue
        denied = [reason for right in needed if (reason := _denied(database, table, found, right))]
        yield TableState(use, table.fullname, "; ".join(dict.fromkeys(denied)), _note(needed, added, grants))


def _absent(grants: str | None) -> tuple[str, str]:
    if grants is not None and not _allows(grants, "CREATE"):
        return "isn't there, and this user may not create it", ""
    return "", "isn't there yet, the first start creates it"


def _note(needed: Sequence[str], added: set[str], grants: str | None) -> str:
    note = f"{', '.join(needed)} allowed"
    if not added:
        return note
    names = ", ".join(sorted(added))
    if grants is not None and not _allows(grants, "ALTER"):
        return f"{note}; there is no column {names}, and this user may not add it: it goes without"
    return f"{note}; the next start adds {names}"


def _denied(database: Database, table: Table, found: frozenset[str], right: str) -> str:
    """Try the statement on no row at all; return the database's reason when it refuses, else ""."""
    statement = compile_statement(_trial(table, found, right), database.dialect)
    try:
        database.execute(statement, repeatable=True)
    except StatementRefused as error:
        return reason_of(error)
    return ""


def reason_of(error: BaseException) -> str:
    """Return the driver's text, without its numbers and without this server's words around it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error.args[-1]).partition("\n")[0] if error.args else str(error)


def _trial(table: Table, found: frozenset[str], right: str) -> ClauseElement:
    columns = [column for column in table.c if column.name in found]
    nothing = select(*columns).where(_NEVER)
    if right == "SELECT":
        return nothing
    if right == "INSERT":
        return table.insert().from_select([column.name for column in columns], nothing)
    if right == "DELETE":
        return table.delete().where(_NEVER)
    return table.update().where(_NEVER).values({columns[-1].name: columns[-1]})


def _grants(database: Database) -> str | None:
    """Return the privileges of the database user as one text; None where there are none (SQLite) or roles hide them."""
    if database.dialect.name == "sqlite":
        return None
    if database.dialect.name == "postgresql":
        may_create = Statement("SELECT has_schema_privilege(current_schema(), 'CREATE')")
        return "CREATE, ALTER" if database.execute(may_create, repeatable=True).rows[0][0] else ""
    try:
        rows = database.execute(Statement("SHOW GRANTS"), repeatable=True).rows
    except StatementRefused:
        return None
    name = _text(database.execute(Statement("SELECT DATABASE()"), repeatable=True).rows[0][0])
    return privileges_on(name, [_text(row[0]) for row in rows])


def privileges_on(name: str, grants: Sequence[str]) -> str | None:
    """Return the privileges on the database `name` and its tables as one text; None where a role may have more.

    `grants` are the rows of SHOW GRANTS. MariaDB lists those of PUBLIC too, on databases `test` and `test_...`.
    """
    found = [_GRANT.match(grant) for grant in grants]
    if None in found:
        return None
    return ", ".join(match[1] for match in found if match is not None and _takes_in(match[2], name))


def _takes_in(place: str, name: str) -> bool:
    """Return whether a grant on `place` holds for this database: a name there is a pattern, as of LIKE."""
    match = _NAME.match(place)
    if match is None:
        return place == "*.*"

    def expression(part: re.Match[str]) -> str:
        wild = {"%": ".*", "_": "."}.get(part[2])
        return wild or re.escape(part[1] or part[2])

    return re.fullmatch(_PATTERN.sub(expression, match[1].replace("``", "`")), name) is not None


def _allows(grants: str, right: str) -> bool:
    return any(word.strip() in (right, "ALL", "ALL PRIVILEGES") for word in grants.split(","))


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
