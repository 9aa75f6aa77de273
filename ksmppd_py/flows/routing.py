"""Translates submits into messages for the bearerbox and routes them (docs/rules/flows.md 1 and 7)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ksmppd_py.errors import (
    CreditTooLow,
    KsmppdError,
    NoRoute,
    RouteRefused,
    SenderRefused,
    Throttled,
)
from ksmppd_py.flows.refuse import ids_for, refuse
from ksmppd_py.flows.submit_statistics import SubmitStatistics
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model import costs
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.ids import MessageIds
from ksmppd_py.model.names import to_octets
from ksmppd_py.model.outcomes import command_status_of, reason_of
from ksmppd_py.model.ports import Router
from ksmppd_py.model.route_test import RouteTestResult
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import BindContext, Submit
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.pdus import SubmitSm
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.submit import TRANSLATIONS, set_esme_id
from ksmppd_py.translate.udh import count_parts

logger = logging.getLogger(__name__)

LONG = 5000
"""Octets of text above which a message is checked for more than 255 parts, even if it isn't billed."""


class Routing:
    """Translates submits and asks the router about them.

    `after_source_refusal`: default_smsc takes a message whose sender a route refuses.
    """

    def __init__(
        self,
        router: Router,
        statistics: SubmitStatistics,
        ids: MessageIds,
        clock: Clock,
        after_source_refusal: bool = False,
    ) -> None:
        self._router = router
        self._statistics = statistics
        self._ids = ids
        self._clock = clock
        self._after_source_refusal = after_source_refusal

    @property
    def waits(self) -> bool:
        """Whether the router is an HTTP server or a plugin."""
        return self._router.waits

    def is_ready(self, system_id: str) -> bool:
        """Whether `run` for this account (lower case) wouldn't yield now."""
        return self._router.is_ready(system_id)

    def run(self, batch: Sequence[Submit], settled: list[Submit], bind: BindContext) -> list[Submit]:
        """Return the submits that have a route, in order; the others go to `settled` with their command_status.

        May yield.
        """
        translated = self._translated(batch, settled, bind)
        parts = _parts_of(translated, bind)
        asked_at = self._clock.monotonic()
        answers = self._ask_router(translated, bind)
        self._statistics.routed(self._clock.monotonic() - asked_at)
        routed: list[Submit] = []
        for submit, answer, count in zip(translated, answers, parts, strict=True):
            error = self._apply(submit, answer, bind, count)
            if error is None:
                routed.append(submit)
            else:
                refuse(submit, error, bind.options.profile.statuses)
                settled.append(submit)
        return routed

    def _translated(self, batch: Sequence[Submit], settled: list[Submit], bind: BindContext) -> list[Submit]:
        ids = ids_for(batch, bind, settled)
        if ids is None:
            return []
        now = int(self._clock.time())
        translated: list[Submit] = []
        for submit in batch:
            try:
                self._translate(submit, bind, now)
            except Untranslatable as refusal:
                submit.command_status = int(refusal.command_status)
                settled.append(submit)
            except Exception:
                logger.exception("A submit of %s failed unexpectedly", bind.account.system_id)
                refuse(submit, KsmppdError())
                settled.append(submit)
            else:
                if ids and submit.sms is not None:
                    set_esme_id(submit.pdu, submit.sms, ids.pop())
                translated.append(submit)
        return translated

    def _translate(self, submit: Submit, bind: BindContext, now: int) -> None:
        pdu = submit.pdu
        sms = TRANSLATIONS[pdu.__class__](pdu, bind.options, bind.service, self._ids.next(), now)
        default_smsc = bind.account.default_smsc
        if default_smsc:
            sms.smsc_id = to_octets(default_smsc)
        if sms.msgdata is not None and len(sms.msgdata) > LONG:
            count_parts(sms)  # refuses what doesn't fit into 255 parts
        submit.sms = sms

    def test_route(self, pdu: SubmitSm, bind: BindContext, is_known: bool) -> RouteTestResult:
        """Return the result that a submit would have, without sending, charging or counting it. May yield (router)."""
        submit = Submit(_NOWHERE, 0, pdu, 0)
        sender, receiver = pdu.source_addr.decode("latin-1"), pdu.destination_addr.decode("latin-1")
        try:
            self._translate(submit, bind, int(self._clock.time()))
            sms = submit.sms
            assert sms is not None
            parts = count_parts(sms)
        except Untranslatable as refusal:
            status = int(refusal.command_status)
            words = words_of(refusal)
            return RouteTestResult(
                sender, receiver, status, reason=str(refusal), is_known=is_known, refusal=words
            )
        if bind.account.simulation is not None:
            return RouteTestResult(sender, receiver, 0, "simulation", parts=parts, is_known=is_known)
        [answer] = self._ask_router([submit], bind)
        error = self._apply(submit, answer, bind, parts)
        is_route = isinstance(answer, Route)
        cost = answer.cost if isinstance(answer, Route) else bind.account.default_cost
        return RouteTestResult(
            sender=(sms.sender or b"").decode("latin-1"),
            receiver=(sms.receiver or b"").decode("latin-1"),
            command_status=0 if error is None else command_status_of(error, bind.options.profile.statuses),
            decided_by="" if error is not None else "route" if is_route else "default-smsc",
            reason=str(error or ("" if is_route else answer)),
            route_id=answer.route_id if isinstance(answer, Route) else 0,
            smsc_id=(sms.smsc_id or b"").decode("latin-1") if error is None else "",
            parts=parts,
            cost=cost if error is None else 0.0,
            is_charged=bind.is_charged,
            is_known=is_known,
            refusal="" if error is None else words_of(error),
        )

    def test_inbound(self, sms: Sms) -> Route:
        """Return the route of an MO. Raises the errors of Router.route_mo. May yield (router)."""
        return self._router.route_mo(sms)

    def _ask_router(self, batch: Sequence[Submit], bind: BindContext) -> Sequence[Route | KsmppdError]:
        messages = [submit.sms for submit in batch if submit.sms is not None]
        return self._router.route_mt(bind.account.system_id, messages)

    def _apply(
        self, submit: Submit, answer: Route | KsmppdError, bind: BindContext, parts: int
    ) -> KsmppdError | None:
        """Set smsc_id and cost by the route or default_smsc, or return the refusal (docs/rules/flows.md 7)."""
        sms = submit.sms
        assert sms is not None
        if isinstance(answer, Route):
            cost = answer.cost
            if not costs.MOST >= cost >= -costs.MOST:
                return _unpriced(bind, f"route {answer.route_id}", cost)
            if answer.smsc_id:
                sms.smsc_id = to_octets(answer.smsc_id)
        elif sms.smsc_id and not self._is_final(answer):
            cost = bind.account.default_cost
            if not costs.MOST >= cost >= -costs.MOST:
                return _unpriced(bind, "its default SMSC", cost)
        else:
            return answer
        if parts:
            submit.cost = cost * parts
        return None

    def _is_final(self, error: KsmppdError) -> bool:
        """Whether not even the default_smsc may take the message: its sender is refused, or a plugin says so."""
        if isinstance(error, SenderRefused):
            return not self._after_source_refusal
        return isinstance(error, RouteRefused) and error.is_final


class _Nowhere:
    """The origin of the submit of a route test; nothing comes back to it."""

    def settled(self, message: object) -> None:
        """Do nothing."""


_NOWHERE = _Nowhere()


def _unpriced(bind: BindContext, way: str, cost: float) -> KsmppdError:
    """Log and return the refusal of a message whose price can't be charged (D-33)."""
    logger.warning(
        "SMPP[%s] a message is refused: the cost of %s is no number that can be charged (%r)",
        bind.account.system_id,
        way,
        cost,
    )
    return RouteRefused(None, f"the cost of {way} is no number that can be charged", is_final=True)


def _parts_of(batch: Sequence[Submit], bind: BindContext) -> list[int]:
    """Return how many messages each is billed as, as the ESME sent it (docs/rules/http.md 2.2); 0 = not billed."""
    if not bind.is_charged:
        return [0] * len(batch)
    return [count_parts(submit.sms) for submit in batch if submit.sms is not None]


_WORDS: dict[type[KsmppdError], str] = {
    NoRoute: "no route",
    SenderRefused: "source refused",
    CreditTooLow: "no credit",
    Throttled: "throttled",
}
_WORDS_OF_STATUS: dict[int, str] = {
    CommandStatus.RINVDSTADR: "receiver refused",
    CommandStatus.RINVSRCADR: "source refused",
    CommandStatus.RINVMSGLEN: "message too long",
}


def words_of(error: KsmppdError) -> str:
    """Return the reason for which a message is refused, as one of the fixed texts that programs may rely on."""
    if isinstance(error, Untranslatable):
        return _WORDS_OF_STATUS.get(int(error.command_status), "malformed message")
    return _WORDS.get(type(error)) or reason_of(error)
