"""ksmppctl events: what happened, and what happens now."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click

from ksmppd_py.model.events import EventKind
from ksmppd_py.tools.ctl.errors import NO_ANSWER, TRY_LATER, CtlError
from ksmppd_py.tools.ctl.options import Command, Context, pass_context
from ksmppd_py.tools.ctl.output import local_time, plain, print_json

POLL_INTERVAL = 1.0
"""Seconds between two requests of --follow."""
MOST_AT_ONCE = 1000


@click.command(cls=Command)
@click.option("--follow", is_flag=True, help="go on with new ones until Ctrl-C")
@click.option("--since", type=click.IntRange(0), default=None, help="after the event with this id")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice([kind.value for kind in EventKind]),
    multiple=True,
    help="may be repeated",
)
@click.option("--limit", type=click.IntRange(1, MOST_AT_ONCE), default=50, help="so many of the last ones")
@pass_context
def events(common: Context, follow: bool, since: int | None, kinds: tuple[str, ...], limit: int) -> None:
    """Show events: binds, refusals, blocks, bearerboxes, queues, changes. With --json and --follow one a line."""
    wanted = ",".join(kinds) or None
    found = common.api.get("/events", since=since, kind=wanted, limit=limit).body
    if not follow:
        if common.as_json:
            print_json(found["items"])
        else:
            _print(found["items"], False)
        return
    try:
        _print(found["items"], common.as_json)
        _follow(common, wanted, found["last"])
    except KeyboardInterrupt:  # the way to end it
        return


def _follow(common: Context, kinds: str | None, last: int) -> None:
    """Print events until Ctrl-C. A server that goes away is waited for."""
    away = False
    while True:
        time.sleep(POLL_INTERVAL)
        try:
            found = common.api.get("/events", since=last, kind=kinds, limit=MOST_AT_ONCE).body
        except CtlError as error:
            if error.exit_code not in (NO_ANSWER, TRY_LATER):
                raise
            if not away:
                print(f"ksmppctl: {error}; trying again", file=sys.stderr)
            away = True
            continue
        away = False
        _print(found["items"], common.as_json)
        last = found["last"]


def _print(items: list[dict[str, Any]], as_json: bool) -> None:
    for item in items:
        if as_json:
            click.echo(json.dumps(item))
        else:
            click.echo(f"{local_time(item['time'])}  {item['kind']}  {plain(item['text'])}")
    sys.stdout.flush()
