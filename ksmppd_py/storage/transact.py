"""Transactions that may find that a change isn't to be made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ksmppd_py.management.errors import ChangeRefused
from ksmppd_py.storage.database import Database, Transaction

T = TypeVar("T")


def transact(database: Database, work: Callable[[Transaction], T]) -> T:
    """Run a transaction whose work may raise ChangeRefused before it changes anything. May yield.

    The refusal leaves the transaction as a result: an error would cost the connection. Raises DatabaseUnavailable.
    """

    def safely(transaction: Transaction) -> T | ChangeRefused:
        try:
            return work(transaction)
        except ChangeRefused as refusal:
            return refusal

    result = database.transaction(safely)
    if isinstance(result, ChangeRefused):
        raise result
    return result
