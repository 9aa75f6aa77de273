"""The rows of the PDU table: deliver_sm without command_length (docs/rules/database.md 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select

from ksmppd_py.model.store import StoredPdu
from ksmppd_py.storage.database import Database, compile_statement
from ksmppd_py.storage.inserts import Row, TooLongForColumn, make_inserter, render_pdu
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.values import Value, name, octets
from ksmppd_py.storage.writer import GroupWriter, Remover


class StoredPdus:
    """The part of model/store.py for the PDU table."""

    def __init__(self, database: Database, layout: Layout) -> None:
        pdu = layout.tables.pdu
        self._database = database
        self._limit = layout.limits(pdu).get("pdu")
        inserter = make_inserter(database, pdu, ["system_id", "time", "pdu"])
        self._writer: GroupWriter[Row] = GroupWriter("PDU table", inserter)
        self.remover = Remover(database, pdu.c.global_id)
        page = (
            select(pdu.c.global_id, pdu.c.system_id, pdu.c.pdu)
            .where(layout.equals(pdu.c.system_id, bindparam("id")), pdu.c.global_id > bindparam("after"))
            .order_by(pdu.c.global_id)
            .limit(bindparam("limit"))
        )
        self._page = compile_statement(page, database.dialect)
        self._names = compile_statement(select(pdu.c.system_id).distinct(), database.dialect)

    def save(self, system_id: str, batch: Sequence[bytes]) -> None:
        """See model/store.py, save_pdus."""
        for index, pdu in enumerate(batch):
            if self._limit is not None and not self._limit.holds(pdu):
                raise TooLongForColumn("pdu", index)
        self._writer.save([self._row(system_id, pdu) for pdu in batch])

    def page(self, system_id: str, after: int, limit: int) -> list[StoredPdu]:
        """See model/store.py, page_pdus. Rows that are about to be deleted are left out."""
        found: list[StoredPdu] = []
        with self.remover.reading() as settled:
            while len(found) < limit:
                values: dict[str, Value] = {"id": system_id, "after": after, "limit": limit}
                rows = self._database.execute(self._page, values, repeatable=True).rows
                found += [_stored(*row) for row in rows if row[0] not in settled]
                if len(rows) < limit:
                    break
                after = rows[-1][0]
        return found[:limit]

    def system_ids(self) -> set[str]:
        """Return the accounts with rows, in lower case. Raises DatabaseUnavailable. May yield."""
        rows = self._database.execute(self._names, repeatable=True).rows
        return {system_id.lower() for (value,) in rows if (system_id := name(value))}

    def _row(self, system_id: str, pdu: bytes) -> Row:
        return render_pdu(self._database, system_id, pdu)


def _stored(global_id: int, system_id: Any, pdu: Any) -> StoredPdu:
    """Return the row without command_length, which patched versions of the C daemon stored too."""
    blob = octets(pdu) or b""
    if len(blob) >= 4 and int.from_bytes(blob[:4], "big") == len(blob):
        blob = blob[4:]
    return StoredPdu(global_id, (name(system_id) or "").lower(), blob)
