"""Prints a configuration to start from, made of the dataclasses: all groups and keys, defaults commented out."""

from __future__ import annotations

import inspect
import re
import secrets
from typing import Any

from kannel_conf import KeySpec, keys_of
from ksmppd_py.config.groups import TYPES

_WRITTEN: dict[str, dict[str, str]] = {
    "ksmppd": {"database-type": "mysql", "database-config": "ksmppd"},
    "http-server": {"port": "14010", "interface": "127.0.0.1"},
    "bearerbox-connection": {"id": "KSMPPD", "host": "localhost", "port": "13001"},
    "mysql-connection": {
        "id": "ksmppd",
        "host": "localhost",
        "username": "ksmppd",
        "password": "",
        "database": "ksmppd",
    },
}
"""Values that an operator has to choose, or that a first start should have."""
_UNUSED: dict[str, dict[str, str]] = {
    "dlr-profile": {"id": "customer"},
    "error-map": {"code": "105", "err": "1"},
    "http-user": {"username": "support", "password": "to-be-chosen", "role": "viewer"},
    "ksmppd-plugin": {"id": "mine", "path": "mine.py"},
    "pgsql-connection": {
        "id": "postgresql",
        "host": "localhost",
        "username": "ksmppd",
        "password": "",
        "database": "ksmppd",
    },
    "sqlite3-connection": {"id": "file", "database": "ksmppd.sqlite3"},
    "smpp-tlv": {"name": "vendor", "tag": "0x1400", "length": "8", "type": "octetstring"},
}
"""Example groups that a first start doesn't need, as comments."""


def render_reference() -> str:
    """Return a configuration that can be used, with a new random password for administration."""
    return "\n".join(_render_group(name, group_type) for name, group_type in TYPES.items())


def _render_group(name: str, group_type: type[Any]) -> str:
    head = re.sub(r"^`group = [^`]*`: *", "", " ".join((inspect.getdoc(group_type) or "").split()))
    unused = "# " if name in _UNUSED else ""
    values = {**_WRITTEN.get(name, {}), **_UNUSED.get(name, {})}
    if name == "http-server":
        values["password"] = secrets.token_urlsafe(12)
    lines = [f"# {head[:1].upper()}{head[1:]}", f"{unused}group = {name}"]
    for spec in keys_of(group_type):
        lines += [f"# {spec.doc} ({_facts(spec)})", _line(spec, values, unused)]
    return "\n".join([*lines, ""])


def _line(spec: KeySpec, values: dict[str, str], unused: str) -> str:
    if spec.key in values:
        return f"{unused}{spec.key} = {values[spec.key]}".rstrip()
    return f"# {spec.key} = {spec.default}".rstrip()


def _facts(spec: KeySpec) -> str:
    return ", ".join(word for word in (spec.type, "required" if spec.required else "", spec.unit) if word)
