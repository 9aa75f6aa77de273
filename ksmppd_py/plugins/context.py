"""The types that a plugin and the daemon exchange."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account
from ksmppd_py.model.direction import Direction
from ksmppd_py.model.routes import Route


@dataclass(frozen=True, slots=True)
class Refusal:
    """A plugin's refusal of a message. It is final: the account's default_smsc doesn't take the message either.

    `command_status` is the answer to the ESME: one of SMPP 3.4's or 0x400-0x4FF, otherwise ESME_RSUBMITFAIL.
    """

    command_status: int | None = None
    reason: str = ""


Authenticate: TypeAlias = Callable[[str, str, str], "Account | None"]
"""(system_id as received, password, peer_ip) -> the account, or None for wrong credentials. May block."""
RouteMessage: TypeAlias = Callable[[Direction, "str | None", str, Sms], "Route | Refusal | None"]
"""(direction, smsc_id, system_id, message) -> a route, a refusal, or None for "no route". May block.

OUTBOUND: system_id is the sending account, smsc_id its default_smsc; the route's smsc_id and cost are used.
INBOUND: smsc_id is where the message came from; the route's system_id is the account that gets it.
"""


class PluginContext:
    """The argument of the init function: `id` and `args` of its group, and two places for its functions.

    Strings hold one character for each octet received (Latin-1).
    """

    __slots__ = ("args", "authenticate", "id", "route_message")

    def __init__(self, id: str, args: str) -> None:
        self.id = id
        self.args = args
        self.authenticate: Authenticate | None = None
        self.route_message: RouteMessage | None = None
