"""The greenlets that deliver simulated messages."""

from __future__ import annotations

import gevent

from ksmppd_py.flows.simulation import SimulationFlow
from ksmppd_py.model.work import Delivery
from ksmppd_py.transport.batch_queue import BatchQueue
from ksmppd_py.transport.greenlets import GreenletGroup

ROUND_INTERVAL = 1.0
"""Seconds between two rounds without a delay."""
SHORTEST_ROUND_INTERVAL = 0.02
"""Seconds between two rounds when delays are short."""


class SettledDeliveries(BatchQueue[Delivery]):
    """Simulated messages that ESMEs have answered. Implements work.Origin."""

    def settled(self, delivery: Delivery) -> None:
        """Take back a simulated message. Doesn't yield."""
        self.put(delivery)


class SimulationJobs:
    """Delivers simulated messages when they are due, and concludes those that are settled."""

    def __init__(self, flow: SimulationFlow, settled: SettledDeliveries, delay: float) -> None:
        """`delay` is the flow's, in seconds: rounds come often enough for it."""
        self.flow = flow
        self._settled = settled
        self._pause = (
            min(ROUND_INTERVAL, max(SHORTEST_ROUND_INTERVAL, delay / 10)) if delay else ROUND_INTERVAL
        )
        self._greenlets = GreenletGroup("simulation")

    def start(self) -> None:
        """Start the rounds. Doesn't yield."""
        self._greenlets.supervise("simulation", self._deliver_due)
        self._greenlets.supervise("simulation settler", self._conclude_settled)

    def stop(self) -> None:
        """End the greenlets. May yield."""
        self._greenlets.end(1.0)

    def _deliver_due(self) -> None:
        while True:
            gevent.sleep(self._pause)
            self.flow.deliver_due()

    def _conclude_settled(self) -> None:
        while True:
            for delivery in self._settled.take():
                self.flow.conclude(delivery, delivery.outcome)
