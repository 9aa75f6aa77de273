"""The operations on the running server: binds, bearerboxes, queues, refusals, blocked addresses.

Errors: see Operation.
"""

from __future__ import annotations

from dataclasses import asdict

from pydantic import Field

from ksmppd_py.admin.api import live_models
from ksmppd_py.admin.api.accounts import bind_of
from ksmppd_py.admin.api.models import Model
from ksmppd_py.admin.api.operation import Answer, Backend, Call, Operation
from ksmppd_py.admin.api.paging import PageQuery, cut, page_of
from ksmppd_py.admin.api.problems import Problem
from ksmppd_py.admin.text import status_words
from ksmppd_py.admin.users import Role
from ksmppd_py.model.refusals import RefusalCount

QUEUE_AGE = 5.0
"""Seconds for which the counts of the queue tables are repeated."""


class BindsQuery(PageQuery):
    """A page of binds, all or those of an account."""

    system_id: str | None = Field(None, max_length=64, description="of this account only")


class RefusalsQuery(Model, strict=False):
    """The account whose refusals are returned, or all."""

    system_id: str | None = Field(None, max_length=64, description="of this account only")


class UnbindQuery(Model, strict=False):
    """The account whose binds are ended."""

    system_id: str = Field(min_length=1, max_length=64)


def list_binds(backend: Backend, call: Call) -> Answer:
    """Return a page of live binds in ascending order of bind_id. Doesn't yield."""
    query: BindsQuery = call.query
    page = page_of(query, int)
    after = int(page.after[0] or 0) if page.after else 0
    esmes = backend.operations.snapshot().esmes
    wanted = [esme for esme in esmes if query.system_id in (None, esme.system_id)]
    found = [(bind, esme.system_id) for esme in wanted for bind in esme.binds if bind.bind_id > after]
    found.sort(key=lambda each: each[0].bind_id)
    binds = [bind_of(system_id, bind) for bind, system_id in found[: page.limit]]
    rows, following = cut(binds, query, lambda bind: [bind.bind_id])
    return Answer(live_models.Binds(items=list(rows), next=following))


def unbind_account(backend: Backend, call: Call) -> Answer:
    """Start to unbind all binds of an account; return their number, which may be 0. May yield."""
    system_id = call.query.system_id
    count = backend.operations.unbind(system_id, None) or 0
    if count:
        backend.management.note(call.actor, "unbind", f"account {system_id}", {"binds": count})
    return Answer(live_models.Unbound(unbound=count))


def unbind(backend: Backend, call: Call) -> Answer:
    """Start to unbind one bind; Problem 404 when it isn't there. May yield."""
    for esme in backend.operations.snapshot().esmes:
        for bind in esme.binds:
            if str(bind.bind_id) == call.path["bind_id"]:
                backend.operations.unbind(esme.system_id, bind.bind_id)
                note = {"system_id": esme.system_id, "ip": bind.ip}
                backend.management.note(call.actor, "unbind", f"bind {bind.bind_id}", note)
                return Answer()
    raise Problem(404, "there is no such bind")


def list_bearerboxes(backend: Backend, _call: Call) -> Answer:
    """Return the state of each bearerbox connection, and the count of MTs that wait for room. Doesn't yield."""
    status = backend.operations.server_status.bearerboxes()
    paused = backend.operations.paused_bearerboxes()
    names = live_models.Bearerbox.model_fields.keys() - {"paused"}
    items = [
        live_models.Bearerbox(paused=box.name in paused, **{name: getattr(box, name) for name in names})
        for box in status.bearerboxes
    ]
    return Answer(live_models.Bearerboxes(online=status.online, waiting=status.waiting, items=items))


def pause_bearerbox(backend: Backend, call: Call) -> Answer:
    """Have a bearerbox drain. May yield."""
    return _set_paused(backend, call, True)


def resume_bearerbox(backend: Backend, call: Call) -> Answer:
    """Use a bearerbox again. May yield."""
    return _set_paused(backend, call, False)


def _set_paused(backend: Backend, call: Call, paused: bool) -> Answer:
    name = call.path["name"]
    if not backend.operations.pause_bearerbox(name, paused):
        raise Problem(404, "there is no such bearerbox")
    backend.management.note(call.actor, "pause" if paused else "resume", f"bearerbox {name}")
    return Answer()


def list_queues(backend: Backend, _call: Call) -> Answer:
    """Return the number of stored messages of each kind and account, at most QUEUE_AGE old. May yield."""
    status = backend.operations.server_status
    backlog = status.queues(QUEUE_AGE)
    items = [live_models.QueueDepth(**asdict(depth)) for depth in backlog.depths] if backlog else []
    return Answer(
        live_models.Queues(
            waiting=status.bearerboxes().waiting,
            taken=backlog.taken if backlog else None,
            complete=backlog is not None and backlog.complete,
            items=items,
        )
    )


def list_refusals(backend: Backend, call: Call) -> Answer:
    """Return the recent refusals of binds and messages, those alike counted together. Doesn't yield."""
    wanted = call.query.system_id
    recent = backend.operations.server_status.metrics().meters.refusals.recent()
    items = [_refusal(each) for each in recent if wanted in (None, each.system_id.lower())]
    return Answer(live_models.Refusals(items=items))


def _refusal(refusal: RefusalCount) -> live_models.Refusal:
    example = refusal.example
    return live_models.Refusal(
        kind=refusal.kind,
        system_id=refusal.system_id,
        ip=refusal.ip,
        reason=refusal.reason,
        count=refusal.count,
        first=refusal.first,
        last=refusal.last,
        command_status=example.command_status,
        command_status_name=status_words(example.command_status),
        sender=example.sender,
        receiver=example.receiver,
        message_id=example.message_id,
    )


def list_blocked(backend: Backend, _call: Call) -> Answer:
    """Return the addresses that may not connect now, with the seconds that are left. Doesn't yield."""
    items = [
        live_models.Blocked(ip=each.ip, failed_binds=each.attempts, seconds_left=each.seconds_left)
        for each in backend.operations.blocked_ips()
    ]
    return Answer(live_models.BlockedAddresses(items=items))


def clear_all_blocked(backend: Backend, call: Call) -> Answer:
    """Forget the refused binds of all addresses. May yield."""
    cleared = backend.operations.clear_blocked_ips(None)
    backend.management.note(call.actor, "clear", "blocked addresses", {"cleared": cleared})
    return Answer(live_models.Cleared(cleared=cleared))


def clear_blocked(backend: Backend, call: Call) -> Answer:
    """Forget the refused binds of one address; Problem 404 when it isn't blocked. May yield."""
    ip = call.path["ip"]
    cleared = backend.operations.clear_blocked_ips(ip)
    if not cleared:
        raise Problem(404, "this address isn't blocked")
    backend.management.note(call.actor, "clear", f"blocked address {ip}")
    return Answer()


OPERATIONS = (
    Operation(
        method="GET",
        path="/binds",
        role=Role.VIEWER,
        needs_database=False,
        summary="List live binds",
        run=list_binds,
        query=BindsQuery,
        result=live_models.Binds,
    ),
    Operation(
        method="DELETE",
        path="/binds",
        role=Role.OPERATOR,
        needs_database=False,
        summary="End all binds of an account",
        run=unbind_account,
        query=UnbindQuery,
        result=live_models.Unbound,
    ),
    Operation(
        method="DELETE",
        path="/binds/{bind_id}",
        role=Role.OPERATOR,
        needs_database=False,
        summary="End a bind",
        run=unbind,
        status=204,
    ),
    Operation(
        method="GET",
        path="/bearerboxes",
        role=Role.VIEWER,
        needs_database=False,
        summary="List bearerbox connections",
        run=list_bearerboxes,
        result=live_models.Bearerboxes,
    ),
    Operation(
        method="POST",
        path="/bearerboxes/{name}/pause",
        role=Role.OPERATOR,
        needs_database=False,
        summary="Have a bearerbox drain",
        description="It is given no more messages until it is resumed or the server restarts, and still acks those it "
        "has; messages and reports from it are taken. It has drained when `open_acks` is 0.",
        run=pause_bearerbox,
        status=204,
    ),
    Operation(
        method="POST",
        path="/bearerboxes/{name}/resume",
        role=Role.OPERATOR,
        needs_database=False,
        summary="Use a paused bearerbox again",
        run=resume_bearerbox,
        status=204,
    ),
    Operation(
        method="GET",
        path="/queues",
        role=Role.VIEWER,
        needs_database=False,
        summary="Show how many messages are stored, by account",
        run=list_queues,
        result=live_models.Queues,
    ),
    Operation(
        method="GET",
        path="/refusals",
        role=Role.VIEWER,
        needs_database=False,
        summary="List recent refusals of binds and submits",
        run=list_refusals,
        query=RefusalsQuery,
        result=live_models.Refusals,
    ),
    Operation(
        method="GET",
        path="/blocked",
        role=Role.VIEWER,
        needs_database=False,
        summary="List addresses that are blocked for refused binds",
        run=list_blocked,
        result=live_models.BlockedAddresses,
    ),
    Operation(
        method="DELETE",
        path="/blocked",
        role=Role.OPERATOR,
        needs_database=False,
        summary="Forget the refused binds of all addresses",
        run=clear_all_blocked,
        result=live_models.Cleared,
    ),
    Operation(
        method="DELETE",
        path="/blocked/{ip}",
        role=Role.OPERATOR,
        needs_database=False,
        summary="Forget the refused binds of an address",
        run=clear_blocked,
        status=204,
    ),
)
