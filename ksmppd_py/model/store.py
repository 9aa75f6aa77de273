"""The two queue tables (docs/rules/database.md 2): their rows, and for each flow the calls that it makes.

storage/store.py implements all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from ksmppd_py.kannel.messages import Sms


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One row of the store table; `sms` is None when the row can't be read, and `problem` says why."""

    global_id: int
    sms: Sms | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StoredPdu:
    """One row of the PDU table: a deliver_sm without its command_length."""

    global_id: int
    system_id: str
    octets: bytes


class MessageStore(Protocol):
    """The store table, for messages that have to wait."""

    def save(self, batch: Sequence[Sms]) -> Sequence[int]:
        """Insert and commit, together with what others save meanwhile; return the rows' global_ids.

        May yield, at most 5 s. Raises DatabaseUnavailable or MessageTooLong; then none of this batch is stored as far
        as we know.
        """


class PduStore(Protocol):
    """The PDU table, for deliver_sm that have to wait."""

    def save_pdus(self, system_id: str, batch: Sequence[bytes]) -> None:
        """Insert ready PDUs (octets without command_length). Raises DatabaseUnavailable. May yield."""


class MessageRows(Protocol):
    """The rows of the store table, as a replay reads and removes them."""

    def page(self, sms_type: int, after: int, limit: int, service: str | None = None) -> list[StoredMessage]:
        """Return rows with global_id > after, in that order, of one account if `service` is given.

        Raises DatabaseUnavailable. May yield.
        """

    def remove(self, global_ids: Sequence[int]) -> None:
        """Delete rows within 100 ms, and again while the database is away. Doesn't yield, raises nothing."""


class DeliverRows(MessageRows, Protocol):
    """The rows of both tables that go to ESMEs."""

    def page_pdus(self, system_id: str, after: int, limit: int) -> list[StoredPdu]:
        """Return PDU rows of one account with global_id > after, in order. Raises DatabaseUnavailable. May yield."""

    def remove_pdus(self, global_ids: Sequence[int]) -> None:
        """Delete rows of the PDU table as `remove` does."""


class LimitedRows(MessageRows, Protocol):
    """The MOs and reports of accounts, of which the oldest may be dropped."""

    def last_surplus(self, system_id: str, keep: int) -> int:
        """Return the global_id of the newest MO or report of an account but `keep` newer ones; 0 without such a row.

        Raises DatabaseUnavailable. May yield.
        """


class SubmitRows(MessageRows, MessageStore, Protocol):
    """The rows that go to bearerboxes, and the reports on those that a bearerbox refuses."""

    def has_mts(self) -> bool:
        """Whether the table has MT rows. Raises DatabaseUnavailable. May yield."""

    def expired_mts(self, now: int, after: int, limit: int) -> list[StoredMessage]:
        """Return MT rows with global_id > after, in that order, whose validity was over at `now` (epoch seconds).

        Raises DatabaseUnavailable. May yield.
        """


class UnaddressedStore(Protocol):
    """The MOs and reports without an account."""

    def unaddressed(self, after: int, limit: int) -> list[StoredMessage]:
        """Return at most `limit` rows without an account, with global_id > after, in that order.

        Raises DatabaseUnavailable. May yield.
        """

    def set_account(self, global_id: int, system_id: str) -> None:
        """Write the account (lower case) into a row. Raises DatabaseUnavailable. May yield."""

    def remove(self, global_ids: Sequence[int]) -> None:
        """See MessageRows.remove."""


class MtSearch(MessageStore, Protocol):
    """The waiting MTs, as query_sm and cancel_sm ask for them, and the reports on cancelled ones."""

    def find_mts(self, system_id: str, message_id: bytes, limit: int) -> list[StoredMessage]:
        """Return waiting MTs of an account whose dlr_url ends in this id. Raises DatabaseUnavailable. May yield."""

    def find_mts_between(
        self, system_id: str, sender: bytes, receiver: bytes, limit: int
    ) -> list[StoredMessage]:
        """Return waiting MTs of an account between these two addresses. Raises DatabaseUnavailable. May yield."""

    def delete(self, global_ids: Sequence[int]) -> int:
        """Delete rows now; return how many there were. Raises DatabaseUnavailable. May yield."""


class ReplayStore(DeliverRows, SubmitRows, UnaddressedStore, Protocol):
    """The rows of both tables, as all replays use them."""

    def receivers_with_rows(self, among: Collection[str]) -> set[str]:
        """Return those of these accounts (lower case) that have MO, DLR or PDU rows.

        Raises DatabaseUnavailable. May yield.
        """
