"""Lets only one daemon at a time replay a set of queue tables; a second one waits (docs/rules/database.md 9)."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from abc import ABC, abstractmethod
from typing import Any

import gevent
import pymysql

from ksmppd_py.storage.database import Database
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.sqlite import IN_MEMORY, SQLiteDatabase

log = logging.getLogger(__name__)

INTERVAL = 2.0
"""Seconds between two checks of a claim, held or not."""
_LONGEST_NAME = 64


class Claim(ABC):
    """The right to replay, checked again and again in a greenlet of its own. Implements ports.ReplayClaim.

    `held`: whether this process has it now.
    """

    def __init__(self, what: str) -> None:
        self.held = False
        self._what = what
        self._told = False
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """Try to get it, and keep trying. Doesn't yield."""
        self._greenlet = gevent.spawn(self._keep)
        self._greenlet.name = "claim"

    def stop(self) -> None:
        """Give it up. May yield."""
        if self._greenlet is not None:
            self._greenlet.kill()
        self.held = False
        self.release()

    def _keep(self) -> None:
        while True:
            try:
                got = self.claim()
            except Exception:
                log.exception("The claim on the queue in %s failed unexpectedly", self._what)
                self.release()
                got = None
            self._judge(got)
            gevent.sleep(INTERVAL)

    def _judge(self, got: bool | None) -> None:
        """Note the result of a check; None when the database couldn't be asked."""
        if got and not self.held and self._told:
            log.warning("The queue in %s is ours now, stored messages are replayed", self._what)
        if got is False and not self._told:
            log.warning("Another ksmppd replays the queue in %s; stored messages are left to it", self._what)
        self._told = got is False or (self._told and not got)
        self.held = bool(got)

    @abstractmethod
    def claim(self) -> bool | None:
        """Try to get the claim, or check it; False when another process has it, None when unknown. May yield."""

    @abstractmethod
    def release(self) -> None:
        """Give the claim up. May yield."""


class MySQLClaim(Claim):
    """GET_LOCK on a connection of its own: the server frees it when the process ends."""

    def __init__(self, database: MySQLDatabase, store_table: str) -> None:
        super().__init__(f"{database.name}, table {store_table}")
        name = f"ksmppd.{store_table if '.' in store_table else f'{database.name}.{store_table}'}"
        if len(name) > _LONGEST_NAME:
            name = "ksmppd." + hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        self._database = database
        self._name = name
        self._connection: Any = None

    def claim(self) -> bool | None:
        """See Claim."""
        try:
            if self._connection is None:
                self._connection = self._database.connect_apart()
            with self._connection.cursor() as cursor:
                cursor.execute(
                    "SELECT IF(IS_USED_LOCK(%s) = CONNECTION_ID(), 1, GET_LOCK(%s, 0))", (self._name,) * 2
                )
                row = cursor.fetchone()
        except (pymysql.err.MySQLError, OSError) as error:
            log.debug("Can't ask for the claim on the queue: %s", error)
            self.release()
            return None
        return bool(row and row[0] == 1)

    def release(self) -> None:
        """See Claim."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._database.disconnect_apart(connection)


class SQLiteClaim(Claim):
    """A lock on a file beside the database: the system frees it when the process ends."""

    def __init__(self, database: SQLiteDatabase) -> None:
        super().__init__(database.path)
        self._path = f"{database.path}-claim"
        self._file: int | None = None

    def claim(self) -> bool | None:
        """See Claim."""
        if self._file is not None:
            return True
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            log.warning("Can't open %s: %s", self._path, error)
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """See Claim."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class OnlyOurs(Claim):
    """The claim on a database in memory, which no other process can have."""

    def claim(self) -> bool | None:
        """See Claim."""
        return True

    def release(self) -> None:
        """See Claim."""


def open_claim(database: Database, store_table: str) -> Claim:
    """Return the claim on a database's queue tables; call `start` to get it."""
    if isinstance(database, MySQLDatabase):
        return MySQLClaim(database, store_table)
    assert isinstance(database, SQLiteDatabase)
    return OnlyOurs("memory") if database.path == IN_MEMORY else SQLiteClaim(database)
