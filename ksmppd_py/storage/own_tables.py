"""Tables of this server beside the C daemon's, created when they are first needed (docs/rules/database.md 1).

`python -m ksmppd_py.storage.own_tables mysql|pgsql|sqlite` prints the DDL that database-schemas/ ships.
"""

from __future__ import annotations

import contextlib
import sys

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from ksmppd_py.management.errors import NotPossible
from ksmppd_py.storage.database import Database, Statement, StatementRefused
from ksmppd_py.storage.schema import DIALECTS

_BIG = BigInteger().with_variant(Integer, "sqlite")
_DOUBLE = Float(53)


def _table(name: str, *columns: Column[object]) -> Table:
    return Table(
        name,
        MetaData(),
        Column("entry_id", _BIG, primary_key=True, autoincrement=True),
        *columns,
        mysql_engine="InnoDB",
        mysql_default_charset="latin1",
        sqlite_autoincrement=True,
    )


CREDIT_LOG = _table(
    "smpp_credit_log",
    Column("system_id", String(64), nullable=False),
    Column("happened_at", _DOUBLE, nullable=False),
    Column("username", String(255), nullable=False),
    Column("address", String(64), nullable=False),
    Column("amount", _DOUBLE, nullable=False),
    Column("credit", _DOUBLE, nullable=False),
    Column("reason", Text, nullable=False),
    Column("request_key", String(128), nullable=False),
)
AUDIT = _table(
    "smpp_audit",
    Column("happened_at", _DOUBLE, nullable=False),
    Column("username", String(255), nullable=False),
    Column("address", String(64), nullable=False),
    Column("operation", String(32), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("value_before", Text, nullable=False),
    Column("value_after", Text, nullable=False),
)
MESSAGE_ID = _table(
    "smpp_message_id",
    Column("system_id", String(64), nullable=False, unique=True),
    Column("next_position", _BIG, nullable=False),
)
_INDEXES = {
    CREDIT_LOG.name: Index("smpp_credit_log_account", CREDIT_LOG.c.system_id, CREDIT_LOG.c.request_key),
    AUDIT.name: Index("smpp_audit_subject", AUDIT.c.subject),
}


def create_statements(table: Table, dialect: Dialect) -> list[str]:
    """Return the statements that create one of the tables, unless it exists, and its index if it has one."""
    create = CreateTable(table, if_not_exists=True).compile(dialect=dialect)
    index = _INDEXES.get(table.name)
    indexes = [] if index is None else [CreateIndex(index).compile(dialect=dialect)]
    return [str(each).strip() for each in (create, *indexes)]


def render(dialect: Dialect) -> str:
    """Return the DDL of all these tables, as a script."""
    statements = [
        each for table in (AUDIT, CREDIT_LOG, MESSAGE_ID) for each in create_statements(table, dialect)
    ]
    lines = [line.rstrip().replace("\t", "  ") for line in ";\n\n".join(statements).splitlines()]
    return "\n".join(lines) + ";\n"


class OwnTables:
    """Creates each of the tables once. Raises DatabaseUnavailable, and NotPossible without the right. May yield."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._there: set[str] = set()

    def need(self, table: Table) -> None:
        """Create the table unless it is there."""
        if table.name in self._there:
            return
        if not self._is_there(table):
            create, *indexes = create_statements(table, self._database.dialect)
            try:
                self._database.execute(Statement(create), repeatable=True)
            except StatementRefused as error:
                # PostgreSQL refuses IF NOT EXISTS, too, while another one creates the table.
                if not self._is_there(table):
                    raise NotPossible(f"the table {table.name} can't be created: {error}") from error
            for index in indexes:
                with contextlib.suppress(StatementRefused):  # another server made it just now
                    self._database.execute(Statement(index), repeatable=False)
        self._there.add(table.name)

    def _is_there(self, table: Table) -> bool:
        """Whether the table can be read: a user without the right to create tables may find it made by hand."""
        probe = Statement(f"SELECT entry_id FROM {table.name} WHERE 1 = 0")
        try:
            self._database.execute(probe, repeatable=True)
        except StatementRefused:
            return False
        return True


def main() -> None:
    """Print the DDL for the dialect named on the command line."""
    if len(sys.argv) != 2 or sys.argv[1] not in DIALECTS:
        sys.exit(f"usage: python -m ksmppd_py.storage.own_tables {'|'.join(DIALECTS)}")
    print(render(DIALECTS[sys.argv[1]]), end="")


if __name__ == "__main__":
    main()
