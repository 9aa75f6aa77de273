"""The configuration reference: the groups of database connections (see groups.py)."""

# ruff: noqa: RUF009 - the functions that make fields are what dataclasses.field is

from __future__ import annotations

from dataclasses import dataclass

from kannel_conf import converted, integer, text
from ksmppd_py.config.convert import (
    SslMode,
    to_connections,
    to_database_hosts,
    to_database_path,
    to_host,
    to_path,
    to_word,
)


def _connections() -> int:
    return converted(to_connections, "most connections at a time", type="integer", default=1, shown="1")


@dataclass(frozen=True, kw_only=True, slots=True)
class MysqlConnection:
    """`group = mysql-connection`: a MySQL or MariaDB database. Multi."""

    id: str = text("what database-config names")
    host: str = converted(to_host, "host name or address", type="host")
    port: int = integer("TCP port; 0 is the usual one", default=0, low=0, high=65535)
    username: str = text("database user", required=True)
    password: str = text("the user's password, may be empty", required=True, secret=True, may_be_empty=True)
    database: str = text("name of the database", required=True)
    max_connections: int = _connections()


@dataclass(frozen=True, kw_only=True, slots=True)
class PgsqlConnection:
    """`group = pgsql-connection`: a PostgreSQL database. Multi."""

    id: str = text("what database-config names")
    host: str = converted(
        to_database_hosts,
        "host name or address, or the directory of a Unix socket; several with `,` between: the one that takes changes",
        type="host",
    )
    port: int = integer("TCP port; 0 is the usual one", default=0, low=0, high=65535)
    username: str = text("database user", required=True)
    password: str = text("the user's password, may be empty", required=True, secret=True, may_be_empty=True)
    database: str = text("name of the database", required=True)
    max_connections: int = _connections()
    sslmode: SslMode = converted(
        to_word(SslMode),
        "TLS, as libpq has it",
        type="disable, allow, prefer, require, verify-ca or verify-full",
        default=SslMode.PREFER,
        shown="prefer",
    )
    sslrootcert: str = converted(
        to_path,
        "CA certificates (PEM) that the server's is checked against, for verify-ca and verify-full",
        type="path",
        default="",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Sqlite3Connection:
    """`group = sqlite3-connection`: a database file. Multi."""

    id: str = text("what database-config names")
    database: str = converted(to_database_path, "path of the file", type="path")
    max_connections: int = _connections()
    lock_timeout: int = integer(
        "how long to wait for a locked file; 0 as long as for any statement",
        default=0,
        unit="milliseconds",
        low=0,
    )


Database = MysqlConnection | PgsqlConnection | Sqlite3Connection
