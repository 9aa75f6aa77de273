"""Messages that are stored for or by one account, as operators see and delete them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select

from ksmppd_py.kannel.messages import SmsType
from ksmppd_py.management.records import AuditNote, Page, QueuedMessage
from ksmppd_py.storage.audit import AuditTable
from ksmppd_py.storage.database import Database, compile_statement
from ksmppd_py.storage.keyset import key_values, page_of
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.values import Value, integer, octets

QUEUES = {int(SmsType.MT_PUSH): "mt", int(SmsType.MO): "mo", int(SmsType.REPORT_MO): "report"}
_AT_ONCE = 5_000
"""Rows that one statement deletes or counts, so that none takes seconds."""


class AccountQueue:
    """Implements management.ports.QueueStore."""

    def __init__(self, database: Database, layout: Layout, audit: AuditTable) -> None:
        store, pdu, dialect = layout.tables.store, layout.tables.pdu, database.dialect
        self._database = database
        self._audit = audit
        self._store = store
        self._ours = layout.equals(store.c.service, bindparam("id"))
        columns = ("global_id", "sms_type", "time", "sender", "receiver", "id")
        self._rows = select(*(store.c[column] for column in columns)).where(self._ours)
        some = select(store.c.global_id, store.c.time)
        some = some.where(self._ours, store.c.global_id > bindparam("after")).order_by(store.c.global_id)
        portion = some.limit(_AT_ONCE).subquery()
        self._count = compile_statement(
            select(func.count(), func.max(portion.c.global_id), func.min(portion.c.time)), dialect
        )
        last: ColumnElement[Any] = bindparam("last")
        self._delete = compile_statement(store.delete().where(self._ours, store.c.global_id <= last), dialect)
        pdus = layout.equals(pdu.c.system_id, bindparam("id"))
        self._delete_pdus = compile_statement(pdu.delete().where(pdus), dialect)
        self._count_pdus = compile_statement(select(func.count()).select_from(pdu).where(pdus), dialect)

    def page(self, system_id: str, page: Page) -> list[QueuedMessage]:
        """See QueueStore."""
        order = [(self._store.c.global_id, False)]
        statement = page_of(self._rows, order, page.limit, page.after)
        values: dict[str, Value] = {"id": system_id, **key_values(page.after)}
        rows = self._database.execute(
            compile_statement(statement, self._database.dialect), values, repeatable=True
        ).rows
        return [_message(row) for row in rows]

    def count(self, system_id: str) -> tuple[int, int]:
        """See QueueStore."""
        rows, oldest, after = 0, 0, 0
        while True:
            count, last, first = self._portion(system_id, after)
            rows += count
            oldest = min(oldest, first) if oldest and first > 0 else oldest or max(0, first)
            if count < _AT_ONCE:
                break
            after = last
        pdus = self._database.execute(self._count_pdus, {"id": system_id}, repeatable=True).rows
        return rows + integer(pdus[0][0]), oldest

    def purge(self, system_id: str, note: AuditNote) -> int:
        """See QueueStore."""
        self._audit.need()
        deleted = 0
        while True:
            count, last, _ = self._portion(system_id, 0)
            if count:
                values: dict[str, Value] = {"id": system_id, "last": last}
                deleted += self._database.execute(self._delete, values, repeatable=False).matched
            if count < _AT_ONCE:
                break
        deleted += self._database.execute(self._delete_pdus, {"id": system_id}, repeatable=False).matched
        self._audit.write(note, {"messages": deleted}, {"messages": 0})
        return deleted

    def _portion(self, system_id: str, after: int) -> tuple[int, int, int]:
        values: dict[str, Value] = {"id": system_id, "after": after}
        row = self._database.execute(self._count, values, repeatable=True).rows[0]
        return integer(row[0]), integer(row[1]), integer(row[2])


def _message(row: Sequence[Any]) -> QueuedMessage:
    global_id, sms_type, time, sender, receiver, message_id = row
    return QueuedMessage(
        row_id=integer(global_id),
        queue=QUEUES.get(integer(sms_type, -1), "other"),
        time=max(0, integer(time)),
        sender=_shown(sender),
        receiver=_shown(receiver),
        message_id=_shown(message_id),
    )


def _shown(value: Any) -> str:
    return (octets(value) or b"").decode("utf-8", "replace")
