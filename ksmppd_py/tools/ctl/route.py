"""ksmppctl route: the SMSC of each message, the account of each reply, and what would become of a message."""

from __future__ import annotations

from typing import Any

import click

from ksmppd_py.admin.api.models import NewRoute, RouteChange
from ksmppd_py.tools.ctl import route_transfer
from ksmppd_py.tools.ctl.api_client import path_of
from ksmppd_py.tools.ctl.errors import REFUSED, USAGE, CtlError
from ksmppd_py.tools.ctl.options import Context, Group, given_settings, pass_context, setting_options
from ksmppd_py.tools.ctl.output import confirm, plain, print_items, print_json, print_object

_COLUMNS = (
    "route_id",
    "direction",
    "system_id",
    "priority",
    "regex",
    "source_regex",
    "smsc_id",
    "cost",
)


@click.group(cls=Group)
def route() -> None:
    """Rows that choose the SMSC of a message and the account of a reply."""


@route.command("list")
@click.argument("system_id", required=False)
@click.option("--direction", type=click.IntRange(1, 2), default=None, help="1 from an ESME, 2 to an ESME")
@pass_context
def list_routes(common: Context, system_id: str | None, direction: int | None) -> None:
    """List routes in the order in which they are tried."""
    routes = list(common.api.items("/routes", system_id=system_id, direction=direction))
    if common.as_json:
        print_json(routes)
    else:
        print_items(routes, _COLUMNS)


@route.command()
@setting_options(NewRoute, RouteChange)
@pass_context
def add(common: Context, /, **settings: Any) -> None:
    """Add a route; it takes the next message. Without --direction it is one from an ESME."""
    made = common.api.send("POST", "/routes", {"direction": 1, **given_settings(settings)}).body
    _print_route(common, made)


@route.command("set")
@click.argument("route_id", type=int)
@setting_options(RouteChange)
@pass_context
def set_route(common: Context, /, route_id: int, **settings: Any) -> None:
    """Change a route."""
    changes = given_settings(settings)
    if not changes:
        raise CtlError("nothing to change; see ksmppctl route set --help", USAGE)
    _print_route(common, common.api.send("PATCH", path_of("routes", str(route_id)), changes).body)


def _print_route(common: Context, found: dict[str, Any]) -> None:
    if common.as_json:
        print_json(found)
    else:
        print_items([found], _COLUMNS)


@route.command()
@click.argument("route_id", type=int)
@click.option("--yes", is_flag=True, help="don't ask")
@pass_context
def delete(common: Context, route_id: int, yes: bool) -> None:
    """Delete a route."""
    path = path_of("routes", str(route_id))
    found = common.api.get(path)
    about = f"{plain(found.body['system_id'])} {plain(found.body['regex'])}".strip()
    confirm(f"Delete the route {route_id} ({about})?", yes)
    common.api.send("DELETE", path, version=found.version)
    if common.as_json:
        print_json({"deleted": route_id})
    else:
        click.echo(f"route {route_id} is deleted")


@route.command()
@click.argument("system_id", required=False, default="")
@click.option("--from", "sender", default="", help="the sender")
@click.option("--to", "receiver", required=True, help="the receiver; with + it is international")
@click.option("--text", default="")
@click.option("--data-coding", type=click.IntRange(0, 255), default=0)
@click.option("--ip", default="", help="where the ESME binds from")
@click.option("--mo-from-smsc", "smsc_id", default="", help="a message to an ESME, from this SMSC")
@pass_context
def test(
    common: Context,
    system_id: str,
    sender: str,
    receiver: str,
    text: str,
    data_coding: int,
    ip: str,
    smsc_id: str,
) -> int:
    """Tell what would become of a message of SYSTEM_ID; nothing is sent. Exit status 1 when it is refused."""
    if bool(system_id) == bool(smsc_id):
        raise CtlError("name either an account that sends, or --mo-from-smsc", USAGE)
    body = {"direction": 2 if smsc_id else 1, "from": sender, "to": receiver}
    if smsc_id:
        body["smsc_id"] = smsc_id
    else:
        body.update(system_id=system_id, text=text, data_coding=data_coding, ip=ip)
    found = common.api.send("POST", "/routes/test", body).body
    if common.as_json:
        print_json(found)
    else:
        print_object({name: value for name, value in found.items() if value not in (None, "")})
    return 0 if found["outcome"] == "routed" else REFUSED


route.add_command(route_transfer.export_routes)
route.add_command(route_transfer.import_routes)
