"""The greenlets that replay stored messages to ESMEs and bearerboxes, as long as this process holds the claim."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from time import monotonic

import gevent

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.flows.deliver_replay import DeliverReplay
from ksmppd_py.flows.queue_limits import QueueLimits
from ksmppd_py.flows.submit_replay import SubmitReplay
from ksmppd_py.flows.unaddressed_rows import UnaddressedRows
from ksmppd_py.model.ports import Gateway, Receivers, ReplayClaim
from ksmppd_py.model.store import ReplayStore
from ksmppd_py.transport.batch_queue import BatchQueue
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplayTimings:
    """Intervals at which the replays check binds, bearerboxes and tables."""

    round_interval: float = 1.0
    """Seconds between two rounds over binds, bearerboxes and due rows."""
    scan_interval: float = 10.0
    """Seconds, at least, between two queries for rows that were skipped or that another process wrote."""
    longest_scan_interval: float = 60.0
    """Seconds, at most, between two queries for such rows."""
    scan_factor: int = 20
    """The pause after such a query, as a multiple of the time that the query took; within the two bounds above."""

    def pause_after(self, began: float) -> float:
        """Return the seconds until a query that was sent at `began` (monotonic seconds) is repeated."""
        cost = monotonic() - began
        return max(self.scan_interval, min(self.longest_scan_interval, cost * self.scan_factor))


class DeliverReplayJobs:
    """Wakes the replay to ESMEs: when an account binds, when its rows come back or are due, when a query finds some."""

    def __init__(
        self,
        flow: DeliverReplay,
        wakeups: BatchQueue[str],
        store: ReplayStore,
        receivers: Receivers,
        claim: ReplayClaim,
        timings: ReplayTimings,
    ) -> None:
        """`wakeups` are the accounts for which there may be something to do."""
        self.flow = flow
        self.wakeups = wakeups
        self._store = store
        self._receivers = receivers
        self._claim = claim
        self._timings = timings

    def start(self, greenlets: GreenletGroup) -> None:
        """Start the greenlets. Doesn't yield."""
        greenlets.supervise("replay to ESMEs", self._advance_woken)
        greenlets.supervise("rounds of the replay to ESMEs", self._make_rounds)

    def _advance_woken(self) -> None:
        while True:
            for system_id in dict.fromkeys(self.wakeups.take()):
                if not self._claim.held:
                    continue  # another daemon has the rows now; the rounds begin again when it lets go
                try:
                    self.flow.advance(system_id)
                except DatabaseUnavailable as error:
                    logger.warning("Stored messages of %s wait for the database: %s", system_id, error)
                    self.flow.look_later(system_id)
                except Exception:
                    logger.exception("The replay of %s failed unexpectedly", system_id)
                    self.flow.look_later(system_id)

    def _make_rounds(self) -> None:
        known: set[str] = set()
        next_scan = 0.0
        while True:
            gevent.sleep(self._timings.round_interval)
            if not self._claim.held:
                known, next_scan = set(), 0.0
                continue
            receiving = set(self._receivers.receiving())
            for system_id in receiving - known:
                self.flow.rescan(system_id)
            known = receiving
            for system_id in self.flow.due():
                self.wakeups.put(system_id)
            if monotonic() >= next_scan:
                next_scan = monotonic() + self._scan(receiving)

    def _scan(self, receiving: set[str]) -> float:
        """Query which accounts have rows, and wake them; return the seconds until the next time. May yield."""
        began = monotonic()
        try:
            for system_id in self._store.receivers_with_rows(receiving):
                self.flow.rescan(system_id)
        except DatabaseUnavailable as error:
            logger.debug("Can't look for stored messages: %s", error)
            return self._timings.scan_interval  # the time until the database failed isn't the query's cost
        return self._timings.pause_after(began)


class SubmitReplayJobs:
    """Wakes the replay to bearerboxes: when one connects, when rows are due, when a query finds some.

    Implements message_lookup.Withdrawals.
    """

    def __init__(
        self,
        flow: SubmitReplay,
        wakeups: BatchQueue[str],
        gateway: Gateway,
        claim: ReplayClaim,
        timings: ReplayTimings,
    ) -> None:
        """Any value in `wakeups` means that there may be work."""
        self.flow = flow
        self._wakeups = wakeups
        self._gateway = gateway
        self._claim = claim
        self._timings = timings

    def start(self, greenlets: GreenletGroup) -> None:
        """Start the greenlets. Doesn't yield."""
        greenlets.supervise("replay to bearerboxes", self._advance_woken)
        greenlets.supervise("rounds of the replay to bearerboxes", self._make_rounds)

    def withdraw(self, row: int) -> bool:
        """See message_lookup.Withdrawals. Doesn't yield."""
        return self._claim.held and self.flow.withdraw(row)

    def deleted(self, row: int) -> None:
        """See message_lookup.Withdrawals. Doesn't yield."""
        self.flow.deleted(row)

    def put_back(self, row: int) -> None:
        """See message_lookup.Withdrawals. Doesn't yield."""
        self.flow.put_back(row)

    def _advance_woken(self) -> None:
        while True:
            self._wakeups.take()
            try:
                if self._claim.held:
                    self.flow.advance()
            except DatabaseUnavailable as error:
                logger.warning("Stored messages for bearerboxes wait for the database: %s", error)
                self.flow.look_later()
            except Exception:
                logger.exception("The replay to bearerboxes failed unexpectedly")
                self.flow.look_later()

    def _make_rounds(self) -> None:
        arrivals = 0
        next_scan = 0.0
        while True:
            gevent.sleep(self._timings.round_interval)
            if not self._claim.held:
                arrivals, next_scan = 0, 0.0
                continue
            arrivals = self._look_at_bearerboxes(arrivals)
            if monotonic() >= next_scan:
                next_scan = monotonic() + self._scan()

    def _look_at_bearerboxes(self, arrivals: int) -> int:
        """Start over when a bearerbox has connected, even briefly; go on when rows are due.

        Return `Gateway.arrivals`.
        """
        if not self._gateway.online:
            return arrivals
        came = self._gateway.arrivals
        if came != arrivals:
            self.flow.start_over()
        if came != arrivals or self.flow.due():
            self._wakeups.put("")
        return came

    def _scan(self) -> float:
        """End expired rows, query whether there are others, and wake the replay.

        Return the seconds until the next time. May yield.
        """
        began = monotonic()
        try:
            self.flow.expire()
            if self.flow.rescan():
                self._wakeups.put("")
        except DatabaseUnavailable as error:
            logger.debug("Can't look for stored messages: %s", error)
            return self._timings.scan_interval
        return self._timings.pause_after(began)


class UnaddressedRowsJob:
    """Routes rows without an account when the claim is won, and at times after that: other programs may write some."""

    def __init__(
        self, rows: UnaddressedRows, replay: DeliverReplay, claim: ReplayClaim, timings: ReplayTimings
    ) -> None:
        self._rows = rows
        self._replay = replay
        self._claim = claim
        self._timings = timings

    def start(self, greenlets: GreenletGroup) -> None:
        """Start the greenlet. Doesn't yield."""
        greenlets.supervise("replay of unaddressed rows", self._make_rounds)

    @property
    def unusable(self) -> int:
        """Number of rows without an account, found since the start, that can't be read."""
        return self._rows.unusable

    def _make_rounds(self) -> None:
        next_look = 0.0
        while True:
            if not self._claim.held:
                next_look = 0.0
            elif monotonic() >= next_look:
                next_look = monotonic() + self._route_all()
            gevent.sleep(self._timings.scan_interval)

    def _route_all(self) -> float:
        """Route rows without an account; return the seconds until the next time. May yield."""
        began = monotonic()
        try:
            system_ids = self._rows.advance()
        except DatabaseUnavailable as error:
            logger.debug("Can't look for stored messages of no account: %s", error)
            return 0.0
        for system_id in system_ids:
            self._replay.rescan(system_id)
        return self._timings.pause_after(began) - self._timings.scan_interval


class QueueLimitsJob:
    """Applies the limits of stored MOs and reports while this process holds the claim."""

    def __init__(self, limits: QueueLimits, claim: ReplayClaim, timings: ReplayTimings) -> None:
        self.limits = limits
        self._claim = claim
        self._timings = timings

    def start(self, greenlets: GreenletGroup) -> None:
        """Start the greenlet. Doesn't yield."""
        greenlets.supervise("limits of stored messages", self._apply_often)

    def _apply_often(self) -> None:
        while True:
            began = monotonic()
            if self._claim.held:
                try:
                    self.limits.apply()
                except DatabaseUnavailable as error:
                    logger.debug("Can't apply the limits of stored messages: %s", error)
            gevent.sleep(self._timings.pause_after(began))


class ReplayJobs:
    """All greenlets of the replay. Without a queue no MTs and MOs are stored, so only PDUs for ESMEs are replayed."""

    def __init__(
        self,
        deliveries: DeliverReplayJobs,
        submits: SubmitReplayJobs,
        unaddressed: UnaddressedRowsJob,
        limits: QueueLimitsJob,
        *,
        has_queue: bool,
    ) -> None:
        """`has_queue` is database-enable-queue."""
        self.deliveries = deliveries
        self.submits = submits
        self._unaddressed = unaddressed
        self.limits = limits
        self._has_queue = has_queue
        self._greenlets = GreenletGroup("replay")

    def start(self) -> None:
        """Start the greenlets. Doesn't yield."""
        self.deliveries.start(self._greenlets)
        if self._has_queue:
            self.submits.start(self._greenlets)
            self._unaddressed.start(self._greenlets)
            self.limits.start(self._greenlets)

    def stop(self) -> None:
        """End the greenlets; messages in flight end by themselves. May yield."""
        self._greenlets.end(1.0)

    def unusable(self) -> int:
        """Return the number of stored rows found since the start that can't be read. Doesn't yield."""
        return self.deliveries.flow.unusable + self.submits.flow.unusable + self._unaddressed.unusable
