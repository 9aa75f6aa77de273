"""Renders facts with no form of KSMPPD's: JSON of every fact, text and XML of the newer ones."""

from __future__ import annotations

import json as json_format
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from ksmppd_py.admin.text import escape, yes_no

_WORD = re.compile(r"(?<!^)(?=[A-Z])")
_NAMES: dict[
    type, tuple[str, ...]
] = {}  # fields() of each kind, called once: a snapshot has thousands of facts
_SUFFIXES = ("-snapshot", "-depth", "-row")


def values(fact: Any) -> Any:
    """Return a fact as JSON has it: an object of its fields, lists, numbers, texts."""
    if isinstance(fact, (str, int)) or fact is None:
        return fact
    if isinstance(fact, float):
        return round(fact, 6)
    if isinstance(fact, Sequence):
        return [values(each) for each in fact]
    kind = type(fact)
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = tuple(field.name for field in fields(fact))
    return {name: values(getattr(fact, name)) for name in names}


def json(value: Any) -> bytes:
    """Return one line of JSON; octets that came in and aren't UTF-8 become `?`."""
    return json_format.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def element(kind: type) -> str:
    """Return the XML element's name for a kind of fact."""
    name = _WORD.sub("-", kind.__name__).lower()
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _text(value: Any) -> str:
    if value is None:
        return ""
    return yes_no(value) if isinstance(value, bool) else str(value)


def plain(fact: Any) -> str:
    """Return a line for each field, then an empty line, then a line for each item of the fact's lists."""
    lines, several = [], []
    for field in fields(fact):
        value = getattr(fact, field.name)
        if isinstance(value, tuple):
            several += [_plain_line(each) for each in value]
        else:
            lines.append(f"{_words(field.name)}: {_text(value)}")
    return "".join(f"{line}\n" for line in [*lines, *([""] if several else []), *several])


def _plain_line(fact: Any) -> str:
    return ", ".join(f"{_words(field.name)}:{_text(getattr(fact, field.name))}" for field in fields(fact))


def _words(name: str) -> str:
    return name.replace("_", "-")


def xml(fact: Any) -> str:
    """Return elements named as the fields, with `-` for `_`."""
    return _xml(element(type(fact)), fact, 0)


def _xml(name: str, value: Any, depth: int) -> str:
    start = "\t" * depth
    if is_dataclass(value):
        inside = [(_words(field.name), getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inside = [(element(type(each)), each) for each in value]
    else:
        return f"{start}<{name}>{escape(_text(value))}</{name}>"
    return "\n".join([f"{start}<{name}>", *(_xml(*each, depth + 1) for each in inside), f"{start}</{name}>"])
