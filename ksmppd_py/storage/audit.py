"""The audit of operators' changes: rows of smpp_audit, written in the transaction of the change."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import bindparam, select

from ksmppd_py.management.records import AuditEntry, AuditNote, AuditQuery
from ksmppd_py.storage.database import Database, Statement, Transaction, compile_statement
from ksmppd_py.storage.keyset import key_values, page_of
from ksmppd_py.storage.own_tables import AUDIT, OwnTables
from ksmppd_py.storage.values import Value, integer, real

_LONGEST = 60_000
"""Characters of a value; the column holds 65,535 octets."""
_COLUMNS = [column.name for column in AUDIT.c if not column.primary_key]


class AuditTable:
    """Implements management.ports.AuditStore. Every method but `add` may yield and raises DatabaseUnavailable."""

    def __init__(self, database: Database, tables: OwnTables) -> None:
        self._database = database
        self._tables = tables
        insert = AUDIT.insert().values({name: bindparam(f"v_{name}") for name in _COLUMNS})
        self._insert = compile_statement(insert, database.dialect)

    def need(self) -> None:
        """Create the table unless it is there; to be called before a transaction that uses `add`."""
        self._tables.need(AUDIT)

    def add(self, transaction: Transaction, note: AuditNote, before: object, after: object) -> None:
        """Write an entry in a transaction. Runs in SQLite's thread, too."""
        transaction.execute(self._insert, _values(note, before, after))

    def write(self, note: AuditNote, before: object, after: object) -> None:
        """Write an entry by itself."""
        self.need()
        self._database.execute(self._insert, _values(note, before, after), repeatable=False)

    def page(self, query: AuditQuery) -> list[AuditEntry]:
        """Return entries, newest first."""
        self.need()
        order = [(AUDIT.c.entry_id, True)]
        statement = page_of(select(*AUDIT.c), order, query.page.limit, query.page.after)
        values = key_values(query.page.after)
        for column, wanted in (("subject", query.subject), ("username", query.username)):
            if wanted:
                statement = statement.where(AUDIT.c[column] == bindparam(f"v_{column}"))
                values[f"v_{column}"] = stored(wanted)
        rows = self._run(compile_statement(statement, self._database.dialect), values)
        return [
            AuditEntry(
                entry_id=integer(row[0]),
                time=real(row[1]),
                username=to_text(row[2]),
                address=to_text(row[3]),
                operation=to_text(row[4]),
                subject=to_text(row[5]),
                before=to_text(row[6]),
                after=to_text(row[7]),
            )
            for row in rows
        ]

    def _run(self, statement: Statement, values: dict[str, Value]) -> Sequence[tuple[object, ...]]:
        return self._database.execute(statement, values, repeatable=True).rows


def stored(text: str) -> str:
    """Return a text as this server writes it into a table: its UTF-8 octets, a character each."""
    return text.encode("utf-8", "replace").decode("latin-1")


def to_text(value: object) -> str:
    """Return the text of a value that `stored` made; octets that aren't UTF-8 become U+FFFD."""
    octets = value if isinstance(value, bytes) else str(value or "").encode("latin-1", "replace")
    return octets.decode("utf-8", "replace")


def _values(note: AuditNote, before: object, after: object) -> dict[str, Value]:
    return {
        "v_happened_at": note.time,
        "v_username": stored(note.actor.username)[:255],
        "v_address": stored(note.actor.address)[:64],
        "v_operation": stored(note.operation)[:32],
        "v_subject": stored(note.subject)[:255],
        "v_value_before": _json(before),
        "v_value_after": _json(after),
    }


def _json(value: object) -> str:
    if value is None:
        return ""
    text = json.dumps(value, sort_keys=True, allow_nan=False, default=str)
    return text if len(text) <= _LONGEST else json.dumps({"omitted_characters": len(text)})
