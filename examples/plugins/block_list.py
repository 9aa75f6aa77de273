"""A plugin for ksmppd: refuses messages to and from blocked numbers, and routes all others by their prefix.

    group = ksmppd-plugin
    id = block-list
    path = examples/plugins/block_list.py
    args = "blocked=+4490,+1900; routes=+44:uk:0.8,+1:us:1.2,:elsewhere:2"

    group = smpp-routing
    routing-method = plugin
    plugin-id = block-list

`blocked` are prefixes of numbers to which no message may go. `routes` are prefix:smsc-id:cost, the longest prefix
wins; one without prefix takes the rest. Messages from the SMSC side go to the account that `inbound` names:

    args = "blocked=...; routes=...; inbound=smppusera"
"""

from __future__ import annotations

import logging

from ksmppd_py.plugins import Direction, PluginContext, Refusal, Route, Sms

logger = logging.getLogger("ksmppd_py.plugins.block_list")

INVALID_DESTINATION = 0x0B
"""ESME_RINVDSTADR"""


class BlockList:
    """Parse `args`."""

    def __init__(self, args: str) -> None:
        settings: dict[str, str] = {}
        for part in args.split(";"):
            name, _, value = part.partition("=")
            if name.strip():
                settings[name.strip()] = value.strip()
        self.blocked = tuple(
            prefix.strip() for prefix in settings.pop("blocked", "").split(",") if prefix.strip()
        )
        self.routes = [_route(text) for text in settings.pop("routes", "").split(",") if text.strip()]
        self.routes.sort(key=lambda entry: -len(entry[0]))
        self.inbound = settings.pop("inbound", "")
        if settings:
            raise ValueError(f"unknown settings: {', '.join(settings)}")

    def route_message(
        self, direction: Direction, smsc_id: str | None, system_id: str, message: Sms
    ) -> Route | Refusal | None:
        """Called for each message; None = no route."""
        if direction is Direction.INBOUND:
            return Route(system_id=self.inbound) if self.inbound else None
        receiver = (message.receiver or b"").decode("latin-1")
        if receiver.startswith(self.blocked):
            logger.info("%s may not send to %s", system_id, receiver)
            return Refusal(INVALID_DESTINATION, "blocked prefix")
        for prefix, route in self.routes:
            if receiver.startswith(prefix):
                return route
        return None


def _route(text: str) -> tuple[str, Route]:
    prefix, smsc_id, cost = (part.strip() for part in text.split(":"))
    return prefix, Route(cost=float(cost), smsc_id=smsc_id)


def init(context: PluginContext) -> None:
    """Called once, at the start."""
    context.route_message = BlockList(context.args).route_message
