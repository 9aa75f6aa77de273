"""PostgreSQL over psycopg 3 (docs/rules/database.md 7).

Statements are sent whole, in the simple protocol: nothing is prepared, so that they also work through pgbouncer. Values
are written so that no setting of the server changes an octet: octets as hexadecimal digits, names as UTF-8.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from gevent import get_hub
from psycopg import Connection, pq
from psycopg.abc import RV, PQGen
from psycopg.adapt import Buffer, Loader
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine import Dialect

from ksmppd_py.config import PgsqlConnection
from ksmppd_py.storage.database import BACK_OFF, OPERATION_TIMEOUT, PORTION, Statement, StatementResult
from ksmppd_py.storage.pool import Cause, Failure, PooledDatabase, filled_in
from ksmppd_py.storage.values import Value

_STATEMENT_TIME = 0.9
"""Share of an operation's time after which the server itself gives a statement up: it then changes nothing later."""
_CAUSES = {
    "40001": Cause.ROLLED_BACK,  # serialization_failure
    "40P01": Cause.ROLLED_BACK,  # deadlock_detected
    "55P03": Cause.ROLLED_BACK,  # lock_not_available
    "57014": Cause.LATE,  # query_canceled, by statement_timeout
    "25006": Cause.NO_CHANGES,  # read_only_sql_transaction
    "53100": Cause.NO_CHANGES,  # disk_full
    "58030": Cause.NO_CHANGES,  # io_error
    "53300": Cause.NOT_CONNECTED,  # too_many_connections
    "57P01": Cause.ENDED,  # admin_shutdown, pg_terminate_backend
    "57P03": Cause.ENDED,  # cannot_connect_now
    "57P04": Cause.ENDED,  # database_dropped
    "57P05": Cause.ENDED,  # idle_session_timeout
    "25P03": Cause.ENDED,  # idle_in_transaction_session_timeout
    "57P02": Cause.BROKEN,  # crash_shutdown
}
_READ_WRITE = 3
"""gevent's number for a wait until a socket can be read or written."""
_NUL = "\N{SYMBOL FOR NULL}"
"""The character for the octet 0 in text, which has none of its own there."""
_WAITS: dict[int, int] = {pq.PollingStatus.READING: 1, pq.PollingStatus.WRITING: 2}
_TAKE_LOCK = (
    "SELECT CASE WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    " AND (classid::bigint << 32 | objid::bigint) = {key}) THEN true ELSE pg_try_advisory_lock({key}) END"
)
_LOOKS_AT_POOLER = 3
_IDLE_SESSIONS_END = 140_000
"""The first version of the server that has idle_session_timeout."""


def literal(value: Value) -> str:
    """Return one value as SQL."""
    if isinstance(value, bytes):
        return f"E'\\\\x{value.hex()}'::bytea"
    if isinstance(value, str):
        return quoted(value.replace("\0", _NUL))
    return "NULL" if value is None else repr(value)


def quoted(text: str) -> str:
    """Return text without NUL as SQL, with any value of standard_conforming_strings."""
    if "\\" in text:
        return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + text.replace("'", "''") + "'"


class NotConnected(psycopg.OperationalError):
    """The server can't be reached, or refuses: libpq gives the reason only in words."""


class NotReplicated(psycopg.OperationalError):
    """A change was committed, but no synchronous standby has confirmed it in time.

    PostgreSQL ends its wait with a warning and reports success: a message would be answered that only one server has.
    """


class _Octets(Loader):
    """Reads text as octets, one a character: as MySQL's latin1, with ? for other characters."""

    def load(self, data: Buffer) -> bytes:
        octets = bytes(data)
        if octets.isascii():
            return octets
        try:
            return octets.decode("utf-8").replace(_NUL, "\0").encode("latin-1", "replace")
        except UnicodeDecodeError:
            return octets  # a database of the encoding SQL_ASCII


class _Connection(Connection[Any]):
    """Waits by gevent's hub, as psycopg's own function in C would stop all greenlets."""

    _is_unreplicated = False

    def __del__(self, *_: object) -> None:
        """Close it: psycopg would complain of one that comes back to a pool that was closed meanwhile."""
        self.close()

    def notice(self, notice: psycopg.errors.Diagnostic) -> None:
        """Take a message that the server sends beside its answers."""
        if notice.source_function == "SyncRepWaitForLSN":  # its words are in the server's language
            self._is_unreplicated = True

    def check_replicated(self) -> None:
        """Raise NotReplicated if the server gave up its wait for a standby in the last statement."""
        if self._is_unreplicated:
            self._is_unreplicated = False
            raise NotReplicated("no synchronous standby has confirmed the change")

    def wait(self, gen: PQGen[RV], interval: float = 0.0, timeout: float | None = None) -> RV:
        """Run one of psycopg's generators to its end. May yield."""
        del interval, timeout  # there is one deadline for the whole operation
        try:
            state = next(gen)
            while True:
                _wait(self.pgconn.socket, state)
                state = gen.send(cast(Any, state))
        except StopIteration as end:
            return cast(RV, end.value)


def _wait(descriptor: int, state: int) -> None:
    """Wait until a socket can be read (1), written (2) or either. May yield."""
    hub = get_hub()
    watcher = hub.loop.io(descriptor, int(state) & _READ_WRITE)
    try:
        hub.wait(watcher)
    finally:
        watcher.stop()
        watcher.close()


class _Transaction:
    """See PooledTransaction."""

    def __init__(self, connection: Any, repeatable: bool) -> None:
        self._connection = connection
        self._repeatable = repeatable
        self.uncertain = False

    def execute(self, statement: Statement, values: Mapping[str, Value] | None = None) -> StatementResult:
        self.uncertain = not self._repeatable
        return _run(self._connection, filled_in(statement, values, literal))

    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Value]]) -> None:
        for row in rows:
            self.execute(statement, row)

    def commit(self) -> None:
        self.uncertain = True
        _run(self._connection, "COMMIT")


def _run(connection: Any, text: str) -> StatementResult:
    cursor = connection.execute(text.encode("utf-8"))
    connection.check_replicated()
    rows = cursor.fetchall() if cursor.description is not None else ()
    return StatementResult(rows, max(0, cursor.rowcount))


def _session(connection: Any) -> int:
    """Return the id of the process that serves a connection now. May yield."""
    return int(_run(connection, "SELECT pg_backend_pid()").rows[0][0])


class _Portions:
    """One SELECT as a cursor on the server."""

    def __init__(self, connection: Any, text: str) -> None:
        self._connection = connection
        self._text = text

    def begin(self) -> object:
        return _run(self._connection, f"BEGIN READ ONLY; DECLARE portions NO SCROLL CURSOR FOR {self._text}")

    def next(self) -> Sequence[tuple[Any, ...]]:
        return _run(self._connection, f"FETCH {PORTION} FROM portions").rows

    def end(self) -> None:
        """The connection is closed next, and the cursor with it."""


class PostgreSQLDatabase(PooledDatabase):
    """One `pgsql-connection` group."""

    kind = "PostgreSQL"
    group = "pgsql-connection"
    errors = (psycopg.Error, OSError)

    def __init__(
        self, settings: PgsqlConnection, *, timeout: float = OPERATION_TIMEOUT, back_off: float = BACK_OFF
    ) -> None:
        self._settings = settings
        dialect: Dialect = PGDialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
        super().__init__(dialect, settings.id, settings.max_connections, timeout, back_off)

    @property
    def name(self) -> str:
        """The database's name on its server."""
        return self._settings.database

    def literal(self, value: Value) -> str:
        """See Database."""
        return literal(value)

    def take_lock(self, connection: Any, name: str, lease: float) -> bool:
        """See PooledDatabase. `idle_session_timeout` came with PostgreSQL 14."""
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        if connection.info.server_version >= _IDLE_SESSIONS_END:
            _run(connection, f"SET idle_session_timeout = {lease * 1000:.0f}")
        (row,) = _run(connection, _TAKE_LOCK.format(key=key)).rows
        return bool(row[0])

    def keeps_sessions(self, connection: Any) -> bool:
        """See PooledDatabase. A pooler shows itself by a process id that isn't the session's.

        It gives sessions that rest to the next one who asks: two connections then have the same.
        """
        ours = _session(connection)
        if ours == connection.info.backend_pid:
            return True
        for _ in range(_LOOKS_AT_POOLER):
            other = self.connect_apart()
            try:
                if _session(other) == _session(connection):
                    return False
            finally:
                self.disconnect_apart(other)
        return True

    def _begin(self, connection: Any, repeatable: bool) -> _Transaction:
        return _Transaction(connection, repeatable)

    def _ping(self, connection: Any) -> None:
        _run(connection, "SELECT 1")

    def _roll_back(self, connection: Any) -> None:
        if connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            _run(connection, "ROLLBACK")

    def _cut(self, connection: Any) -> None:
        connection.close()

    def _failure(self, error: Exception) -> Failure:
        code = getattr(error, "sqlstate", None) or ""
        lines = str(error).strip().splitlines() or [repr(error)]
        text = lines[0]
        if isinstance(error, NotConnected):  # a line for each address, and hints
            text = "; ".join(line for line in lines if not line.startswith("\t"))
            return Failure(Cause.NOT_CONNECTED, code, text)
        if isinstance(error, NotReplicated):
            return Failure(Cause.LATE, code, text)
        lost = not isinstance(error, psycopg.Error) or not code or code.startswith("08")
        return Failure(Cause.BROKEN if lost else _CAUSES.get(code, Cause.REFUSED), code, text)

    def _portions(
        self, connection: Any, statement: Statement, values: Mapping[str, Value] | None
    ) -> _Portions:
        return _Portions(connection, filled_in(statement, values, literal))

    def _connect(self) -> Any:
        connection = _open(self._conninfo())
        try:
            for kind in ("text", "varchar", "bpchar", "name"):
                connection.adapters.register_loader(kind, _Octets)
            limit = round(self._timeout * _STATEMENT_TIME * 1000)
            _run(
                connection,
                f"SET statement_timeout = {limit}; SET idle_in_transaction_session_timeout = 10000",
            )
        except BaseException:
            connection.close()
            raise
        return connection

    def _conninfo(self) -> bytes:
        """Return the address as libpq takes it, with the octets of the configuration file."""
        settings = self._settings
        hosts = settings.host.split(",")
        parameters = {
            "host": settings.host,
            "port": settings.port or 5432,
            "user": settings.username,
            "password": settings.password,
            "dbname": settings.database,
            "sslmode": settings.sslmode.value,
            "sslrootcert": settings.sslrootcert,
            "application_name": "ksmppd",
            "client_encoding": "UTF8",
            "gssencmode": "disable",  # its look for tickets reads files
            "keepalives_idle": 60,
        }
        if len(hosts) > 1:
            parameters["target_session_attrs"] = "read-write"
        if not settings.host.startswith("/"):
            found = [(name, address) for name in hosts for address in _addresses(name)]
            parameters["host"] = ",".join(name for name, _ in found)
            parameters["hostaddr"] = ",".join(address for _, address in found)
        return b" ".join(
            b"%s='%s'" % (key.encode(), _escaped(value)) for key, value in parameters.items() if value != ""
        )


def _addresses(name: str) -> list[str]:
    """Look a host up by gevent's resolver: libpq's own would stop all greenlets. Raises OSError. May yield."""
    found = socket.getaddrinfo(name.strip(), None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def _escaped(value: object) -> bytes:
    octets = str(value).encode("utf-8", "surrogateescape")
    return octets.replace(b"\\", b"\\\\").replace(b"'", b"\\'")


def _open(conninfo: bytes) -> _Connection:
    """Connect. (`psycopg.connect` takes no octets that aren't UTF-8.) Raises OperationalError. May yield."""
    connecting = pq.PGconn.connect_start(conninfo)
    try:
        while connecting.status != pq.ConnStatus.BAD:
            state = connecting.connect_poll()
            if state not in _WAITS:
                break
            _wait(connecting.socket, _WAITS[state])
        if connecting.status != pq.ConnStatus.OK:
            raise NotConnected(connecting.get_error_message("utf-8"))
    except BaseException:
        connecting.finish()
        raise
    connecting.nonblocking = 1
    connection = _Connection(connecting)
    connection.autocommit = True
    connection.add_notice_handler(connection.notice)
    return connection
