"""ksmppctl route export, import: all routes in a file; an import replaces an account's routes at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from ksmppd_py.admin.api.models import RouteChange, RouteSettings
from ksmppd_py.tools.ctl.api_client import ApiClient
from ksmppd_py.tools.ctl.errors import REFUSED, ApiProblem, CtlError
from ksmppd_py.tools.ctl.options import Command, Context, pass_context
from ksmppd_py.tools.ctl.output import confirm, print_json, print_table
from ksmppd_py.tools.ctl.transfer import Row, export_options, import_options, read_rows, refuse, write_rows

SETTINGS = tuple(RouteSettings.model_fields)
DEFAULTS = {name: info.default for name, info in RouteSettings.model_fields.items()}


@dataclass(frozen=True, slots=True)
class RouteListChange:
    """The routes of one account in one direction: those of the file, and those that are there.

    Routes without an account (system_id empty) are no list that is replaced: those that are missing are added.
    """

    place: str
    system_id: str
    direction: int
    wanted: list[dict[str, Any]]
    present: list[dict[str, Any]]

    @property
    def added(self) -> list[dict[str, Any]]:
        """Return the routes of the file that aren't there."""
        return _without(self.wanted, self.present)

    @property
    def removed(self) -> list[dict[str, Any]]:
        """Return the routes that the file doesn't have."""
        return _without(self.present, self.wanted) if self.system_id else []

    @property
    def is_needed(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.added or self.removed)


@click.command("export", cls=Command)
@export_options
@pass_context
def export_routes(common: Context, file: str, kind: str | None) -> None:
    """Write all routes into FILE (standard output without one)."""
    routes = list(common.api.items("/routes"))
    for each in routes:
        if each["cost"] is None:
            raise CtlError(
                f"route {each['route_id']}: its cost is no usable number; correct it first", REFUSED
            )
    write_rows(file, kind, ("direction", "system_id", *SETTINGS), routes)


@click.command("import", cls=Command)
@import_options
@pass_context
def import_routes(common: Context, file: str, kind: str | None, dry_run: bool, yes: bool) -> None:
    """Let the accounts that are in FILE (- is standard input) have its routes; the plan is shown first.

    All routes of an account in a direction are replaced at one moment. Accounts and directions that aren't in the file
    stay as they are. Of routes without an account those that are missing are added.
    """
    rows = read_rows(file, kind, RouteChange)
    refuse([f"{row.place}: direction: it is missing" for row in rows if "direction" not in row.values])
    changes = _plan(common.api, rows)
    needed = [change for change in changes if change.is_needed]
    if common.as_json and (dry_run or not needed):
        print_json([_described(change) for change in needed])
        return
    if not common.as_json:
        _show_plan(needed)
    if dry_run or not needed:
        return
    confirm(f"Replace the routes of these {len(needed)} lists?", yes)
    _apply(common, needed)


def _plan(api: ApiClient, rows: Sequence[Row]) -> list[RouteListChange]:
    places: dict[tuple[str, int], str] = {}
    wanted: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        key = (row.values.get("system_id") or "", row.values["direction"])
        places.setdefault(key, row.place)
        wanted.setdefault(key, []).append(_settings(row.values))
    present: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for route in api.items("/routes"):
        key = (route["system_id"] or "", route["direction"])
        present.setdefault(key, []).append(_settings(route))
    return [RouteListChange(places[key], *key, wanted[key], present.get(key, [])) for key in wanted]


def _settings(values: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a route with their defaults; an empty text is none."""
    return {name: value if (value := values.get(name, DEFAULTS[name])) != "" else None for name in SETTINGS}


def _without(routes: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the routes that aren't among the others, each of which counts once."""
    left = [_key(other) for other in others]
    found = []
    for route in routes:
        if (key := _key(route)) in left:
            left.remove(key)
        else:
            found.append(route)
    return found


def _key(route: dict[str, Any]) -> str:
    return json.dumps([route[name] or None for name in SETTINGS])


def _show_plan(needed: Sequence[RouteListChange]) -> None:
    rows = [
        (change.system_id or "(none)", change.direction, sign, *(route[name] for name in SETTINGS))
        for change in needed
        for sign, routes in (("-", change.removed), ("+", change.added))
        for route in routes
    ]
    if rows:
        print_table(("account", "direction", "", *SETTINGS), rows)
    click.echo(f"{len(needed)} lists of routes differ")


def _described(change: RouteListChange) -> dict[str, Any]:
    return {
        "system_id": change.system_id or None,
        "direction": change.direction,
        "added": change.added,
        "removed": change.removed,
    }


def _apply(common: Context, changes: Sequence[RouteListChange]) -> None:
    """Replace the lists one by one; those that the server refuses are named, and the others replaced."""
    done: list[dict[str, Any]] = []
    failed: list[str] = []
    code = REFUSED
    for change in changes:
        try:
            _make(common.api, change)
            done.append(_described(change))
        except CtlError as error:
            about = f"{change.system_id or 'routes without an account'}, direction {change.direction}"
            failed.append(f"{change.place}: {about}: {error}")
            if not isinstance(error, ApiProblem) or error.exit_code != REFUSED:
                code = error.exit_code
                break
    if common.as_json:
        print_json({"done": done, "failed": failed})
    else:
        click.echo(f"{len(done)} lists of routes are as the file has them")
    for text in failed[:-1]:
        click.echo(f"ksmppctl: {text}", err=True)
    if failed:
        raise CtlError(f"{failed[-1]}; {len(changes) - len(done)} lists weren't replaced", code)


def _make(api: ApiClient, change: RouteListChange) -> None:
    if change.system_id:
        query = {"system_id": change.system_id, "direction": change.direction}
        api.send("PUT", "/routes", {"items": change.wanted}, query=query)
        return
    for route in change.added:
        api.send("POST", "/routes", {"direction": change.direction, **route})
