"""Stored MOs, reports and PDUs go to ESMEs, then are removed or kept (docs/rules/flows.md 5.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.rows import PAGE, ROWS_PAUSE, Bell, RowWalk
from ksmppd_py.kannel.messages import SmsType
from ksmppd_py.model.names import to_name, to_octets
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.ports import MessageStore, Receivers, StoredMessage, StoredPdu
from ksmppd_py.model.work import Delivery
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandId
from ksmppd_py.smpp.errors import MalformedPdu
from ksmppd_py.smpp.pdus import Pdu

logger = logging.getLogger(__name__)


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
        self.unfinished = False  # the binds had no more room, or there were none

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
        source = self._source_of(delivery)
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

    @property
    def unusable(self) -> int:
        """How many rows were found that can't be read or delivered."""
        return sum(source.walk.unusable for each in self._accounts.values() for source in each.sources)

    def look_later(self, system_id: str) -> None:
        """The database didn't answer: come back to this account. Doesn't yield."""
        account = self._accounts.get(system_id)
        if account is not None:
            for source in account.sources:
                source.walk.retry_at_once(0, self._monotonic() + ROWS_PAUSE)

    def postpone(self, delivery: Delivery, row: int) -> None:
        """A live message that its ESME refused for now is stored as `row`: not before its delay. Doesn't yield."""
        self._source_of(delivery).walk.retry_later(row, self._monotonic())

    def _source_of(self, delivery: Delivery) -> _Source:
        assert delivery.sms is not None
        sources = self._account(delivery.system_id).sources
        return next(source for source in sources if source.sms_type == delivery.sms.sms_type)

    def stored(self, system_id: str) -> None:
        """Rows of this account were added. Doesn't yield."""
        if self._receivers.bound(system_id):
            self._bell.put(system_id)
        else:  # it may bind, or come back, before anybody notices that it was away
            self._account(system_id).unfinished = True

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
            reading = source.walk.begin_page()
            rows = self._read(system_id, source, room)
            if not source.walk.keeps_page(reading, [row.global_id for row in rows], room):
                continue
            for row in rows:
                delivery = self._delivery_of(row, source, system_id)
                if delivery is not None and not self._dispatch(delivery, source.walk):
                    return False
            if len(rows) < room:
                return True

    def _read(self, system_id: str, source: _Source, room: int) -> Sequence[StoredPdu | StoredMessage]:
        """The next rows. May yield."""
        if source.sms_type is None:
            return self._store.page_pdus(system_id, source.walk.after, room)
        return self._store.page(source.sms_type, source.walk.after, room, system_id)

    def _delivery_of(
        self, row: StoredPdu | StoredMessage, source: _Source, system_id: str
    ) -> Delivery | None:
        """None for a row that is passed over."""
        if isinstance(row, StoredPdu):
            return self._of_pdu(row, source, system_id)
        return self._of_message(row, source, system_id)

    def _of_pdu(self, row: StoredPdu, source: _Source, system_id: str) -> Delivery | None:
        if not _names(to_octets(row.system_id), system_id):
            source.walk.after = row.global_id
            return None
        pdu = _read_pdu(row.octets)
        if pdu is None:
            if source.walk.set_aside(row.global_id):
                logger.error("Stored PDU %d can't be read and is removed", row.global_id)
                self._store.remove_pdus((row.global_id,))
            source.walk.after = row.global_id
            return None
        delivery = Delivery(source, None, row.global_id, pdu)
        delivery.system_id = system_id
        return delivery

    def _of_message(self, row: StoredMessage, source: _Source, system_id: str) -> Delivery | None:
        if row.sms is None:
            if source.walk.set_aside(row.global_id):
                logger.error(
                    "Stored message %d can't be read and is left where it is: %s", row.global_id, row.problem
                )
            source.walk.after = row.global_id
            return None
        expected = self._expected and row.sms.id in self._expected
        if expected or not _names(row.sms.service or b"", system_id):
            source.walk.after = row.global_id
            return None
        delivery = Delivery(source, row.sms, row.global_id)
        delivery.system_id = system_id
        return delivery

    def _dispatch(self, delivery: Delivery, walk: RowWalk) -> bool:
        """Send one row unless it is in hand or waits; False when no receiver has room. Doesn't yield."""
        if walk.must_stop_before(delivery.row):
            walk.step_back(delivery.row)
            return False
        if not walk.takes(delivery.row, self._monotonic()):
            return True
        try:
            outcome = self._delivery.dispatch(delivery)
        except Exception:
            walk.set_aside(delivery.row)
            logger.exception("Stored row %d failed unexpectedly and is left where it is", delivery.row)
            return True
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


def _names(service: bytes, system_id: str) -> bool:
    """Whether a row is of this account; to the database's comparison é may be as good as e."""
    octets = service.rstrip(b" ")
    return octets.lower() == to_octets(system_id) or to_name(octets).lower() == system_id


def _read_pdu(octets: bytes) -> Pdu | None:
    """A row of the PDU table, without command_length; rows of patched versions have it (docs/rules/database.md 2)."""
    if int.from_bytes(octets[:4], "big") == len(octets):
        octets = octets[4:]
    if len(octets) < 12 or int.from_bytes(octets[:4], "big") != CommandId.DELIVER_SM:
        return None
    try:
        return codec.unpack_body(CommandId.DELIVER_SM, octets, 12, len(octets))
    except MalformedPdu:
        return None
