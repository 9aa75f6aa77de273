"""MOs and DLRs of one bearerbox: each is acked once, when its next hop has it (docs/rules/box-protocol.md 6.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from time import monotonic, time
from typing import Protocol

import gevent

from ksmppd_py.bearerbox.held import HeldBack
from ksmppd_py.bearerbox.shares import Shares
from ksmppd_py.errors import MessageTooLong, TemporaryError
from ksmppd_py.kannel.codec import pack_ack
from ksmppd_py.kannel.messages import AckStatus, Sms, SmsType
from ksmppd_py.model.outcomes import ACK_OF_OUTCOME, Outcome
from ksmppd_py.model.ports import Deliveries, MessageStore
from ksmppd_py.model.work import Delivery, DeliveryState
from ksmppd_py.transport.batch_queue import BatchQueue
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)

_DONE = Outcome.DONE
_MO = int(SmsType.MO)
_SUCCESS = int(AckStatus.SUCCESS)

MOST_ATTEMPTS = 3
"""Binds on which a message is tried, after one another went away, before it is stored or refused for now."""
SLOW_AFTER = 1.0
"""Seconds without an ESME's answer to a message after which it may be moved to the store."""
SILENT_AFTER = 0.25
"""Seconds without any answer of an account after which its messages are moved or given back, if others wait."""
BUSY = 0.5
"""Share of smsbox-max-pending above which messages of slow ESMEs are moved to the store."""
MOST_AT_ONCE = 50
"""Refusals that each round lets go early, so that none is repeated at full speed."""
SLOW_FOR = 5.0
"""Seconds for which an account whose messages were moved gets nothing live; its next answer ends that."""
MOST_HELD = 0.5
"""Share of smsbox-max-pending that delayed refusals may take."""


class ReplayHandover(Protocol):
    """Takes over deliveries whose message has been stored: flows.deliver_replay. No method yields."""

    def expect_rows(self, message_ids: Sequence[bytes]) -> None:
        """Announce rows with these message ids, whose messages are in flight already. Doesn't yield."""

    def expect_no_more_rows(self, message_ids: Sequence[bytes]) -> None:
        """Withdraw the announcement: the rows are there now, or could not be stored. Doesn't yield."""

    def take_over(self, delivery: Delivery, row: int) -> None:
        """Let the delivery's outcome decide about the row. Doesn't yield."""

    def retry_later(self, delivery: Delivery, row: int) -> None:
        """Send the message stored as `row` only after its delay: its ESME refused it for now. Doesn't yield."""

    def rows_added(self, system_id: str) -> None:
        """Note that rows of this account were added. Doesn't yield."""


class Incoming:
    """The MOs and DLRs of one bearerbox connection that aren't acked yet.

    `write` sends octets to the bearerbox, and drops them while it is away: then it repeats messages without ack.
    `received` counts the messages.
    """

    def __init__(
        self,
        name: str,
        delivery: Deliveries,
        store: MessageStore | None,
        handover: ReplayHandover | None,
        write: Callable[[bytes], None],
        greenlets: GreenletGroup,
        max_pending: int,
    ) -> None:
        self._name = name
        self._flow = delivery
        self._store = store
        self._write = write
        self._greenlets = greenlets
        self._unsettled: BatchQueue[Delivery] = BatchQueue()
        self._storing: BatchQueue[Delivery] = BatchQueue()
        self._in_flight: dict[bytes, Delivery] = {}
        self._held = HeldBack()
        self._handover = handover
        self._slow: dict[str, float] = {}
        self._watched: dict[str, float] = {}
        self._max_pending = max_pending
        self._shares = Shares(max_pending, delivery, self._held) if store is None else None
        self.received = 0
        greenlets.spawn(f"{name} settler", self._settle_all)
        if store is not None:
            greenlets.spawn(f"{name} storer", self._store_all)

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
        if sms.sms_type == _MO and self._flow.waits:
            # So the reader isn't kept waiting.
            self._greenlets.spawn(f"{self._name} routing", self._begin_apart, delivery)
            return
        self._begin(delivery)

    def _begin_apart(self, delivery: Delivery) -> None:
        """Do as _begin in a greenlet of its own, and hold the message back when that fails."""
        try:
            self._begin(delivery)
        except Exception:
            self._failed(delivery)

    def _begin(self, delivery: Delivery) -> None:
        """Route a message and send it, or settle it. May yield (routing)."""
        outcome = self._flow.route(delivery)
        if outcome is None:
            if self._shares is None and delivery.system_id in self._slow:
                outcome = Outcome.NO_RECEIVER
            else:
                outcome = self._dispatch(delivery)
        if outcome is not None:
            self._settle(delivery, outcome)

    def _dispatch(self, delivery: Delivery) -> Outcome | None:
        """Send a message whose account is known. None: sent, or waiting for room. Doesn't yield."""
        return self._flow.dispatch(delivery) if self._shares is None else self._shares.dispatch(delivery)

    def _go_on(self, shares: Shares, system_id: str) -> None:
        """Send the next messages of an account that wait for room, now that one of it ended. Doesn't yield."""
        while (delivery := shares.next(system_id)) is not None:
            try:
                outcome = shares.take(delivery, True)
            except Exception:
                self._failed(delivery)
                continue
            if outcome is not None:
                self._settle(delivery, outcome)
            elif not delivery.left:
                return  # it waits again

    def hold_back(self, message_id: bytes) -> None:
        """Refuse a message for now, after a delay: it can't be handled. Doesn't yield."""
        delivery = self._in_flight.get(message_id)
        if delivery is not None:
            self._hold_back(delivery)

    def _failed(self, delivery: Delivery) -> None:
        """Log the unexpected error that is being handled, and hold this message back. Doesn't yield."""
        logger.exception(
            "Message for %r from bearerbox %s failed unexpectedly", delivery.system_id, self._name
        )
        self._hold_back(delivery)

    def swallow(self, sms: Sms) -> None:
        """Ack a message that is dropped. Doesn't yield."""
        self._write(pack_ack(AckStatus.SUCCESS, int(time()), sms.id))

    def settled(self, delivery: Delivery) -> None:
        """Take back a message with its outcome. One that was delivered is acked at once. Doesn't yield."""
        if self._watched:
            self._watched.pop(delivery.system_id, None)
        if self._slow:
            self._slow.pop(delivery.system_id, None)
        if delivery.state is DeliveryState.BEING_STORED:
            delivery.state = DeliveryState.ENDED_MEANWHILE
        elif delivery.outcome is _DONE:
            self._done(delivery)
        else:
            self._unsettled.put(delivery)
        if self._shares is not None:
            self._shares.ended(delivery.system_id)
            self._go_on(self._shares, delivery.system_id)

    def _done(self, delivery: Delivery) -> None:
        sms = delivery.sms
        assert sms is not None
        self._held.forgive(delivery.system_id)
        if self._in_flight.pop(sms.id, None) is not None:
            self._write(pack_ack(_SUCCESS, int(time()), sms.id))

    def _settle_all(self) -> None:
        while True:
            for delivery in self._unsettled.take():
                try:
                    self._settle(delivery, delivery.outcome)
                except Exception:
                    self._failed(delivery)

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        if outcome is _DONE:
            self._done(delivery)
        elif outcome is Outcome.PERMANENT:
            self._ack(delivery, outcome)
        elif outcome in (Outcome.GONE, Outcome.TIMEOUT) and delivery.attempts < MOST_ATTEMPTS:
            self._try_again(delivery)
        elif self._store is not None and delivery.system_id:
            self._storing.put(delivery)
        else:
            self._hold_back(delivery)

    def _try_again(self, delivery: Delivery) -> None:
        """Send it to another bind of the account, or settle it: its bind went away. Doesn't yield."""
        delivery.attempts += 1
        outcome = self._dispatch(delivery)
        if outcome is not None:
            self._settle(delivery, outcome)

    def _ack(self, delivery: Delivery, outcome: Outcome) -> None:
        sms = delivery.sms
        assert sms is not None
        if self._in_flight.pop(sms.id, None) is not None:
            self._write(pack_ack(ACK_OF_OUTCOME[outcome], int(time()), sms.id))

    def _store_all(self) -> None:
        while True:
            batch = self._storing.take()
            try:
                self._save(batch)
            except Exception:
                for delivery in batch:
                    self._failed(delivery)

    def _save(self, batch: list[Delivery]) -> None:
        """Store a batch and ack it; a message that can't be stored is refused without the others. May yield."""
        store = self._store
        assert store is not None
        refused = [d.sms.id for d in batch if d.sms is not None and d.outcome is Outcome.TEMPORARY]
        if self._handover is not None:
            self._handover.expect_rows(refused)
        try:
            rows = store.save([delivery.sms for delivery in batch if delivery.sms is not None])
        except TemporaryError as error:
            logger.warning("%d message(s) can't be stored now: %s", len(batch), error)
            for delivery in batch:
                self._hold_back(delivery)
        except Exception as error:
            if len(batch) > 1:
                for delivery in batch:
                    self._save([delivery])
            elif isinstance(error, MessageTooLong):
                logger.error("Message for %s can't be stored: %s", batch[0].system_id, error)
                self._ack(batch[0], Outcome.PERMANENT)
            else:
                self._failed(batch[0])
        else:
            self._stored(batch, rows)
        finally:
            if self._handover is not None:
                self._handover.expect_no_more_rows(refused)

    def _stored(self, batch: list[Delivery], rows: Sequence[int]) -> None:
        """Ack stored messages and announce their rows; those refused for now wait for their delay. Doesn't yield."""
        waiting = set()
        for delivery, row in zip(batch, rows, strict=True):
            self._ack(delivery, Outcome.DONE)
            if self._handover is not None and delivery.outcome is Outcome.TEMPORARY:
                self._handover.retry_later(delivery, row)
            else:
                waiting.add(delivery.system_id)
        if self._handover is not None:
            for system_id in waiting:
                self._handover.rows_added(system_id)

    def _hold_back(self, delivery: Delivery) -> None:
        """Refuse it for now, after a delay: the bearerbox would repeat it at once, at full speed. Doesn't yield."""
        self._held.put(delivery, monotonic())

    def _let_go(self) -> None:
        """Refuse at once what exceeds MOST_HELD, MOST_AT_ONCE a round, so that others get in. Doesn't yield."""
        most = int(MOST_HELD * self._max_pending)
        if self._shares is not None:
            most = self._shares.held_at_most(most)
        for delivery in self._held.first(min(MOST_AT_ONCE, len(self._held) - most)):
            self._ack(delivery, Outcome.TEMPORARY)

    def relieve(self, now: float) -> None:
        """Free the bearerbox's window of messages that slow ESMEs don't answer. May yield.

        The bearerbox sends nothing more while about 100 of its messages are unacked, so one silent ESME could stop all
        others. A message moved to the store stays open with its ESME, whose answer then removes the row.
        """
        self._let_go()
        if self._slow:
            self._slow = {system_id: until for system_id, until in self._slow.items() if until > now}
        if self._shares is not None:
            self._make_room(self._shares, now)
        elif self._store is not None and self._handover is not None:
            self._make_room_by(self._store, self._handover, now)

    def _silent(self, suspects: Iterable[str], now: float) -> set[str]:
        """Return those of these accounts that have answered nothing for SILENT_AFTER seconds. Doesn't yield."""
        self._watched = {system_id: self._watched.get(system_id, now) for system_id in suspects}
        return {system_id for system_id, since in self._watched.items() if now - since >= SILENT_AFTER}

    def _make_room(self, shares: Shares, now: float) -> None:
        """Refuse for now, at once, messages that wait for room of accounts that don't answer. Doesn't yield."""
        if not shares.is_crowded(len(self._in_flight)):
            return
        parked = shares.parked
        self._slow.update((system_id, now + SLOW_FOR) for system_id in self._silent(parked, now))
        most = MOST_AT_ONCE
        for system_id in parked:
            if system_id in self._slow:
                released = shares.release(system_id, most)
                most -= len(released)
                for delivery in released:
                    self._ack(delivery, Outcome.TEMPORARY)

    def _make_room_by(self, store: MessageStore, handover: ReplayHandover, now: float) -> None:
        """Move to the store the messages that slow ESMEs haven't answered. May yield."""
        if len(self._in_flight) <= BUSY * self._max_pending:
            return
        held = [d for d in self._in_flight.values() if d.left > 0 and d.state is DeliveryState.WITH_ESME]
        silent = self._silent({d.system_id for d in held}, now)
        slow = [d for d in held if d.system_id in silent or now - d.received_at > SLOW_AFTER]
        if not slow:
            return
        self._slow.update((delivery.system_id, now + SLOW_FOR) for delivery in slow)
        for delivery in slow:
            delivery.state = DeliveryState.BEING_STORED
        moving = [delivery.sms.id for delivery in slow if delivery.sms is not None]
        handover.expect_rows(moving)
        try:
            self._move(store, slow)
        finally:
            handover.expect_no_more_rows(moving)

    def _let_go_of_parked(self, shares: Shares) -> None:
        for system_id in shares.parked:
            for delivery in shares.release(system_id, len(self._in_flight)):
                self._ack(delivery, Outcome.TEMPORARY)

    def _move(self, store: MessageStore, slow: list[Delivery]) -> None:
        """Store these and ack them; one that can't be stored goes on as before. May yield."""
        rows: Sequence[int] = []
        try:
            rows = store.save([delivery.sms for delivery in slow if delivery.sms is not None])
        except TemporaryError as error:
            logger.warning("%d message(s) of slow ESMEs can't be stored now: %s", len(slow), error)
        except Exception as error:
            if len(slow) > 1:
                for delivery in slow:
                    self._move(store, [delivery])
                return
            if not isinstance(error, MessageTooLong):
                logger.exception("A message of %s can't be stored", slow[0].system_id)
        self._moved(slow, rows)

    def _moved(self, moved: list[Delivery], rows: Sequence[int]) -> None:
        for index, delivery in enumerate(moved):
            ended = delivery.state is DeliveryState.ENDED_MEANWHILE
            delivery.state = DeliveryState.WITH_ESME
            if rows:
                self._ack(delivery, Outcome.DONE)
                assert self._handover is not None
                self._handover.take_over(delivery, rows[index])
            elif ended:
                self.settled(delivery)

    def tick(self, now: float) -> None:
        """Try due delayed messages once more, then refuse them for now; called once a second. May yield."""
        while (delivery := self._held.due(now)) is not None:
            try:
                outcome = self._dispatch(delivery) if delivery.system_id else Outcome.TEMPORARY
            except Exception:
                logger.exception("Message for %s failed unexpectedly", delivery.system_id)
                outcome = Outcome.TEMPORARY
            if outcome is not None:
                self._ack(delivery, Outcome.TEMPORARY if outcome is not Outcome.PERMANENT else outcome)

    def finish(self, timeout: float) -> None:
        """Refuse waiting messages, wait for the others for `timeout` seconds at most; the bearerbox keeps the rest."""
        deadline = monotonic() + timeout
        while True:
            for delivery in self._held.first(len(self._held)):
                self._ack(delivery, Outcome.TEMPORARY)
            if self._shares is not None:
                self._let_go_of_parked(self._shares)
            if not self._in_flight or monotonic() >= deadline:
                return
            gevent.sleep(0.01)
