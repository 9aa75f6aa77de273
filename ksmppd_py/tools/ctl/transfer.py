"""Files of accounts and routes, CSV or JSON: reading them with the place of each error, and writing them."""

from __future__ import annotations

import csv
import difflib
import io
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from ksmppd_py.admin.api.models import Model
from ksmppd_py.tools.ctl.errors import USAGE, CtlError
from ksmppd_py.tools.ctl.options import may_be_null, read_setting

F = TypeVar("F", bound=Callable[..., Any])
CSV, JSON = "csv", "json"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file. `place` is `file:line`, or `file:item N` of a JSON file."""

    place: str
    values: dict[str, Any]


def format_option(function: F) -> F:
    """Add the option --format."""
    text = "csv or json; else as the file's name says, else csv"
    return click.option("--format", "kind", type=click.Choice([CSV, JSON]), default=None, help=text)(function)


def import_options(function: F) -> F:
    """Add the file and the options of an import."""
    function = click.option("--yes", is_flag=True, help="don't ask")(function)
    function = click.option("--dry-run", is_flag=True, help="only show what would be changed")(function)
    return click.argument("file", type=click.Path(dir_okay=False))(format_option(function))


def export_options(function: F) -> F:
    """Add the file and the format of an export."""
    return click.argument("file", type=click.Path(dir_okay=False), default="-")(format_option(function))


def write_rows(path: str, kind: str | None, names: Sequence[str], items: Iterable[dict[str, Any]]) -> None:
    """Write fields of objects into a file, `-` is standard output. Raises CtlError."""
    rows = [{name: item.get(name) for name in names} for item in items]
    if _kind(path, kind) == JSON:
        text = json.dumps(rows, indent=2) + "\n"
    else:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
        text = buffer.getvalue()
    if path == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise CtlError(f"can't write {path}: {error.strerror}", USAGE) from None


def read_rows(path: str, kind: str | None, model: type[Model]) -> list[Row]:
    """Read a file, `-` is standard input, of objects whose fields are those of `model`.

    A CSV file has names in its first line; an empty cell is null where the field may be null, and absent elsewhere. So
    is null in JSON. Raises CtlError after a line on stderr for each further problem.
    """
    text = _read(path)
    found = _json_rows(path, text, model) if _kind(path, kind) == JSON else _csv_rows(path, text, model)
    problems: list[str] = []
    rows = []
    for place, is_text, given in found:
        values = {}
        for name, value in given.items():
            try:
                if value is not None and value != "":
                    values[name] = read_setting(model, name, value, is_text=is_text)
                elif may_be_null(model, name):
                    values[name] = None
            except ValueError as error:
                problems.append(f"{place}: {name}: {error}")
        rows.append(Row(place, values))
    refuse(problems)
    return rows


def refuse(problems: Sequence[str]) -> None:
    """Raise CtlError with the last of the problems, after a line on stderr for each before; return without any."""
    for problem in problems[:-1]:
        click.echo(f"ksmppctl: {problem}", err=True)
    if problems:
        raise CtlError(f"{problems[-1]}; nothing was changed", USAGE)


def _read(path: str) -> str:
    try:
        octets = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return octets.decode("utf-8-sig")
    except OSError as error:
        raise CtlError(f"can't read {path}: {error.strerror}", USAGE) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CtlError(f"{path}:{line}: the file isn't UTF-8", USAGE) from None


def _json_rows(path: str, text: str, model: type[Model]) -> Iterable[tuple[str, bool, dict[str, Any]]]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise CtlError(f"{path}:{getattr(error, 'lineno', 1)}: the file is no JSON: {error}", USAGE) from None
    items = found.get("items") if isinstance(found, dict) else found
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise CtlError(f"{path}:1: the file has no list of objects", USAGE)
    for number, item in enumerate(items, 1):
        place = f"{path}:item {number}"
        _check_names(place, item, model)
        yield place, False, item


def _csv_rows(path: str, text: str, model: type[Model]) -> Iterable[tuple[str, bool, dict[str, Any]]]:
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    names: list[str] = []
    line = 1
    try:
        for cells in reader:
            place, line = f"{path}:{line}", reader.line_num + 1
            if not names:
                names = [name.strip() for name in cells]
                _check_names(place, names, model)
                continue
            if not any(cells):
                continue
            if len(cells) != len(names):
                raise CtlError(f"{place}: the row has {len(cells)} cells instead of {len(names)}", USAGE)
            yield place, True, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise CtlError(f"{path}:{line}: {error}", USAGE) from None
    if not names:
        raise CtlError(f"{path}:1: the file is empty; its first line has the names of the columns", USAGE)


def _check_names(place: str, names: Iterable[str], model: type[Model]) -> None:
    seen = set()
    for name in names:
        if name not in model.model_fields:
            near = difflib.get_close_matches(name, model.model_fields, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(model.model_fields)}"
            raise CtlError(f"{place}: there is no column {name!r}, {hint}", USAGE)
        if name in seen:
            raise CtlError(f"{place}: the column {name} is there twice", USAGE)
        seen.add(name)


def _kind(path: str, kind: str | None) -> str:
    return kind or (JSON if path.lower().endswith(".json") else CSV)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value
