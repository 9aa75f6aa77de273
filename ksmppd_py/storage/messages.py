"""The rows of the store table as Sms (docs/rules/database.md 2 and 5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, bindparam, func, select

from ksmppd_py.kannel.messages import SMS_FIELDS, Sms, SmsType
from ksmppd_py.model.names import to_octets
from ksmppd_py.model.store import StoredMessage
from ksmppd_py.storage.account_rows import AccountRows
from ksmppd_py.storage.database import Database, Statement, compile_statement
from ksmppd_py.storage.inserts import Row, TooLongForColumn, make_inserter, sms_renderer
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.row_reader import read_stored
from ksmppd_py.storage.values import Value
from ksmppd_py.storage.writer import GroupWriter, Remover
from ksmppd_py.translate.dlr_url import ID_OCTETS


class StoredMessages:
    """The part of model/store.py for the store table."""

    def __init__(self, database: Database, layout: Layout) -> None:
        store = layout.tables.store
        fields = [field for field in SMS_FIELDS if layout.has(store, field.name)]
        inserter = make_inserter(database, store, [field.name for field in fields])
        self._database = database
        self._render = sms_renderer(database, fields, layout.limits(store))
        self._writer: GroupWriter[Row] = GroupWriter("store", inserter)
        self.remover = Remover(database, store.c.global_id)
        columns = [store.c.global_id, *(layout.read(store, field.name) for field in SMS_FIELDS)]
        page = (
            select(*columns)
            .where(store.c.sms_type == bindparam("sms_type"), store.c.global_id > bindparam("after"))
            .order_by(store.c.global_id)
            .limit(bindparam("limit"))
        )
        self._page = compile_statement(page, database.dialect)
        over = layout.read(store, "validity").between(1, bindparam("last_second"))
        self._expired = compile_statement(page.where(over), database.dialect)
        self._of_account: AccountRows = AccountRows(database, layout, columns)
        given = store.update().values(service=bindparam("service_name"))
        self._set_account = compile_statement(
            given.where(store.c.global_id == bindparam("row")), database.dialect
        )
        self._compile_searches(layout, columns)

    def _compile_searches(self, layout: Layout, columns: Sequence[ColumnElement[Any]]) -> None:
        store, database = layout.tables.store, self._database
        waiting = (
            select(*columns)
            .where(
                store.c.sms_type == bindparam("sms_type"),
                layout.equals(store.c.service, bindparam("service_name")),
            )
            .order_by(store.c.global_id)
            .limit(bindparam("limit"))
        )
        of_id = layout.tail(store, "dlr_url", bindparam("octets", type_=Integer)) == bindparam("message_id")
        between = (
            func.coalesce(layout.read(store, "sender"), bindparam("nobody")) == bindparam("from_addr"),
            layout.read(store, "receiver") == bindparam("to_addr"),
        )
        self._by_id = compile_statement(waiting.where(of_id), database.dialect)
        self._by_addresses = compile_statement(waiting.where(*between), database.dialect)

    def save(self, batch: Sequence[Sms]) -> Sequence[int]:
        """See model/store.py. MessageTooLong is a TooLongForColumn, whose `index` names the message."""
        return self._writer.save([self._render_one(index, sms) for index, sms in enumerate(batch)])

    def page(self, sms_type: int, after: int, limit: int, service: str | None = None) -> list[StoredMessage]:
        """See model/store.py. Rows that are about to be deleted are left out."""
        found: list[StoredMessage] = []
        with self.remover.reading() as settled:
            while len(found) < limit:
                rows = self._rows(int(sms_type), after, limit, service)
                found += [read_stored(row) for row in rows if row[0] not in settled]
                if len(rows) < limit:
                    break
                after = rows[-1][0]
        return found[:limit]

    def unaddressed(self, after: int, limit: int) -> list[StoredMessage]:
        """See model/store.py."""
        with self.remover.reading() as settled:
            rows = self._of_account.unaddressed({"after": after, "limit": limit})
            return [read_stored(row) for row in rows if row[0] not in settled]

    def set_account(self, global_id: int, system_id: str) -> None:
        """See model/store.py."""
        values: dict[str, Value] = {
            "row": global_id,
            "service_name": to_octets(system_id).decode("latin-1"),
        }
        self._database.execute(self._set_account, values, repeatable=True)

    def delete(self, global_ids: Sequence[int]) -> int:
        """See model/store.py."""
        return self.remover.remove_now(global_ids)

    def remove(self, global_ids: Sequence[int]) -> None:
        """See model/store.py."""
        self.remover.remove(global_ids)

    def has_mts(self) -> bool:
        """See model/store.py."""
        return bool(self.page(SmsType.MT_PUSH, after=0, limit=1))

    def expired_mts(self, now: int, after: int, limit: int) -> list[StoredMessage]:
        """See model/store.py."""
        values: dict[str, Value] = {
            "sms_type": int(SmsType.MT_PUSH), "last_second": now - 1, "after": after, "limit": limit
        }  # fmt: skip
        with self.remover.reading() as settled:
            rows = self._database.execute(self._expired, values, repeatable=True).rows
            return [read_stored(row) for row in rows if row[0] not in settled]

    def last_surplus(self, system_id: str, keep: int) -> int:
        """See model/store.py."""
        return self._of_account.last_surplus(system_id, keep)

    def services(self, among: Collection[str]) -> set[str]:
        """Return those of these accounts that have MOs or DLRs. Raises DatabaseUnavailable. May yield."""
        return self._of_account.having_rows(among)

    def find_mts(self, system_id: str, message_id: bytes, limit: int) -> list[StoredMessage]:
        """See model/store.py."""
        tail = message_id.decode("latin-1").lower()
        if len(tail) != ID_OCTETS:  # another one may end in the same digits
            tail = f"|{tail}"
        return self._find(self._by_id, system_id, limit, {"message_id": tail, "octets": len(tail)})

    def find_mts_between(
        self, system_id: str, sender: bytes, receiver: bytes, limit: int
    ) -> list[StoredMessage]:
        """See model/store.py."""
        wanted: dict[str, Value] = {"from_addr": sender, "to_addr": receiver, "nobody": b""}
        return self._find(self._by_addresses, system_id, limit, wanted)

    def _find(
        self, statement: Statement, system_id: str, limit: int, wanted: dict[str, Value]
    ) -> list[StoredMessage]:
        """Return waiting MTs that aren't about to be deleted. Raises DatabaseUnavailable. May yield."""
        values: dict[str, Value] = {
            "sms_type": int(SmsType.MT_PUSH), "service_name": system_id, "limit": limit, **wanted
        }  # fmt: skip
        with self.remover.reading() as settled:
            rows = self._database.execute(statement, values, repeatable=True).rows
            return [read_stored(row) for row in rows if row[0] not in settled]

    def _rows(self, sms_type: int, after: int, limit: int, service: str | None) -> Sequence[tuple[Any, ...]]:
        values: dict[str, Value] = {"sms_type": sms_type, "after": after, "limit": limit}
        if service is not None:
            return self._of_account.page(values, service)
        return self._database.execute(self._page, values, repeatable=True).rows

    def _render_one(self, index: int, sms: Sms) -> Row:
        try:
            return self._render(sms)
        except TooLongForColumn as error:
            raise TooLongForColumn(error.column, index) from None
