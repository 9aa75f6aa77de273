"""Simulated accounts: answers, reports and mobile-originated messages without a bearerbox (docs/rules/flows.md 6)."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from ksmppd_py.errors import KsmppdError
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.refuse import ids_for
from ksmppd_py.kannel.messages import DlrMask, Sms, SmsType
from ksmppd_py.model.account import Simulation
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.ids import MessageIds
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.ports import Receivers
from ksmppd_py.model.store import PduStore
from ksmppd_py.model.work import BindContext, Delivery, Origin, Submit
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.pdus import DeliverSm
from ksmppd_py.translate import mo, receipts, report_text
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.reports import report_on
from ksmppd_py.translate.submit import TRANSLATIONS, set_esme_id

logger = logging.getLogger(__name__)

_FAILED = report_text.made_up(b"UNDELIV", b"001")
SIMULATED_STATUSES = (int(CommandStatus.RMSGQFUL), int(CommandStatus.RSUBMITFAIL))
"""The command_status of simulated refusals: temporary and permanent."""
LIMIT = 100_000
"""Simulated messages that wait to be delivered; above it further ones are dropped with a warning."""


class SimulationFlow:
    """Answers submits as the account's simulation says.

    Reports and replies are delivered `delay` seconds later, at the next `deliver_due`. Reports are sent with any
    registered_delivery, because accounts are simulated to get them (D-14).
    """

    def __init__(
        self,
        delivery: DeliveryFlow,
        receivers: Receivers,
        store: PduStore | None,
        origin: Origin,
        ids: MessageIds,
        clock: Clock,
        delay: float = 0.0,
    ) -> None:
        self._delivery = delivery
        self._receivers = receivers
        self._store = store
        self._origin = origin
        self._ids = ids
        self._clock = clock
        self._delay = delay
        self._options: dict[str, BindOptions] = {}
        self._waiting: deque[tuple[float, Delivery]] = deque()

    def submit(self, batch: Sequence[Submit], bind: BindContext) -> list[Submit]:
        """Set the command_status of every submit of the batch, and return them all. May yield (leases of ids)."""
        refused: list[Submit] = []
        ids = ids_for(batch, bind, refused)
        if ids is None:
            return refused
        simulation = bind.account.simulation
        assert simulation is not None
        now = int(self._clock.time())
        self._options[bind.account.system_id] = bind.options
        for submit in batch:
            ordinal = submit.ordinal
            if _hits(simulation.temporary_failure_every, ordinal):
                submit.command_status = SIMULATED_STATUSES[0]
            elif _hits(simulation.permanent_failure_every, ordinal):
                submit.command_status = SIMULATED_STATUSES[1]
            else:
                self._accept(submit, bind, simulation, ids, now)
        return list(batch)

    def _accept(
        self, submit: Submit, bind: BindContext, simulation: Simulation, ids: list[bytes], now: int
    ) -> None:
        system_id, pdu = bind.account.system_id, submit.pdu
        try:
            sms = TRANSLATIONS[pdu.__class__](pdu, bind.options, bind.service, self._ids.next(), now)
        except Untranslatable as refusal:
            submit.command_status = int(refusal.command_status)
            return
        if ids:
            set_esme_id(pdu, sms, ids.pop())
        submit.sms = sms
        submit.command_status = 0
        fails = _hits(simulation.dlr_fail_every, submit.ordinal)
        if fails or _hits(simulation.deliver_every, submit.ordinal):
            self._schedule(system_id, self._report_on(sms, now, fails))
        if _hits(simulation.mo_every, submit.ordinal):
            self._schedule(system_id, self._answer_to(sms, now))

    def _report_on(self, sms: Sms, now: int, fails: bool) -> Sms:
        mask, text = (DlrMask.FAIL, _FAILED) if fails else (DlrMask.SUCCESS, None)
        return report_on(sms, self._ids.next(), now + round(self._delay), mask, text)

    def _answer_to(self, sms: Sms, now: int) -> Sms:
        return Sms(
            sender=sms.receiver,
            receiver=sms.sender,
            udhdata=sms.udhdata,
            msgdata=sms.msgdata,
            time=now,
            service=sms.service,
            id=self._ids.next(),
            sms_type=SmsType.MO,
            mclass=sms.mclass,
            mwi=sms.mwi,
            coding=sms.coding,
            alt_dcs=sms.alt_dcs,
        )

    def _schedule(self, system_id: str, sms: Sms) -> None:
        if len(self._waiting) >= LIMIT:
            logger.warning("Simulation has %d messages waiting, one for %s is dropped", LIMIT, system_id)
            return
        delivery = Delivery(self._origin, sms)
        delivery.system_id = system_id
        self._waiting.append((self._clock.time() + self._delay, delivery))

    def deliver_due(self) -> None:
        """Deliver the messages that are due; called once a second. May yield (store)."""
        now = self._clock.time()
        due = []
        while self._waiting and self._waiting[0][0] <= now:
            due.append(self._waiting.popleft()[1])
        for delivery in due:
            outcome = self._delivery.dispatch(delivery)
            if outcome is Outcome.NO_RECEIVER and self._receivers.bound(delivery.system_id):
                self._waiting.append((now, delivery))  # the bind's window is full
            elif outcome is not None:
                self.conclude(delivery, outcome)

    def conclude(self, delivery: Delivery, outcome: Outcome) -> None:
        """End a simulated message; one that wasn't delivered goes to the PDU table, or is dropped without a store.

        May yield.
        """
        if outcome in (Outcome.DONE, Outcome.PERMANENT) or self._store is None:
            return
        sms = delivery.sms
        assert sms is not None
        try:
            pdus = _translate(sms, self._options.get(delivery.system_id, BindOptions()))
            self._store.save_pdus(delivery.system_id, [codec.pack(pdu, 0)[4:] for pdu in pdus])
        except (KsmppdError, Untranslatable) as error:
            logger.warning("A simulated message for %s could not be stored: %s", delivery.system_id, error)


def _translate(sms: Sms, options: BindOptions) -> list[DeliverSm]:
    """Return the PDUs for a later bind, which may be too old for message_payload."""
    if sms.sms_type == SmsType.REPORT_MO:
        return receipts.to_deliver_sm(sms, options)
    return mo.to_deliver_sm(sms, replace(options, long_mo_as_payload=False), 0)


def _hits(every: int, ordinal: int) -> bool:
    return every > 0 and ordinal % every == 0
