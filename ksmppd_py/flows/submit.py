"""MT: from an ESME to the bearerbox or into the store (docs/rules/flows.md 1)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from ksmppd_py.errors import KsmppdError, NoBearerbox, TemporaryError, Throttled
from ksmppd_py.flows.billing import Billing
from ksmppd_py.flows.refuse import refuse
from ksmppd_py.flows.routing import Routing
from ksmppd_py.flows.simulation import SimulationFlow
from ksmppd_py.flows.submit_statistics import SubmitStatistics
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.outcomes import COMMAND_STATUS_OF_RESULT, SubmitResult
from ksmppd_py.model.ports import Gateway
from ksmppd_py.model.store import MessageStore
from ksmppd_py.model.work import BindContext, Submit

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
        routing: Routing,
        billing: Billing,
        gateway: Gateway,
        store: MessageStore | None,
        simulation: SimulationFlow,
        statistics: SubmitStatistics,
        clock: Clock,
    ) -> None:
        self._routing = routing
        self._billing = billing
        self._gateway = gateway
        self._store = store
        self._simulation = simulation
        self._statistics = statistics
        self._clock = clock

    def overlaps(self, bind: BindContext) -> bool:
        """See ports.SubmitService."""
        return self._routing.waits and bind.account.simulation is None

    def submit_at_once(self, batch: Sequence[Submit], bind: BindContext) -> list[Submit] | None:
        """Send each submit to a bearerbox; return those that are refused. Doesn't yield.

        Those that no bearerbox takes return to their origin as NO_BEARERBOX, for `conclude`. Returns None, and does
        nothing, while routes, credit, the store or the simulation have to be waited for.
        """
        account = bind.account
        if (
            account.simulation is not None
            or bind.is_charged
            or not self._gateway.online
            or not self._routing.is_ready(account.system_id)
            or (bind.ids is not None and not bind.ids.has(len(batch)))
        ):
            return None
        passed, settled = self._throttle(batch, bind)
        for submit in self._gateway.send_all(self._routing.run(passed, settled, bind)):
            submit.result = SubmitResult.NO_BEARERBOX
            submit.origin.settled(submit)
        if settled:
            self._statistics.count_settled(settled, bind)
        return settled

    def submit(
        self, batch: Sequence[Submit], bind: BindContext, turn: Callable[[], object] | None = None
    ) -> list[Submit]:
        """Send each submit to a bearerbox, the store or the simulation; return those whose command_status is set.

        The others return to their origin with a `result`, for `conclude`. May yield (routes, credit, store).
        """
        passed, settled = self._throttle(batch, bind)
        if bind.account.simulation is not None:
            settled.extend(self._simulation.submit(passed, bind))
            self._statistics.count_settled(settled, bind)
            return settled
        routed = self._routing.run(passed, settled, bind)
        if turn is not None:
            turn()
        if bind.is_charged:
            routed = self._billing.charge(routed, settled, bind)
        to_store = self._gateway.send_all(routed)
        if to_store:
            self._keep(to_store, bind)
            settled.extend(to_store)
        if settled:
            self._statistics.count_settled(settled, bind)
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
            self._billing.refund(refused, bind.account.system_id)
        self._statistics.count_settled(batch, bind)

    def _throttle(self, batch: Sequence[Submit], bind: BindContext) -> tuple[Sequence[Submit], list[Submit]]:
        esme = bind.esme
        allowed = len(batch)
        if esme.bucket.rate > 0:
            allowed = esme.bucket.take(allowed, self._clock.monotonic())
        settled: list[Submit] = []
        if allowed < len(batch):
            settled.extend(batch[allowed:])
            bind.totals.throttled += len(settled)
            for submit in settled:
                refuse(submit, Throttled(), bind.options.profile.statuses)
            batch = batch[:allowed]
        if allowed:
            self._statistics.received(allowed, bind)
        return batch, settled

    @property
    def has_queue(self) -> bool:
        """Whether messages are stored while no bearerbox is connected."""
        return self._store is not None

    @property
    def has_next_hop(self) -> bool:
        """Whether a bearerbox is connected or there is a store."""
        return self._gateway.online or self._store is not None

    def _keep(self, batch: list[Submit], bind: BindContext) -> None:
        """Store what no bearerbox takes, or refuse it temporarily; sets each command_status. May yield.

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
        is_temporary = isinstance(error, TemporaryError)
        if not is_temporary and len(batch) > 1:
            for submit in batch:  # only the message that a column can't hold is refused
                self._keep_some([submit], bind)
            return
        for submit in batch:
            refuse(submit, error, bind.options.profile.statuses)
        self._billing.refund(batch, bind.account.system_id)

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

    def refuse(self, batch: Sequence[Submit], bind: BindContext, command_status: int, reason: str) -> None:
        """See ports.SubmitService."""
        for submit in batch:
            submit.command_status, submit.reason = command_status, reason
        self._statistics.count_settled(batch, bind)


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
