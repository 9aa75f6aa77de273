"""The operator's route-test: the query, and the result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RouteTestQuery:
    """A message as an operator types it; numbers with `+` are international. `system_id` is lower case.

    `ip` is the address that the ESME binds from, empty = any that may.
    """

    system_id: str
    sender: str
    receiver: str
    text: str = ""
    data_coding: int = 0
    ip: str = ""


@dataclass(frozen=True, slots=True)
class RouteTestResult:
    """The result of a route-test.

    `command_status` is the answer that the ESME would get, 0 = the message would be sent.

    `decided_by` is `route`, `default-smsc` or `simulation`, empty when none took it. `route_id` 0 = the router has no
    numbers; `smsc_id` empty = the bearerbox decides. `cost` is credits a part, and `is_charged` whether the
    account is prepaid. `is_known`: the account has a row, or has been bound since the start; otherwise its default_smsc
    is unknown. `refusal` is one of a few fixed texts, empty when it would be sent; `reason` may be any text. `credit`
    is the prepaid account's, `throughput` messages a second (0 = unlimited). `is_outdated`: live binds have other
    settings than the row.
    """

    sender: str
    receiver: str
    command_status: int
    decided_by: str = ""
    reason: str = ""
    route_id: int = 0
    smsc_id: str = ""
    parts: int = 0
    cost: float = 0.0
    is_charged: bool = False
    is_known: bool = True
    refusal: str = ""
    credit: float | None = None
    throughput: float = 0.0
    is_outdated: bool = False
    has_queue: bool = False
    """Messages are stored while no bearerbox is connected."""


@dataclass(frozen=True, slots=True)
class InboundTestQuery:
    """A message from an SMSC as an operator types it."""

    smsc_id: str
    sender: str
    receiver: str


@dataclass(frozen=True, slots=True)
class InboundTestResult:
    """The result of a route test of a message from an SMSC.

    `refusal` and `reason` are as in RouteTestResult. `system_id` is the account that the message is for, `is_known`:
    the account has a row, or has been bound since the start, and `is_bound`: a bind of it receives now.
    """

    query: InboundTestQuery
    refusal: str = ""
    reason: str = ""
    route_id: int = 0
    system_id: str = ""
    is_known: bool = True
    is_bound: bool = False
    has_queue: bool = False


def number(value: float) -> str:
    """Credits or a rate as people write them: up to six decimals, no exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
