"""The greenlets that deliver simulated messages."""

from __future__ import annotations

import gevent

from ksmppd_py.flows.simulation import SimulationFlow
from ksmppd_py.model.work import Delivery
from ksmppd_py.transport.batch_queue import BatchQueue
from ksmppd_py.transport.greenlets import GreenletGroup

ROUND = 1.0
"""Seconds between two rounds without a delay."""
SHORTEST_ROUND = 0.02
"""Seconds between two rounds when delays are short."""


class SimulationJobs:
    """The queue and the greenlets of simulated messages."""

    def __init__(self) -> None:
        self._queue: BatchQueue[Delivery] = BatchQueue()
        self._owner = GreenletGroup("simulation")

    def settled(self, delivery: Delivery) -> None:
        """Take back a simulated message. Doesn't yield."""
        self._queue.put(delivery)

    def start(self, flow: SimulationFlow, delay: float = 0.0) -> None:
        """Start the rounds, often enough for a delay of `delay` seconds. Doesn't yield."""
        pause = min(ROUND, max(SHORTEST_ROUND, delay / 10)) if delay else ROUND
        self._owner.supervise("simulation", lambda: _deliver_due(flow, pause))
        self._owner.supervise("simulation settler", lambda: self._settle(flow))

    def _settle(self, flow: SimulationFlow) -> None:
        while True:
            for delivery in self._queue.take():
                flow.conclude(delivery, delivery.outcome)

    def stop(self) -> None:
        """End the greenlets. May yield."""
        self._owner.end(1.0)


def _deliver_due(flow: SimulationFlow, pause: float) -> None:
    while True:
        gevent.sleep(pause)
        flow.deliver_due()
