"""ksmppctl audit and schema: who changed what, and the optional columns of the user table."""

from __future__ import annotations

from typing import Any

import click

from ksmppd_py.tools.ctl.options import Command, Context, Group, pass_context
from ksmppd_py.tools.ctl.output import local_time, plain, print_items, print_json


@click.command(cls=Command)
@click.option("--subject", default=None, help="such as `account acme`")
@click.option("--by", "username", default=None, help="of this operator")
@click.option("--limit", type=click.IntRange(1), default=50, help="so many are listed")
@pass_context
def audit(common: Context, subject: str | None, username: str | None, limit: int) -> None:
    """List changes by operators, newest first; --json has the values before and after."""
    entries = list(common.api.items("/audit", limit, subject=subject, username=username))
    if common.as_json:
        print_json(entries)
        return
    rows = [
        {**each, "time": local_time(each["time"]), "change": difference(each["before"], each["after"])}
        for each in entries
    ]
    print_items(rows, ("entry_id", "time", "username", "address", "operation", "subject", "change"))


def difference(before: Any, after: Any) -> str:
    """Return a change in words: values that differ, of a new or deleted object those that are set."""
    if isinstance(before, dict) and isinstance(after, dict):
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return ", ".join(
            f"{name} {plain(before.get(name)) or '(none)'} -> {plain(after.get(name)) or '(none)'}"
            for name in changed
        )
    present = before if after is None else after
    if isinstance(present, dict):
        return ", ".join(f"{name} {plain(value)}" for name, value in present.items() if value)
    return plain(present)


@click.group(cls=Group)
def schema() -> None:
    """The optional columns of the user table."""


@schema.command("show")
@pass_context
def show_schema(common: Context) -> None:
    """List the optional columns that the table lacks."""
    found = common.api.get("/schema").body
    if common.as_json:
        print_json(found)
    else:
        click.echo(f"missing: {', '.join(found['missing'])}" if found["missing"] else "no column is missing")


@schema.command("upgrade")
@pass_context
def upgrade_schema(common: Context) -> None:
    """Add them. The C daemon isn't disturbed by them; a restart of ksmppd makes use of them."""
    found = common.api.send("POST", "/schema/upgrade").body
    if common.as_json:
        print_json(found)
    elif found["added"]:
        click.echo(f"added: {', '.join(found['added'])}; restart ksmppd to use them")
    else:
        click.echo("no column was missing")
