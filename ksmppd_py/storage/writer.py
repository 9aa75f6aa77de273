"""Changes the queue tables: group commit of saved rows, batched removal of settled ones."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Generic, TypeVar

import gevent
from gevent.event import Event
from sqlalchemy import Column

from ksmppd_py.errors import DatabaseUnavailable, MessageTooLong
from ksmppd_py.storage.database import BACK_OFF, Database, Statement, StatementRefused
from ksmppd_py.storage.group_commit import GroupCommit
from ksmppd_py.storage.inserts import Inserter

log = logging.getLogger(__name__)

R = TypeVar("R")

_WAITING_ROWS = 20_000
_ROWS_AT_ONCE = 1_000
_OCTETS_OF_ROW = 4096
_REMOVED_AT_ONCE = 1_000
_REMOVE_AFTER = 0.05
"""Seconds for which removals are collected; with the commit they stay below 100 ms (docs/rules/flows.md 9, row 16)."""
_TOO_LONG = (1118, 1153, 1264, 1301, 1406, "22001", "22003", "22P05", "54000")
"""MySQL's error numbers and PostgreSQL's codes for a row that the server will never take."""


def _weight(rows: Sequence[object]) -> int:
    """Return how many rows these count as: long ones count as several, so that octets are bounded too."""
    weight = len(rows)
    for row in rows:
        weight += _octets(row) // _OCTETS_OF_ROW
    return weight


def _octets(row: object) -> int:
    """Return the octets of a row's text, as SQL or as a value."""
    text = row.get("msgdata") if isinstance(row, dict) else row
    return len(text) if isinstance(text, str | bytes) else 0


class GroupWriter(Generic[R]):
    """Inserts batches of rows. Batches that come during a transaction share the next one."""

    def __init__(self, name: str, inserter: Inserter) -> None:
        self._inserter = inserter
        self._group_commit: GroupCommit[Sequence[R], Sequence[int] | Exception] = GroupCommit(
            name, self._serve, capacity=_WAITING_ROWS, batch_size=_ROWS_AT_ONCE, weigh=_weight
        )
        self._down_until = 0.0
        self._reason = ""

    def save(self, rows: Sequence[R]) -> Sequence[int]:
        """Return the rows' ids when they are committed. May yield, at most 5 s.

        Raises DatabaseUnavailable, and MessageTooLong when the server finds a row too long.
        """
        if not rows:
            return ()
        if monotonic() < self._down_until:
            raise DatabaseUnavailable(self._reason)
        try:
            answer = self._group_commit.call(rows)
        except StatementRefused:
            raise
        except DatabaseUnavailable as error:
            # Of its own: reads may work all the while (SQLite locked by a writer), and they close the database's.
            self._down_until, self._reason = monotonic() + BACK_OFF, str(error)
            raise
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _serve(self, batches: Sequence[Sequence[R]]) -> list[Sequence[int] | Exception]:
        try:
            ids = self._inserter.insert([row for batch in batches for row in batch])
        except StatementRefused:
            return [self._serve_one(batch) for batch in batches]  # only one of the batches may be at fault
        answers: list[Sequence[int] | Exception] = []
        start = 0
        for batch in batches:
            answers.append(ids[start : start + len(batch)])
            start += len(batch)
        return answers

    def _serve_one(self, batch: Sequence[R]) -> Sequence[int] | Exception:
        try:
            return self._inserter.insert(batch)
        except StatementRefused as error:
            return MessageTooLong(str(error)) if error.number in _TOO_LONG else error
        except DatabaseUnavailable as error:
            return error


class Remover:
    """Deletes rows soon, many at once. They are remembered while the database is away."""

    def __init__(self, database: Database, global_id: Column[int]) -> None:
        preparer = database.dialect.identifier_preparer
        table = preparer.format_table(global_id.table)
        self._head = f"DELETE FROM {table} WHERE {preparer.quote(global_id.name)} IN "
        self._database = database
        self._hurry = Event()
        self._worker: gevent.Greenlet | None = None
        self._readers: dict[int, set[int]] = {}
        self.pending: set[int] = set()

    @contextmanager
    def reading(self) -> Iterator[set[int]]:
        """Yield the rows that the reader in the `with` block must skip: settled before or meanwhile, deleted or not."""
        settled = set(self.pending)
        self._readers[id(settled)] = settled
        try:
            yield settled
        finally:
            del self._readers[id(settled)]

    def remove(self, global_ids: Collection[int]) -> None:
        """Delete these rows within 100 ms. Doesn't yield."""
        self.pending.update(global_ids)
        for settled in self._readers.values():
            settled.update(global_ids)
        if self._worker is None and self.pending:
            self._worker = gevent.spawn(self._run)

    def remove_now(self, global_ids: Sequence[int]) -> int:
        """Delete these rows; return how many there were. Raises DatabaseUnavailable. May yield."""
        listed = ",".join(map(str, global_ids))
        return self._database.execute(Statement(f"{self._head}({listed})"), repeatable=True).matched

    def flush(self, within: float) -> bool:
        """Delete all rows that wait for it; False when some are left after `within` seconds. May yield."""
        worker = self._worker
        if worker is not None:
            self._hurry.set()
            worker.join(within)
        return not self.pending

    def _run(self) -> None:
        try:
            self._hurry.wait(_REMOVE_AFTER)
            while self.pending:
                if not self._remove_some():
                    gevent.sleep(BACK_OFF)
                elif len(self.pending) < _REMOVED_AT_ONCE:
                    self._hurry.wait(_REMOVE_AFTER)
        finally:
            self._worker = None
            self._hurry.clear()

    def _remove_some(self) -> bool:
        some = sorted(self.pending)[:_REMOVED_AT_ONCE]
        listed = ",".join(map(str, some))
        try:
            self._database.execute(Statement(f"{self._head}({listed})"), repeatable=True)
        except DatabaseUnavailable as error:
            log.warning("%d settled rows can't be deleted yet: %s", len(self.pending), error)
            return False
        except Exception:
            log.exception("%d settled rows can't be deleted", len(self.pending))
            return False
        self.pending.difference_update(some)
        return True
