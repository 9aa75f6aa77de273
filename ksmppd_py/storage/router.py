"""The router of `routing-method = database`: cached tables over the rows (docs/rules/flows.md 7.1)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence

import gevent
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from ksmppd_py.errors import DatabaseUnavailable, KsmppdError
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.logs import EACH
from ksmppd_py.model.route_report import RouteReading, RouteReport
from ksmppd_py.model.routes import InboundTable, Route, RouteProblem, RouteTable
from ksmppd_py.storage.routes import DatabaseRoutes

log = logging.getLogger(__name__)

_COMPARED_AT_ONCE = 5_000


class DatabaseRouter:
    """Implements ports.Router. An account's rows are read at its first message, and kept until the next `rebuild`.

    `existing` returns which of some accounts exist; None where the database doesn't have the accounts.
    """

    waits = False

    def __init__(
        self, source: DatabaseRoutes, existing: Callable[[Collection[str]], set[str]] | None = None
    ) -> None:
        self._source = source
        self._existing = existing
        self._inbound: InboundTable | None = None
        self._inbound_rows: list[Route] = []
        self._outbound: dict[str, RouteTable] = {}
        self._rows: dict[str, list[Route]] = {}
        self._loading: dict[str, AsyncResult] = {}
        self._reading = BoundedSemaphore()
        self._logged: RouteReport | None = None

    def is_ready(self, system_id: str) -> bool:
        """See ports.Router."""
        return system_id in self._outbound

    def route_mt(self, system_id: str, batch: Sequence[Sms]) -> list[Route | KsmppdError]:
        """See ports.Router. Yields when the account's rows must be read, at most 5 s."""
        table = self._outbound.get(system_id)
        answers: list[Route | KsmppdError] = []
        for sms in batch:
            try:
                if table is None:
                    table = self._load(system_id)
                answers.append(table.match(sms.receiver or b"", sms.sender or b""))
            except KsmppdError as error:
                answers.append(error)
        return answers

    def route_mo(self, sms: Sms) -> Route:
        """See ports.Router. Yields only while there is no inbound table."""
        table = self._inbound
        if table is None:
            self.rebuild()
            return self.route_mo(sms)
        return table.match(sms.smsc_id, sms.receiver or b"", sms.sender or b"")

    def rebuild(self) -> RouteReport:
        """See ports.Router. Messages are routed by the previous tables until all new ones are ready."""
        report = self._read_again()
        self._logged = report
        _log_report(report)
        return report

    def reload(self, system_ids: Collection[str]) -> None:
        """Read the routes of these accounts again, where they have been read. Raises DatabaseUnavailable. May yield."""
        with self._reading:
            for system_id in system_ids:
                if system_id not in self._outbound and system_id not in self._loading:
                    continue
                self._loading.pop(system_id, None)  # it may return older rows
                rows = self._source.outbound(system_id)
                table = RouteTable(rows, pause=_breathe)
                _log_problems(table.problems)
                self._outbound[system_id], self._rows[system_id] = table, rows

    def refresh(self) -> None:
        """Do as `rebuild`, but log only changes. Raises DatabaseUnavailable. May yield."""
        report = self._read_again()
        if report != self._logged:
            self._logged = report
            _log_report(report)

    def _read_again(self) -> RouteReport:
        """Read all rows and replace, at once, the tables that have changed. Raises DatabaseUnavailable. May yield."""
        with self._reading:
            reading = RouteReading({*self._outbound, *self._loading})
            for portion in self._source.everything():
                reading.take(portion)
                _breathe()
            if self._existing is not None:
                wanted = reading.target_accounts
                for system_id in set(wanted) - self._existing(wanted):
                    reading.miss(system_id)
            rows = reading.inbound()
            inbound = self._inbound
            if inbound is None or not _are_same(rows, self._inbound_rows):
                inbound = InboundTable(rows, pause=_breathe, smsc_ids=inbound.smsc_ids if inbound else ())
            fresh = self._fresh_tables(reading)
            self._inbound, self._inbound_rows = inbound, rows
            for system_id, (table, rows) in fresh.items():
                self._outbound[system_id], self._rows[system_id] = table, rows
                self._loading.pop(system_id, None)  # a read that began earlier may return older rows
        return reading.report()

    def _fresh_tables(self, reading: RouteReading) -> dict[str, tuple[RouteTable, list[Route]]]:
        """Return the tables of known accounts whose rows have changed. May yield."""
        fresh: dict[str, tuple[RouteTable, list[Route]]] = {}
        for system_id in reading.known:
            rows = reading.outbound(system_id)
            if not _are_same(rows, self._rows.get(system_id)):
                fresh[system_id] = RouteTable(rows, pause=_breathe), rows
                _breathe()
        return fresh

    def _load(self, system_id: str) -> RouteTable:
        """Read the account's rows; callers that come meanwhile get the same table. May yield."""
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
        _log_problems(table.problems)
        if current:
            self._outbound[system_id], self._rows[system_id] = table, rows
        return table


def _are_same(some: Sequence[Route], others: Sequence[Route] | None) -> bool:
    """Whether these are the same routes in the same order. May yield."""
    if others is None or len(some) != len(others):
        return False
    for start in range(0, len(some), _COMPARED_AT_ONCE):
        end = start + _COMPARED_AT_ONCE
        if some[start:end] != others[start:end]:
            return False
        _breathe()
    return True


def _breathe() -> None:
    gevent.sleep(0)


def _log_problems(problems: Sequence[RouteProblem]) -> None:
    for problem in problems:
        log.error("Route %d skipped: %s", problem.route_id, problem.reason)


def _log_report(report: RouteReport) -> None:
    """Log the result of reading all rows."""
    level = logging.WARNING if report.problems else logging.INFO
    log.log(level, "Routes: %d rows read, %d skipped", report.rows, report.skipped, extra=EACH)
    for problem in report.problems:
        if problem.skipped:
            level = logging.ERROR if problem.is_error else logging.WARNING
            log.log(level, "Route %d skipped: %s", problem.route_id, problem.reason, extra=EACH)
        else:
            log.warning("Route %d: %s", problem.route_id, problem.reason, extra=EACH)
    if report.more:
        log.warning("%d more problems of routes aren't listed", report.more, extra=EACH)
