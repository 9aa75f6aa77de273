"""The operation /routes/test: the route and the answer that a message would get, without sending it."""

from __future__ import annotations

from pydantic import Field

from ksmppd_py.admin.api.models import Model
from ksmppd_py.admin.api.operation import Answer, Backend, Call, Operation
from ksmppd_py.admin.api.problems import Problem
from ksmppd_py.admin.users import Role
from ksmppd_py.model.direction import Direction
from ksmppd_py.model.route_test import (
    InboundTestQuery,
    InboundTestResult,
    RouteTestQuery,
    RouteTestResult,
)

_REASONS = (
    "`unknown account`, `suspended`, `blocked`, `address not allowed`, `throttled`, `no credit`, `no route`, "
    "`source refused`, `receiver refused`, `refused by the router`, `message too long`, `malformed message`, "
    "`no account`, `no bearerbox`, `database unavailable`, `back end unavailable`, `starting`"
)


class RouteTest(Model):
    """A message as it would be sent. Numbers with `+` are international."""

    direction: int = Field(1, ge=1, le=2, description="1 = from an ESME, 2 = to an ESME")
    system_id: str = Field("", max_length=64, description="the account; needed in direction 1")
    smsc_id: str = Field("", max_length=64, description="the SMSC it comes from; needed in direction 2")
    sender: str = Field("", alias="from", max_length=64)
    receiver: str = Field(alias="to", min_length=1, max_length=64)
    text: str = Field("", max_length=10_000)
    data_coding: int = Field(0, ge=0, le=255)
    ip: str = Field(
        "", max_length=64, description="the address that the ESME binds from; not looked at if empty"
    )


class RouteTestAnswer(Model):
    """The route, price and answer that the message would get."""

    outcome: str = Field(description="routed or refused")
    reason: str = Field(description=f"of a refusal, one of {_REASONS}; else empty")
    detail: str = Field(description="the reason in any words")
    command_status: int = Field(description="the answer of the ESME's submit, or of its bind")
    decided_by: str = Field(
        description="route, default-smsc or simulation; empty when nothing took the message"
    )
    route_id: int | None
    smsc_id: str = Field(description="empty = the bearerbox chooses one")
    parts: int
    price: float = Field(description="of all parts")
    cost: float = Field(description="credits a part")
    charged: bool = Field(description="the account is prepaid")
    credit: float | None = Field(description="of a prepaid account")
    throughput: float = Field(description="the account's limit, submits a second; 0 = unlimited")
    binds_outdated: bool = Field(description="live binds go by other settings than the row's")
    system_id: str = Field(description="the account, which in direction 2 the message is for")
    account_known: bool
    bound: bool | None = Field(description="in direction 2: a bind of the account receives now")
    when_away: str = Field(description="what happens when the SMSC or the bearerboxes, or the ESME, is away")


def test_route(backend: Backend, call: Call) -> Answer:
    """Return the route and the answer that a message would get; Problem 422 without its SMSC or account. May yield."""
    body: RouteTest = call.body
    if body.direction == Direction.INBOUND:
        if not body.smsc_id:
            raise Problem(422, "is needed: messages come from an SMSC", "smsc_id")
        inbound = InboundTestQuery(body.smsc_id, body.sender, body.receiver)
        return Answer(_inbound(backend.operations.test_inbound_route(inbound)))
    if not body.system_id:
        raise Problem(422, "is needed: an account sends the message", "system_id")
    query = RouteTestQuery(
        body.system_id.lower(), body.sender, body.receiver, body.text, body.data_coding, body.ip
    )
    return Answer(_outbound(query.system_id, backend.operations.test_route(query)))


def _outbound(system_id: str, result: RouteTestResult) -> RouteTestAnswer:
    refused = bool(result.command_status)
    return RouteTestAnswer(
        outcome="refused" if refused else "routed",
        reason=result.refusal,
        detail=result.reason,
        command_status=result.command_status,
        decided_by=result.decided_by,
        route_id=result.route_id or None,
        smsc_id=result.smsc_id,
        parts=result.parts,
        price=round(result.cost * result.parts, 6),
        cost=result.cost,
        charged=result.is_charged,
        credit=result.credit,
        throughput=result.throughput,
        binds_outdated=result.is_outdated,
        system_id=system_id,
        account_known=result.is_known,
        bound=None,
        when_away=_when_smsc_is_away(result) if not refused and result.decided_by != "simulation" else "",
    )


def _when_smsc_is_away(result: RouteTestResult) -> str:
    if result.smsc_id:
        smsc = (
            f"While the SMSC {result.smsc_id} is away the bearerbox keeps the message for it; "
            "without such an SMSC it refuses the message."
        )
    else:
        smsc = "While all SMSCs are away the bearerbox keeps the message."
    if result.has_queue:
        return f"{smsc} While no bearerbox is there the message is stored, and sent when one is back."
    return f"{smsc} While no bearerbox is there the submit is refused with ESME_RSYSERR (0x08)."


def _inbound(result: InboundTestResult) -> RouteTestAnswer:
    if result.has_queue:
        away = "While no bind of the account receives, the message is stored until one does."
    else:
        away = "While no bind of the account receives, the bearerbox keeps the message and tries again."
    return RouteTestAnswer(
        outcome="refused" if result.refusal else "routed",
        reason=result.refusal,
        detail=result.reason,
        command_status=0,
        decided_by="route" if result.route_id or not result.refusal else "",
        route_id=result.route_id or None,
        smsc_id=result.query.smsc_id,
        parts=0,
        price=0.0,
        cost=0.0,
        charged=False,
        credit=None,
        throughput=0.0,
        binds_outdated=False,
        system_id=result.system_id,
        account_known=result.is_known,
        bound=result.is_bound,
        when_away="" if result.refusal else away,
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/routes/test",
        role=Role.VIEWER,
        needs_database=False,
        summary="Tell what would become of a message",
        description="Nothing is sent, charged or counted. An HTTP server or a plugin that routes is really asked.",
        run=test_route,
        body=RouteTest,
        result=RouteTestAnswer,
    ),
)
