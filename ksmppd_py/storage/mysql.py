"""MySQL and MariaDB over PyMySQL: pool, deadlines, retries (docs/rules/database.md 7).

Statements are sent as ASCII: every text value is a hexadecimal literal that names its character set, so neither
sql_mode nor Python's idea of "latin1" (cp1252) can change an octet (docs/rules/database.md 4).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import gevent
import pymysql
import pymysql.cursors
from pymysql.constants import CLIENT, FIELD_TYPE
from sqlalchemy import event, exc
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from ksmppd_py.config import MysqlConnection
from ksmppd_py.errors import DatabaseUnavailable, StartError
from ksmppd_py.model.status import DatabaseMeter
from ksmppd_py.storage.database import (
    BACK_OFF,
    OPERATION_TIMEOUT,
    PORTION,
    Gate,
    Passage,
    Statement,
    StatementRefused,
    StatementResult,
    Transaction,
)
from ksmppd_py.storage.values import Value

T = TypeVar("T")

SOCKET_PATHS = ("/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock")
"""Paths at which libmysqlclient's builds look when the host is localhost."""

_INTEGERS = (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG)
_READERS: dict[Any, Any] = {
    **dict.fromkeys(_INTEGERS, int),
    FIELD_TYPE.FLOAT: float,
    FIELD_TYPE.DOUBLE: float,
}
_ROLLED_BACK = (1205, 1213)  # lock wait timeout, deadlock
_BROKEN = (
    0,
    1040,
    1053,
    1077,
    1079,
    1152,
    1158,
    1159,
    1160,
    1161,
    1203,
    1317,
    1927,
    4031,
    *range(2000, 2100),
)
_NO_CHANGES = (
    1021,
    1026,
    1114,
    1290,
    1792,
    1836,
)  # disk or table full, write error, --read-only and its like
_NO_MORE_CONNECTIONS = (1040, 1203, 1226)
_WAIT_FOR_CONNECTION = 0.9
"""Share of an operation's time in which a connection must become free; a busy pool isn't the database's failure."""
_IDLE_BEFORE_PING = 1.0
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def literal(value: Value) -> str:
    """Return one value as SQL."""
    if isinstance(value, bytes):
        return f"_latin1 x'{value.hex()}'"
    if isinstance(value, str):
        return f"_latin1 x'{value.encode('latin-1', 'replace').hex()}'"
    return "NULL" if value is None else repr(value)


def _talk(call: Callable[..., T], *arguments: Any) -> T:
    """Call PyMySQL, which raises anything on an answer that isn't MySQL's; return that as a broken connection."""
    try:
        return call(*arguments)
    except (pymysql.err.MySQLError, OSError):
        raise
    except Exception as error:
        raise pymysql.err.InterfaceError(0, f"what came is no answer of MySQL: {error!r}") from error


def _octets(text: str) -> bytes:
    """Return the octets of the configuration file: PyMySQL would encode Latin-1, or fail."""
    return text.encode("utf-8", "surrogateescape")


def _filled_in(statement: Statement, values: Mapping[str, Value] | None) -> str:
    """Return the statement's text with its values in it."""
    if not values and not statement.defaults:
        return statement.text
    known = {**statement.defaults, **(values or {})}
    return statement.text % {key: literal(value) for key, value in known.items()}


class _Transaction:
    """One connection. `uncertain`: a change may have been committed although no answer came."""

    def __init__(self, connection: Any, repeatable: bool) -> None:
        self._connection = connection
        self._repeatable = repeatable
        self.uncertain = False

    def execute(self, statement: Statement, values: Mapping[str, Value] | None = None) -> StatementResult:
        self.uncertain = not self._repeatable
        text = _filled_in(statement, values)
        with self._connection.cursor() as cursor:
            matched = _talk(cursor.execute, text)
            return StatementResult(cursor.fetchall(), matched, cursor.lastrowid or 0)

    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Value]]) -> None:
        for row in rows:
            self.execute(statement, row)

    def commit(self) -> None:
        self.uncertain = True
        _talk(self._connection.commit)


class MySQLDatabase:
    """One `mysql-connection` group: at most max-connections connections, opened when needed."""

    def __init__(
        self,
        settings: MysqlConnection,
        *,
        timeout: float = OPERATION_TIMEOUT,
        back_off: float = BACK_OFF,
        socket_paths: Sequence[str] = SOCKET_PATHS,
    ) -> None:
        self.dialect: Dialect = mysql.dialect(paramstyle="pyformat")
        self._settings = settings
        self._timeout = timeout
        self._socket_paths = socket_paths
        self._gate = Gate(back_off)
        self._generation = 0
        self._pool = QueuePool(
            self._connect,
            pool_size=max(1, settings.max_connections),
            max_overflow=0,
            timeout=timeout * _WAIT_FOR_CONNECTION,
            use_lifo=True,
            reset_on_return=None,
        )
        event.listen(self._pool, "connect", self._note_generation)
        event.listen(self._pool, "checkout", self._refuse_older)

    @property
    def meter(self) -> DatabaseMeter:
        """See Database."""
        return self._gate.meter

    def start(self, within: float = 30.0) -> None:
        """See Database."""
        deadline = time.monotonic() + within
        while True:
            try:
                self.execute(Statement("SELECT 1"), repeatable=True)
                return
            except DatabaseUnavailable as error:
                if time.monotonic() >= deadline:
                    raise StartError(
                        f"MySQL: database pool has no connections! "
                        f"(mysql-connection `{self._settings.id}': {error})"
                    ) from error
            gevent.sleep(min(0.25, within))

    def close(self) -> None:
        """See Database."""
        self._pool.dispose()

    @property
    def name(self) -> str:
        """The database's name on its server."""
        return self._settings.database

    def connect_apart(self) -> Any:
        """Return a connection beside the pool. Raises PyMySQL's errors. May yield."""
        return self._connect()

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
        cursor = connection.cursor(pymysql.cursors.SSCursor)
        try:
            self._within_deadline_apart(cursor.execute, _filled_in(statement, values))
            while rows := self._within_deadline_apart(cursor.fetchmany, PORTION):
                yield rows
        finally:
            cursor.connection = None  # otherwise it and its result would wait for the rest of the rows
            if cursor._result is not None:
                cursor._result.unbuffered_active = False
            connection._force_close()

    def _within_deadline_apart(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Do one step of `stream`; None when the server has no connection left. May yield."""
        passage = self._gate.enter(changes=False)
        deadline = gevent.Timeout(self._timeout)
        try:
            with deadline:
                result = _talk(call, *arguments)
        except gevent.Timeout as expired:
            if expired is not deadline:
                raise
            reason = f"no answer from the database within {self._timeout:g} s"
            passage.failed(reason)
            raise DatabaseUnavailable(reason) from None
        except (pymysql.err.MySQLError, OSError) as error:
            number = error.args[0] if error.args else 0
            if number in _NO_MORE_CONNECTIONS:
                return None
            if isinstance(error, pymysql.err.MySQLError) and number not in _BROKEN:
                raise StatementRefused(str(error), number) from error
            passage.lost(str(error))
            raise DatabaseUnavailable(str(error)) from error
        finally:
            passage.leave()
        passage.answered()
        return result

    def transaction(self, work: Callable[[Transaction], T]) -> T:
        """See Database."""

        def in_transaction(transaction: _Transaction) -> T:
            transaction.execute(Statement("BEGIN"))
            result = work(transaction)
            transaction.commit()
            return result

        return self._within_deadline(in_transaction, repeatable=True, changes=True)

    def _within_deadline(self, work: Callable[[_Transaction], T], repeatable: bool, changes: bool) -> T:
        passage = self._gate.enter(changes)
        deadline = gevent.Timeout(self._timeout)
        try:
            with deadline:
                return self._attempt(work, repeatable, passage, last=False)
        except gevent.Timeout as expired:
            if expired is not deadline:
                raise
            reason = f"no answer from the database within {self._timeout:g} s"
            passage.failed(reason)
            raise DatabaseUnavailable(reason) from None
        finally:
            passage.leave()

    def _attempt(
        self, work: Callable[[_Transaction], T], repeatable: bool, passage: Passage, last: bool
    ) -> T:
        connection = self._check_out(passage, ping=not repeatable)
        transaction = _Transaction(connection, repeatable)
        try:
            result = work(transaction)
        except (pymysql.err.MySQLError, OSError) as error:
            broken = self._give_back_after(error, connection)
            rolled_back = bool(error.args) and error.args[0] in _ROLLED_BACK
            if not last and (rolled_back or (broken and not transaction.uncertain)):
                return self._attempt(work, repeatable, passage, last=True)
            if broken:
                passage.lost(str(error))
                raise DatabaseUnavailable(str(error)) from error
            passage.refused(str(error)) if error.args[0] in _NO_CHANGES else passage.answered()
            raise StatementRefused(str(error), error.args[0]) from error
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
        except (pymysql.err.MySQLError, OSError) as error:
            passage.lost(str(error))
            raise DatabaseUnavailable(str(error)) from error
        if not ping or time.monotonic() - connection.info["used"] < _IDLE_BEFORE_PING:
            return connection
        try:
            _talk(connection.ping)
        except (pymysql.err.MySQLError, OSError):
            self._discard(connection)
            return self._check_out(passage, ping=False)
        except BaseException:
            self._discard(connection)
            raise
        return connection

    def _give_back_after(self, error: Exception, connection: PoolProxiedConnection) -> bool:
        """Return whether the connection is broken; a good one goes back to the pool without its open transaction."""
        broken = not isinstance(error, pymysql.err.MySQLError) or not error.args or error.args[0] in _BROKEN
        if not broken:
            try:
                _talk(connection.rollback)
            except (pymysql.err.MySQLError, OSError):
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

    def _connect(self) -> Any:
        return _talk(self._find)

    def _find(self) -> Any:
        settings = self._settings
        if settings.host.lower() != "localhost":
            return self._open(host=settings.host)
        for path in self._socket_paths:
            if self._listens(path):
                return self._open(host="localhost", unix_socket=path)
        return self._open(host="127.0.0.1")

    def _listens(self, path: str) -> bool:
        """Whether a server listens at a socket's path. (PyMySQL would leave its socket open on a refusal.)"""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(self._timeout)
            try:
                probe.connect(path)
            except OSError:
                return False
            return True

    def _open(self, host: str, unix_socket: str | None = None) -> Any:
        settings = self._settings
        return pymysql.connect(
            host=host,
            unix_socket=unix_socket,
            port=settings.port or 3306,
            user=_octets(settings.username),
            password=_octets(settings.password),
            database=_octets(settings.database),
            charset="latin1",
            use_unicode=False,
            conv=_READERS,
            client_flag=CLIENT.FOUND_ROWS,
            autocommit=True,
            connect_timeout=self._timeout,
            read_timeout=self._timeout,
            ssl_disabled=host in _THIS_MACHINE,  # otherwise TLS if the server has it
            write_timeout=self._timeout,
        )
