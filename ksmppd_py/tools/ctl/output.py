"""Tables for people and JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click

from ksmppd_py.tools.ctl.errors import USAGE, CtlError


def print_json(value: Any) -> None:
    """Print a document."""
    click.echo(json.dumps(value, indent=2))


def print_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a line for each row, numbers to the right."""
    rows = list(rows)
    texts = [[plain(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *texts, strict=True)]
    right = [any(_is_number(row[index]) for row in rows) for index in range(len(names))]
    for texts_of_row in [list(names), *texts]:
        cells = [
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(texts_of_row, widths, right, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def print_items(items: Sequence[dict[str, Any]], fields: Sequence[str]) -> None:
    """Print fields of objects as a table; fields that the server doesn't have are empty."""
    print_table(fields, [[item.get(name) for name in fields] for item in items])


def print_object(item: dict[str, Any]) -> None:
    """Print a line for each field of an object that holds one value."""
    lines = {name: value for name, value in item.items() if not isinstance(value, dict | list)}
    width = max(map(len, lines), default=0)
    for name, value in lines.items():
        click.echo(f"{name:{width}}  {plain(value)}".rstrip())


def plain(value: Any) -> str:
    """Return a value as one line; characters that a terminal would act on are escaped, customers send texts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def local_time(seconds: float | None) -> str:
    """Return a time of the API with this machine's zone; empty for an unknown one."""
    if not seconds:
        return ""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds")


def confirm(question: str, yes: bool) -> None:
    """Ask the operator. Raises CtlError without a yes, also when standard input is no terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CtlError(f"{question} Add --yes to do it without being asked", USAGE)
    if not click.confirm(question, err=True):
        raise CtlError("nothing was changed", 1)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
