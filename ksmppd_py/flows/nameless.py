"""Stored MOs and reports that don't say for whom they are, as the original may leave them (spec/flows.md 5.1)."""

from __future__ import annotations

import logging

from ksmppd_py.errors import PermanentError, TemporaryError
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.rows import PAGE
from ksmppd_py.model.ports import MessageStore, StoredMessage
from ksmppd_py.translate.errors import Untranslatable

logger = logging.getLogger(__name__)


class NamelessRows:
    """Routes them as if they had come now; from then on they are rows of their account like all others.

    We never store such a row ourselves, so this is work for once.
    """

    def __init__(self, store: MessageStore, delivery: DeliveryFlow) -> None:
        self._store = store
        self._delivery = delivery
        self._unreadable: set[int] = set()

    @property
    def unusable(self) -> int:
        """How many can't be read."""
        return len(self._unreadable)

    def advance(self) -> tuple[set[str], bool]:
        """Go through all of them: the accounts that got some, and whether none is left for a later time.

        Raises DatabaseUnavailable. May yield.
        """
        named: set[str] = set()
        complete = True
        after = 0
        while rows := self._store.nameless(after, PAGE):
            after = rows[-1].global_id
            for row in rows:
                try:
                    system_id = self._target(row)
                except TemporaryError as error:
                    logger.warning("Stored message %d can't be routed now: %s", row.global_id, error)
                    complete = False
                else:
                    if system_id:
                        self._store.give(row.global_id, system_id)
                        named.add(system_id)
        return named, complete

    def _target(self, row: StoredMessage) -> str:
        """The account; empty when nobody is to get it, which is settled then. May yield (routing)."""
        number = row.global_id
        if row.sms is None:
            if number not in self._unreadable:
                self._unreadable.add(number)
                logger.error(
                    "Stored message %d can't be read and is left where it is: %s", number, row.problem
                )
            return ""
        try:
            return self._delivery.target(row.sms)
        except (PermanentError, Untranslatable) as error:
            logger.error("Stored message %d is for nobody and is removed: %s", number, error)
            self._store.remove((number,))
            return ""
