"""MySQL and MariaDB over PyMySQL (docs/rules/database.md 7).

Statements are sent as ASCII: every text value is a hexadecimal literal that names its character set, so neither
sql_mode nor Python's idea of "latin1" (cp1252) can change an octet (docs/rules/database.md 4).
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pymysql
import pymysql.cursors
from pymysql.constants import CLIENT, FIELD_TYPE
from sqlalchemy.dialects import mysql

from ksmppd_py.config import MysqlConnection
from ksmppd_py.storage.database import (
    BACK_OFF,
    OPERATION_TIMEOUT,
    PORTION,
    Statement,
    StatementResult,
)
from ksmppd_py.storage.pool import Cause, Failure, PooledDatabase, filled_in
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
_LONGEST_NAME = 64
"""Characters of a lock's name."""
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


class _Transaction:
    """See PooledTransaction."""

    def __init__(self, connection: Any, repeatable: bool) -> None:
        self._connection = connection
        self._repeatable = repeatable
        self.uncertain = False

    def execute(self, statement: Statement, values: Mapping[str, Value] | None = None) -> StatementResult:
        self.uncertain = not self._repeatable
        text = filled_in(statement, values, literal)
        with self._connection.cursor() as cursor:
            matched = _talk(cursor.execute, text)
            return StatementResult(cursor.fetchall(), matched, cursor.lastrowid or 0)

    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Value]]) -> None:
        for row in rows:
            self.execute(statement, row)

    def commit(self) -> None:
        self.uncertain = True
        _talk(self._connection.commit)


class _Portions:
    """One SELECT whose rows the server sends as they are read."""

    def __init__(self, connection: Any, text: str) -> None:
        self._cursor = connection.cursor(pymysql.cursors.SSCursor)
        self._text = text

    def begin(self) -> object:
        return _talk(self._cursor.execute, self._text)

    def next(self) -> Sequence[tuple[Any, ...]]:
        return _talk(self._cursor.fetchmany, PORTION)

    def end(self) -> None:
        self._cursor.connection = None  # otherwise it and its result would wait for the rest of the rows
        if self._cursor._result is not None:
            self._cursor._result.unbuffered_active = False


class MySQLDatabase(PooledDatabase):
    """One `mysql-connection` group."""

    kind = "MySQL"
    group = "mysql-connection"
    errors = (pymysql.err.MySQLError, OSError)

    def __init__(
        self,
        settings: MysqlConnection,
        *,
        timeout: float = OPERATION_TIMEOUT,
        back_off: float = BACK_OFF,
        socket_paths: Sequence[str] = SOCKET_PATHS,
    ) -> None:
        self._settings = settings
        self._socket_paths = socket_paths
        dialect = mysql.dialect(paramstyle="pyformat")
        super().__init__(dialect, settings.id, settings.max_connections, timeout, back_off)

    @property
    def name(self) -> str:
        """The database's name on its server."""
        return self._settings.database

    def literal(self, value: Value) -> str:
        """See Database."""
        return literal(value)

    def take_lock(self, connection: Any, name: str, lease: float) -> bool:
        """See PooledDatabase."""
        if len(name) > _LONGEST_NAME:
            name = "ksmppd." + hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION wait_timeout = {lease:.0f}")
            cursor.execute("SELECT IF(IS_USED_LOCK(%s) = CONNECTION_ID(), 1, GET_LOCK(%s, 0))", (name,) * 2)
            row = cursor.fetchone()
        return bool(row and row[0] == 1)

    def _begin(self, connection: Any, repeatable: bool) -> _Transaction:
        return _Transaction(connection, repeatable)

    def _ping(self, connection: Any) -> None:
        _talk(connection.ping)

    def _roll_back(self, connection: Any) -> None:
        _talk(connection.rollback)

    def _cut(self, connection: Any) -> None:
        connection._force_close()

    def _failure(self, error: Exception) -> Failure:
        number = error.args[0] if error.args else 0
        if number in _NO_MORE_CONNECTIONS:
            cause = Cause.NOT_CONNECTED
        elif not isinstance(error, pymysql.err.MySQLError) or number in _BROKEN:
            cause = Cause.BROKEN
        elif number in _ROLLED_BACK:
            cause = Cause.ROLLED_BACK
        else:
            cause = Cause.NO_CHANGES if number in _NO_CHANGES else Cause.REFUSED
        return Failure(cause, number, str(error))

    def _portions(
        self, connection: Any, statement: Statement, values: Mapping[str, Value] | None
    ) -> _Portions:
        return _Portions(connection, filled_in(statement, values, literal))

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
