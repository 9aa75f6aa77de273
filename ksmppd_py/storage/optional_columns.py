"""Columns that the user table may have for this server, added when an operator asks for it (docs/accounts.md)."""

from __future__ import annotations

from sqlalchemy import Column, MetaData
from sqlalchemy.schema import CreateColumn

from ksmppd_py.management.errors import NotPossible
from ksmppd_py.management.records import AuditNote
from ksmppd_py.storage.audit import AuditTable
from ksmppd_py.storage.database import Database, Statement, StatementRefused
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.schema import OPTIONAL_USER_COLUMNS


class OptionalColumns:
    """Implements management.ports.SchemaStore."""

    def __init__(self, database: Database, layout: Layout, audit: AuditTable) -> None:
        user = layout.tables.user
        self._database = database
        self._audit = audit
        self._missing = [column for column in OPTIONAL_USER_COLUMNS if not layout.has(user, column)]
        self._user = user
        self._added: list[str] = []

    def missing(self) -> list[str]:
        """See SchemaStore."""
        return [column for column in self._missing if column not in self._added]

    def add_missing(self, note: AuditNote) -> list[str]:
        """See SchemaStore."""
        self._audit.need()
        preparer = self._database.dialect.identifier_preparer
        added = []
        for name in self.missing():
            copy = self._user.to_metadata(MetaData())
            column = Column(name, OPTIONAL_USER_COLUMNS[name])
            copy.append_column(column)
            definition = CreateColumn(column).compile(dialect=self._database.dialect)
            statement = f"ALTER TABLE {preparer.format_table(copy)} ADD COLUMN {definition}"
            try:
                self._database.execute(Statement(statement), repeatable=False)
            except StatementRefused as error:
                raise NotPossible(f"the column {name} can't be added: {error}") from error
            self._added.append(name)
            added.append(name)
        if added:
            self._audit.write(note, None, {"columns": added})
        return added
