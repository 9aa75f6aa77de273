"""Reads the credit of prepaid accounts for operators, rarely."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from gevent.lock import BoundedSemaphore
from sqlalchemy import select

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.storage.database import Database, compile_statement
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.values import name, real

log = logging.getLogger(__name__)

MOST = 10_000
"""Rows that are read; further prepaid accounts have no credit in the result."""


class CreditReader:
    """Reads the credit of all prepaid accounts at once. `latest` has the last result, by lower-case system_id."""

    def __init__(
        self, database: Database, layout: Layout, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        user = layout.tables.user
        self.latest: Mapping[str, float] = {}
        self._database = database
        self._monotonic = monotonic
        self._lock = BoundedSemaphore()
        self._not_before = 0.0
        self._select = compile_statement(
            select(user.c.system_id, user.c.credit).where(user.c.enable_prepaid_billing != 0).limit(MOST),
            database.dialect,
        )

    def read(self, max_age: float) -> Mapping[str, float]:
        """Return a result at most `max_age` seconds old, or else the latest one. May yield."""
        with self._lock:
            if self._monotonic() >= self._not_before:
                try:
                    rows = self._database.execute(self._select, repeatable=True).rows
                    self.latest = {(name(row[0]) or "").lower(): real(row[1]) for row in rows}
                except DatabaseUnavailable as error:
                    log.debug("Can't read credits: %s", error)
                self._not_before = self._monotonic() + max_age
            return self.latest
