"""Turns a message's table into source text that packs and unpacks it, as dataclasses do with `__init__`.

A message is a row of slots: some integers, then the length of a string, then its octets. One struct reads or
writes the integers and the length together. The functions use these names, which codec.py provides: `LENGTHS`
(packed lengths of short strings), `NULL`, `canonical_id`, `SHAPE`, `UUID_SHAPE`, the class as `Message`, and `new`,
which makes one without its `__init__`: values read go straight into its slots.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from ksmppd_py.kannel.messages import UNDEFINED, Kind, Message, fields_of


class _Slot(NamedTuple):
    integers: list[str]
    string: str | None
    is_uuid: bool


def _slots(message: type[Message]) -> Iterator[_Slot]:
    integers: list[str] = []
    for name, kind in fields_of(message):
        if kind is Kind.INTEGER:
            integers.append(name)
        else:
            yield _Slot(integers, name, kind is Kind.UUID)
            integers = []
    if integers:
        yield _Slot(integers, None, False)


def compile_function(name: str, source: str, names: dict[str, Any]) -> Any:
    """Execute generated source and return the function `name` that it defines; `names` are globals."""
    exec(compile(source, f"<generated {name}>", "exec"), names)
    return names[name]


def pack_source(message: type[Message], never_null: Collection[str]) -> tuple[str, dict[str, Any]]:
    """Return the source of `pack(m) -> bytes` and the structs that it uses.

    It raises IndexError for a string too long for LENGTHS and struct.error for an integer wider than 32 bits.
    """
    structs: dict[str, Any] = {}
    prepare, pieces = [], [repr(struct.pack(">i", message.type_number))]
    for number, slot in enumerate(_slots(message)):
        values = [f"m.{name}" for name in slot.integers]
        name = slot.string
        if name is None:
            length = None
        elif slot.is_uuid:
            length = "36"
            prepare.append(f"{name} = m.{name}")
            prepare.append(f"if {name}.translate(SHAPE) != UUID_SHAPE: {name} = canonical_id({name})")
        elif name in never_null:
            length = f"len({name})"
            prepare.append(f"{name} = m.{name} or b''")
        else:
            length = f"-1 if {name} is None else len({name})"
            prepare.append(f"{name} = m.{name}")
        if values:
            structs[f"pack_{number}"] = struct.Struct(f">{len(values) + (name is not None)}i").pack
            pieces.append(f"pack_{number}({', '.join([*values, *([length] if length else [])])})")
        elif slot.is_uuid:
            pieces.append(repr(struct.pack(">i", 36)))
        elif name in never_null:
            pieces.append(f"LENGTHS[{length}]")
        else:
            pieces.append(f"NULL if {name} is None else LENGTHS[len({name})]")
        if name is not None:
            pieces.append(name if slot.is_uuid or name in never_null else f"{name} or b''")
    lines = [*prepare, f"body = b''.join(({', '.join(pieces)},))", "return LENGTHS[len(body)] + body"]
    return "def pack(m):\n" + "".join(f"    {line}\n" for line in lines), structs


def _parts(message: type[Message], likely: Collection[str]) -> tuple[list[str], list[str]]:
    """Return statements that cut out the parts between `likely` strings of the `frame` of `m`, and the expressions that
    make other frames of them.
    """
    cuts, pieces, sizes = ["end = 4"], [], ["4"]
    for name, kind in fields_of(message):
        if name not in likely:
            sizes.append("4" if kind is Kind.INTEGER else f"4 + len(m.{name} or b'')")
            continue
        is_uuid = kind is Kind.UUID
        part = f"part_{len(cuts)}"
        end = " + ".join(["end", *sizes, *["4"][:is_uuid]])
        cuts.append(f"start, end = end, {end}; {part} = frame[start:end]")
        cuts.append("end += 36" if is_uuid else f"end += 4 + len(m.{name})")
        pieces += [part, name] if is_uuid else [part, f"LENGTHS[len({name})]", name]
        sizes = []
    return [*cuts, "rest = frame[end:]"], [*pieces, "rest"]


def pack_all_source(message: type[Message], likely: Collection[str]) -> str:
    """Return the source of `pack_all(messages, pack) -> frames`; `pack` makes one frame.

    Frames of messages that differ only in `likely` fields, which are strings, are joined from the octets between these,
    which are cut out of the first frame. From the first message that differs in another field on, all are packed one by
    one. The function raises IndexError or TypeError when one of these strings is too long for LENGTHS, or NULL.
    """
    fields = list(fields_of(message))
    cuts, pieces = _parts(message, likely)
    others = ", ".join(f"m.{name}" for name, _ in fields if name not in likely)
    uuids = [name for name, kind in fields if name in likely and kind is Kind.UUID]
    strings = [name for name, kind in fields if name in likely and kind is not Kind.UUID]
    takes = [f"{name} = m.{name}" for name in (*uuids, *strings)]
    checks = [f"if {name}.translate(SHAPE) != UUID_SHAPE: {name} = canonical_id({name})" for name in uuids]
    size = " + ".join(f"len({name})" for name in strings)
    lines = [
        "m = messages[0]",
        f"key = ({others})",
        "frame = pack(m)",
        *cuts,
        *takes,
        f"fixed = len(frame) - 4 - ({size})",
        "frames = [frame]",
        "add = frames.append",
        "for m in messages[1:]:",
        f"    if ({others}) != key:",
        "        frames += [pack(m) for m in messages[len(frames):]]",
        "        return frames",
        *[f"    {line}" for line in (*takes, *checks)],
        f"    add(b''.join((LENGTHS[fixed + {size}], {', '.join(pieces)})))",
        "return frames",
    ]
    return "def pack_all(messages, pack):\n" + "".join(f"    {line}\n" for line in lines)


def _targets(slot: _Slot) -> list[str]:
    return [f"m.{name}" for name in slot.integers] + ([f"length_{slot.string}"] if slot.string else [])


def _read(slot: _Slot) -> list[str]:
    """Return statements that read a slot's string, whose length is known, from `pos`."""
    name, length = slot.string, f"length_{slot.string}"
    if name is None:
        return []
    if slot.is_uuid:
        return [
            f"if {length} != 36: raise ValueError('UUID of %d octets' % {length})",
            f"m.{name} = {name} = data[pos:pos + 36]",
            "pos += 36",
            f"if {name}.translate(SHAPE) != UUID_SHAPE: m.{name} = canonical_id({name})",
        ]
    return [
        f"if {length} >= 0:",
        f"    stop = pos + {length}",
        f"    m.{name} = data[pos:stop]",
        "    pos = stop",
        f"elif {length} == -1: m.{name} = None",
        f"else: raise ValueError('{name} of %d octets' % {length})",
    ]


def unpack_source(
    message: type[Message], rare: Collection[str], optional: frozenset[str]
) -> tuple[str, dict[str, Any]]:
    """Return the source of `unpack(data, pos, end) -> Message` and the structs that it uses.

    `pos` is behind the type number; octets left over before `end` are ignored. A string named in `rare` is
    expected to be NULL, so that one struct reads past it; integers at the end, behind a string, that are `optional`
    may be missing. Raises ValueError or struct.error for bad ones.
    """
    structs: dict[str, Any] = {}

    def unpack(targets: list[str]) -> list[str]:
        structs[f"unpack_{len(targets)}"] = struct.Struct(f">{len(targets)}i").unpack_from
        return [f"{', '.join(targets)}, = unpack_{len(targets)}(data, pos)"]

    lines = ["m = new(Message)"]
    slots = list(_slots(message))
    while slots:
        slot = slots.pop(0)
        here = _targets(slot)
        if slot.string in rare and slots:
            following = slots.pop(0)
            beyond = _targets(following)
            lines += unpack(here + beyond)
            lines += [f"if length_{slot.string} == -1:", f"    m.{slot.string} = None"]
            lines += [f"    pos += {4 * len(here + beyond)}", "else:", f"    pos += {4 * len(here)}"]
            lines += [f"    {line}" for line in [*_read(slot), *unpack(beyond), f"pos += {4 * len(beyond)}"]]
            slot = following
        elif not optional.isdisjoint(slot.integers):
            lines += [f"if end - pos >= {4 * len(here)}:", *[f"    {line}" for line in unpack(here)]]
            lines += ["else:", *[f"    {target} = {UNDEFINED}" for target in here]]
            continue
        else:
            lines += [*unpack(here), f"pos += {4 * len(here)}"]
        lines += _read(slot)
    lines += ["if pos > end: raise ValueError('it ends early')", "return m"]
    return "def unpack(data, pos, end):\n" + "".join(f"    {line}\n" for line in lines), structs
