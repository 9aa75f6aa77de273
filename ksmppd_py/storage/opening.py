"""Chooses the database by the group that configures it."""

from __future__ import annotations

from ksmppd_py.config import Database as Group
from ksmppd_py.config import MysqlConnection, PgsqlConnection, Sqlite3Connection
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.sqlite import SQLiteDatabase


def database_of(group: Group | None) -> Database:
    """Return the configured database, not yet connected; one in memory when none is needed."""
    if isinstance(group, MysqlConnection):
        return MySQLDatabase(group)
    if isinstance(group, PgsqlConnection):
        from ksmppd_py.storage.postgresql import PostgreSQLDatabase  # noqa: PLC0415 - libpq is loaded if it is used

        return PostgreSQLDatabase(group)
    return SQLiteDatabase(group or Sqlite3Connection(database=":memory:"))
