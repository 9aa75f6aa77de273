"""The deliver_sm that one bind has been sent and hasn't answered (docs/rules/smpp-session.md 8)."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from ksmppd_py.model.esme import Counters, Totals
from ksmppd_py.model.outcomes import Outcome, of_command_status
from ksmppd_py.model.ports import AccessLog
from ksmppd_py.model.work import BindContext, Delivery
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import ESM_TYPE_DELIVERY_ACKNOWLEDGEMENT, ESM_TYPE_DELIVERY_RECEIPT
from ksmppd_py.smpp.link import SmppLink
from ksmppd_py.smpp.pdus import DeliverSm
from ksmppd_py.transport.framed import FramedSocket

_DONE = Outcome.DONE
_pack = codec.PACKERS[DeliverSm]
_REPORT_TYPES = ESM_TYPE_DELIVERY_RECEIPT | ESM_TYPE_DELIVERY_ACKNOWLEDGEMENT | 0x20


class DeliverWindow:
    """The unanswered deliver_sm of one bind by sequence number, oldest first.

    The counters of `bind` and of its account count each part that is answered with status 0; the account's totals count
    every other end. Without a bind nothing is sent.
    """

    __slots__ = ("_access", "_bind_id", "_counters", "_link", "_socket", "_totals", "unanswered")

    def __init__(
        self, link: SmppLink, framed: FramedSocket, access: AccessLog, bind: BindContext | None = None
    ) -> None:
        self._link = link
        self._socket = framed
        self._access = access
        self._counters: tuple[Counters, ...] = ()
        self._totals: Totals | None = None
        self._bind_id = 0
        if bind is not None:
            self._counters, self._totals = (bind.counters, bind.totals), bind.totals
            self._bind_id = bind.bind_id
        self.unanswered: dict[int, tuple[Delivery, float, bool]] = {}
        """By sequence number: the message, when this part was sent (monotonic), whether it is a report."""

    def deliver(self, pdus: Sequence[DeliverSm], delivery: Delivery) -> None:
        """Send the parts of one message. Doesn't yield.

        Each part ends exactly once, by `answered`, `expire` or `release`.
        """
        now = monotonic()
        unanswered = self.unanswered
        for pdu in pdus:
            number = self._link.next_sequence(unanswered)
            unanswered[number] = (delivery, now, pdu.esm_class & _REPORT_TYPES != 0)
            self._socket.write(_pack(pdu, number, 0))

    def answered(self, sequence_number: int, command_status: int) -> bool:
        """Settle the part with this number; False when none is open under it. Doesn't yield."""
        entry = self.unanswered.pop(sequence_number, None)
        if entry is None:
            return False
        delivery, sent_at, is_report = entry
        access = self._access
        if access.on and (command_status or (delivery.left == 1 and delivery.outcome is _DONE)):
            access.delivered(delivery, self._bind_id, command_status, sent_at)
        if command_status == 0:
            for counters in self._counters:
                if is_report:
                    counters.dlr += 1
                else:
                    counters.mo += 1
            delivery.part_ended(_DONE)
        else:
            outcome = of_command_status(command_status)
            self._count(is_report, outcome)
            delivery.part_ended(outcome)
        return True

    def expire(self, before: float, outcome: Outcome) -> int:
        """End the parts sent before that time (monotonic seconds); return how many. Doesn't yield."""
        expired = []
        for number, (_, sent_at, _) in self.unanswered.items():
            if sent_at >= before:
                break
            expired.append(number)
        for number in expired:
            delivery, sent_at, is_report = self.unanswered.pop(number)
            self._count(is_report, Outcome.TIMEOUT)
            if self._access.on:
                self._access.delivered(delivery, self._bind_id, None, sent_at)
            delivery.part_ended(outcome)
        return len(expired)

    def _count(self, is_report: bool, outcome: Outcome) -> None:
        if self._totals is not None:
            self._totals.count_undelivered(is_report, outcome)

    def overdue(self, before: float) -> bool:
        """Whether the oldest unanswered part was sent before that time (monotonic seconds)."""
        for _, sent_at, _ in self.unanswered.values():
            return sent_at < before
        return False

    def release(self) -> None:
        """End every unanswered part as GONE: the bind has ended. Doesn't yield."""
        released, self.unanswered = self.unanswered, {}
        for delivery, _, is_report in released.values():
            self._count(is_report, Outcome.GONE)
            delivery.part_ended(Outcome.GONE)
