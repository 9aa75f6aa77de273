"""Lets only one daemon at a time replay a set of queue tables; a second one waits (docs/rules/database.md 9)."""

from __future__ import annotations

import fcntl
import logging
import os
from abc import ABC, abstractmethod
from time import monotonic
from typing import Any

import gevent

from ksmppd_py.storage.database import OPERATION_TIMEOUT, Database
from ksmppd_py.storage.pool import PooledDatabase
from ksmppd_py.storage.sqlite import IN_MEMORY, SQLiteDatabase

log = logging.getLogger(__name__)

INTERVAL = 2.0
"""Seconds between two checks of a claim, held or not."""
LEASE = 10.0
"""Seconds without a check after which a server ends the connection that holds a claim."""


class Claim(ABC):
    """The right to replay, checked again and again in a greenlet of its own. Implements ports.ReplayClaim.

    `held`: whether this process has it now.
    """

    def __init__(self, what: str) -> None:
        self.held = False
        self._what = what
        self._logged = False
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """Try to get the claim every INTERVAL seconds, in a greenlet. Doesn't yield."""
        self._greenlet = gevent.spawn(self._keep)
        self._greenlet.name = "claim"

    def stop(self) -> None:
        """End the greenlet and give the claim up. May yield."""
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
        if got and not self.held and self._logged:
            log.warning("The queue in %s is ours now, stored messages are replayed", self._what)
        if got is False and not self._logged:
            log.warning("Another ksmppd replays the queue in %s; stored messages are left to it", self._what)
        self._logged = got is False or (self._logged and not got)
        self.held = bool(got)

    @abstractmethod
    def claim(self) -> bool | None:
        """Try to get the claim, or check it; False when another process has it, None when unknown. May yield."""

    @abstractmethod
    def release(self) -> None:
        """Give the claim up, if this process has it. May yield."""


class ServerClaim(Claim):
    """A lock on a connection of its own, which the server ends soon after its last check: the claim is a lease.

    So the server frees the lock when the process ends, and also when its machine is gone and no connection is closed.
    """

    def __init__(self, database: PooledDatabase, store_table: str) -> None:
        super().__init__(f"{database.name}, table {store_table}")
        self._name = f"ksmppd.{store_table if '.' in store_table else f'{database.name}.{store_table}'}"
        self._database = database
        self._connection: Any = None
        self._impossible = False
        self._checked_at = 0.0
        self._held = False

    @property
    def held(self) -> bool:
        """Whether this process has the claim; not for longer than the server keeps it without a check."""
        return self._held and monotonic() - self._checked_at < LEASE - INTERVAL

    @held.setter
    def held(self, held: bool) -> None:
        self._held = held

    def claim(self) -> bool | None:
        """See Claim."""
        began = monotonic()
        try:
            with gevent.Timeout(OPERATION_TIMEOUT, TimeoutError):
                if self._impossible or (self._connection is None and not self._connect()):
                    taken = True
                else:
                    taken = self._database.take_lock(self._connection, self._name, LEASE)
        except self._database.errors as error:  # with OSError among them, of which TimeoutError is one
            log.debug("Can't ask for the claim on the queue: %s", error)
            self.release()
            return None
        self._checked_at = began
        return taken

    def _connect(self) -> bool:
        """Open the connection; False where no lock can be kept. Raises the driver's errors. May yield."""
        self._connection = self._database.connect_apart()
        if self._database.keeps_sessions(self._connection):
            return True
        self.release()
        self._impossible = True
        log.error(
            "The claim on the queue in %s can't be held: a pooler gives each transaction another session."
            " Stored messages are replayed without it; no other ksmppd may use these tables",
            self._what,
        )
        return False

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
    if isinstance(database, PooledDatabase):
        return ServerClaim(database, store_table)
    assert isinstance(database, SQLiteDatabase)
    return OnlyOurs("memory") if database.path == IN_MEMORY else SQLiteClaim(database)
