"""Sends stored MTs to the bearerboxes, then removes or keeps their rows (docs/rules/flows.md 5.1)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ksmppd_py.errors import KsmppdError
from ksmppd_py.flows.row_cursor import PAGE, ROWS_PAUSE, RowCursor, Wakeups, log_unreadable
from ksmppd_py.kannel.messages import DlrMask, Sms, SmsType
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.esme import DropReason, ServerMeters
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.model.ids import MessageIds
from ksmppd_py.model.names import to_name
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.ports import Gateway
from ksmppd_py.model.store import StoredMessage, SubmitRows
from ksmppd_py.model.work import Submit
from ksmppd_py.translate import report_text
from ksmppd_py.translate.reports import report_on, wants_failure

logger = logging.getLogger(__name__)

_EXPIRED = report_text.made_up(b"EXPIRED", b"000")
MOST_IN_FLIGHT = 1000
"""Stored MTs sent to bearerboxes and not acked, at most about."""


class SubmitReplay:
    """Sends stored MTs to the bearerboxes, in the order in which they were stored. They aren't routed or billed again.

    A value put into `wakeups` wakes the greenlet that calls `advance`, an account put into `accounts` the one that
    sends this account its reports.
    """

    def __init__(
        self,
        store: SubmitRows,
        gateway: Gateway,
        wakeups: Wakeups,
        accounts: Wakeups,
        ids: MessageIds,
        clock: Clock,
        history: MessageHistory,
        meters: ServerMeters,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._wakeups = wakeups
        self._accounts = accounts
        self._ids = ids
        self._clock = clock
        self._history = history
        self._meters = meters
        self._cursor = RowCursor()
        self._unsettled: list[Submit] = []
        self._withdrawn: set[int] = set()
        self._deleted: set[int] = set()

    def start_over(self) -> None:
        """Read from the first row again: a bearerbox has come back. Doesn't yield."""
        self._cursor.start_over()

    @property
    def unusable(self) -> int:
        """Number of rows found that can't be read or sent."""
        return self._cursor.unusable

    def look_later(self) -> None:
        """Read again after ROWS_PAUSE: the database didn't answer. Doesn't yield."""
        self._cursor.retry_at_once(0, self._clock.monotonic() + ROWS_PAUSE)

    def due(self) -> bool:
        """Whether rows may be tried again by now. Doesn't yield."""
        return self._cursor.due(self._clock.monotonic())

    def advance(self) -> None:
        """Settle the answered rows, then send as many as there is room for. Raises DatabaseUnavailable. May yield."""
        self._settle()
        while self._gateway.online and len(self._cursor.in_flight) <= MOST_IN_FLIGHT // 2:
            if self._cursor.due(self._clock.monotonic()):
                self._cursor.start_over()
            self._withdrawn -= self._deleted  # pages read from now on can't contain these
            self._deleted.clear()
            rows = self._cursor.next_page(self._page, PAGE)
            if rows is None:
                continue
            expired: list[StoredMessage] = []
            has_room = self._dispatch_page(rows, expired)
            self._end_expired(expired)
            if not has_room or len(rows) < PAGE:
                return

    def expire(self) -> None:
        """End all rows past their validity, also while no bearerbox is there. Raises DatabaseUnavailable. May yield."""
        after = 0
        while True:
            rows = self._store.expired_mts(int(self._clock.time()), after, PAGE)
            busy = self._cursor.in_flight | self._withdrawn
            mine = [row for row in rows if row.sms is not None and row.global_id not in busy]
            self._cursor.in_flight.update(row.global_id for row in mine)
            self._end_expired(mine)
            if len(rows) < PAGE:
                return
            after = rows[-1].global_id

    def _dispatch_page(self, rows: Sequence[StoredMessage], expired: list[StoredMessage]) -> bool:
        """Send rows, but put those past their validity into `expired`; False when there is no more room.

        Doesn't yield.
        """
        now, now_epoch = self._clock.monotonic(), self._clock.time()
        for row in rows:
            if row.sms is not None and 0 < row.sms.validity < now_epoch:
                if row.global_id not in self._withdrawn and self._cursor.takes(row.global_id, now):
                    expired.append(row)
            elif not self._dispatch(row, now):
                self._cursor.step_back(row.global_id)
                return False
        return True

    def _page(self, after: int, limit: int) -> Sequence[StoredMessage]:
        return self._store.page(SmsType.MT_PUSH, after, limit)

    def _dispatch(self, row: StoredMessage, now: float) -> bool:
        """Send one row or skip it; False when it has to wait for room. Doesn't yield."""
        number = row.global_id
        if self._cursor.must_stop_before(number):
            return False
        if number in self._withdrawn or not self._cursor.takes(number, now):
            return True
        if row.sms is None:
            if self._cursor.set_aside(number):
                log_unreadable(row)
            return True
        try:
            return self._send(number, row.sms)
        except Exception:
            self._cursor.set_aside(number)
            logger.exception("Stored message %d failed unexpectedly and is left where it is", number)
            return True

    def rescan(self) -> bool:
        """Start over when the table has rows, since another process may have added some; True then. May yield."""
        if not self._gateway.online or not self._store.has_mts():
            return False
        self._cursor.start_over()
        return True

    def withdraw(self, row: int) -> bool:
        """See message_lookup.Withdrawals."""
        if row in self._cursor.in_flight or row in self._withdrawn:
            return False
        self._withdrawn.add(row)
        return True

    def deleted(self, row: int) -> None:
        """See message_lookup.Withdrawals."""
        self._deleted.add(row)

    def put_back(self, row: int) -> None:
        """See message_lookup.Withdrawals."""
        self._withdrawn.discard(row)
        self._cursor.retry_at_once(row, self._clock.monotonic())

    def _send(self, row: int, sms: Sms) -> bool:
        submit = Submit(self, 0, None, 0)
        submit.row = row
        submit.sms = sms
        return self._gateway.send(submit)

    def settled(self, submit: Submit) -> None:
        """Take back a stored MT with the bearerbox's result. Doesn't yield."""
        if submit.result is SubmitResult.ACCEPTED:
            self._remove(submit.row)
            if len(self._cursor.in_flight) == MOST_IN_FLIGHT // 2:
                self._wakeups.put("")
        else:
            self._unsettled.append(submit)
            self._wakeups.put("")

    def _remove(self, row: int) -> None:
        self._store.remove((row,))
        self._cursor.done(row)

    def _settle(self) -> None:
        unsettled, self._unsettled = self._unsettled, []
        for submit in unsettled:
            now = self._clock.monotonic()
            if submit.result is SubmitResult.REFUSED:
                try:
                    self._refused(submit, now)
                except Exception:
                    logger.exception("Stored message %d failed unexpectedly", submit.row)
                    self._cursor.retry_later(submit.row, now)
            elif submit.result is SubmitResult.NO_BEARERBOX:
                self._cursor.retry_at_once(submit.row, now)
            else:
                self._cursor.retry_later(submit.row, now)

    def _refused(self, submit: Submit, now: float) -> None:
        """Remove a row that the bearerbox refuses permanently, after storing the report that the ESME asked for.

        May yield.
        """
        sms = submit.sms
        assert sms is not None
        logger.error(
            "Stored message %d (%s) of %s is refused for good by the bearerbox",
            submit.row,
            sms.id.decode("ascii", "replace"),
            to_name(sms.service or b""),
        )
        report = report_on(sms, self._ids.next(), int(self._clock.time()), DlrMask.FAIL)
        if self._store_reports([report] if wants_failure(sms) else []):
            self._remove(submit.row)
        else:
            self._cursor.retry_later(submit.row, now)

    def _end_expired(self, rows: Sequence[StoredMessage]) -> None:
        """Remove rows in flight that are past their validity, after storing the reports that were asked for.

        May yield.
        """
        if not rows:
            return
        reports, asked = [], []
        for row in rows:
            assert row.sms is not None
            report = report_on(row.sms, self._ids.next(), int(self._clock.time()), DlrMask.FAIL, _EXPIRED)
            reports.append(report)
            if wants_failure(row.sms):
                asked.append(report)
        if not self._store_reports(asked):
            for row in rows:
                self._cursor.retry_later(row.global_id, self._clock.monotonic())
            return
        for row, report in zip(rows, reports, strict=True):
            self._remove(row.global_id)
            self._history.reported(to_name(report.service or b"").lower(), report)
        self._meters.dropped[DropReason.EXPIRED] += len(rows)
        logger.warning(
            "%d stored message(s) have expired, the last of %s", len(rows), to_name(report.service or b"")
        )

    def _store_reports(self, reports: Sequence[Sms]) -> bool:
        """Store reports on failed messages, and wake their accounts; False when they can't be stored. May yield."""
        wanted = [report for report in reports if report.dlr_url]
        try:
            if wanted:
                self._store.save(wanted)
        except KsmppdError as error:
            logger.warning("%d failure report(s) can't be stored now: %s", len(wanted), error)
            return False
        except Exception:
            logger.exception("%d failure report(s) failed unexpectedly", len(wanted))
            return False
        for service in dict.fromkeys(report.service or b"" for report in wanted):
            self._accounts.put(to_name(service).lower())
        return True
