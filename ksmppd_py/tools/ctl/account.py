"""ksmppctl account: customers, their passwords and credit."""

from __future__ import annotations

import uuid
from typing import Any

import click

from ksmppd_py.admin.api.models import AccountSettings
from ksmppd_py.tools.ctl import account_transfer
from ksmppd_py.tools.ctl.api_client import path_of
from ksmppd_py.tools.ctl.errors import NO_ANSWER, TRY_LATER, USAGE, ApiProblem, CtlError
from ksmppd_py.tools.ctl.options import (
    Context,
    Duration,
    Group,
    given_settings,
    pass_context,
    setting_options,
)
from ksmppd_py.tools.ctl.output import confirm, local_time, print_items, print_json, print_object, print_table
from ksmppd_py.tools.ctl.target import new_password

_COLUMNS = ("system_id", "suspended", "throughput", "max_binds", "default_smsc", "credit")
_password_option = click.option(
    "--password-from",
    default="generate",
    metavar="SOURCE",
    help="generate (default: it is printed once), prompt, stdin or env:NAME",
)


@click.group(cls=Group)
def account() -> None:
    """Customers: settings, passwords, credit."""


@account.command("list")
@click.option("--search", default=None, help="a part of the system_id")
@click.option("--sort", metavar="COLUMN", default="system_id", help="such as credit, throughput or max_binds")
@click.option("--descending", is_flag=True)
@click.option("--limit", type=click.IntRange(1), default=None, help="at most so many")
@pass_context
def list_accounts(
    common: Context, search: str | None, sort: str, descending: bool, limit: int | None
) -> None:
    """List accounts with their limits and their traffic over the last minute."""
    found = common.api.items("/accounts", limit, search=search, sort=sort, descending=descending)
    accounts = list(found)
    if common.as_json:
        print_json(accounts)
        return
    rows = [
        [*(each[name] for name in _COLUMNS[:2]), each["traffic"]["binds"], each["traffic"]["inbound_rate"]]
        + [each[name] for name in _COLUMNS[2:]]
        for each in accounts
    ]
    print_table([*_COLUMNS[:2], "binds", "rate", *_COLUMNS[2:]], rows)


@account.command()
@click.argument("system_id")
@pass_context
def show(common: Context, system_id: str) -> None:
    """Show an account's settings, traffic and binds."""
    found = common.api.get(path_of("accounts", system_id)).body
    if common.as_json:
        print_json(found)
        return
    first = {name: found[name] for name in ("system_id", "suspended", "credit")}
    print_object({**first, **found, **found["traffic"]})
    click.echo()
    print_items(found["binds"], ("bind_id", "bind_type", "ip", "uptime", "open_acks", "errors"))


@account.command()
@click.argument("system_id")
@_password_option
@setting_options(AccountSettings)
@click.option("--credit", type=float, help="credit to begin with")
@click.option("--route", "routes", multiple=True, metavar="REGEX", help="receivers it may send to")
@click.option(
    "--mo-route", "mo_routes", multiple=True, metavar="REGEX", help="receivers whose messages it gets"
)
@click.option("--smsc-id", default=None, help="SMSC of these routes")
@click.option("--cost", type=float, default=None, help="credits a part over the routes of --route")
@pass_context
def add(
    common: Context,
    /,
    system_id: str,
    password_from: str,
    routes: tuple[str, ...],
    mo_routes: tuple[str, ...],
    smsc_id: str | None,
    cost: float | None,
    **settings: Any,
) -> None:
    """Create an account and its routes. It may bind and submit at once."""
    if (smsc_id or cost is not None) and not (routes or mo_routes):
        raise CtlError("--smsc-id and --cost are those of --route, which is missing", USAGE)
    body = {"system_id": system_id, **given_settings(settings)}
    password = new_password(password_from)
    if password is not None:
        body["password"] = password
    saved = common.api.send("POST", "/accounts", body).body
    if not common.as_json:
        _print_saved(f"account {system_id} is created", saved)
    try:
        made = _add_routes(common, system_id, routes, mo_routes, smsc_id, cost)
    except CtlError as error:
        if common.as_json:
            print_json(saved)
        text = f"the account {system_id} was created, but a route wasn't: {error}; see ksmppctl route add"
        raise CtlError(text, error.exit_code) from None
    if common.as_json:
        print_json({**saved, "routes": made})


def _add_routes(
    common: Context,
    system_id: str,
    routes: tuple[str, ...],
    mo_routes: tuple[str, ...],
    smsc_id: str | None,
    cost: float | None,
) -> list[dict[str, Any]]:
    shared: dict[str, Any] = {"system_id": system_id}
    if smsc_id is not None:
        shared["smsc_id"] = smsc_id
    outbound = shared if cost is None else {**shared, "cost": cost}
    bodies = [{**outbound, "direction": 1, "regex": regex} for regex in routes]
    bodies += [{**shared, "direction": 2, "regex": regex} for regex in mo_routes]
    return [common.api.send("POST", "/routes", body).body for body in bodies]


def _print_saved(text: str, saved: dict[str, Any]) -> None:
    click.echo(text)
    if saved["password"] is not None:
        click.echo(f"password {saved['password']}  (it isn't shown again)")
    for warning in saved["warnings"]:
        click.echo(f"warning: {warning}", err=True)


@account.command("set")
@click.argument("system_id")
@setting_options(AccountSettings)
@pass_context
def set_account(common: Context, /, system_id: str, **settings: Any) -> None:
    """Change settings of an account; bound ESMEs get them at once."""
    changes = given_settings(settings)
    if not changes:
        raise CtlError("nothing to change; see ksmppctl account set --help", USAGE)
    changed = common.api.send("PATCH", path_of("accounts", system_id), changes).body
    if common.as_json:
        print_json(changed)
    else:
        print_object({name: changed[name] for name in ("system_id", *changes)})


@account.command()
@click.argument("system_id")
@_password_option
@click.option(
    "--keep-former", type=Duration(), default=0, help="the former password is valid that long: 2h, 7d"
)
@pass_context
def password(common: Context, system_id: str, password_from: str, keep_former: int) -> None:
    """Set a new password."""
    body: dict[str, Any] = {"keep_former_for": keep_former} if keep_former else {}
    chosen = new_password(password_from)
    if chosen is not None:
        body["password"] = chosen
    saved = common.api.send("POST", path_of("accounts", system_id, "password"), body).body
    if common.as_json:
        print_json(saved)
    else:
        _print_saved(f"account {system_id} has a new password", saved)


@account.command()
@click.argument("system_id")
@click.option("--add", "added", type=click.FloatRange(0, min_open=True), help="credit to add")
@click.option("--take", "taken", type=click.FloatRange(0, min_open=True), help="credit to take")
@click.option("--reason", default=None, help="kept with the change")
@click.option("--key", default=None, help="of a repeated change: one with the same key is made once")
@click.option("--limit", type=click.IntRange(1), default=20, help="so many changes are listed")
@pass_context
def credit(
    common: Context,
    system_id: str,
    added: float | None,
    taken: float | None,
    reason: str | None,
    key: str | None,
    limit: int,
) -> None:
    """Show an account's credit and its last changes; with --add or --take change it."""
    path = path_of("accounts", system_id, "credit")
    if added is None and taken is None:
        _show_credit(common, path, limit)
        return
    if added is not None and taken is not None:
        raise CtlError("--add or --take, not both", USAGE)
    if not reason:
        raise CtlError("--reason is needed: it is kept with the change", USAGE)
    body = {"amount": added if added is not None else -float(taken or 0), "reason": reason}
    key = key or str(uuid.uuid4())
    try:
        changed = common.api.send("POST", path, body, key=key).body
    except CtlError as error:
        if error.exit_code in (NO_ANSWER, TRY_LATER) and getattr(error, "status", 503) != 429:
            text = f"{error}; to repeat it safely add --key {key}"
            raise CtlError(text, error.exit_code) from None
        raise
    if common.as_json:
        print_json(changed)
    else:
        print_object({"system_id": system_id, **changed})


def _show_credit(common: Context, path: str, limit: int) -> None:
    log = common.api.get(path, limit=min(limit, 500)).body
    if common.as_json:
        print_json(log)
        return
    print_object({"credit": log["credit"]})
    click.echo()
    entries = [{**each, "time": local_time(each["time"])} for each in log["items"]]
    print_items(entries, ("entry_id", "time", "amount", "credit", "username", "reason"))


def _set_state(common: Context, system_id: str, operation: str) -> None:
    found = common.api.send("POST", path_of("accounts", system_id, operation)).body
    if common.as_json:
        print_json(found)
    else:
        print_object({"system_id": found["system_id"], "suspended": found["suspended"]})


@account.command()
@click.argument("system_id")
@pass_context
def suspend(common: Context, system_id: str) -> None:
    """Refuse its binds and end those that are there; nothing is deleted."""
    _set_state(common, system_id, "suspend")


@account.command()
@click.argument("system_id")
@pass_context
def resume(common: Context, system_id: str) -> None:
    """Let a suspended account bind again."""
    _set_state(common, system_id, "resume")


@account.command()
@click.argument("system_id")
@click.option("--yes", is_flag=True, help="don't ask")
@pass_context
def delete(common: Context, system_id: str, yes: bool) -> None:
    """Delete an account with its routes, and end its binds. Messages that wait stay."""
    path = path_of("accounts", system_id)
    found = common.api.get(path)
    about = f"credit {found.body['credit']:g}, {found.body['traffic']['binds']} binds"
    confirm(f"Delete the account {system_id} ({about}) and its routes?", yes)
    try:
        common.api.send("DELETE", path, version=found.version)
    except ApiProblem as problem:
        if problem.status != 412 or not yes:
            raise
        common.api.send("DELETE", path)  # whatever the row is by now, it was to go
    if common.as_json:
        print_json({"deleted": system_id})
    else:
        click.echo(f"account {system_id} is deleted")


account.add_command(account_transfer.export_accounts)
account.add_command(account_transfer.import_accounts)
