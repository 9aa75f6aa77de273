"""Changes of credit by operators, with their ledger smpp_credit_log (docs/accounts.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select

from ksmppd_py.management.errors import AlreadyExists, InvalidValue, NotFound
from ksmppd_py.management.records import AuditNote, CreditChange, CreditEntry, CreditResult, Page
from ksmppd_py.model import costs
from ksmppd_py.storage.audit import AuditTable, stored, to_text
from ksmppd_py.storage.database import Database, Transaction, compile_statement
from ksmppd_py.storage.keyset import key_values, page_of
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.own_tables import CREDIT_LOG, OwnTables
from ksmppd_py.storage.transact import transact
from ksmppd_py.storage.values import integer, name, real

_COLUMNS = [column.name for column in CREDIT_LOG.c if not column.primary_key]


class CreditLog:
    """Implements management.ports.CreditStore."""

    def __init__(self, database: Database, layout: Layout, tables: OwnTables, audit: AuditTable) -> None:
        user, dialect = layout.tables.user, database.dialect
        self._database = database
        self._tables = tables
        self._audit = audit
        mine = layout.equals(user.c.system_id, bindparam("id"))
        ours = CREDIT_LOG.c.system_id == bindparam("id")
        self._lock = compile_statement(
            select(user.c.system_id, user.c.credit).where(mine).with_for_update(), dialect
        )
        self._set = compile_statement(user.update().where(mine).values(credit=bindparam("v_credit")), dialect)
        self._insert = compile_statement(
            CREDIT_LOG.insert().values({column: bindparam(f"v_{column}") for column in _COLUMNS}), dialect
        )
        self._ours = ours
        self._by_key = compile_statement(
            select(*CREDIT_LOG.c).where(ours, CREDIT_LOG.c.request_key == bindparam("key")), dialect
        )
        latest = select(*CREDIT_LOG.c).where(ours).order_by(CREDIT_LOG.c.entry_id.desc()).limit(1)
        self._latest = compile_statement(latest, dialect)

    def need(self) -> None:
        """Create the table unless it is there; to be called before a transaction that uses `add`."""
        self._tables.need(CREDIT_LOG)

    def change(self, change: CreditChange, note: AuditNote) -> CreditResult:
        """See CreditStore."""
        self.need()
        self._audit.need()
        system_id = change.system_id

        def work(transaction: Transaction) -> CreditResult:
            before = _credit_of(transaction.execute(self._lock, {"id": system_id}).rows, system_id)
            if change.key:
                key = stored(change.key)
                rows = transaction.execute(self._by_key, {"id": system_id, "key": key}).rows
                found = [row for row in rows if to_text(row[-1]) == change.key]  # MySQL takes `A` for `a`
                if found:
                    return _repeated(_entry(found[0]), change)
            after = round(before + change.amount, costs.DECIMALS)  # the row is locked
            if abs(after) > costs.MOST and abs(after) > abs(before):
                raise InvalidValue(f"would make the credit {after:.6g}, beyond {costs.MOST:g}", "amount")
            transaction.execute(self._set, {"id": system_id, "v_credit": after})
            self.add(transaction, note, system_id, change.amount, after, change.reason, change.key)
            self._audit.add(transaction, note, {"credit": before}, {"credit": after, "reason": change.reason})
            return CreditResult(_entry(transaction.execute(self._latest, {"id": system_id}).rows[0]))

        return transact(self._database, work)

    def add(
        self,
        transaction: Transaction,
        note: AuditNote,
        system_id: str,
        amount: float,
        credit: float,
        reason: str,
        key: str,
    ) -> None:
        """Write an entry in a transaction: `credit` is the credit after `amount`, `key` the Idempotency-Key or empty.

        Runs in SQLite's thread, too.
        """
        transaction.execute(
            self._insert,
            {
                "v_system_id": system_id,
                "v_happened_at": note.time,
                "v_username": stored(note.actor.username)[:255],
                "v_address": stored(note.actor.address)[:64],
                "v_amount": amount,
                "v_credit": credit,
                "v_reason": stored(reason),
                "v_request_key": stored(key),
            },
        )

    def page(self, system_id: str, page: Page) -> list[CreditEntry]:
        """See CreditStore."""
        self.need()
        query = select(*CREDIT_LOG.c).where(self._ours)
        statement = page_of(query, [(CREDIT_LOG.c.entry_id, True)], page.limit, page.after)
        values = {"id": system_id, **key_values(page.after)}
        rows = self._database.execute(
            compile_statement(statement, self._database.dialect), values, repeatable=True
        ).rows
        return [_entry(row) for row in rows]


def _credit_of(rows: Sequence[Sequence[Any]], system_id: str) -> float:
    for row in rows:
        if (name(row[0]) or "").lower() == system_id:
            return real(row[1])
    raise NotFound(f"there is no account {system_id}")


def _repeated(entry: CreditEntry, change: CreditChange) -> CreditResult:
    if entry.amount != change.amount or entry.reason != change.reason:
        raise AlreadyExists("the key was used for another change", "Idempotency-Key")
    return CreditResult(entry, is_repeated=True)


def _entry(row: Sequence[Any]) -> CreditEntry:
    entry_id, system_id, time, username, address, amount, credit, reason, _key = row
    return CreditEntry(
        entry_id=integer(entry_id),
        system_id=to_text(system_id),
        time=real(time),
        username=to_text(username),
        address=to_text(address),
        amount=real(amount),
        credit=real(credit),
        reason=to_text(reason),
    )
