"""A plugin as authenticator and as router."""

from __future__ import annotations

import dataclasses
import logging
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

from ksmppd_py.errors import KsmppdError, NoRoute, RouteRefused, StartError
from ksmppd_py.kannel.codec import pack_sms
from ksmppd_py.kannel.messages import SMS_FIELDS, Sms
from ksmppd_py.model import costs
from ksmppd_py.model.account import Account
from ksmppd_py.model.direction import Direction
from ksmppd_py.model.outcomes import may_reach_esme
from ksmppd_py.model.routes import Route
from ksmppd_py.plugins.calls import Calls
from ksmppd_py.plugins.context import PluginContext, Refusal
from ksmppd_py.translate.headers import protected_fields

logger = logging.getLogger(__name__)

AUTHENTICATION_TIMEOUT = 10.0
"""Seconds that a bind waits for a plugin."""
ROUTING_TIMEOUT = 15.0
"""Seconds that a message waits for a plugin."""

_NAMES = tuple(field.name for field in SMS_FIELDS)
_values = operator.attrgetter(*_NAMES)


def _kinds(table: type) -> dict[str, Any]:
    """Return the types that each field of a dataclass may have, fit for isinstance; whole numbers are numbers."""
    return {name: kind | int if kind is float else kind for name, kind in get_type_hints(table).items()}


_ACCOUNT_KINDS = _kinds(Account)
_ROUTE_KINDS = {
    name: kind for name, kind in _kinds(Route).items() if name in ("cost", "system_id", "smsc_id")
}


def _check_fields(answer: Account | Route, kinds: Mapping[str, Any]) -> None:
    """Check the types of a plugin's answer here, rather than fail later in other code. Raises TypeError."""
    for name, kind in kinds.items():
        value = getattr(answer, name)
        if (
            not isinstance(value, kind)
            or (isinstance(value, float) and not math.isfinite(value))
            or (name.endswith("cost") and not costs.is_usable(value))
        ):
            raise TypeError(f"{type(answer).__name__}.{name} can't be {value!r}")


class PluginAuthenticator:
    """Implements ports.Authenticator. Raises StartError for a plugin that set no `authenticate`."""

    def __init__(self, context: PluginContext, timeout: float = AUTHENTICATION_TIMEOUT) -> None:
        if context.authenticate is None:
            raise StartError(f"Plugin '{context.id}' is to authenticate, but sets no context.authenticate")
        self._function = context.authenticate
        self._calls = Calls(context.id, timeout)

    def authenticate(self, system_id: bytes, password: bytes, peer_ip: str) -> Account | None:
        """See ports.Authenticator."""
        return self._calls.call(self._ask, (system_id.decode("latin-1"), password.decode("latin-1"), peer_ip))

    def _ask(self, credentials: tuple[str, str, str]) -> Account | None:
        account = self._function(*credentials)
        if account is None:
            return None
        if not isinstance(account, Account):
            raise TypeError(f"authenticate returned {account!r}, which is neither an Account nor None")
        _check_fields(account, _ACCOUNT_KINDS)
        return dataclasses.replace(account, system_id=account.system_id.lower())


class PluginRouter:
    """Implements ports.Router. Raises StartError for a plugin that set no `route_message`."""

    waits = True

    def __init__(self, context: PluginContext, timeout: float = ROUTING_TIMEOUT) -> None:
        if context.route_message is None:
            raise StartError(f"Plugin '{context.id}' is to route, but sets no context.route_message")
        self._id = context.id
        self._function = context.route_message
        self._calls = Calls(context.id, timeout)

    def is_ready(self, _system_id: str) -> bool:
        """See ports.Router."""
        return False

    def route_mt(self, system_id: str, batch: Sequence[Sms]) -> list[Route | KsmppdError]:
        """See ports.Router; the plugin may change fields of the messages."""
        return self._calls.call_all(lambda message: self._outbound(system_id, message), batch)

    def route_mo(self, sms: Sms) -> Route:
        """See ports.Router; the plugin may change fields of `sms`."""
        return self._calls.call(self._inbound, sms)

    def rebuild(self) -> None:
        """Do nothing: no routes are kept here."""

    def _outbound(self, system_id: str, sms: Sms) -> Route:
        return self._ask(Direction.OUTBOUND, system_id, sms)

    def _inbound(self, sms: Sms) -> Route:
        route = self._ask(Direction.INBOUND, (sms.service or b"").decode("latin-1"), sms)
        if not route.system_id:
            raise NoRoute("the plugin's route names no system_id")
        return dataclasses.replace(route, system_id=route.system_id.lower())

    def _ask(self, direction: Direction, system_id: str, sms: Sms) -> Route:
        smsc_id = sms.smsc_id.decode("latin-1") if sms.smsc_id else None
        before = _values(sms)
        try:
            answer = self._function(direction, smsc_id, system_id, sms)
            if isinstance(answer, Route):
                if direction is Direction.OUTBOUND:
                    self._check_cost(answer.cost)
                _check_fields(answer, _ROUTE_KINDS)
                _check_changes(sms, before)
                return answer
        except BaseException:
            _restore(sms, before, _NAMES)
            raise
        _restore(sms, before, _NAMES)
        if answer is None:
            raise NoRoute("the plugin knows no route")
        if not isinstance(answer, Refusal):
            raise TypeError(f"route_message returned {answer!r}: neither a Route nor a Refusal nor None")
        code = answer.command_status
        status = code if code is not None and may_reach_esme(code) else None
        raise RouteRefused(status, answer.reason, is_final=True)

    def _check_cost(self, cost: Any) -> None:
        """Raise RouteRefused for a cost that can't be charged, as for other routers (D-33)."""
        if not (isinstance(cost, _ROUTE_KINDS["cost"]) and costs.is_usable(cost)):
            logger.warning(
                "Plugin '%s': the cost %r is no number that can be charged, which refuses the message",
                self._id,
                cost,
            )
            reason = f"plugin '{self._id}' named a cost that can't be charged"
            raise RouteRefused(None, reason, is_final=True)


def _check_changes(sms: Sms, before: tuple[object, ...]) -> None:
    """Restore the fields that a router can't change; raises the error of packing for impossible values."""
    if _values(sms) == before:
        return
    _restore(sms, before, protected_fields(sms.sms_type))
    pack_sms(sms)


def _restore(sms: Sms, before: tuple[object, ...], names: Sequence[str] | frozenset[str]) -> None:
    for name, value in zip(_NAMES, before, strict=True):
        if name in names:
            setattr(sms, name, value)
