"""Both queue tables as one ports.MessageStore."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.ports import StoredMessage, StoredPdu
from ksmppd_py.storage.database import OPERATION_TIMEOUT, Database
from ksmppd_py.storage.messages import StoredMessages
from ksmppd_py.storage.pdus import StoredPdus
from ksmppd_py.storage.upgrade import Layout


class DatabaseStore:
    """Implements ports.MessageStore."""

    def __init__(self, database: Database, layout: Layout) -> None:
        self._messages = StoredMessages(database, layout)
        self._pdus = StoredPdus(database, layout)

    def save(self, batch: Sequence[Sms]) -> Sequence[int]:
        """See ports.MessageStore. MessageTooLong is a TooLongForColumn, whose `index` names the message."""
        return self._messages.save(batch)

    def too_long(self, sms: Sms) -> str | None:
        """Return the column that can't hold its value; None when `sms` can be saved. Doesn't yield."""
        return self._messages.too_long(sms)

    def page(self, sms_type: int, after: int, limit: int, service: str | None = None) -> list[StoredMessage]:
        """See ports.MessageStore."""
        return self._messages.page(sms_type, after, limit, service)

    def find_mts(self, system_id: str, message_id: bytes, limit: int) -> list[StoredMessage]:
        """See ports.MessageStore."""
        return self._messages.find_mts(system_id, message_id, limit)

    def find_mts_between(
        self, system_id: str, sender: bytes, receiver: bytes, limit: int
    ) -> list[StoredMessage]:
        """See ports.MessageStore."""
        return self._messages.find_mts_between(system_id, sender, receiver, limit)

    def unaddressed(self, after: int, limit: int) -> list[StoredMessage]:
        """See ports.MessageStore."""
        return self._messages.unaddressed(after, limit)

    def give(self, global_id: int, system_id: str) -> None:
        """See ports.MessageStore."""
        self._messages.give(global_id, system_id)

    def delete(self, global_ids: Sequence[int]) -> int:
        """See ports.MessageStore."""
        return self._messages.remover.remove_now(global_ids)

    def remove(self, global_ids: Sequence[int]) -> None:
        """See ports.MessageStore."""
        self._messages.remover.remove(global_ids)

    def save_pdus(self, system_id: str, batch: Sequence[bytes]) -> None:
        """See ports.MessageStore."""
        self._pdus.save(system_id, batch)

    def page_pdus(self, system_id: str, after: int, limit: int) -> list[StoredPdu]:
        """See ports.MessageStore."""
        return self._pdus.page(system_id, after, limit)

    def remove_pdus(self, global_ids: Sequence[int]) -> None:
        """See ports.MessageStore."""
        self._pdus.remover.remove(global_ids)

    def receivers_with_rows(self, among: Collection[str]) -> set[str]:
        """See ports.MessageStore."""
        return self._messages.services(among) | (self._pdus.system_ids() & set(among))

    def has_mts(self) -> bool:
        """See ports.MessageStore."""
        return bool(self._messages.page(SmsType.MT_PUSH, after=0, limit=1))

    def flush(self, within: float = OPERATION_TIMEOUT) -> bool:
        """Delete all rows that wait for it; False when some are left after `within` seconds. May yield, that long."""
        flushed = self._messages.remover.flush(within)
        return self._pdus.remover.flush(within) and flushed
