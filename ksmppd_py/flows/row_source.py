"""The stored rows of one account, of one table or sms_type, on their way to its binds (docs/rules/flows.md 5.2)."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.row_cursor import PAGE, RowCursor, log_unreadable
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.names import to_name, to_octets
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.store import DeliverRows, StoredMessage, StoredPdu
from ksmppd_py.model.work import Delivery
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandId
from ksmppd_py.smpp.errors import MalformedPdu
from ksmppd_py.smpp.pdus import Pdu

logger = logging.getLogger(__name__)

Stored = TypeVar("Stored", StoredMessage, StoredPdu)


class RowSource(Generic[Stored]):
    """Reads the rows, sends them, and is the origin to which their deliveries return.

    `on_settled` is called after each row that came back.
    """

    def __init__(
        self,
        system_id: str,
        store: DeliverRows,
        delivery: DeliveryFlow,
        clock: Clock,
        on_settled: Callable[[], None],
    ) -> None:
        self.cursor = RowCursor()
        self._system_id = system_id
        self._store = store
        self._delivery = delivery
        self._clock = clock
        self._on_settled = on_settled

    def advance(self, room_of: Callable[[str], int]) -> bool:
        """Send the rows that the account's binds have room for; False when rows are left.

        Raises DatabaseUnavailable. May yield.
        """
        while True:
            room = min(PAGE, room_of(self._system_id))
            if room <= 0:
                return False
            rows = self.cursor.next_page(self._page, room)
            if rows is None:
                continue
            for row in rows:
                delivery = self._delivery_of(row)
                if delivery is None:
                    self.cursor.after = row.global_id
                elif not self._dispatch(delivery):
                    return False
            if len(rows) < room:
                return True

    def settled(self, delivery: Delivery) -> None:
        """Remove or keep a row, as its outcome says (docs/rules/flows.md 4). Doesn't yield."""
        row, outcome, cursor = delivery.row, delivery.outcome, self.cursor
        if outcome in (Outcome.DONE, Outcome.PERMANENT):
            if outcome is Outcome.PERMANENT:
                logger.error("Stored row %d is refused for good by %s", row, self._system_id)
            self._remove(row)
            cursor.done(row)
        elif outcome in (Outcome.GONE, Outcome.TIMEOUT):
            cursor.retry_at_once(row, self._clock.monotonic())
        else:
            cursor.retry_later(row, self._clock.monotonic())
        self._on_settled()

    def _dispatch(self, delivery: Delivery) -> bool:
        """Send one row unless it is in flight or waits for its delay; False when no bind has room. Doesn't yield."""
        cursor = self.cursor
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

    @abstractmethod
    def _page(self, after: int, limit: int) -> Sequence[Stored]:
        """Return the next rows. Raises DatabaseUnavailable. May yield."""

    @abstractmethod
    def _delivery_of(self, row: Stored) -> Delivery | None:
        """Return the delivery of a row; None for a row that is skipped. Doesn't yield."""

    @abstractmethod
    def _remove(self, row: int) -> None:
        """Delete a row soon. Doesn't yield."""


class PduSource(RowSource[StoredPdu]):
    """The rows of the PDU table."""

    def _page(self, after: int, limit: int) -> Sequence[StoredPdu]:
        return self._store.page_pdus(self._system_id, after, limit)

    def _delivery_of(self, row: StoredPdu) -> Delivery | None:
        if not belongs(to_octets(row.system_id), self._system_id):
            return None
        pdu = read_pdu(row.octets)
        if pdu is None:
            if self.cursor.set_aside(row.global_id):
                logger.error("Stored PDU %d can't be read and is removed", row.global_id)
                self._remove(row.global_id)
            return None
        delivery = Delivery(self, None, row.global_id, pdu)
        delivery.system_id = self._system_id
        return delivery

    def _remove(self, row: int) -> None:
        self._store.remove_pdus((row,))


class MessageSource(RowSource[StoredMessage]):
    """The rows of the store table with one sms_type. Rows whose message id is in `expected` are in flight already."""

    def __init__(
        self,
        system_id: str,
        store: DeliverRows,
        delivery: DeliveryFlow,
        clock: Clock,
        on_settled: Callable[[], None],
        sms_type: int,
        expected: Collection[bytes],
    ) -> None:
        super().__init__(system_id, store, delivery, clock, on_settled)
        self._sms_type = sms_type
        self._expected = expected

    def take_over(self, delivery: Delivery, row: int) -> None:
        """Become the origin of a delivery in flight whose message was stored as `row`. It may have ended already.

        Doesn't yield.
        """
        delivery.row = row
        delivery.origin = self
        self.cursor.in_flight.add(row)
        if delivery.left == 0:
            self.settled(delivery)

    def _page(self, after: int, limit: int) -> Sequence[StoredMessage]:
        return self._store.page(self._sms_type, after, limit, self._system_id)

    def _delivery_of(self, row: StoredMessage) -> Delivery | None:
        if row.sms is None:
            if self.cursor.set_aside(row.global_id):
                log_unreadable(row)
            return None
        if row.sms.id in self._expected or not belongs(row.sms.service or b"", self._system_id):
            return None
        delivery = Delivery(self, row.sms, row.global_id)
        delivery.system_id = self._system_id
        return delivery

    def _remove(self, row: int) -> None:
        self._store.remove((row,))


def belongs(service: bytes, system_id: str) -> bool:
    """Whether a row is of this account: the database's comparison may have taken é for e."""
    octets = service.rstrip(b" ")
    return octets.lower() == to_octets(system_id) or to_name(octets).lower() == system_id


def read_pdu(octets: bytes) -> Pdu | None:
    """Return the deliver_sm of a row, which has no command_length; None if it is unreadable."""
    if len(octets) < 12 or int.from_bytes(octets[:4], "big") != CommandId.DELIVER_SM:
        return None
    try:
        return codec.unpack_body(CommandId.DELIVER_SM, octets, 12, len(octets))
    except MalformedPdu:
        return None
