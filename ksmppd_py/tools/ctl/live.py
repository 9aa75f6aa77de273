"""ksmppctl bind, queue, bearerbox, refusals, blocked: the running server."""

from __future__ import annotations

from typing import Any

import click

from ksmppd_py.tools.ctl.api_client import path_of
from ksmppd_py.tools.ctl.errors import USAGE, CtlError
from ksmppd_py.tools.ctl.options import Command, Context, Group, ListingGroup, pass_context
from ksmppd_py.tools.ctl.output import confirm, local_time, print_items, print_json, print_object

_BIND = ("bind_id", "system_id", "bind_type", "ip", "uptime", "open_acks", "inbound_rate", "mt", "mo", "dlr")
_BOX = (
    "name",
    "host",
    "port",
    "boxc_id",
    "online",
    "paused",
    "since",
    "open_acks",
    "accepted",
    "refused",
    "unanswered_for",
)


def _print_done(common: Context, result: dict[str, Any]) -> None:
    if common.as_json:
        print_json(result)
    else:
        print_object(result)


@click.group(cls=Group)
def bind() -> None:
    """Live binds."""


@bind.command("list")
@click.argument("system_id", required=False)
@pass_context
def list_binds(common: Context, system_id: str | None) -> None:
    """List binds, of one account or all. Uptime is in seconds, the rate submits a second."""
    binds = list(common.api.items("/binds", system_id=system_id))
    if common.as_json:
        print_json(binds)
    else:
        print_items(binds, _BIND)


@bind.command()
@click.argument("bind_ids", nargs=-1, type=int)
@click.option("--account", "system_id", default=None, help="all binds of this account")
@pass_context
def unbind(common: Context, bind_ids: tuple[int, ...], system_id: str | None) -> None:
    """End binds; the ESME may bind again."""
    if bool(bind_ids) == bool(system_id):
        raise CtlError("name either bind ids or --account", USAGE)
    if system_id:
        _print_done(common, common.api.send("DELETE", "/binds", query={"system_id": system_id}).body)
        return
    for bind_id in bind_ids:
        common.api.send("DELETE", path_of("binds", str(bind_id)))
    _print_done(common, {"unbound": len(bind_ids)})


queue = ListingGroup("queue", help="Messages that wait in the database; alone it lists them.")


@queue.command("list")
@pass_context
def list_queues(common: Context) -> None:
    """Show how many messages wait, by account and kind."""
    found = common.api.get("/queues").body
    if common.as_json:
        print_json(found)
        return
    print_object({"waiting in memory": found["waiting"], "complete": found["complete"]})
    click.echo()
    rows = [{**each, "oldest": local_time(each["oldest"])} for each in found["items"]]
    print_items(rows, ("system_id", "queue", "rows", "oldest"))


@queue.command("show")
@click.argument("system_id")
@click.option("--limit", type=click.IntRange(1), default=50, help="so many messages are listed")
@pass_context
def show_queue(common: Context, system_id: str, limit: int) -> None:
    """List the messages that wait for or from an account, oldest first."""
    found = common.api.get(path_of("accounts", system_id, "queue"), limit=min(limit, 500)).body
    if common.as_json:
        print_json(found)
        return
    print_object({"count": found["count"], "oldest": local_time(found["oldest"])})
    click.echo()
    rows = [{**each, "time": local_time(each["time"])} for each in found["items"]]
    print_items(rows, ("row_id", "queue", "time", "sender", "receiver", "message_id"))


@queue.command("purge")
@click.argument("system_id")
@click.option("--yes", is_flag=True, help="don't ask")
@pass_context
def purge_queue(common: Context, system_id: str, yes: bool) -> None:
    """Delete the messages that wait for or from an account."""
    path = path_of("accounts", system_id, "queue")
    count = common.api.get(path, limit=1).body["count"]
    messages = "1 message" if count == 1 else f"{count} messages"
    confirm(f"Delete {messages} of {system_id}? There is no way back.", yes)
    _print_done(common, common.api.send("DELETE", path, query={"confirm": system_id}).body)


bearerbox = ListingGroup("bearerbox", help="Connections to bearerboxes; alone it lists them.")


@bearerbox.command("list")
@pass_context
def list_bearerboxes(common: Context) -> None:
    """List the connections to bearerboxes, and the messages that wait for room in them."""
    found = common.api.get("/bearerboxes").body
    if common.as_json:
        print_json(found)
        return
    print_object({"online": found["online"], "waiting in memory": found["waiting"]})
    click.echo()
    print_items(found["items"], _BOX)


@bearerbox.command("pause")
@click.argument("name")
@pass_context
def pause_bearerbox(common: Context, name: str) -> None:
    """Send it no more messages; those that it has are waited for, and its own are taken."""
    _switch(common, name, "pause")


@bearerbox.command("resume")
@click.argument("name")
@pass_context
def resume_bearerbox(common: Context, name: str) -> None:
    """Send messages to a paused bearerbox again."""
    _switch(common, name, "resume")


def _switch(common: Context, name: str, operation: str) -> None:
    common.api.send("POST", path_of("bearerboxes", name, operation))
    _print_done(common, {"name": name, "paused": operation == "pause"})


@click.command(cls=Command)
@click.argument("system_id", required=False)
@pass_context
def refusals(common: Context, system_id: str | None) -> None:
    """List recent refusals of binds and submits, with the reason of each."""
    found = common.api.get("/refusals", system_id=system_id).body["items"]
    if common.as_json:
        print_json(found)
        return
    rows = [{**each, "last": local_time(each["last"])} for each in found]
    fields = ("last", "kind", "system_id", "ip", "reason", "command_status_name", "count", "receiver")
    print_items(rows, fields)


blocked = ListingGroup("blocked", help="Addresses that are blocked for refused binds; alone it lists them.")


@blocked.command("list")
@pass_context
def list_blocked(common: Context) -> None:
    """List the blocked addresses."""
    found = common.api.get("/blocked").body["items"]
    if common.as_json:
        print_json(found)
    else:
        print_items(found, ("ip", "failed_binds", "seconds_left"))


@blocked.command("clear")
@click.argument("ip", required=False)
@click.option("--all", "everything", is_flag=True, help="all addresses")
@pass_context
def clear_blocked(common: Context, ip: str | None, everything: bool) -> None:
    """Let an address bind again."""
    if bool(ip) == everything:
        raise CtlError("name either an address or --all", USAGE)
    if ip:
        common.api.send("DELETE", path_of("blocked", ip))
        _print_done(common, {"cleared": 1})
    else:
        _print_done(common, common.api.send("DELETE", "/blocked").body)
