"""Counts submits: the loads, and how they were answered."""

from __future__ import annotations

from collections.abc import Sequence

from ksmppd_py.flows.simulation import SIMULATED_STATUSES
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.esme import ServerMeters
from ksmppd_py.model.names import to_name
from ksmppd_py.model.refusals import SIMULATED, SUBMIT, Example
from ksmppd_py.model.work import BindContext, Submit, id_for_esme


class SubmitStatistics:
    """Counts the submits of binds for each bind, its account and the server. No method yields."""

    def __init__(self, meters: ServerMeters, clock: Clock) -> None:
        self._meters = meters
        self._clock = clock

    def received(self, count: int, bind: BindContext) -> None:
        """Add so many submits, which throughput allows, to the loads."""
        now = int(self._clock.time())
        bind.inbound.add(count, now)
        bind.esme.inbound.add(count, now)
        self._meters.inbound.add(count, now)
        self._meters.inbound_processed += count

    def routed(self, seconds: float) -> None:
        """Add the time that routing a batch took."""
        self._meters.routing.observe(seconds)

    def count_settled(self, batch: Sequence[Submit], bind: BindContext) -> None:
        """Count submits of a bind that have a command_status, the refused ones by status and reason."""
        accepted = sum(1 for submit in batch if submit.command_status == 0)
        bind.count(accepted, len(batch) - accepted)
        if accepted < len(batch):
            self._refused(batch, bind)

    def _refused(self, batch: Sequence[Submit], bind: BindContext) -> None:
        """Count refused submits by status, and keep one example of each reason for operators."""
        kinds: dict[tuple[str, int], list[Submit]] = {}
        for submit in batch:
            status = submit.command_status
            if status:
                kinds.setdefault((_reason(submit, bind), status), []).append(submit)
        refused, system_id, now = bind.totals.refused, bind.account.system_id, self._clock.time()
        for (reason, status), alike in kinds.items():
            refused[status] = refused.get(status, 0) + len(alike)
            example = _example(alike[-1], status)
            self._meters.refusals.add(SUBMIT, system_id, "", reason, now, len(alike), example)


def _reason(submit: Submit, bind: BindContext) -> str:
    if hasattr(submit, "reason"):
        return submit.reason
    if submit.result is not None:
        return "refused by the bearerbox"
    if bind.account.simulation is not None and submit.command_status in SIMULATED_STATUSES:
        return SIMULATED
    return "malformed message"


def _example(submit: Submit, status: int) -> Example:
    """Return a refused message for operators, with the addresses of the PDU where it wasn't translated."""
    sms, pdu = submit.sms, submit.pdu
    if sms is not None:
        return Example(
            status, to_name(sms.sender or b""), to_name(sms.receiver or b""), to_name(id_for_esme(sms))
        )
    sender, receiver = getattr(pdu, "source_addr", b""), getattr(pdu, "destination_addr", b"")
    return Example(status, to_name(sender), to_name(receiver))
