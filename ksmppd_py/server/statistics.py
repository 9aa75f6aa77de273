"""The server's state as lines for the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence

import gevent

from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.model.esme import ServerSnapshot
from ksmppd_py.model.refusals import SUBMIT, RefusalCount
from ksmppd_py.server.process import process_line
from ksmppd_py.server.status import ServerStatus
from ksmppd_py.smpp.describe import describe_status
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)

LOAD_INTERVAL = 30.0
"""Seconds between two lines about the load."""
REFUSALS_INTERVAL = 1.0
"""Seconds between two times that refusals are logged."""


class StatusLog:
    """Logs the load twice a minute, and refusals once a second, which are passed to `add_events`, too."""

    def __init__(
        self,
        registry: EsmeRegistry,
        add_events: Callable[[Sequence[RefusalCount]], None],
        load_interval: float = LOAD_INTERVAL,
    ) -> None:
        self._registry = registry
        self._add_events = add_events
        self._load_interval = load_interval
        self._greenlets = GreenletGroup("status log")

    def start(self) -> None:
        """Start the greenlets. Doesn't yield."""
        self._greenlets.supervise("load line", self._log_load)
        self._greenlets.supervise("refusal lines", self._log_refusals)

    def stop(self) -> None:
        """End the greenlets. May yield."""
        self._greenlets.end(1.0)

    def _log_load(self) -> None:
        while True:
            gevent.sleep(self._load_interval)
            now = int(time.time())
            meters = self._registry.meters
            logger.info(
                "Current SMPP load is %f/sec inbound %f/sec outbound",
                meters.inbound.rate(2, now),
                meters.outbound.rate(2, now),
            )
            if logger.isEnabledFor(logging.DEBUG):
                for line in load_lines(self._registry.snapshot()):
                    logger.debug("%s", line)

    def _log_refusals(self) -> None:
        while True:
            gevent.sleep(REFUSALS_INTERVAL)
            now = time.time()
            refusals = self._registry.meters.refusals.take_unlogged(now)
            self._add_events(refusals)
            for words, values in refusal_lines(refusals, now):
                logger.warning(words, *values)


def statistics(server_status: ServerStatus) -> Iterator[str]:
    """Yield all lines for SIGQUIT. Looks at every object, which takes a moment in which nothing else runs."""
    metrics, snapshot = server_status.metrics(), server_status.snapshot()
    boxes = metrics.bearerboxes
    binds = sum(len(esme.binds) for esme in snapshot.esmes)
    yield f"{binds} bind(s) of {len(snapshot.esmes)} account(s), {metrics.connections} connection(s)"
    yield f"{snapshot.inbound_processed} submits, {snapshot.outbound_processed} deliver_sm_resp"
    yield f"{boxes.online} of {len(boxes.bearerboxes)} bearerbox(es) online, {boxes.waiting} MT(s) wait for them"
    for box in boxes.bearerboxes:
        state = "online" if box.online else "away"
        yield f"Bearerbox {box.name} is {state}, {box.open_acks} MT(s) unacked, {box.incoming} MO(s) and DLR(s) to ack"
    yield from load_lines(snapshot)
    yield process_line()


def refusal_lines(refusals: Sequence[RefusalCount], now: float) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield format and values of a line for each kind of refused submits; refused binds have lines of their own.

    The reason is part of the format, so that lines with other reasons aren't left out with it.
    """
    for refusal in refusals:
        if refusal.kind != SUBMIT:
            continue
        last = refusal.example
        yield (
            f"SMPP[%s] %d message(s) refused within %d s: {refusal.reason}, %s; the last from %s to %s, id %s",
            (
                refusal.system_id,
                refusal.count,
                max(1, round(now - refusal.first)),
                describe_status(last.command_status),
                last.sender,
                last.receiver,
                last.message_id or "none",
            ),
        )


def load_lines(snapshot: ServerSnapshot) -> Iterator[str]:
    """Yield the lines that KSMPPD writes about each account twice a minute."""
    for esme in snapshot.esmes:
        binds = ", ".join(
            f"{bind.bind_id} (type {bind.bind_type}, {bind.open_acks} open acks, load {bind.inbound_load:g}/"
            f"{bind.outbound_load:g}, queued {bind.inbound_queued}/{bind.outbound_queued}, processed "
            f"{bind.inbound_processed}/{bind.outbound_processed})"
            for bind in esme.binds
        )
        yield f"SMPP[{esme.system_id}] has {len(esme.binds)} bind(s): {binds or 'none'}"
