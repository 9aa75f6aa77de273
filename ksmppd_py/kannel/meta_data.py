"""The meta_data string, `?group?key=value&key=value&?group?...`, as a mapping.

Keys and values are octets; group names are in lower case, the first group of a name counts. Order is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from ksmppd_py.kannel.url import decode, encode

Groups: TypeAlias = "dict[str, dict[bytes, bytes]]"

EMPTY_SMPP = b"?smpp?"
"""The meta_data of every MT, even without TLVs."""


def parse(octets: bytes | None) -> Groups:
    """Return the groups; none at all when the string is malformed, as Kannel does. Never raises."""
    if not octets or octets == EMPTY_SMPP:
        return {"smpp": {}} if octets else {}
    head, *parts = octets.partition(b"\0")[0].split(b"?")
    groups: Groups = {}
    if head:
        return groups
    for name, body in zip(parts[::2], parts[1::2], strict=False):
        if b"=" in name or b"&" in name:
            return {}
        values: dict[bytes, bytes] = {}
        for pair in body.split(b"&"):
            key, equals, value = pair.partition(b"=")
            if b"=" in value:
                return {}
            if equals:
                values[decode(key)] = decode(value)
        groups.setdefault(decode(name).decode("latin-1").lower(), values)
    return groups


def render(groups: Mapping[str, Mapping[bytes, bytes]]) -> bytes:
    """Return the string for the groups, in their order; an empty group is `?name?`."""
    return "".join([_render_group(name, values) for name, values in groups.items()]).encode("ascii")


def _render_group(name: str, values: Mapping[bytes, bytes]) -> str:
    pairs = "".join([f"{encode(key)}={encode(value)}&" for key, value in values.items()])
    return f"?{encode(name.encode('latin-1'))}?{pairs}"


def get_group(octets: bytes | None, name: str) -> dict[bytes, bytes]:
    """Return one group, empty when there is none."""
    if octets is None or octets == EMPTY_SMPP:
        return {}
    return parse(octets).get(name, {})


def set_group(octets: bytes | None, name: str, values: Mapping[bytes, bytes]) -> bytes:
    """Return the string with one group replaced; a new one comes after the first, where Kannel puts it."""
    groups = parse(octets)
    if name in groups or not groups:
        return render({**groups, name: values})
    first, *others = groups.items()
    return render(dict([first, (name, values), *others]))
