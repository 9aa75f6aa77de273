"""The messages of one bearerbox that aren't acked yet, and their acks (docs/rules/box-protocol.md 6.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic, time

from ksmppd_py.bearerbox.delayed_nacks import DelayedNacks
from ksmppd_py.bearerbox.timings import BoxTimings
from ksmppd_py.kannel.codec import pack_ack
from ksmppd_py.kannel.messages import AckStatus
from ksmppd_py.model.outcomes import ACK_OF_OUTCOME, Outcome
from ksmppd_py.model.work import Delivery

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 50
"""Refusals that each round sends before their time, so that none is repeated at full speed."""
_SUCCESS = int(AckStatus.SUCCESS)


class UnackedMessages:
    """Messages by id, each acked once. `delayed` has those whose temporary refusal is sent later. No method yields.

    `write` sends octets to the bearerbox `name`, and drops them while it is away: then it repeats messages without ack.
    """

    __slots__ = ("_name", "_write", "delayed", "messages")

    def __init__(self, name: str, write: Callable[[bytes], None], timings: BoxTimings) -> None:
        self._name = name
        self._write = write
        self.messages: dict[bytes, Delivery] = {}
        self.delayed = DelayedNacks(timings)

    def ack_delivered(self, delivery: Delivery) -> None:
        """Ack a message that its ESME took; the account's next refusal has the first delay again."""
        sms = delivery.sms
        assert sms is not None
        self.delayed.reset(delivery.system_id)
        if self.messages.pop(sms.id, None) is not None:
            self._write(pack_ack(_SUCCESS, int(time()), sms.id))

    def ack(self, delivery: Delivery, outcome: Outcome) -> None:
        """Ack or refuse a message, unless that was done before."""
        sms = delivery.sms
        assert sms is not None
        if self.messages.pop(sms.id, None) is not None:
            self._write(pack_ack(ACK_OF_OUTCOME[outcome], int(time()), sms.id))

    def nack_later(self, delivery: Delivery) -> None:
        """Refuse a message temporarily, after a delay: the bearerbox would repeat it at once, at full speed."""
        self.delayed.put(delivery, monotonic())

    def nack_after_error(self, delivery: Delivery) -> None:
        """Log the unexpected error that is being handled, and refuse this message after a delay."""
        logger.exception(
            "Message for %r from bearerbox %s failed unexpectedly", delivery.system_id, self._name
        )
        self.nack_later(delivery)

    def nack_overflow(self, most: int) -> None:
        """Refuse the delayed messages above `most` before their time, MOST_AT_ONCE at most, so that others get in."""
        for delivery in self.delayed.first(min(MOST_AT_ONCE, len(self.delayed) - most)):
            self.ack(delivery, Outcome.TEMPORARY)

    def nack_all_delayed(self) -> None:
        """Refuse all delayed messages before their time."""
        for delivery in self.delayed.first(len(self.delayed)):
            self.ack(delivery, Outcome.TEMPORARY)
