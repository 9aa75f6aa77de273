"""The router of `routing-method = database`: cached tables over the rows (spec/flows.md 7.1)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import gevent
from gevent.event import AsyncResult

from ksmppd_py.errors import DatabaseUnavailable, KsmppdError
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.ports import RouteSource
from ksmppd_py.model.routes import InboundTable, Route, RouteProblem, RouteTable
from ksmppd_py.storage.database import BACK_OFF

log = logging.getLogger(__name__)


class DatabaseRouter:
    """Implements ports.Router. An account's rows are read at its first message and kept until `rebuild`.

    When rows can't be read, the table of before stays in use and is read anew a second later.
    """

    waits = False

    def __init__(self, source: RouteSource, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._inbound: InboundTable | None = None
        self._inbound_rows: list[Route] = []
        self._outbound: dict[str, RouteTable] = {}
        self._rows: dict[str, list[Route]] = {}
        self._rebuilds = 0
        self._superseded: dict[str, tuple[RouteTable, float]] = {}
        self._loading: dict[str, AsyncResult] = {}

    def is_ready(self, system_id: str) -> bool:
        """See ports.Router."""
        return system_id in self._outbound

    def route_mt(self, system_id: str, sms: Sms) -> Route:
        """See ports.Router. Yields when the account's rows must be read, at most 5 s."""
        table = self._outbound.get(system_id)
        if table is None:
            table = self._outbound_table(system_id)
        return table.match(sms.receiver or b"", sms.sender or b"")

    def route_mt_all(self, system_id: str, batch: Sequence[Sms]) -> list[Route | KsmppdError]:
        """See ports.Router."""
        answers: list[Route | KsmppdError] = []
        for sms in batch:
            try:
                answers.append(self.route_mt(system_id, sms))
            except KsmppdError as error:
                answers.append(error)
        return answers

    def route_mo(self, sms: Sms) -> Route:
        """See ports.Router. Yields only while there is no inbound table yet."""
        table = self._inbound
        if table is None:
            self.rebuild()
            return self.route_mo(sms)
        return table.match(sms.smsc_id, sms.receiver or b"", sms.sender or b"")

    def rebuild(self) -> None:
        """See ports.Router."""
        rows = self._source.inbound()
        inbound = InboundTable(rows, pause=_breathe)
        _report(inbound.problems)
        self._inbound, self._inbound_rows = inbound, rows
        self._rebuilds += 1
        self._superseded = {key: (table, 0.0) for key, (table, _) in self._superseded.items()}
        self._superseded.update((key, (table, 0.0)) for key, table in self._outbound.items())
        self._outbound, self._rows = {}, {}
        self._loading = {}  # what is being read now may be older than the rebuild

    def refresh(self) -> None:
        """Read again all that is in use and take over what has changed. Raises DatabaseUnavailable. May yield."""
        rebuilds = self._rebuilds
        rows = self._source.inbound()
        if rows != self._inbound_rows:
            inbound = InboundTable(rows, pause=_breathe)
            if rebuilds != self._rebuilds:
                return  # whoever rebuilt meanwhile knows better
            _report(inbound.problems)
            self._inbound, self._inbound_rows = inbound, rows
        for system_id in list(self._outbound):
            rows = self._source.outbound(system_id)
            if rows == self._rows.get(system_id):
                continue
            table = RouteTable(rows, pause=_breathe)
            if rebuilds != self._rebuilds:
                return
            _report(table.problems)
            self._outbound[system_id], self._rows[system_id] = table, rows

    def _outbound_table(self, system_id: str) -> RouteTable:
        old, not_before = self._superseded.get(system_id, (None, 0.0))
        if old is not None and self._clock() < not_before:
            return old
        try:
            return self._load(system_id)
        except DatabaseUnavailable as error:
            if old is None:
                raise
            log.warning("Routes of %s stay as they were: %s", system_id, error)
            if system_id in self._superseded:
                self._superseded[system_id] = (old, self._clock() + BACK_OFF)
            return old

    def _load(self, system_id: str) -> RouteTable:
        """Read the account's rows; whoever asks meanwhile gets the same table."""
        running = self._loading.get(system_id)
        if running is not None:
            shared: RouteTable = running.get()
            return shared
        running = self._loading[system_id] = AsyncResult()
        try:
            rows = self._source.outbound(system_id)
            table = RouteTable(rows, pause=_breathe)
        except BaseException as error:
            shown = (
                error if isinstance(error, Exception) else DatabaseUnavailable("the reading caller went away")
            )
            if isinstance(error, DatabaseUnavailable):
                log.warning("Routes of %s can't be read: %s", system_id, error)
            running.set_exception(shown)
            raise
        else:
            running.set(table)
        finally:
            current = self._loading.get(system_id) is running
            if current:
                del self._loading[system_id]
        _report(table.problems)
        if current:
            self._outbound[system_id], self._rows[system_id] = table, rows
            self._superseded.pop(system_id, None)
        return table


def _breathe() -> None:
    gevent.sleep(0)


def _report(problems: Sequence[RouteProblem]) -> None:
    for problem in problems:
        log.error("Route %d skipped: %s", problem.route_id, problem.reason)
