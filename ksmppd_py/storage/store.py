"""Both queue tables: implements model/store.py."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ksmppd_py.model.store import StoredPdu
from ksmppd_py.storage.database import OPERATION_TIMEOUT, Database
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.messages import StoredMessages
from ksmppd_py.storage.pdus import StoredPdus


class DatabaseStore(StoredMessages):
    """Implements the protocols of model/store.py: the store table's part of it is inherited."""

    def __init__(self, database: Database, layout: Layout) -> None:
        super().__init__(database, layout)
        self._pdus = StoredPdus(database, layout)

    def save_pdus(self, system_id: str, batch: Sequence[bytes]) -> None:
        """See model/store.py."""
        self._pdus.save(system_id, batch)

    def page_pdus(self, system_id: str, after: int, limit: int) -> list[StoredPdu]:
        """See model/store.py."""
        return self._pdus.page(system_id, after, limit)

    def remove_pdus(self, global_ids: Sequence[int]) -> None:
        """See model/store.py."""
        self._pdus.remover.remove(global_ids)

    def receivers_with_rows(self, among: Collection[str]) -> set[str]:
        """See model/store.py."""
        return self.services(among) | (self._pdus.system_ids() & set(among))

    def flush(self, within: float = OPERATION_TIMEOUT) -> bool:
        """Delete all rows that wait for it; False when some are left after `within` seconds. May yield, that long."""
        flushed = self.remover.flush(within)
        return self._pdus.remover.flush(within) and flushed
