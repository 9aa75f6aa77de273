"""Stored MOs and reports without an account, which KSMPPD and other programs may write (docs/rules/flows.md 5.2)."""

from __future__ import annotations

import logging

from ksmppd_py.errors import PermanentError, TemporaryError
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.row_cursor import PAGE, log_unreadable
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.store import UnaddressedStore
from ksmppd_py.translate.errors import Untranslatable

logger = logging.getLogger(__name__)


class UnaddressedRows:
    """Routes stored rows without an account as if they came from the bearerbox now, and writes the account into them.

    This server never stores such a row; another program that shares the tables may do so at any time.
    """

    def __init__(self, store: UnaddressedStore, delivery: DeliveryFlow) -> None:
        self._store = store
        self._delivery = delivery
        self._unreadable: set[int] = set()

    @property
    def unusable(self) -> int:
        """Number of rows that can't be read."""
        return len(self._unreadable)

    def advance(self) -> set[str]:
        """Route all these rows, and return the accounts that got some. Rows that can't be routed now stay as they are.

        Raises DatabaseUnavailable. May yield.
        """
        named: set[str] = set()
        after = 0
        unreadable: set[int] = set()
        while rows := self._store.unaddressed(after, PAGE):
            after = rows[-1].global_id
            for row in rows:
                if row.sms is None:
                    if row.global_id not in self._unreadable:
                        log_unreadable(row)
                    unreadable.add(row.global_id)
                    continue
                try:
                    system_id = self._target(row.global_id, row.sms)
                except TemporaryError as error:
                    logger.warning("Stored message %d can't be routed now: %s", row.global_id, error)
                else:
                    if system_id:
                        self._store.set_account(row.global_id, system_id)
                        named.add(system_id)
        self._unreadable = unreadable
        return named

    def _target(self, number: int, sms: Sms) -> str:
        """Return the account; "" for a message that has none, whose row is removed then. Raises TemporaryError.

        May yield.
        """
        try:
            return self._delivery.target(sms)
        except (PermanentError, Untranslatable) as error:
            logger.error("Stored message %d is for no account and is removed: %s", number, error)
            self._store.remove((number,))
            return ""
