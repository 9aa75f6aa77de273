"""The ends of messages, as the bearerbox reports them whatever the ESME asked for (`dlr-always`)."""

from __future__ import annotations

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.esme import ServerMeters
from ksmppd_py.model.ports import AccessLog
from ksmppd_py.model.work import Delivery
from ksmppd_py.translate.receipts import state_of_report

MOST_COUNTS = 10_000
"""Pairs of account and state that are counted; further accounts are counted under OTHERS."""
OTHERS = "(others)"


class MessageEnds:
    """Counts final reports while `on`, and logs those that no ESME gets. No method yields."""

    def __init__(self, meters: ServerMeters, access: AccessLog, clock: Clock, on: bool) -> None:
        self._meters = meters
        self._access = access
        self._clock = clock
        self.on = on

    def count(self, system_id: str, report: Sms) -> None:
        """Count a report that the bearerbox has just sent, if it is final."""
        state = state_of_report(report)
        if state.final:
            ends, stat = self._meters.ends, state.stat.decode("ascii")
            if len(ends) >= MOST_COUNTS and (system_id, stat) not in ends:
                system_id = OTHERS
            ends[system_id, stat] += 1

    def unasked(self, delivery: Delivery) -> None:
        """Log a report that the ESME didn't ask for, as one of bind 0."""
        if self._access.on:
            self._access.delivered(delivery, 0, 0, delivery.received_at or self._clock.monotonic())
