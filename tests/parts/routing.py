"""Asks a router about one message."""

from __future__ import annotations

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.ports import Router
from ksmppd_py.model.routes import Route


def route_one(router: Router, system_id: str, sms: Sms) -> Route:
    """Return the route of an MT, or raise the error that the router answers."""
    [answer] = router.route_mt(system_id, [sms])
    if isinstance(answer, Route):
        return answer
    raise answer
