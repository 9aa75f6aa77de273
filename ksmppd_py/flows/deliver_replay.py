"""Sends stored MOs, reports and PDUs to ESMEs, then removes or keeps their rows (docs/rules/flows.md 5.2)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.row_cursor import PAGE, ROWS_PAUSE, RowCursor, Wakeups
from ksmppd_py.kannel.messages import SmsType
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.names import to_name, to_octets
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.ports import Receivers
from ksmppd_py.model.store import DeliverRows, StoredMessage, StoredPdu
from ksmppd_py.model.work import Delivery
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandId
from ksmppd_py.smpp.errors import MalformedPdu
from ksmppd_py.smpp.pdus import Pdu

logger = logging.getLogger(__name__)


class _Source:
    """The rows of one account in one table or of one sms_type, and the origin to which their deliveries return."""

    __slots__ = ("_replay", "account", "cursor", "sms_type")

    def __init__(self, replay: DeliverReplay, account: _Account, sms_type: int | None) -> None:
        self._replay = replay
        self.account = account
        self.sms_type = sms_type  # None = the PDU table
        self.cursor = RowCursor()

    def settled(self, delivery: Delivery) -> None:
        """Take back a row with its outcome. Doesn't yield."""
        self._replay.settled(delivery, self)


class _Account:
    """The rows of one account: first those of the PDU table, then reports, then MOs."""

    __slots__ = ("peak", "sources", "unfinished", "woken")

    def __init__(self, replay: DeliverReplay, queue: bool) -> None:
        kinds = (None, int(SmsType.REPORT_MO), int(SmsType.MO)) if queue else (None,)
        self.sources = [_Source(replay, self, kind) for kind in kinds]
        self.woken = False
        self.peak = 0
        self.unfinished = False  # no bind had room for the rest, or there was no bind

    @property
    def in_flight(self) -> int:
        """Number of rows that were sent and aren't answered yet."""
        return sum(len(source.cursor.in_flight) for source in self.sources)


class DeliverReplay:
    """Sends stored MOs, reports and PDUs to the accounts' receiving binds, in the order in which they were stored.

    An account put into `wakeups` wakes the greenlet that calls `advance` with it. `queue` tells whether the store table
    is used. Of an account only as many rows are in flight as its binds have room for.
    """

    def __init__(
        self,
        store: DeliverRows,
        delivery: DeliveryFlow,
        receivers: Receivers,
        wakeups: Wakeups,
        clock: Clock,
        queue: bool,
    ) -> None:
        self._queue = queue
        self._store = store
        self._delivery = delivery
        self._receivers = receivers
        self._wakeups = wakeups
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._expected: set[bytes] = set()

    def advance(self, system_id: str) -> None:
        """Send as many rows of the account as its binds have room for. Raises DatabaseUnavailable. May yield."""
        account = self._account(system_id)
        account.woken = False
        now = self._clock.monotonic()
        for source in account.sources:
            if source.cursor.due(now):
                source.cursor.start_over()
        account.unfinished = not all(self._advance_source(system_id, source) for source in account.sources)
        account.peak = account.in_flight

    def rescan(self, system_id: str) -> None:
        """Read this account's rows from the first one again, since another process may have added some.

        Doesn't yield.
        """
        account = self._accounts.get(system_id)
        if account is not None:
            for source in account.sources:
                source.cursor.start_over()
        self._wakeups.put(system_id)

    def expect_rows(self, message_ids: Sequence[bytes]) -> None:
        """Announce rows with these message ids, whose messages are in flight already. Doesn't yield."""
        self._expected.update(message_ids)

    def expect_no_more_rows(self, message_ids: Sequence[bytes]) -> None:
        """Withdraw the announcement: the rows are there now, or could not be stored. Doesn't yield."""
        self._expected.difference_update(message_ids)

    def take_over(self, delivery: Delivery, row: int) -> None:
        """Take over a delivery in flight whose message was stored as `row`; it may have ended already.

        Doesn't yield.
        """
        source = self._source_of(delivery)
        delivery.row = row
        delivery.origin = source
        source.cursor.in_flight.add(row)
        if delivery.left == 0:
            self.settled(delivery, source)

    def _account(self, system_id: str) -> _Account:
        account = self._accounts.get(system_id)
        if account is None:
            account = self._accounts[system_id] = _Account(self, self._queue)
        return account

    @property
    def unusable(self) -> int:
        """Number of rows found that can't be read or delivered."""
        return sum(source.cursor.unusable for each in self._accounts.values() for source in each.sources)

    def look_later(self, system_id: str) -> None:
        """Read this account's rows again after ROWS_PAUSE: the database didn't answer. Doesn't yield."""
        account = self._accounts.get(system_id)
        if account is not None:
            for source in account.sources:
                source.cursor.retry_at_once(0, self._clock.monotonic() + ROWS_PAUSE)

    def retry_later(self, delivery: Delivery, row: int) -> None:
        """Send the message stored as `row` only after its delay: its ESME refused it for now. Doesn't yield."""
        self._source_of(delivery).cursor.retry_later(row, self._clock.monotonic())

    def _source_of(self, delivery: Delivery) -> _Source:
        assert delivery.sms is not None
        sources = self._account(delivery.system_id).sources
        return next(source for source in sources if source.sms_type == delivery.sms.sms_type)

    def rows_added(self, system_id: str) -> None:
        """Note that rows of this account were added. Doesn't yield."""
        if self._receivers.bound(system_id):
            self._wakeups.put(system_id)
        else:  # it may bind again before its absence was noticed
            self._account(system_id).unfinished = True

    def due(self) -> list[str]:
        """Return the accounts whose rows may be tried again, or had no room and have some now. Doesn't yield."""
        now = self._clock.monotonic()
        return [
            system_id
            for system_id, account in self._accounts.items()
            if any(source.cursor.due(now) for source in account.sources)
            or (account.unfinished and self._receivers.room(system_id) > 0)
        ]

    def _advance_source(self, system_id: str, source: _Source) -> bool:
        """Send the rows of one source; True when its end is reached, False when no bind has room. May yield."""
        while True:
            room = min(PAGE, self._receivers.room(system_id))
            if room <= 0:
                return False
            reading = source.cursor.begin_page()
            rows = self._read(system_id, source, room)
            if not source.cursor.keeps_page(reading, [row.global_id for row in rows], room):
                continue
            for row in rows:
                delivery = self._delivery_of(row, source, system_id)
                if delivery is not None and not self._dispatch(delivery, source.cursor):
                    return False
            if len(rows) < room:
                return True

    def _read(self, system_id: str, source: _Source, room: int) -> Sequence[StoredPdu | StoredMessage]:
        """Return the next rows. Raises DatabaseUnavailable. May yield."""
        if source.sms_type is None:
            return self._store.page_pdus(system_id, source.cursor.after, room)
        return self._store.page(source.sms_type, source.cursor.after, room, system_id)

    def _delivery_of(
        self, row: StoredPdu | StoredMessage, source: _Source, system_id: str
    ) -> Delivery | None:
        """Return the delivery of a row; None for a row that is skipped. Doesn't yield."""
        if isinstance(row, StoredPdu):
            return self._of_pdu(row, source, system_id)
        return self._of_message(row, source, system_id)

    def _of_pdu(self, row: StoredPdu, source: _Source, system_id: str) -> Delivery | None:
        if not _names(to_octets(row.system_id), system_id):
            source.cursor.after = row.global_id
            return None
        pdu = _read_pdu(row.octets)
        if pdu is None:
            if source.cursor.set_aside(row.global_id):
                logger.error("Stored PDU %d can't be read and is removed", row.global_id)
                self._store.remove_pdus((row.global_id,))
            source.cursor.after = row.global_id
            return None
        delivery = Delivery(source, None, row.global_id, pdu)
        delivery.system_id = system_id
        return delivery

    def _of_message(self, row: StoredMessage, source: _Source, system_id: str) -> Delivery | None:
        if row.sms is None:
            if source.cursor.set_aside(row.global_id):
                logger.error(
                    "Stored message %d can't be read and is left where it is: %s", row.global_id, row.problem
                )
            source.cursor.after = row.global_id
            return None
        expected = self._expected and row.sms.id in self._expected
        if expected or not _names(row.sms.service or b"", system_id):
            source.cursor.after = row.global_id
            return None
        delivery = Delivery(source, row.sms, row.global_id)
        delivery.system_id = system_id
        return delivery

    def _dispatch(self, delivery: Delivery, cursor: RowCursor) -> bool:
        """Send one row unless it is in flight or waits for its delay; False when no bind has room. Doesn't yield."""
        if cursor.must_stop_before(delivery.row):
            cursor.step_back(delivery.row)
            return False
        if not cursor.takes(delivery.row, self._clock.monotonic()):
            return True
        try:
            outcome = self._delivery.dispatch(delivery)
        except Exception:
            cursor.set_aside(delivery.row)
            logger.exception("Stored row %d failed unexpectedly and is left where it is", delivery.row)
            return True
        if outcome is Outcome.NO_RECEIVER:
            cursor.step_back(delivery.row)
            return False
        if outcome is not None:
            delivery.outcome = outcome
            delivery.origin.settled(delivery)
        return True

    def settled(self, delivery: Delivery, source: _Source) -> None:
        """Remove or keep a row, as its outcome says (docs/rules/flows.md 4). Doesn't yield."""
        row, outcome, cursor = delivery.row, delivery.outcome, source.cursor
        if outcome in (Outcome.DONE, Outcome.PERMANENT):
            if outcome is Outcome.PERMANENT:
                logger.error("Stored row %d is refused for good by %s", row, delivery.system_id)
            (self._store.remove_pdus if source.sms_type is None else self._store.remove)((row,))
            cursor.done(row)
        elif outcome in (Outcome.GONE, Outcome.TIMEOUT):
            cursor.retry_at_once(row, self._clock.monotonic())
        else:
            cursor.retry_later(row, self._clock.monotonic())
        account = source.account
        if not account.woken and account.in_flight * 2 <= account.peak:
            account.woken = True
            self._wakeups.put(delivery.system_id)


def _names(service: bytes, system_id: str) -> bool:
    """Whether a row is of this account: the database's comparison may have taken é for e."""
    octets = service.rstrip(b" ")
    return octets.lower() == to_octets(system_id) or to_name(octets).lower() == system_id


def _read_pdu(octets: bytes) -> Pdu | None:
    """Return the PDU of a row, with or without command_length (docs/rules/database.md 2); None if unreadable."""
    if int.from_bytes(octets[:4], "big") == len(octets):
        octets = octets[4:]
    if len(octets) < 12 or int.from_bytes(octets[:4], "big") != CommandId.DELIVER_SM:
        return None
    try:
        return codec.unpack_body(CommandId.DELIVER_SM, octets, 12, len(octets))
    except MalformedPdu:
        return None
