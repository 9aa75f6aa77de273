"""The greenlets that replay stored messages to ESMEs and bearerboxes."""

from __future__ import annotations

import logging
import time
from time import monotonic

import gevent

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.flows.deliver_replay import DeliverReplay
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.submit_replay import SubmitReplay
from ksmppd_py.flows.unaddressed_rows import UnaddressedRows
from ksmppd_py.model.ids import MessageIds
from ksmppd_py.model.ports import Gateway, Receivers, ReplayClaim
from ksmppd_py.model.store import ReplayStore
from ksmppd_py.transport.batch_queue import BatchQueue
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)


ROUND = 1.0
"""Seconds between two rounds over binds and due rows."""
REFRESH = 10.0
"""Seconds, at least, between two queries for rows that were skipped or that another process wrote."""
SCAN_SHARE = 20
"""The pause after such a query is SCAN_SHARE times as long as it took, but at most LONGEST_REFRESH."""
LONGEST_REFRESH = 60.0


class ReplayJobs:
    """Wakes the replays: when an ESME binds, a bearerbox connects, rows come back or are due."""

    def __init__(
        self,
        store: ReplayStore,
        claim: ReplayClaim,
        delivery: DeliveryFlow,
        receivers: Receivers,
        queue: bool,
    ) -> None:
        self._store = store
        self._claim = claim
        self._receivers = receivers
        self._queue = queue
        self._wakeups: BatchQueue[str] = BatchQueue()
        self._box_wakeups: BatchQueue[str] = BatchQueue()
        self._gateway: Gateway | None = None
        self._submits: SubmitReplay | None = None
        self._greenlets = GreenletGroup("replay")
        self.deliveries = DeliverReplay(store, delivery, receivers, self._wakeups, time, queue)
        self._unaddressed = UnaddressedRows(store, delivery)

    def start(self, gateway: Gateway, ids: MessageIds) -> None:
        """Start the greenlets. Doesn't yield."""
        self._gateway = gateway
        if self._queue:
            self._submits = SubmitReplay(self._store, gateway, self._box_wakeups, self._wakeups, ids, time)
        self._greenlets.supervise("replay to ESMEs", self._walk_deliveries)
        self._greenlets.supervise("replay rounds", self._make_rounds)
        if self._submits is not None:
            self._greenlets.supervise("replay to bearerboxes", self._walk_submits)
            self._greenlets.supervise("replay of unaddressed rows", self._name_rows)

    def stop(self) -> None:
        """End the greenlets; messages in flight end by themselves. May yield."""
        self._greenlets.end(1.0)

    def withdraw(self, row: int) -> bool:
        """See message_lookup.Withdrawals. Doesn't yield."""
        return self._submits is not None and self._claim.held and self._submits.withdraw(row)

    def deleted(self, row: int) -> None:
        """See message_lookup.Withdrawals. Doesn't yield."""
        if self._submits is not None:
            self._submits.deleted(row)

    @property
    def unusable(self) -> int:
        """Number of stored rows found since the start that can't be read."""
        submits = self._submits.unusable if self._submits is not None else 0
        return self.deliveries.unusable + submits + self._unaddressed.unusable

    def put_back(self, row: int) -> None:
        """See message_lookup.Withdrawals. Doesn't yield."""
        if self._submits is not None:
            self._submits.put_back(row)

    def _walk_deliveries(self) -> None:
        while True:
            for system_id in dict.fromkeys(self._wakeups.take()):
                if not self._claim.held:
                    continue  # another daemon has the rows now; the rounds begin again when it lets go
                try:
                    self.deliveries.advance(system_id)
                except DatabaseUnavailable as error:
                    logger.warning("Stored messages of %s wait for the database: %s", system_id, error)
                    self.deliveries.look_later(system_id)
                except Exception:
                    logger.exception("The replay of %s failed unexpectedly", system_id)
                    self.deliveries.look_later(system_id)

    def _walk_submits(self) -> None:
        assert self._submits is not None
        while True:
            self._box_wakeups.take()
            try:
                if self._claim.held:
                    self._submits.advance()
            except DatabaseUnavailable as error:
                logger.warning("Stored messages for bearerboxes wait for the database: %s", error)
                self._submits.look_later()
            except Exception:
                logger.exception("The replay to bearerboxes failed unexpectedly")
                self._submits.look_later()

    def _name_rows(self) -> None:
        """Route rows without an account when the claim is held, and again and again: other programs may write some."""
        next_look = 0.0
        while True:
            if not self._claim.held:
                next_look = 0.0
            elif monotonic() >= next_look:
                next_look = monotonic() + self._name_all()
            gevent.sleep(REFRESH)

    def _name_all(self) -> float:
        """Route rows without an account; return the seconds until the next time. May yield."""
        began = monotonic()
        try:
            named = self._unaddressed.advance()
        except DatabaseUnavailable as error:
            logger.debug("Can't look for stored messages of no account: %s", error)
            return 0.0
        for system_id in named:
            self.deliveries.rescan(system_id)
        return _pause_after(began) - REFRESH

    def _make_rounds(self) -> None:
        known: set[str] = set()
        arrivals = 0
        next_scan = 0.0
        while True:
            gevent.sleep(ROUND)
            if not self._claim.held:
                known, arrivals, next_scan = set(), 0, 0.0
                continue
            receiving = set(self._receivers.receiving())
            for system_id in receiving - known:
                self.deliveries.rescan(system_id)
            known = receiving
            for system_id in self.deliveries.due():
                self._wakeups.put(system_id)
            arrivals = self._look_at_boxes(arrivals)
            if monotonic() >= next_scan:
                next_scan = monotonic() + self._scan(receiving)

    def _look_at_boxes(self, arrivals: int) -> int:
        """Start over when a bearerbox has connected, even briefly; go on when rows are due.

        Return `Gateway.arrivals`.
        """
        assert self._gateway is not None
        if self._submits is None or not self._gateway.online:
            return arrivals
        came = self._gateway.arrivals
        if came != arrivals:
            self._submits.start_over()
        if came != arrivals or self._submits.due():
            self._box_wakeups.put("")
        return came

    def _scan(self, receiving: set[str]) -> float:
        """Query which accounts have rows, and wake them; return the seconds until the next time. May yield."""
        began = monotonic()
        try:
            for system_id in self._store.receivers_with_rows(receiving):
                self.deliveries.rescan(system_id)
            if self._submits is not None and self._submits.rescan():
                self._box_wakeups.put("")
        except DatabaseUnavailable as error:
            logger.debug("Can't look for stored messages: %s", error)
            return REFRESH  # the time until the database failed says nothing about the query's cost
        return _pause_after(began)


def _pause_after(began: float) -> float:
    """Return the seconds until a query that was sent at `began` is repeated."""
    return max(REFRESH, min(LONGEST_REFRESH, (monotonic() - began) * SCAN_SHARE))
