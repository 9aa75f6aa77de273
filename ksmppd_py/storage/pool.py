"""Connections to a database server: pool, deadlines, retries (docs/rules/database.md 7), for any driver."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import gevent
from sqlalchemy import event, exc
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.model.status import DatabaseMeter
from ksmppd_py.storage.database import (
    PORTION,
    Gate,
    Passage,
    Statement,
    StatementRefused,
    StatementResult,
    Transaction,
    wait_for_answer,
)
from ksmppd_py.storage.values import Value

T = TypeVar("T")

_WAIT_FOR_CONNECTION = 0.9
"""Share of an operation's time in which a connection must become free; a busy pool isn't the database's failure."""
_IDLE_BEFORE_PING = 1.0


class Cause(Enum):
    """The meaning of a driver's error."""

    REFUSED = "the statement is at fault"
    NO_CHANGES = "the server changes nothing now: its disk is full, or it may only be read"
    ROLLED_BACK = "the server has rolled back and may succeed another time"
    LATE = "the server gave the statement up because it took too long"
    BROKEN = "the connection is of no use any more"
    ENDED = "so it is, and nothing was committed"
    NOT_CONNECTED = "so it is: the server grants no connection, perhaps because it has too many"


_LOST = (Cause.BROKEN, Cause.ENDED, Cause.NOT_CONNECTED)


class Failure(NamedTuple):
    """A driver's error: its cause, the server's number or code of it, and its text in one line."""

    cause: Cause
    code: int | str
    text: str


class PooledTransaction(Transaction, Protocol):
    """A connection. `uncertain`: a change may have been committed although no answer came."""

    uncertain: bool

    def commit(self) -> None:
        """Commit what was done since BEGIN."""


class Portions(Protocol):
    """One SELECT whose rows are read a portion at a time."""

    def begin(self) -> object:
        """Send the statement. May yield."""

    def next(self) -> Sequence[tuple[Any, ...]]:
        """Return the next rows, PORTION at most; none at the end. May yield."""

    def end(self) -> None:
        """Forget the rows that are left. Doesn't yield."""


class PooledDatabase(ABC):
    """At most `max_connections` connections to one server, opened when needed."""

    kind: ClassVar[str]
    """The server's name in log lines."""
    group: ClassVar[str]
    """The configuration's group."""
    errors: ClassVar[tuple[type[Exception], ...]]
    """The errors that the driver raises."""

    def __init__(
        self, dialect: Dialect, group_id: str, max_connections: int, timeout: float, back_off: float
    ) -> None:
        self.dialect = dialect
        self._group_id = group_id
        self._timeout = timeout
        self._gate = Gate(back_off)
        self._generation = 0
        self._pool = QueuePool(
            self._connect,
            pool_size=max(1, max_connections),
            max_overflow=0,
            timeout=timeout * _WAIT_FOR_CONNECTION,
            use_lifo=True,
            reset_on_return=None,
        )
        event.listen(self._pool, "connect", self._note_generation)
        event.listen(self._pool, "checkout", self._refuse_older)

    @property
    @abstractmethod
    def name(self) -> str:
        """The database's name on its server."""

    @abstractmethod
    def take_lock(self, connection: Any, name: str, lease: float) -> bool:
        """Get the lock of a name over a connection of `connect_apart`, or check it; False when another one has it.

        The server ends the connection once nothing has come over it for `lease` seconds. Raises the driver's `errors`.
        May yield.
        """

    def keeps_sessions(self, connection: Any) -> bool:
        """Whether all that comes over a connection of `connect_apart` is one session of the server.

        Not so behind a pooler that gives each transaction a session. Raises the driver's `errors`. May yield.
        """
        del connection
        return True

    @abstractmethod
    def _connect(self) -> Any:
        """Return a new connection, which commits each statement. May yield."""

    @abstractmethod
    def _begin(self, connection: Any, repeatable: bool) -> PooledTransaction:
        """Return the connection as a transaction; nothing is sent yet."""

    @abstractmethod
    def _ping(self, connection: Any) -> None:
        """Raise an error unless the server answers. May yield."""

    @abstractmethod
    def _roll_back(self, connection: Any) -> None:
        """End an open transaction. May yield."""

    @abstractmethod
    def _cut(self, connection: Any) -> None:
        """Close a connection of `connect_apart` without a word to the server. Doesn't yield."""

    @abstractmethod
    def _failure(self, error: Exception) -> Failure:
        """Return the meaning of one of `errors`."""

    @abstractmethod
    def _portions(
        self, connection: Any, statement: Statement, values: Mapping[str, Value] | None
    ) -> Portions:
        """Return how a SELECT of many rows is run over a connection of its own."""

    @property
    def meter(self) -> DatabaseMeter:
        """See Database."""
        return self._gate.meter

    def start(self, within: float = 30.0) -> None:
        """See Database."""
        wait_for_answer(
            lambda: self.execute(Statement("SELECT 1"), repeatable=True),
            within,
            lambda error: (
                f"{self.kind}: database pool has no connections! ({self.group} `{self._group_id}': {error})"
            ),
        )

    def close(self) -> None:
        """See Database."""
        self._pool.dispose()

    def connect_apart(self) -> Any:
        """Return a connection beside the pool. Raises the driver's `errors`. May yield."""
        return self._connect()

    def disconnect_apart(self, connection: Any) -> None:
        """Close a connection of `connect_apart`. Doesn't yield."""
        self._cut(connection)

    def execute(
        self, statement: Statement, values: Mapping[str, Value] | None = None, *, repeatable: bool
    ) -> StatementResult:
        """See Database."""
        return self._within_deadline(
            lambda transaction: transaction.execute(statement, values), repeatable, statement.changes
        )

    def stream(
        self, statement: Statement, values: Mapping[str, Value] | None = None
    ) -> Iterator[Sequence[tuple[Any, ...]]]:
        """See Database. Uses a connection beside the pool, or one of the pool when the server grants no more."""
        connection = self._within_deadline_apart(self._connect)
        if connection is None:
            rows = self.execute(statement, values, repeatable=True).rows
            yield from (rows[start : start + PORTION] for start in range(0, len(rows), PORTION))
            return
        portions = self._portions(connection, statement, values)
        try:
            self._within_deadline_apart(portions.begin)
            while rows := self._within_deadline_apart(portions.next) or ():
                yield rows
        finally:
            portions.end()
            self._cut(connection)

    def _within_deadline_apart(self, call: Callable[[], T]) -> T | None:
        """Do one step of `stream`; None when the server grants no connection. May yield."""
        passage = self._gate.enter(changes=False)
        deadline = gevent.Timeout(self._timeout)
        try:
            with deadline:
                result = call()
        except gevent.Timeout as expired:
            if expired is not deadline:
                raise
            raise self._late(passage) from None
        except self.errors as error:
            failure = self._failure(error)
            if failure.cause is Cause.NOT_CONNECTED:
                return None
            if failure.cause is Cause.LATE:
                raise self._late(passage) from error
            if failure.cause not in _LOST:
                raise StatementRefused(failure.text, failure.code) from error
            passage.lost(failure.text)
            raise DatabaseUnavailable(failure.text) from error
        finally:
            passage.leave()
        passage.answered()
        return result

    def _late(self, passage: Passage) -> DatabaseUnavailable:
        reason = f"no answer from the database within {self._timeout:g} s"
        passage.failed(reason)
        return DatabaseUnavailable(reason)

    def transaction(self, work: Callable[[Transaction], T]) -> T:
        """See Database."""

        def in_transaction(transaction: PooledTransaction) -> T:
            transaction.execute(Statement("BEGIN"))
            result = work(transaction)
            transaction.commit()
            return result

        return self._within_deadline(in_transaction, repeatable=True, changes=True)

    def _within_deadline(self, work: Callable[[PooledTransaction], T], repeatable: bool, changes: bool) -> T:
        passage = self._gate.enter(changes)
        deadline = gevent.Timeout(self._timeout)
        try:
            with deadline:
                return self._attempt(work, repeatable, passage, last=False)
        except gevent.Timeout as expired:
            if expired is not deadline:
                raise
            raise self._late(passage) from None
        finally:
            passage.leave()

    def _attempt(
        self, work: Callable[[PooledTransaction], T], repeatable: bool, passage: Passage, last: bool
    ) -> T:
        connection = self._check_out(passage, ping=not repeatable)
        transaction = self._begin(connection, repeatable)
        try:
            result = work(transaction)
        except self.errors as error:
            failure = self._failure(error)
            broken = self._give_back_after(failure, connection)
            undone = failure.cause in (Cause.ROLLED_BACK, Cause.ENDED)
            if not last and (undone or (broken and not transaction.uncertain)):
                return self._attempt(work, repeatable, passage, last=True)
            if failure.cause is Cause.LATE:
                raise self._late(passage) from error
            if broken:
                passage.lost(failure.text)
                raise DatabaseUnavailable(failure.text) from error
            changes_none = failure.cause is Cause.NO_CHANGES
            passage.refused(failure.text) if changes_none else passage.answered()
            raise StatementRefused(failure.text, failure.code) from error
        except BaseException:
            self._discard(connection)
            raise
        connection.info["used"] = time.monotonic()
        connection.close()
        passage.answered()
        return result

    def _check_out(self, passage: Passage, ping: bool) -> PoolProxiedConnection:
        """Take a connection; an idle one is pinged first when its statement can't be repeated."""
        try:
            connection = self._pool.connect()
        except exc.TimeoutError as error:
            raise DatabaseUnavailable("all database connections are busy") from error
        except self.errors as error:
            text = self._failure(error).text
            passage.lost(text)
            raise DatabaseUnavailable(text) from error
        if not ping or time.monotonic() - connection.info["used"] < _IDLE_BEFORE_PING:
            return connection
        try:
            self._ping(connection)
        except self.errors:
            self._discard(connection)
            return self._check_out(passage, ping=False)
        except BaseException:
            self._discard(connection)
            raise
        return connection

    def _give_back_after(self, failure: Failure, connection: PoolProxiedConnection) -> bool:
        """Return whether the connection is broken; a good one goes back to the pool without its open transaction."""
        broken = failure.cause in _LOST
        if not broken:
            try:
                self._roll_back(connection)
            except self.errors:
                broken = True
        if broken:
            self._discard(connection)
        else:
            connection.close()
        return broken

    def _discard(self, connection: PoolProxiedConnection) -> None:
        """Close a broken connection, and have idle ones of the same age replaced before they are used."""
        self._generation += 1
        with gevent.Timeout(0.1, False):  # the closing message may block on a frozen server
            connection.invalidate()

    def _note_generation(self, _connection: Any, record: Any) -> None:
        record.info["generation"] = self._generation
        record.info["used"] = time.monotonic()

    def _refuse_older(self, _connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["generation"] != self._generation:
            raise exc.DisconnectionError  # the pool opens a new one instead


def filled_in(
    statement: Statement, values: Mapping[str, Value] | None, literal: Callable[[Value], str]
) -> str:
    """Return the statement's text with its values in it, as `literal` writes them."""
    if not values and not statement.defaults:
        return statement.text
    known = {**statement.defaults, **(values or {})}
    return statement.text % {key: literal(value) for key, value in known.items()}
