"""The router of `routing-method = http`: one GET per message (docs/rules/http.md 2)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ksmppd_py.callbacks.answers import Headers, is_integer
from ksmppd_py.callbacks.connection import HttpAnswer
from ksmppd_py.callbacks.endpoint import Endpoint, ca_certificates
from ksmppd_py.callbacks.http_pool import HttpPool, PoolLimits
from ksmppd_py.config import SmppRouting
from ksmppd_py.errors import BackendUnavailable, KsmppdError, NoRoute, RouteRefused
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model import costs
from ksmppd_py.model.direction import Direction
from ksmppd_py.model.outcomes import TEMPORARY_STATUSES, may_reach_esme
from ksmppd_py.model.routes import Route
from ksmppd_py.translate.headers import override, to_headers

logger = logging.getLogger(__name__)

_TOO_MANY_REQUESTS = 429
_STATUS = "X-KSMPPD-Route-Status"
_COST = "X-KSMPPD-Route-Cost"


class HttpRouter:
    """Implements ports.Router by asking the customer's HTTP server.

    Raises StartError for a URL or CA file that can't be used.
    """

    waits = True

    def __init__(self, settings: SmppRouting, limits: PoolLimits) -> None:
        endpoint = Endpoint.of(settings.http_routing_url, "http-routing-url")
        ca_file = settings.http_routing_ssl_trusted_ca_file
        trusted = ca_certificates(ca_file, "http-routing-ssl-trusted-ca-file") if endpoint.tls else ""
        self._pool = HttpPool(endpoint, limits, trusted)
        self._head = endpoint.head
        self._name = endpoint.name

    def is_ready(self, _system_id: str) -> bool:
        """See ports.Router."""
        return False

    def route_mt(self, system_id: str, batch: Sequence[Sms]) -> list[Route | KsmppdError]:
        """See ports.Router; one request for each, at the same time. An answer's headers replace fields of its sms."""
        return self._ask(batch, Direction.OUTBOUND)

    def route_mo(self, sms: Sms) -> Route:
        """See ports.Router; the answer's headers replace fields of `sms`."""
        [answer] = self._ask((sms,), Direction.INBOUND)
        if isinstance(answer, Route):
            return answer
        raise answer

    def rebuild(self) -> None:
        """Do nothing: no routes are kept here."""

    def close(self, patience: float = 0.0) -> None:
        """See HttpPool.close. May yield."""
        self._pool.close(patience)

    def _ask(self, batch: Sequence[Sms], direction: Direction) -> list[Route | KsmppdError]:
        answers = self._pool.ask_all([self._request(sms, direction) for sms in batch])
        return [
            verdict(answer, sms, direction, self._name) if isinstance(answer, HttpAnswer) else answer
            for answer, sms in zip(answers, batch, strict=True)
        ]

    def _request(self, sms: Sms, direction: Direction) -> bytes:
        lines = [f"{name}: {value}\r\n" for name, value in to_headers(sms)]
        lines.append(f"X-KSMPPD-Routing-Direction: {direction:d}\r\n\r\n")
        return self._head + "".join(lines).encode("ascii")


def verdict(
    answer: HttpAnswer, sms: Sms, direction: Direction, name: str = "the router"
) -> Route | KsmppdError:
    """Return the route or refusal of an answer (docs/rules/http.md 2.2). Only a route replaces fields of `sms`.

    An answer that decides nothing is logged as a WARNING, with the endpoint's `name`.
    """
    headers = Headers(answer.headers)
    status = headers.text(_STATUS) or ""
    if _STATUS not in headers:
        if answer.status >= 500 or answer.status == _TOO_MANY_REQUESTS:
            logger.warning("%s answered %d", name, answer.status)
            return BackendUnavailable(f"{name} answered {answer.status}")
        logger.warning("%s answered %d without %s", name, answer.status, _STATUS)
        return RouteRefused(None, f"{name} answered {answer.status} without {_STATUS}")
    if not headers.integer(_STATUS):
        if not is_integer(status):
            logger.warning("%s: %s %r is no number, so it refuses the message", name, _STATUS, status)
        return _refusal(headers.integer("X-KSMPPD-Route-Error-Code"), direction)
    if _COST not in headers:
        logger.warning("%s named no %s, which refuses the message", name, _COST)
        return RouteRefused(None, f"{name} named no {_COST}")
    cost = _cost(headers, direction)
    if not costs.is_usable(cost):
        text = headers.text(_COST) or ""
        logger.warning("%s: %s %r is no decimal number, which refuses the message", name, _COST, text)
        return RouteRefused(None, f"{name}: {_COST} {text!r} is no decimal number", is_final=True)
    override(sms, headers.items())
    return Route(cost) if direction is Direction.OUTBOUND else _target(sms, cost, name)


def _cost(headers: Headers, direction: Direction) -> float:
    """Return the cost, UNUSABLE when it isn't one. MOs aren't charged, so their cost only has to begin as a number."""
    cost = costs.read(headers.text(_COST) or "")
    if direction is Direction.INBOUND and not costs.is_usable(cost) and headers.real(_COST) is not None:
        return 0.0
    return cost


def _target(sms: Sms, cost: float, name: str) -> Route | NoRoute:
    system_id = (sms.service or b"").strip().decode("latin-1").lower()
    if system_id:
        return Route(cost, system_id)
    logger.warning("%s named no X-KSMPPD-Service, so the message has no account", name)
    return NoRoute(f"{name} named no X-KSMPPD-Service")


def _refusal(code: int, direction: Direction) -> KsmppdError:
    """Return the error for a status. An MO is refused permanently only by a status that isn't temporary."""
    if direction is Direction.INBOUND and code in TEMPORARY_STATUSES:
        return BackendUnavailable(f"the router can't decide now (status {code})")
    return RouteRefused(code if may_reach_esme(code) else None)
