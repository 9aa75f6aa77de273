"""The counters of message ids: table smpp_message_id, a row for each account that counts its ids (docs/accounts.md)."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.management.errors import NotPossible
from ksmppd_py.storage.database import Database, StatementRefused, Transaction, compile_statement
from ksmppd_py.storage.own_tables import MESSAGE_ID, OwnTables
from ksmppd_py.storage.values import integer


class DatabaseIdLeases:
    """Implements model.counted_ids.IdLeases. The table is created when it is first needed."""

    def __init__(self, database: Database) -> None:
        dialect = database.dialect
        mine = MESSAGE_ID.c.system_id == bindparam("id")
        next_position = MESSAGE_ID.c.next_position
        self._database = database
        self._tables = OwnTables(database)
        self._advance = compile_statement(
            MESSAGE_ID.update().where(mine).values(next_position=next_position + bindparam("count")), dialect
        )
        self._next = compile_statement(select(next_position).where(mine), dialect)
        self._insert = compile_statement(
            MESSAGE_ID.insert().values(system_id=bindparam("id"), next_position=bindparam("count")), dialect
        )

    def lease(self, system_id: str, count: int) -> int:
        """See IdLeases."""
        try:
            return self._lease(system_id, count)
        except (StatementRefused, NotPossible):  # another server made the row or the table just now
            pass
        try:
            return self._lease(system_id, count)
        except NotPossible as error:
            raise DatabaseUnavailable(str(error)) from error

    def _lease(self, system_id: str, count: int) -> int:
        self._tables.need(MESSAGE_ID)

        def work(transaction: Transaction) -> int:
            advanced = transaction.execute(self._advance, {"id": system_id, "count": count})  # locks the row
            if advanced.matched:
                return integer(transaction.execute(self._next, {"id": system_id}).rows[0][0]) - count
            # A row that appears from here on is another server's: inserting is refused then, and nothing was taken.
            transaction.execute(self._insert, {"id": system_id, "count": count})
            return 0

        return self._database.transaction(work)
