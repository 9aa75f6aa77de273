"""Back-pressure of slow ESMEs on a bearerbox: two policies (docs/rules/flows.md 2).

The bearerbox sends nothing more while about 100 of its messages are unacked, for any account, so one silent ESME could
stop all others. With a store, messages that slow ESMEs don't answer are moved there. Without one, accounts share the
slots, and further messages of an account wait for its next answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from ksmppd_py.bearerbox.slot_shares import SlotShares
from ksmppd_py.bearerbox.timings import BoxLimits, BoxTimings
from ksmppd_py.bearerbox.unacked import MOST_AT_ONCE, UnackedMessages
from ksmppd_py.errors import MessageTooLong, TemporaryError
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.ports import Deliveries
from ksmppd_py.model.store import MessageStore
from ksmppd_py.model.work import Delivery, DeliveryState
from ksmppd_py.transport.batch_queue import BatchQueue
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)


class Backpressure(Protocol):
    """A policy, asked by the intake of one bearerbox's messages."""

    def admit(self, delivery: Delivery) -> Outcome | None:
        """Send a message that just came. None: it was sent, or waits for room. Doesn't yield."""

    def send_again(self, delivery: Delivery) -> Outcome | None:
        """Send a message whose bind went away, or whose delay is over. Returns as `admit`. Doesn't yield."""

    def keep(self, delivery: Delivery) -> None:
        """Keep a message that can't be delivered now until its refusal, or until it is stored. Doesn't yield."""

    def ended(self, delivery: Delivery) -> None:
        """Note that a message that was sent has ended, so that its account has room for another. Doesn't yield."""

    def relieve_backpressure(self, now: float) -> None:
        """Free the bearerbox's window; called many times a second, with monotonic seconds. May yield."""

    def nack_waiting(self) -> None:
        """Refuse the messages that wait for room: the server stops. Doesn't yield."""


class ReplayHandover(Protocol):
    """Takes over deliveries whose message has been stored: the replay. No method yields."""

    def expect_rows(self, message_ids: Sequence[bytes]) -> None:
        """Announce rows with these message ids, whose messages are in flight already."""

    def expect_no_more_rows(self, message_ids: Sequence[bytes]) -> None:
        """Withdraw the announcement: the rows are there now, or could not be stored."""

    def take_over(self, delivery: Delivery, row: int) -> None:
        """Let the delivery's outcome decide about the row."""

    def retry_later(self, delivery: Delivery, row: int) -> None:
        """Send the message stored as `row` only after its delay: its ESME refused it temporarily."""

    def rows_added(self, system_id: str) -> None:
        """Note that rows of this account were added."""


class SlowAccounts:
    """Accounts that don't answer, by system_id, until they do or `slow_for` is over. No method yields."""

    __slots__ = ("_silent_after", "_silent_since", "_slow_for", "_until")

    def __init__(self, timings: BoxTimings) -> None:
        self._silent_after = timings.silent_after
        self._slow_for = timings.slow_for
        self._until: dict[str, float] = {}
        self._silent_since: dict[str, float] = {}

    def __contains__(self, system_id: str) -> bool:
        return system_id in self._until

    def add(self, system_ids: Iterable[str], now: float) -> None:
        """Treat these accounts as slow from `now` (monotonic seconds) on."""
        self._until.update((system_id, now + self._slow_for) for system_id in system_ids)

    def answered(self, system_id: str) -> None:
        """Note an answer of the account: it is slow no more."""
        if self._silent_since:
            self._silent_since.pop(system_id, None)
        if self._until:
            self._until.pop(system_id, None)

    def forget_before(self, now: float) -> None:
        """Forget the accounts that became slow more than `slow_for` seconds before `now` (monotonic seconds)."""
        if self._until:
            self._until = {system_id: until for system_id, until in self._until.items() if until > now}

    def silent(self, suspects: Iterable[str], now: float) -> set[str]:
        """Return those of these accounts that have answered nothing for `silent_after` seconds of being suspects."""
        since = self._silent_since = {each: self._silent_since.get(each, now) for each in suspects}
        return {system_id for system_id, then in since.items() if now - then >= self._silent_after}


class MoveToStore:
    """Moves to the store the messages that slow ESMEs don't answer, and stores those that can't be delivered.

    A message moved stays open with its ESME, whose answer then removes the row.
    """

    def __init__(
        self,
        flow: Deliveries,
        unacked: UnackedMessages,
        store: MessageStore,
        handover: ReplayHandover,
        max_pending: int,
        timings: BoxTimings,
        limits: BoxLimits,
    ) -> None:
        self._flow = flow
        self._unacked = unacked
        self._store = store
        self._handover = handover
        self._busy = limits.busy * max_pending
        self._most_delayed = int(limits.most_delayed * max_pending)
        self._slow_after = timings.slow_after
        self._slow = SlowAccounts(timings)
        self._storing: BatchQueue[Delivery] = BatchQueue()

    def start(self, name: str, greenlets: GreenletGroup) -> None:
        """Start to store what `keep` takes, in a greenlet of this group. Doesn't yield."""
        greenlets.spawn(f"{name} storer", self._store_all)

    def admit(self, delivery: Delivery) -> Outcome | None:
        """Send a message that just came, unless its account is slow. Doesn't yield."""
        return Outcome.NO_RECEIVER if delivery.system_id in self._slow else self._flow.dispatch(delivery)

    def send_again(self, delivery: Delivery) -> Outcome | None:
        """Send a message whose bind went away, or whose delay is over. Doesn't yield."""
        return self._flow.dispatch(delivery)

    def keep(self, delivery: Delivery) -> None:
        """Store a message of an account soon; refuse one of no account after a delay. Doesn't yield."""
        if delivery.system_id:
            self._storing.put(delivery)
        else:
            self._unacked.nack_later(delivery)

    def ended(self, delivery: Delivery) -> None:
        """Note that the account answers. Doesn't yield."""
        self._slow.answered(delivery.system_id)

    def relieve_backpressure(self, now: float) -> None:
        """Send the delayed nacks that are too many, and move the messages of slow ESMEs to the store. May yield."""
        self._unacked.nack_overflow(self._most_delayed)
        self._slow.forget_before(now)
        self._move_slow_to_store(now)

    def nack_waiting(self) -> None:
        """Do nothing: no message waits for room."""

    def _move_slow_to_store(self, now: float) -> None:
        messages = self._unacked.messages
        if len(messages) <= self._busy:
            return
        sent = [d for d in messages.values() if d.left > 0 and d.state is DeliveryState.WITH_ESME]
        silent = self._slow.silent({d.system_id for d in sent}, now)
        slow = [d for d in sent if d.system_id in silent or now - d.received_at > self._slow_after]
        if not slow:
            return
        self._slow.add((delivery.system_id for delivery in slow), now)
        for delivery in slow:
            delivery.state = DeliveryState.BEING_STORED
        moving = [delivery.sms.id for delivery in slow if delivery.sms is not None]
        self._handover.expect_rows(moving)
        try:
            self._move(slow)
        finally:
            self._handover.expect_no_more_rows(moving)

    def _move(self, slow: list[Delivery]) -> None:
        """Store these and ack them; one that can't be stored goes on as before. May yield."""
        rows: Sequence[int] = []
        try:
            rows = self._store.save([delivery.sms for delivery in slow if delivery.sms is not None])
        except TemporaryError as error:
            logger.warning("%d message(s) of slow ESMEs can't be stored now: %s", len(slow), error)
        except Exception as error:
            if len(slow) > 1:
                for delivery in slow:
                    self._move([delivery])
                return
            if not isinstance(error, MessageTooLong):
                logger.exception("A message of %s can't be stored", slow[0].system_id)
        self._moved(slow, rows)

    def _moved(self, moved: list[Delivery], rows: Sequence[int]) -> None:
        for index, delivery in enumerate(moved):
            ended = delivery.state is DeliveryState.ENDED_MEANWHILE
            delivery.state = DeliveryState.WITH_ESME
            if rows:
                self._unacked.ack(delivery, Outcome.DONE)
                self._handover.take_over(delivery, rows[index])
            elif ended:
                delivery.origin.settled(delivery)

    def _store_all(self) -> None:
        while True:
            batch = self._storing.take()
            try:
                self._save(batch)
            except Exception:
                for delivery in batch:
                    self._unacked.nack_after_error(delivery)

    def _save(self, batch: list[Delivery]) -> None:
        """Store a batch and ack it; a message that can't be stored is refused without the others. May yield."""
        refused = [d.sms.id for d in batch if d.sms is not None and d.outcome is Outcome.TEMPORARY]
        self._handover.expect_rows(refused)
        try:
            rows = self._store.save([delivery.sms for delivery in batch if delivery.sms is not None])
        except TemporaryError as error:
            logger.warning("%d message(s) can't be stored now: %s", len(batch), error)
            for delivery in batch:
                self._unacked.nack_later(delivery)
        except Exception as error:
            if len(batch) > 1:
                for delivery in batch:
                    self._save([delivery])
            elif isinstance(error, MessageTooLong):
                logger.error("Message for %s can't be stored: %s", batch[0].system_id, error)
                self._unacked.ack(batch[0], Outcome.PERMANENT)
            else:
                self._unacked.nack_after_error(batch[0])
        else:
            self._saved(batch, rows)
        finally:
            self._handover.expect_no_more_rows(refused)

    def _saved(self, batch: list[Delivery], rows: Sequence[int]) -> None:
        """Ack stored messages and announce their rows; those refused temporarily wait for their delay."""
        with_rows = set()
        for delivery, row in zip(batch, rows, strict=True):
            self._unacked.ack(delivery, Outcome.DONE)
            if delivery.outcome is Outcome.TEMPORARY:
                self._handover.retry_later(delivery, row)
            else:
                with_rows.add(delivery.system_id)
        for system_id in with_rows:
            self._handover.rows_added(system_id)


class ShareSlots:
    """Gives each account a share of the bearerbox's window, where no store could take messages over.

    `settle` decides about a message that waited and then couldn't be sent.
    """

    def __init__(
        self,
        flow: Deliveries,
        unacked: UnackedMessages,
        settle: Callable[[Delivery, Outcome], None],
        max_pending: int,
        timings: BoxTimings,
        limits: BoxLimits,
    ) -> None:
        self._unacked = unacked
        self._settle = settle
        self._most_delayed = int(limits.most_delayed * max_pending)
        self._slow = SlowAccounts(timings)
        self._shares = SlotShares(max_pending, flow, unacked.delayed)

    def admit(self, delivery: Delivery) -> Outcome | None:
        """Send a message, or let it wait for the next answer of its account. Doesn't yield."""
        return self._shares.dispatch(delivery)

    send_again = admit

    def keep(self, delivery: Delivery) -> None:
        """Refuse a message that can't be delivered now, after a delay. Doesn't yield."""
        self._unacked.nack_later(delivery)

    def ended(self, delivery: Delivery) -> None:
        """Send the next message of the account that waits for room. Doesn't yield."""
        system_id = delivery.system_id
        shares = self._shares
        self._slow.answered(system_id)
        shares.ended(system_id)
        while (waiting := shares.next(system_id)) is not None:
            try:
                outcome = shares.take(waiting, True)
            except Exception:
                self._unacked.nack_after_error(waiting)
                continue
            if outcome is not None:
                self._settle(waiting, outcome)
            elif not waiting.left:
                return  # it waits again

    def relieve_backpressure(self, now: float) -> None:
        """Send the delayed nacks that are too many, and nack what waits for silent accounts. Doesn't yield."""
        self._unacked.nack_overflow(self._shares.delayed_at_most(self._most_delayed))
        self._slow.forget_before(now)
        self._nack_waiting_of_silent(now)

    def _nack_waiting_of_silent(self, now: float) -> None:
        shares = self._shares
        if not shares.is_crowded(len(self._unacked.messages)):
            return
        waiting = shares.waiting
        self._slow.add(self._slow.silent(waiting, now), now)
        most = MOST_AT_ONCE
        for system_id in waiting:
            if system_id in self._slow:
                most -= self._nack_waiting_of(system_id, most)

    def _nack_waiting_of(self, system_id: str, most: int) -> int:
        """Refuse the account's messages that waited longest, `most` at most; return how many."""
        released = self._shares.release(system_id, most)
        for delivery in released:
            self._unacked.ack(delivery, Outcome.TEMPORARY)
        return len(released)

    def nack_waiting(self) -> None:
        """Refuse all messages that wait for room. Doesn't yield."""
        for system_id in self._shares.waiting:
            self._nack_waiting_of(system_id, len(self._unacked.messages))
