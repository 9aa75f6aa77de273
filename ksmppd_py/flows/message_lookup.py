"""query_sm and cancel_sm: the state of a message, and the end of one that still waits (SMPP 3.4, 4.8 and 4.9)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from ksmppd_py.errors import KsmppdError, Throttled
from ksmppd_py.kannel.messages import UNDEFINED, DlrMask, Sms
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.history import MessageHistory, Report
from ksmppd_py.model.ids import MessageIds
from ksmppd_py.model.meters import TokenBucket
from ksmppd_py.model.store import MtSearch, StoredMessage
from ksmppd_py.smpp.constants import CommandStatus, MessageState
from ksmppd_py.smpp.pdus import CancelSm, QuerySm, QuerySmResp
from ksmppd_py.smpp.times import from_epoch
from ksmppd_py.translate import addresses, receipts, report_text, reports
from ksmppd_py.translate.errors import Untranslatable

logger = logging.getLogger(__name__)

LOOKUPS_PER_SECOND = 10.0
"""Look-ups in the database that one account may ask for a second: message ids have no index there."""
MOST_CANCELLED = 1000
"""Messages that one cancel_sm ends at most."""
_DELETED = report_text.made_up(b"DELETED", b"000")


class Withdrawals(Protocol):
    """The replay of stored MTs, which can be kept from sending a row."""

    def withdraw(self, row: int) -> bool:
        """Keep a row from being sent; False when it is being sent, or another daemon sends the rows. Doesn't yield."""

    def deleted(self, row: int) -> None:
        """Note that a withdrawn row has been deleted from the table. Doesn't yield."""

    def put_back(self, row: int) -> None:
        """Send a withdrawn row after all: it stays in the table. Doesn't yield."""


class MessageLookup:
    """Answers from memory first, then from the store table. Implements ports.MessageLookup."""

    def __init__(
        self,
        history: MessageHistory,
        store: MtSearch | None,
        withdrawals: Withdrawals,
        ids: MessageIds,
        clock: Clock,
    ) -> None:
        self._history = history
        self._store = store
        self._withdrawals = withdrawals
        self._ids = ids
        self._clock = clock
        self._lookups: dict[str, TokenBucket] = {}
        self.remember = history.accepted
        self.remember_counted = history.accepted_counted

    def new_id(self) -> bytes:
        """See ports.MessageLookup."""
        return self._ids.next()

    def query(self, system_id: str, pdu: QuerySm) -> QuerySmResp | int:
        """Return the state of a message of this account, or the command_status of a refusal. May yield (store)."""
        try:
            reply = self._query(system_id, pdu)
        except Untranslatable:
            reply = None
        except KsmppdError as error:
            return _refusal(error)
        return CommandStatus.RQUERYFAIL if reply is None else reply

    def _query(self, system_id: str, pdu: QuerySm) -> QuerySmResp | None:
        """Return the state; None when the account has no such message from this source, or it is forgotten.

        May yield.
        """
        source = _source(pdu)
        known = self._history.find(system_id, pdu.message_id.lower())
        if known is not None:
            if (known.sender or b"") != source:
                return None
            if known.report is not None:
                return _ended(pdu.message_id, known.report)
            return _state(pdu.message_id, MessageState.ENROUTE)
        if self._find(system_id, pdu.message_id, source):
            return _state(pdu.message_id, MessageState.ENROUTE)
        return None

    def cancel(self, system_id: str, pdu: CancelSm) -> int:
        """End messages that wait in the store, by id or by addresses; return the command_status. May yield (store)."""
        try:
            source = _source(pdu)
            if pdu.message_id:
                found = self._find(system_id, pdu.message_id, source)
            else:
                found = self._find_by_addresses(system_id, source, pdu)
            cancelled = self._end(system_id, found)
        except Untranslatable:
            return CommandStatus.RCANCELFAIL
        except KsmppdError as error:
            return _refusal(error)
        return CommandStatus.ROK if cancelled else CommandStatus.RCANCELFAIL

    def _find(self, system_id: str, message_id: bytes, source: bytes) -> list[StoredMessage]:
        """Return the stored messages with this id; a submit_multi gives several. Raises Throttled. May yield."""
        if self._store is None or not message_id:
            return []
        self._throttle(system_id)
        found = self._store.find_mts(system_id, message_id.lower(), MOST_CANCELLED)
        return [row for row in found if row.sms is not None and (row.sms.sender or b"") == source]

    def _find_by_addresses(self, system_id: str, source: bytes, pdu: CancelSm) -> list[StoredMessage]:
        if self._store is None:
            return []
        destination = addresses.to_box(pdu.dest_addr_ton, pdu.destination_addr, CommandStatus.RCANCELFAIL)
        self._throttle(system_id)
        found = self._store.find_mts_between(system_id, source, destination, MOST_CANCELLED)
        wanted = pdu.service_type
        return [row for row in found if row.sms is not None and (not wanted or row.sms.binfo == wanted)]

    def _throttle(self, system_id: str) -> None:
        now = self._clock.monotonic()
        bucket = self._lookups.get(system_id)
        if bucket is None:
            bucket = self._lookups[system_id] = TokenBucket(LOOKUPS_PER_SECOND, now)
        if not bucket.take(1, now):
            raise Throttled(f"{system_id} asks for more than {LOOKUPS_PER_SECOND:g} stored messages a second")

    def _end(self, system_id: str, found: Sequence[StoredMessage]) -> int:
        """Delete those that aren't being sent, and store the reports that were asked for; return how many.

        May yield.
        """
        mine = [row for row in found if self._withdrawals.withdraw(row.global_id)]
        if not mine or self._store is None:
            return 0
        reports = [self._report(row.sms) for row in mine if row.sms is not None]
        try:
            asked = [report for report in reports if report.dlr_mask > 0]
            if asked:
                self._store.save(asked)
            deleted = self._store.delete([row.global_id for row in mine])
        except BaseException:  # BaseException, because rows that stay withdrawn would never be sent
            for row in mine:
                self._withdrawals.put_back(row.global_id)
            raise
        for row, report in zip(mine, reports, strict=True):
            self._withdrawals.deleted(row.global_id)
            self._history.reported(system_id, report)
        logger.info("%s cancelled %d stored message(s)", system_id, deleted)
        return deleted

    def _report(self, sms: Sms) -> Sms:
        """Return the report on a cancelled message; its dlr_mask is 0 when none was asked for."""
        mask = DlrMask.FAIL if reports.wants_failure(sms) else DlrMask.NOTHING
        return reports.report_on(sms, self._ids.next(), int(self._clock.time()), mask, _DELETED)


def _source(pdu: QuerySm | CancelSm) -> bytes:
    return addresses.to_box(pdu.source_addr_ton, pdu.source_addr, CommandStatus.RINVSRCADR)


def _refusal(error: KsmppdError) -> int:
    return CommandStatus.RTHROTTLED if isinstance(error, Throttled) else CommandStatus.RSYSERR


def _state(message_id: bytes, state: MessageState) -> QuerySmResp:
    return QuerySmResp(message_id, message_state=int(state))


def _ended(message_id: bytes, report: Report) -> QuerySmResp:
    values = receipts.smpp_values(report.meta_data)
    stat, err, _ = report_text.read(report.msgdata, UNDEFINED, None)
    code, _ = receipts.error_of(err, values)
    return QuerySmResp(
        message_id,
        from_epoch(report.time) if report.time > 0 else b"",
        int(receipts.state_of(report.dlr_mask, stat, values).message_state),
        code if code <= 0xFF else 0,
    )
