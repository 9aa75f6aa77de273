"""Stored messages walk the corridor again, then are removed or kept (spec/flows.md 5)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from ksmppd_py.errors import KsmppdError
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.rows import RowWalk
from ksmppd_py.kannel.messages import AckStatus, DlrMask, Sms, SmsType
from ksmppd_py.model.ids import MessageIds
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.ports import Gateway, MessageStore, Receivers, StoredMessage, StoredPdu
from ksmppd_py.model.work import LOST, Delivery, Submission
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandId
from ksmppd_py.smpp.errors import MalformedPdu
from ksmppd_py.smpp.pdus import Pdu

logger = logging.getLogger(__name__)

MOST_IN_HAND = 1000
"""Stored MTs sent to bearerboxes and not acked."""
ROWS_PAUSE = 2.0
"""Seconds until rows are read again after the database failed."""
PAGE = 500
"""Rows read at a time."""
_FAILURE_MASK = DlrMask.FAIL | DlrMask.SMSC_FAIL


class Bell(Protocol):
    """Wakes the greenlet that walks an account's rows."""

    def put(self, item: str) -> None:
        """There is something to do for this account. Doesn't yield."""


class SubmissionReplay:
    """Sends stored MTs to the bearerboxes, first stored first. Not routed or billed again."""

    def __init__(
        self,
        store: MessageStore,
        gateway: Gateway,
        bell: Bell,
        ids: MessageIds,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._bell = bell
        self._ids = ids
        self._clock = clock
        self._monotonic = monotonic
        self._walk = RowWalk()
        self._unsettled: list[Submission] = []
        self._withdrawn: set[int] = set()
        self._deleted: set[int] = set()

    def start_over(self) -> None:
        """A bearerbox is back: read from the first row. Doesn't yield."""
        self._walk.start_over()

    def due(self) -> bool:
        """Whether rows are to be tried again by now. Doesn't yield."""
        return self._walk.due(self._monotonic())

    def advance(self) -> None:
        """Settle what came back, then send as many rows as there is room for. May yield."""
        self._settle()
        while self._gateway.online and len(self._walk.in_hand) <= MOST_IN_HAND // 2:
            if self._walk.due(self._monotonic()):
                self._walk.start_over()
            self._withdrawn -= self._deleted  # no page that is read from now on has these
            self._deleted.clear()
            rows = self._store.page(SmsType.MT_PUSH, self._walk.after, PAGE)
            now = self._monotonic()
            for row in rows:
                if row.global_id in self._withdrawn or not self._walk.takes(row.global_id, now):
                    continue
                if row.sms is None:
                    self._set_aside(row.global_id, row.problem)
                elif not self._send(row.global_id, row.sms):
                    self._walk.step_back(row.global_id)
                    return
            if len(rows) < PAGE:
                return

    def look_for_passed_rows(self) -> bool:
        """Start over when nothing is in hand and rows are there all the same; True then. May yield."""
        if self._walk.in_hand or not self._gateway.online or not self._store.has_submissions():
            return False
        self._walk.start_over()
        return True

    def withdraw(self, row: int) -> bool:
        """See enquiries.Withdrawals."""
        if row in self._walk.in_hand or row in self._withdrawn:
            return False
        self._withdrawn.add(row)
        return True

    def deleted(self, row: int) -> None:
        """See enquiries.Withdrawals."""
        self._deleted.add(row)

    def put_back(self, row: int) -> None:
        """See enquiries.Withdrawals."""
        self._withdrawn.discard(row)
        self._walk.retry_at_once(row, self._monotonic())

    def _set_aside(self, row: int, problem: str) -> None:
        if self._walk.set_aside(row):
            logger.error("Stored message %d can't be read and is left where it is: %s", row, problem)

    def _send(self, row: int, sms: Sms) -> bool:
        submission = Submission(self, 0, None, 0)
        submission.row = row
        submission.sms = sms
        return self._gateway.send(submission)

    def put(self, submission: Submission) -> None:
        """Take back a stored MT that the bearerbox answered. Doesn't yield."""
        if submission.result in (AckStatus.SUCCESS, AckStatus.BUFFERED):
            self._remove(submission.row)
            if len(self._walk.in_hand) == MOST_IN_HAND // 2:
                self._bell.put("")
        else:
            self._unsettled.append(submission)
            self._bell.put("")

    def _remove(self, row: int) -> None:
        self._store.remove((row,))
        self._walk.done(row)

    def _settle(self) -> None:
        unsettled, self._unsettled = self._unsettled, []
        for submission in unsettled:
            now = self._monotonic()
            if submission.result == AckStatus.FAILED:
                self._refused(submission, now)
            elif submission.result == LOST:
                self._walk.retry_at_once(submission.row, now)
            else:
                self._walk.retry_later(submission.row, now)

    def _refused(self, submission: Submission, now: float) -> None:
        """The bearerbox never takes it: tell the ESME if it asked for that, then remove it. May yield."""
        sms = submission.sms
        assert sms is not None
        logger.error(
            "Stored message %d (%s) is refused for good", submission.row, sms.id.decode("ascii", "replace")
        )
        if sms.dlr_url and sms.dlr_mask > 0 and sms.dlr_mask & _FAILURE_MASK:
            report = Sms(
                sender=sms.sender,
                receiver=sms.receiver,
                time=int(self._clock()),
                service=sms.service,
                id=self._ids.next(),
                sms_type=SmsType.REPORT_MO,
                dlr_mask=DlrMask.FAIL,
                dlr_url=sms.dlr_url,
            )
            try:
                self._store.save((report,))
            except KsmppdError as error:
                logger.warning("The failure report on it can't be stored now: %s", error)
                self._walk.retry_later(submission.row, now)
                return
        self._remove(submission.row)


class _Source:
    """One table's rows of one account, and the desk that they come back to."""

    __slots__ = ("_replay", "account", "sms_type", "walk")

    def __init__(self, replay: DeliveryReplay, account: _Account, sms_type: int | None) -> None:
        self._replay = replay
        self.account = account
        self.sms_type = sms_type  # None = the PDU table
        self.walk = RowWalk()

    def put(self, delivery: Delivery) -> None:
        """Take back a row whose fate is known. Doesn't yield."""
        self._replay.settled(delivery, self)


class _Account:
    """The rows of one account: PDU table first, then reports and messages of the store."""

    __slots__ = ("peak", "rung", "sources", "unfinished")

    def __init__(self, replay: DeliveryReplay, queue: bool) -> None:
        kinds = (None, int(SmsType.REPORT_MO), int(SmsType.MO)) if queue else (None,)
        self.sources = [_Source(replay, self, kind) for kind in kinds]
        self.rung = False
        self.peak = 0
        self.unfinished = False  # the binds had no more room

    @property
    def in_hand(self) -> int:
        """Rows under way."""
        return sum(len(source.walk.in_hand) for source in self.sources)


class DeliveryReplay:
    """Sends stored MOs, reports and PDUs to the accounts' receivers, first stored first, window by window."""

    def __init__(
        self,
        store: MessageStore,
        delivery: DeliveryFlow,
        receivers: Receivers,
        bell: Bell,
        monotonic: Callable[[], float],
        queue: bool,
    ) -> None:
        self._queue = queue
        self._store = store
        self._delivery = delivery
        self._receivers = receivers
        self._bell = bell
        self._monotonic = monotonic
        self._accounts: dict[str, _Account] = {}
        self._expected: set[bytes] = set()

    def advance(self, system_id: str) -> None:
        """Send as many rows of the account as its binds have room for. May yield."""
        account = self._account(system_id)
        account.rung = False
        now = self._monotonic()
        for source in account.sources:
            if source.walk.due(now):
                source.walk.start_over()
        account.unfinished = not all(self._advance_source(system_id, source) for source in account.sources)
        account.peak = account.in_hand

    def look_for_passed_rows(self, system_id: str) -> None:
        """Rows may be there that were passed, or that another process wrote: read from the first. Doesn't yield."""
        account = self._accounts.get(system_id)
        if account is not None:
            for source in account.sources:
                if not source.walk.in_hand:
                    source.walk.start_over()
        self._bell.put(system_id)

    def expect(self, message_ids: Sequence[bytes]) -> None:
        """Rows with these ids are about to appear: they are in hand already. Doesn't yield."""
        self._expected.update(message_ids)

    def expect_no_more(self, message_ids: Sequence[bytes]) -> None:
        """They were adopted, or could not be stored. Doesn't yield."""
        self._expected.difference_update(message_ids)

    def adopt(self, delivery: Delivery, row: int) -> None:
        """Take over a live delivery whose message was stored as `row`; it may have ended already. Doesn't yield."""
        account = self._account(delivery.system_id)
        assert delivery.sms is not None
        source = next(each for each in account.sources if each.sms_type == delivery.sms.sms_type)
        delivery.row = row
        delivery.desk = source
        source.walk.in_hand.add(row)
        if delivery.left == 0:
            self.settled(delivery, source)

    def _account(self, system_id: str) -> _Account:
        account = self._accounts.get(system_id)
        if account is None:
            account = self._accounts[system_id] = _Account(self, self._queue)
        return account

    def look_later(self, system_id: str) -> None:
        """The database didn't answer: come back to this account. Doesn't yield."""
        account = self._accounts.get(system_id)
        if account is not None:
            for source in account.sources:
                source.walk.retry_at_once(0, self._monotonic() + ROWS_PAUSE)

    def stored(self, system_id: str) -> None:
        """Rows of this account were added. Doesn't yield."""
        if self._receivers.bound(system_id):
            self._bell.put(system_id)

    def due(self) -> list[str]:
        """Accounts whose rows are to be tried again by now, or had no room and have it now. Doesn't yield."""
        now = self._monotonic()
        return [
            system_id
            for system_id, account in self._accounts.items()
            if any(source.walk.due(now) for source in account.sources)
            or (account.unfinished and self._receivers.room(system_id) > 0)
        ]

    def _advance_source(self, system_id: str, source: _Source) -> bool:
        """Send from one table; True when its end is reached, False when no receiver has room. May yield."""
        while True:
            room = min(PAGE, self._receivers.room(system_id))
            if room <= 0:
                return False
            deliveries = self._read(system_id, source, room)
            for delivery in deliveries:
                if delivery is not None and not self._dispatch(delivery, source.walk):
                    return False
            if len(deliveries) < room:
                return True

    def _read(self, system_id: str, source: _Source, room: int) -> list[Delivery | None]:
        """The next rows; None for each that is passed over. May yield."""
        if source.sms_type is None:
            return [
                self._of_pdu(row, source) for row in self._store.page_pdus(system_id, source.walk.after, room)
            ]
        rows = self._store.page(source.sms_type, source.walk.after, room, system_id)
        return [self._of_message(row, source, system_id) for row in rows]

    def _of_pdu(self, row: StoredPdu, source: _Source) -> Delivery | None:
        pdu = _read_pdu(row.octets)
        if pdu is None:
            if source.walk.set_aside(row.global_id):
                logger.error("Stored PDU %d can't be read and is removed", row.global_id)
                self._store.remove_pdus((row.global_id,))
            source.walk.after = row.global_id
            return None
        delivery = Delivery(source, None, row.global_id, pdu)
        delivery.system_id = row.system_id.lower()
        return delivery

    def _of_message(self, row: StoredMessage, source: _Source, system_id: str) -> Delivery | None:
        if row.sms is None:
            if source.walk.set_aside(row.global_id):
                logger.error(
                    "Stored message %d can't be read and is left where it is: %s", row.global_id, row.problem
                )
            source.walk.after = row.global_id
            return None
        if self._expected and row.sms.id in self._expected:
            source.walk.after = row.global_id
            return None
        delivery = Delivery(source, row.sms, row.global_id)
        delivery.system_id = system_id
        return delivery

    def _dispatch(self, delivery: Delivery, walk: RowWalk) -> bool:
        """Send one row unless it is in hand or waits; False when no receiver has room. Doesn't yield."""
        if not walk.takes(delivery.row, self._monotonic()):
            return True
        outcome = self._delivery.dispatch(delivery)
        if outcome is Outcome.NO_RECEIVER:
            walk.step_back(delivery.row)
            return False
        if outcome is not None:
            delivery.outcome = outcome
            delivery.desk.put(delivery)
        return True

    def settled(self, delivery: Delivery, source: _Source) -> None:
        """A row's fate is known: remove it or keep it. Doesn't yield."""
        row, outcome, walk = delivery.row, delivery.outcome, source.walk
        if outcome in (Outcome.DONE, Outcome.PERMANENT):
            if outcome is Outcome.PERMANENT:
                logger.error("Stored row %d is refused for good by %s", row, delivery.system_id)
            (self._store.remove_pdus if source.sms_type is None else self._store.remove)((row,))
            walk.done(row)
        elif outcome in (Outcome.GONE, Outcome.TIMEOUT):
            walk.retry_at_once(row, self._monotonic())
        else:
            walk.retry_later(row, self._monotonic())
        account = source.account
        if not account.rung and account.in_hand * 2 <= account.peak:
            account.rung = True
            self._bell.put(delivery.system_id)


def _read_pdu(octets: bytes) -> Pdu | None:
    """A row of the PDU table, without command_length; rows of patched versions have it (database.md 2)."""
    if int.from_bytes(octets[:4], "big") == len(octets):
        octets = octets[4:]
    if len(octets) < 12 or int.from_bytes(octets[:4], "big") != CommandId.DELIVER_SM:
        return None
    try:
        return codec.unpack_body(CommandId.DELIVER_SM, octets, 12, len(octets))
    except MalformedPdu:
        return None
