"""Transactions that may find that a change isn't to be made, and those that create tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ksmppd_py.management.errors import ChangeRefused
from ksmppd_py.storage.database import Database, Statement, Transaction

T = TypeVar("T")
_CREATION = int.from_bytes(b"ksmppd", "big")
"""The key of PostgreSQL's lock under which tables are created."""


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


def create_alone(database: Database, texts: Sequence[str]) -> None:
    """Run statements that create a table, on PostgreSQL while no other server does so.

    IF NOT EXISTS alone fails there when two begin at once. Raises DatabaseUnavailable. May yield.
    """
    statements = [Statement(text) for text in texts]
    if database.dialect.name != "postgresql":
        for statement in statements:
            database.execute(statement, repeatable=True)
        return
    lock = Statement(f"SELECT pg_advisory_xact_lock({_CREATION})")
    database.transaction(lambda transaction: [transaction.execute(each) for each in (lock, *statements)])
