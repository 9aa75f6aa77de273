"""SQLite in a native thread of its own, so that no commit ever stops the event loop (docs/rules/database.md 7).

Only that thread uses the sqlite3 connection. Nothing in it may wait for a gevent-patched lock, so statements are
compiled outside, and no SQLAlchemy pool is used.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import gevent
from gevent.threadpool import ThreadPool
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect

from ksmppd_py.config import Sqlite3Connection
from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.model.status import DatabaseMeter
from ksmppd_py.storage.database import (
    BACK_OFF,
    OPERATION_TIMEOUT,
    PORTION,
    Gate,
    Statement,
    StatementRefused,
    StatementResult,
    Transaction,
    wait_for_answer,
)
from ksmppd_py.storage.values import Value

T = TypeVar("T")

IN_MEMORY = ":memory:"
"""SQLite's name for a database without a file."""

_WAIT_FOR_LOCKS = 0.9
"""Share of an operation's time that the thread waits for a lock: it gives up before its caller does."""

_AWAY = ("locked", "unable to open", "disk", "readonly")
"""Words in SQLite's errors that aren't the statement's fault."""


def _create_for_its_owner(path: str) -> None:
    """Create the file, readable for its owner only with any umask, as it holds hashes and texts of messages.

    SQLite gives the same mode to the files that it creates beside it. An error is left to SQLite, which reports it
    better.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _text(octets: bytes) -> str:
    """Return a TEXT value; octets that aren't UTF-8 must not make its row, or those beside it, unreadable."""
    return octets.decode("utf-8", "surrogateescape")


class _Transaction:
    """The connection in its thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: Statement, values: Mapping[str, Value] | None = None) -> StatementResult:
        cursor = self._connection.execute(statement.text, {**statement.defaults, **(values or {})})
        return StatementResult(cursor.fetchall(), max(0, cursor.rowcount))

    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Value]]) -> None:
        self._connection.executemany(statement.text, rows)


class SQLiteDatabase:
    """One `sqlite3-connection` group. Committed data survives a kill and a power failure."""

    def __init__(
        self,
        settings: Sqlite3Connection,
        *,
        timeout: float = OPERATION_TIMEOUT,
        back_off: float = BACK_OFF,
    ) -> None:
        self.dialect: Dialect = sqlite.dialect(paramstyle="named")
        self._settings = settings
        self._timeout = timeout
        self._lock_timeout = settings.lock_timeout / 1000 or timeout
        self._gate = Gate(back_off)
        self._thread = ThreadPool(1)
        self._connection: sqlite3.Connection | None = None
        self._busy_timeout = -1
        self._give_up_at = 0.0

    @property
    def path(self) -> str:
        """The path of the database's file."""
        return self._settings.database

    def literal(self, value: Value) -> str:
        """See Database."""
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        if isinstance(value, str) and not value.isprintable():  # a statement can't hold NUL
            return f"CAST(x'{value.encode('utf-8', 'surrogateescape').hex()}' AS TEXT)"
        if isinstance(value, str):
            return "'" + value.replace("'", "''") + "'"
        return "NULL" if value is None else repr(value)

    @property
    def meter(self) -> DatabaseMeter:
        """See Database."""
        return self._gate.meter

    def start(self, within: float = 30.0) -> None:
        """See Database."""
        wait_for_answer(
            lambda: self.execute(Statement("SELECT count(*) FROM sqlite_master"), repeatable=True),
            within,
            lambda error: f"sqlite3-connection `{self._settings.id}': {error}",
        )

    def close(self) -> None:
        """See Database."""
        with gevent.Timeout(self._timeout, False):
            self._thread.spawn(self._disconnect).get()
        self._thread.kill()

    def execute(
        self, statement: Statement, values: Mapping[str, Value] | None = None, *, repeatable: bool
    ) -> StatementResult:
        """See Database."""
        if statement.changes:  # it could get its lock after its caller has given up
            return self.transaction(lambda transaction: transaction.execute(statement, values))
        return self._within_deadline(
            lambda connection: _Transaction(connection).execute(statement, values), changes=False
        )

    def stream(
        self, statement: Statement, values: Mapping[str, Value] | None = None
    ) -> Iterator[Sequence[tuple[Any, ...]]]:
        """See Database. The thread reads all rows at once."""
        rows = self.execute(statement, values, repeatable=True).rows
        for start in range(0, len(rows), PORTION):
            yield rows[start : start + PORTION]

    def transaction(self, work: Callable[[Transaction], T]) -> T:
        """See Database."""

        def in_transaction(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            result = work(_Transaction(connection))
            if time.monotonic() > self._give_up_at:
                raise sqlite3.OperationalError("locked too long")  # the caller has given up already
            connection.execute("COMMIT")
            return result

        return self._within_deadline(in_transaction, changes=True)

    def _within_deadline(self, work: Callable[[sqlite3.Connection], T], changes: bool) -> T:
        passage = self._gate.enter(changes)
        deadline = gevent.Timeout(self._timeout)
        give_up_at = time.monotonic() + self._timeout * _WAIT_FOR_LOCKS
        try:
            with deadline:
                # Waits for its turn here and not inside the thread, where one more has room: see _run.
                result: T | Exception = self._thread.spawn(self._run_safely, work, give_up_at).get()
            if isinstance(result, Exception):
                raise result
        except gevent.Timeout as expired:
            if expired is not deadline:
                raise
            reason = f"the database was busy for {self._timeout:g} s"
            passage.failed(reason)
            raise DatabaseUnavailable(reason) from None
        except sqlite3.Error as error:
            if not any(sign in str(error) for sign in _AWAY):
                raise StatementRefused(str(error)) from error
            passage.failed(str(error))
            raise DatabaseUnavailable(str(error)) from error
        finally:
            passage.leave()
        passage.answered()
        return result

    def _run_safely(self, work: Callable[[sqlite3.Connection], T], give_up_at: float) -> T | Exception:
        """Do as `_run`, but return errors, because gevent prints those that leave a thread, with a traceback."""
        try:
            return self._run(work, give_up_at)
        except Exception as error:
            return error

    def _run(self, work: Callable[[sqlite3.Connection], T], give_up_at: float) -> T:
        """Do the work on the open connection, in the thread; leave no transaction open.

        Waits for locks until `give_up_at` (monotonic seconds), which is before the caller gives up.
        """
        if (
            time.monotonic() >= give_up_at
        ):  # the pool takes one more than it has threads, and this one waited in there
            raise sqlite3.OperationalError("locked too long")
        if self._connection is None:
            self._connection = self._connect()
        self._give_up_at = give_up_at
        self._wait_for_locks(self._connection, min(self._lock_timeout, give_up_at - time.monotonic()))
        try:
            return work(self._connection)
        except BaseException:
            try:
                self._connection.rollback()
            except sqlite3.Error:
                self._disconnect()
            raise

    def _wait_for_locks(self, connection: sqlite3.Connection, seconds: float) -> None:
        wanted = max(0, round(seconds * 10) * 100)  # in steps of 100 ms, so that it rarely changes
        if wanted != self._busy_timeout:
            connection.execute(f"PRAGMA busy_timeout = {wanted}")
            self._busy_timeout = wanted

    def _connect(self) -> sqlite3.Connection:
        if self.path != IN_MEMORY:
            _create_for_its_owner(self.path)
        connection = sqlite3.connect(
            self._settings.database, timeout=self._lock_timeout, isolation_level=None
        )
        connection.text_factory = _text
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._busy_timeout = -1
        if connection is not None:
            connection.close()  # rolls back
