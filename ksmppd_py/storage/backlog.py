"""Counts the rows of the queue tables, by account and with their age; rarely, and in small portions."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from gevent.lock import BoundedSemaphore
from sqlalchemy import ColumnElement, Table, bindparam, case, func, null, select

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.kannel.messages import SmsType
from ksmppd_py.model.status import Backlog, QueueDepth
from ksmppd_py.storage.database import Database, Statement, compile_statement
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.values import integer, name

log = logging.getLogger(__name__)

PORTION = 20_000
"""Rows of one statement: some 50 ms at most, which leaves the database time for others."""
MOST_PORTIONS = 50
"""Portions of a table that are counted; with more rows the result is incomplete."""
SHARE = 20
"""Seconds between two counts are at least SHARE times as long as the last count took."""

_QUEUES = {int(SmsType.MT_PUSH): "mt", int(SmsType.MO): "mo", int(SmsType.REPORT_MO): "report"}
_Found = dict[tuple[str, str], tuple[int, int | None]]


class BacklogReader:
    """Counts the rows of both queue tables. `latest` has the last result."""

    def __init__(
        self,
        database: Database,
        layout: Layout,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        store, pdu = layout.tables.store, layout.tables.pdu
        self.latest: Backlog | None = None
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._lock = BoundedSemaphore()
        self._asked_at = 0.0
        self._not_before = 0.0
        written = layout.read(store, "time")
        # Rows of a PDU table have no time; 0 and -1 in the store mean unknown.
        self._store = _portion(database, store, store.c.sms_type, store.c.service, written)
        self._pdus = _portion(database, pdu, null(), pdu.c.system_id, null())

    def read(self, max_age: float) -> Backlog | None:
        """Return a result at most about `max_age` seconds old, or else the latest one. May yield."""
        with self._lock:
            now = self._monotonic()
            if self.latest is None or (now - self._asked_at >= max_age and now >= self._not_before):
                try:
                    self.latest = self._count()
                except DatabaseUnavailable as error:
                    log.debug("Can't count stored messages: %s", error)
                self._asked_at = self._monotonic()
                self._not_before = self._asked_at + (self._asked_at - now) * SHARE
            return self.latest

    def _count(self) -> Backlog:
        found: _Found = {}
        complete = self._walk(self._store, found, _QUEUES, "other")
        complete = self._walk(self._pdus, found, {}, "pdu") and complete
        depths = (
            QueueDepth(queue, system_id, *found[queue, system_id]) for queue, system_id in sorted(found)
        )
        return Backlog(self._clock(), complete, tuple(depths))

    def _walk(self, portion: Statement, found: _Found, queues: Mapping[int, str], other: str) -> bool:
        """Add up one table; False when it has more rows than MOST_PORTIONS. May yield."""
        after = 0
        for _ in range(MOST_PORTIONS):
            reply = self._database.execute(portion, {"after": after, "portion": PORTION}, repeatable=True)
            seen = 0
            for sms_type, service, rows, last, oldest in reply.rows:
                key = (queues.get(integer(sms_type, -1), other), (name(service) or "").lower())
                known, known_oldest = found.get(key, (0, None))
                times = [each for each in (known_oldest, integer(oldest) or None) if each is not None]
                found[key] = (known + integer(rows), min(times, default=None))
                after = max(after, integer(last))
                seen += integer(rows)
            if seen < PORTION:
                return True
        return False


def _portion(
    database: Database,
    table: Table,
    kind: ColumnElement[Any],
    owner: ColumnElement[Any],
    written: ColumnElement[Any],
) -> Statement:
    rows = (
        select(
            table.c.global_id,
            kind.label("kind"),
            owner.label("owner"),
            case((written > 0, written), else_=null()).label("written"),
        )
        .where(table.c.global_id > bindparam("after"))
        .order_by(table.c.global_id)
        .limit(bindparam("portion"))
        .subquery()
    )
    groups = select(
        rows.c.kind, rows.c.owner, func.count(), func.max(rows.c.global_id), func.min(rows.c.written)
    ).group_by(rows.c.kind, rows.c.owner)
    return compile_statement(groups, database.dialect)
