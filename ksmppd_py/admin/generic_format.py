"""Renders results of commands by their fields: JSON, and text and XML of those that legacy_format.py doesn't have."""

from __future__ import annotations

import json as json_format
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from ksmppd_py.admin.text import escape, yes_no
from ksmppd_py.model.route_test import number

_WORD = re.compile(r"(?<!^)(?=[A-Z])")
_SUFFIXES = ("-snapshot", "-depth", "-row")
_NAMES: dict[type, tuple[str, ...]] = {}
"""The names of each dataclass's fields: fields() is slow, and a snapshot has thousands of objects."""


def _members(result: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and value of each field of a dataclass, or of each member of a mapping."""
    if isinstance(result, Mapping):
        yield from result.items()
        return
    kind = type(result)
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = tuple(field.name for field in fields(result))
    for name in names:
        yield name, getattr(result, name)


def values(result: Any) -> Any:
    """Return a result as JSON has it: an object of its fields, lists, numbers, texts."""
    if isinstance(result, (str, int)) or result is None:
        return result
    if isinstance(result, float):
        return round(result, 6)
    if isinstance(result, Sequence):
        return [values(each) for each in result]
    return {name: values(value) for name, value in _members(result)}


def json(value: Any) -> bytes:
    """Return one line of JSON; octets that came in and aren't UTF-8 become `?`."""
    return json_format.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value)
    return yes_no(value) if isinstance(value, bool) else str(value)


def text_members(result: Any) -> Iterable[tuple[str, str]]:
    """Return the name, with `-` for `_`, and the value of each member that isn't a list, as text."""
    return [(_tag(name), _text(value)) for name, value in _members(result) if not isinstance(value, tuple)]


def plain(result: Any) -> str:
    """Return a line for each member, then an empty line, then a line for each item of the result's lists."""
    lines = [f"{name}: {text}" for name, text in text_members(result)]
    lists = [value for _, value in _members(result) if isinstance(value, tuple)]
    items = [_plain_line(item) for each in lists for item in each]
    return "".join(f"{line}\n" for line in [*lines, *([""] if items else []), *items])


def _plain_line(item: Any) -> str:
    return ", ".join(f"{name}:{text}" for name, text in text_members(item))


def _tag(name: str) -> str:
    return name.replace("_", "-")


def element(kind: type) -> str:
    """Return the XML element's name for a kind of result."""
    name = _WORD.sub("-", kind.__name__).lower()
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def xml(result: Any) -> str:
    """Return elements named as the fields, with `-` for `_`."""
    return _xml(element(type(result)), result, 0)


def _xml(name: str, value: Any, depth: int) -> str:
    start = "\t" * depth
    if is_dataclass(value):
        inside = [(_tag(name), member) for name, member in _members(value)]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inside = [(element(type(each)), each) for each in value]
    else:
        return f"{start}<{name}>{escape(_text(value))}</{name}>"
    return "\n".join([f"{start}<{name}>", *(_xml(*each, depth + 1) for each in inside), f"{start}</{name}>"])
