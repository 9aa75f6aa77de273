"""MT: from an ESME to the bearerbox or into the store (docs/rules/flows.md 1)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from ksmppd_py.errors import (
    CreditTooLow,
    DatabaseUnavailable,
    KsmppdError,
    NoBearerbox,
    TemporaryError,
    Throttled,
)
from ksmppd_py.flows.routing import Routing, refuse
from ksmppd_py.flows.simulation import SIMULATED_STATUSES, SimulationFlow
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.esme import ServerMeters
from ksmppd_py.model.ids import MessageIds
from ksmppd_py.model.names import to_name
from ksmppd_py.model.outcomes import COMMAND_STATUS_OF_RESULT, SubmitResult
from ksmppd_py.model.ports import Credit, Gateway, MessageStore, Router
from ksmppd_py.model.refusals import SIMULATED, SUBMIT, Example
from ksmppd_py.model.route_test import RouteTestResult
from ksmppd_py.model.work import BindContext, Submit
from ksmppd_py.smpp.pdus import SubmitSm

logger = logging.getLogger(__name__)

OCTETS_AT_ONCE = 1024 * 1024
"""Octets of text above which a batch is stored in several calls."""


class SubmitFlow:
    """Takes batches of submits to a bearerbox or the store, and returned ones to their command_status.

    A batch holds the submits of one read of a bind. Every step is taken for the whole batch, so that the database is
    asked once for each batch. The order within a bind is kept. Implements ports.SubmitService.
    """

    def __init__(
        self,
        router: Router,
        gateway: Gateway,
        credit: Credit | None,
        store: MessageStore | None,
        simulation: SimulationFlow,
        meters: ServerMeters,
        ids: MessageIds,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        *,
        after_source_refusal: bool = False,
    ) -> None:
        self._routing = Routing(router, meters, ids, clock, monotonic, after_source_refusal)
        self._gateway = gateway
        self._credit = credit
        self._store = store
        self._simulation = simulation
        self._meters = meters
        self._clock = clock
        self._monotonic = monotonic

    def waits(self, bind: BindContext) -> bool:
        """See ports.SubmitService."""
        return self._routing.waits and bind.account.simulation is None

    def is_quick(self, bind: BindContext) -> bool:
        """See ports.SubmitService."""
        account = bind.account
        return (
            self._gateway.online
            and account.simulation is None
            and not bind.is_charged
            and self._routing.is_ready(account.system_id)
        )

    def submit_at_once(self, batch: Sequence[Submit], bind: BindContext) -> list[Submit]:
        """Send each submit to a bearerbox; return those that are refused. Doesn't yield while `is_quick`.

        Those that no bearerbox takes return to their origin as NO_BEARERBOX, for `conclude`.
        """
        passed, settled = self._throttle(batch, bind)
        for submit in self._gateway.send_all(self._routing.run(passed, settled, bind)):
            submit.result = SubmitResult.NO_BEARERBOX
            submit.origin.settled(submit)
        if settled:
            self.count(settled, bind)
        return settled

    def submit(
        self, batch: Sequence[Submit], bind: BindContext, turn: Callable[[], object] | None = None
    ) -> list[Submit]:
        """Send each submit to a bearerbox, the store or the simulation; return those whose command_status is set.

        The others return to their origin with a `result`, for `conclude`. May yield (routes, credit, store).
        """
        passed, settled = self._throttle(batch, bind)
        if bind.account.simulation is not None:
            settled.extend(self._simulation.submit(passed, bind.account, bind.options))
            self.count(settled, bind)
            return settled
        routed = self._routing.run(passed, settled, bind)
        if turn is not None:
            turn()
        if bind.is_charged:
            routed = self._charge(routed, settled, bind)
        to_store = self._gateway.send_all(routed)
        if to_store:
            self._keep(to_store, bind)
            settled.extend(to_store)
        if settled:
            self.count(settled, bind)
        return settled

    def conclude(self, batch: Sequence[Submit], bind: BindContext) -> None:
        """Set the command_status of submits that came back with a `result`. May yield (refund, store)."""
        refused: list[Submit] = []
        lost: list[Submit] = []
        for submit in batch:
            result = submit.result
            if result is None or result is SubmitResult.NO_BEARERBOX:
                lost.append(submit)
                continue
            submit.command_status = COMMAND_STATUS_OF_RESULT[result]
            if submit.command_status:
                refused.append(submit)
        if lost:
            self._keep(lost, bind)
        if refused:
            self._refund(refused, bind)
        self.count(batch, bind)

    def _throttle(self, batch: Sequence[Submit], bind: BindContext) -> tuple[Sequence[Submit], list[Submit]]:
        esme = bind.esme
        allowed = len(batch)
        if esme.bucket.rate > 0:
            allowed = esme.bucket.take(allowed, self._monotonic())
        settled: list[Submit] = []
        if allowed < len(batch):
            settled.extend(batch[allowed:])
            bind.totals.throttled += len(settled)
            for submit in settled:
                refuse(submit, Throttled())
            batch = batch[:allowed]
        if allowed:
            now = int(self._clock())
            bind.inbound.add(allowed, now)
            esme.inbound.add(allowed, now)
            self._meters.inbound.add(allowed, now)
            self._meters.inbound_processed += allowed
        return batch, settled

    def test_route(self, pdu: SubmitSm, bind: BindContext, is_known: bool) -> RouteTestResult:
        """See Routing.test_route."""
        return self._routing.test_route(pdu, bind, is_known)

    @property
    def has_next_hop(self) -> bool:
        """Whether a bearerbox is connected or there is a store."""
        return self._gateway.online or self._store is not None

    def _charge(self, routed: list[Submit], settled: list[Submit], bind: BindContext) -> list[Submit]:
        """Charge the batch; return the messages that are paid, the others are refused and go to `settled`.

        May yield.
        """
        if not routed or self._credit is None:
            return routed
        error: KsmppdError = CreditTooLow()
        try:
            paid = self._credit.charge(bind.account.system_id, [s.cost for s in routed])
        except DatabaseUnavailable as unavailable:
            paid, error = 0, unavailable
            logger.warning(
                "%s: %d message(s) can't be charged now: %s",
                bind.account.system_id,
                len(routed),
                unavailable,
            )
        for submit in routed[paid:]:
            submit.cost = 0.0
            refuse(submit, error)
            settled.append(submit)
        return routed[:paid]

    def _keep(self, batch: list[Submit], bind: BindContext) -> None:
        """Store what no bearerbox takes, or refuse it for now; sets each command_status. May yield.

        Long texts are stored in several calls, because every message is copied on its way to the database.
        """
        if self._store is None:
            self._keep_some(batch, bind)
            return
        for some in _in_pieces(batch):
            self._keep_some(some, bind)

    def _keep_some(self, batch: list[Submit], bind: BindContext) -> None:
        error = self._save(batch)
        if error is None:
            for submit in batch:
                submit.command_status = 0
            return
        for_now = isinstance(error, TemporaryError)
        if not for_now and len(batch) > 1:
            for submit in batch:  # only the message that a column can't hold is refused
                self._keep_some([submit], bind)
            return
        for submit in batch:
            refuse(submit, error)
        self._refund(batch, bind)

    def _save(self, batch: list[Submit]) -> KsmppdError | None:
        """Store the batch; return None, or why it wasn't stored. May yield."""
        if self._store is None:
            return NoBearerbox()
        messages: list[Sms] = [s.sms for s in batch if s.sms is not None]
        try:
            self._store.save(messages)
        except KsmppdError as error:
            return error
        except Exception:
            logger.exception("%d message(s) can't be stored", len(batch))
            return KsmppdError()
        return None

    def _refund(self, batch: list[Submit], bind: BindContext) -> None:
        """Give back the price of refused messages; logged as an error when that fails. May yield."""
        amount = sum(submit.cost for submit in batch)
        if amount and self._credit is not None:
            try:
                self._credit.refund(bind.account.system_id, amount)
            except DatabaseUnavailable:
                logger.error(
                    "%s: could not refund %f for %d refused message(s)",
                    bind.account.system_id,
                    amount,
                    len(batch),
                )

    def count(self, settled: Sequence[Submit], bind: BindContext) -> None:
        """Count settled submits of a bind, the refused ones by status and reason. Doesn't yield."""
        accepted = sum(1 for submit in settled if submit.command_status == 0)
        bind.count(accepted, len(settled) - accepted)
        if accepted < len(settled):
            self._count_refused(settled, bind)

    def _count_refused(self, settled: Sequence[Submit], bind: BindContext) -> None:
        """Count refused submits by status, and give operators one example of each reason."""
        kinds: dict[tuple[str, int], list[Submit]] = {}
        for submit in settled:
            status = submit.command_status
            if status:
                kinds.setdefault((_reason(submit, bind), status), []).append(submit)
        refused, system_id, now = bind.totals.refused, bind.account.system_id, self._clock()
        for (reason, status), alike in kinds.items():
            refused[status] = refused.get(status, 0) + len(alike)
            example = _example(alike[-1], status)
            self._meters.refusals.add(SUBMIT, system_id, "", reason, now, len(alike), example)


def _example(submit: Submit, status: int) -> Example:
    """Return a refused message for operators, with the addresses of the PDU where it wasn't translated."""
    sms, pdu = submit.sms, submit.pdu
    if sms is not None:
        return Example(status, to_name(sms.sender or b""), to_name(sms.receiver or b""), to_name(sms.id))
    sender, receiver = getattr(pdu, "source_addr", b""), getattr(pdu, "destination_addr", b"")
    return Example(status, to_name(sender), to_name(receiver))


def _in_pieces(batch: list[Submit]) -> Iterator[list[Submit]]:
    """Yield the messages in the same order, in pieces of at least OCTETS_AT_ONCE octets of text."""
    piece: list[Submit] = []
    octets = 0
    for submit in batch:
        piece.append(submit)
        octets += len((submit.sms and submit.sms.msgdata) or b"")
        if octets > OCTETS_AT_ONCE:
            yield piece
            piece, octets = [], 0
    if piece:
        yield piece


def _reason(submit: Submit, bind: BindContext) -> str:
    if hasattr(submit, "reason"):
        return submit.reason
    if submit.result is not None:
        return "refused by the bearerbox"
    if bind.account.simulation is not None and submit.command_status in SIMULATED_STATUSES:
        return SIMULATED
    return "malformed message"
