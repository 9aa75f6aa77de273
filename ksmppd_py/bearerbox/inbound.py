"""MOs and DLRs of one bearerbox: each is acked once, when its next hop has it (docs/rules/box-protocol.md 6.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time

import gevent

from ksmppd_py.bearerbox.backpressure import Backpressure, MoveToStore, ReplayHandover, ShareSlots
from ksmppd_py.bearerbox.timings import BoxLimits, BoxTimings
from ksmppd_py.bearerbox.unacked import UnackedMessages
from ksmppd_py.config import BearerboxConnection
from ksmppd_py.kannel.codec import pack_ack
from ksmppd_py.kannel.messages import AckStatus, Sms, SmsType
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.ports import Deliveries
from ksmppd_py.model.store import MessageStore
from ksmppd_py.model.work import Delivery, DeliveryState
from ksmppd_py.translate.dlr_url import price_of
from ksmppd_py.transport.batch_queue import BatchQueue
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)

_DONE = Outcome.DONE
_BEING_STORED = DeliveryState.BEING_STORED
_MO = int(SmsType.MO)

MOST_ATTEMPTS = 3
"""Binds on which a message is tried, after one another went away, before it is stored or refused."""


@dataclass(frozen=True, slots=True)
class InboundServices:
    """Takes the messages of bearerboxes: the flow to the ESMEs and, with `database-enable-queue`, the store.

    `handover` hands stored messages over to the replay.
    """

    delivery: Deliveries
    store: MessageStore | None
    handover: ReplayHandover


class InboundMessages:
    """The intake of one bearerbox connection, which keeps each message until it is acked. `received` counts them.

    `write` sends octets to the bearerbox, and drops them while it is away: then it repeats messages without ack.
    """

    def __init__(
        self,
        settings: BearerboxConnection,
        services: InboundServices,
        write: Callable[[bytes], None],
        greenlets: GreenletGroup,
        timings: BoxTimings,
        limits: BoxLimits,
    ) -> None:
        self._name = settings.name
        self._flow = services.delivery
        self._write = write
        self._greenlets = greenlets
        self._unacked = UnackedMessages(settings.name, write, timings)
        self._in_flight = self._unacked.messages
        self._undelivered: BatchQueue[Delivery] = BatchQueue()
        self.received = 0
        greenlets.spawn(f"{settings.name} settler", self._settle_undelivered)
        self._backpressure = self._choose(services, settings.smsbox_max_pending, timings, limits)

    def _choose(
        self, services: InboundServices, max_pending: int, timings: BoxTimings, limits: BoxLimits
    ) -> Backpressure:
        unacked = self._unacked
        if services.store is None:
            return ShareSlots(self._flow, unacked, self._settle, max_pending, timings, limits)
        policy = MoveToStore(
            self._flow, unacked, services.store, services.handover, max_pending, timings, limits
        )
        policy.start(self._name, self._greenlets)
        return policy

    def __len__(self) -> int:
        return len(self._in_flight)

    def receive(self, sms: Sms) -> None:
        """Take in a message. One that is unacked already is dropped, since its ack covers both. May yield (routing)."""
        if sms.id in self._in_flight:
            return
        self.received += 1
        delivery = Delivery(self, sms)
        delivery.received_at = monotonic()
        self._in_flight[sms.id] = delivery
        flow = self._flow
        if flow.waits if sms.sms_type == _MO else flow.refunds and price_of(sms.dlr_url or b""):
            # So the reader isn't kept waiting.
            self._greenlets.spawn(f"{self._name} routing", self._begin_apart, delivery)
            return
        self._begin(delivery)

    def _begin_apart(self, delivery: Delivery) -> None:
        """Do as _begin in a greenlet of its own, and refuse the message after a delay when that fails."""
        try:
            self._begin(delivery)
        except Exception:
            self._unacked.nack_after_error(delivery)

    def _begin(self, delivery: Delivery) -> None:
        """Route a message and send it, or settle it. May yield (routing)."""
        outcome = self._flow.route(delivery)
        if outcome is None:
            outcome = self._backpressure.admit(delivery)
        if outcome is not None:
            self._settle(delivery, outcome)

    def nack_later(self, message_id: bytes) -> None:
        """Refuse a message temporarily, after a delay: it can't be handled. Doesn't yield."""
        delivery = self._in_flight.get(message_id)
        if delivery is not None:
            self._unacked.nack_later(delivery)

    def ack_and_drop(self, sms: Sms) -> None:
        """Ack a message that is dropped. Doesn't yield."""
        self._write(pack_ack(AckStatus.SUCCESS, int(time()), sms.id))

    def settled(self, delivery: Delivery) -> None:
        """Take back a message with its outcome. One that was delivered is acked at once. Doesn't yield."""
        if delivery.state is _BEING_STORED:
            delivery.state = DeliveryState.ENDED_MEANWHILE
        elif delivery.outcome is _DONE:
            self._unacked.ack_delivered(delivery)
        else:
            self._undelivered.put(delivery)
        self._backpressure.ended(delivery)

    def _settle_undelivered(self) -> None:
        while True:
            for delivery in self._undelivered.take():
                try:
                    self._settle(delivery, delivery.outcome)
                except Exception:
                    self._unacked.nack_after_error(delivery)

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        """Ack a message, send it to another bind, or let the back-pressure policy keep it. Doesn't yield."""
        if outcome is _DONE:
            self._unacked.ack_delivered(delivery)
        elif outcome is Outcome.PERMANENT:
            self._unacked.ack(delivery, outcome)
        elif outcome in (Outcome.GONE, Outcome.TIMEOUT) and delivery.attempts < MOST_ATTEMPTS:
            self._try_again(delivery)
        else:
            self._backpressure.keep(delivery)

    def _try_again(self, delivery: Delivery) -> None:
        """Send it to another bind of the account, or settle it: its bind went away. Doesn't yield."""
        delivery.attempts += 1
        outcome = self._backpressure.send_again(delivery)
        if outcome is not None:
            self._settle(delivery, outcome)

    def relieve_backpressure(self, now: float) -> None:
        """Free the bearerbox's window of messages that slow ESMEs don't answer; `now` is monotonic. May yield."""
        self._backpressure.relieve_backpressure(now)

    def tick(self, now: float) -> None:
        """Send due delayed messages once more, or refuse them temporarily; called once a second. May yield."""
        while (delivery := self._unacked.delayed.due(now)) is not None:
            outcome: Outcome | None = Outcome.TEMPORARY
            try:
                if delivery.system_id:
                    outcome = self._backpressure.send_again(delivery)
            except Exception:
                logger.exception("Message for %s failed unexpectedly", delivery.system_id)
            if outcome is not None:
                final = Outcome.PERMANENT if outcome is Outcome.PERMANENT else Outcome.TEMPORARY
                self._unacked.ack(delivery, final)

    def finish(self, timeout: float) -> None:
        """Refuse waiting messages and wait for the others, `timeout` seconds at most; the bearerbox keeps the rest.

        May yield.
        """
        deadline = monotonic() + timeout
        while True:
            self._unacked.nack_all_delayed()
            self._backpressure.nack_waiting()
            if not self._in_flight or monotonic() >= deadline:
                return
            gevent.sleep(0.01)
