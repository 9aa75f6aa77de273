"""Compiles a PDU's table into two functions of straight code, as dataclasses make __init__.

The functions handle only correct octets, which nearly every PDU has. Anything else they pass to the wire types in
fields.py, which tolerate or refuse it. Tables with records inside are always left to these.
"""

from __future__ import annotations

import linecache
import re
import struct
from collections.abc import Callable
from typing import Any, TypeVar

from ksmppd_py.smpp.constants import HEADER_LENGTH, RESPONSE
from ksmppd_py.smpp.fields import (
    COctetString,
    Integer,
    OctetString,
    WireType,
    pack_fields,
    unpack_fields,
    wire_fields,
)
from ksmppd_py.smpp.pdus import Pdu
from ksmppd_py.smpp.tlvs import NO_TLVS, limits_of, pack_tlvs, unpack_tlvs

P = TypeVar("P", bound=Pdu)
Unpack = Callable[[bytes, int, int], P]  # (octets, start, end) of the body -> PDU, or raises MalformedPdu
Pack = Callable[[P, int, int], bytes]  # (PDU, sequence_number, command_status) -> octets, or ValueError

pack_header: Callable[[int, int, int, int], bytes] = struct.Struct(">4I").pack


def _takes_tlvs(table: type[Pdu]) -> bool:
    return "tlvs" in table.__dataclass_fields__


def unpacker_by_table(table: type[P]) -> Unpack[P]:
    """Return the function that reads field by field with the table's wire types: slow, and the reference."""
    limits = limits_of(table.tlv_letter)
    takes_tlvs = _takes_tlvs(table)
    is_response = table.command_id & RESPONSE

    def unpack(octets: bytes, start: int, end: int) -> P:
        if is_response and start == end:  # peers omit bodies, above all of errors
            return table()
        values, position = unpack_fields(table, octets, start, end)
        if takes_tlvs:
            values.append(unpack_tlvs(octets, position, end, limits))
        return table(*values)  # octets after the last field of a PDU without TLVs are ignored

    return unpack


def packer_by_table(table: type[P]) -> Pack[P]:
    """Return the function that writes field by field, and names in its ValueError the field that doesn't fit."""
    takes_tlvs = _takes_tlvs(table)
    header_only_error = table.bodiless_error

    def pack(pdu: P, sequence_number: int, command_status: int) -> bytes:
        body = b""
        if not (command_status and header_only_error):
            body = pack_fields(pdu)
            if takes_tlvs:
                body += pack_tlvs(getattr(pdu, "tlvs"))  # noqa: B009 - the base class has none
        length = HEADER_LENGTH + len(body)
        try:
            return pack_header(length, table.command_id, command_status, sequence_number) + body
        except struct.error:
            raise ValueError(f"no header: {length}, {command_status}, {sequence_number}") from None

    return pack


def _define(table: type[Pdu], source: list[str], names: dict[str, Any]) -> Any:
    """Run the source of one function and return it; tracebacks show its lines."""
    text = "\n".join(source) + "\n"
    name = source[0].split("(")[0].removeprefix("def ")
    filename = f"<{name} of {table.__name__}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec"), names)
    return names[name]


def _is_plain(fields: tuple[tuple[str, WireType], ...]) -> bool:
    """Whether the fields are only strings and integers, then at most one octet string."""
    return all(isinstance(wire, Integer | COctetString) for _, wire in fields[:-1]) and all(
        isinstance(wire, Integer | COctetString | OctetString) for _, wire in fields[-1:]
    )


class _Layout:
    """A regular expression that matches the mandatory fields, and the expression of each value from its groups."""

    def __init__(self, fields: tuple[tuple[str, WireType], ...]) -> None:
        self.pattern = b""
        self.groups: list[str] = []
        self.values: dict[str, str] = {}  # field name -> expression
        self.length = ""  # expression of an octet string's length
        self._run = 0  # octets of integers not yet in the pattern
        for name, wire in fields:
            if isinstance(wire, COctetString):
                self._end_run()
                repeat = b"*" if wire.tolerant else b"{0,%d}" % wire.longest
                self.pattern += b"([^\\0]%b)%b" % (repeat, b"\\0?" if wire.tolerant else b"\\0")
                self.groups.append(f"g{len(self.groups)}")
                self.values[name] = self.groups[-1]
            elif isinstance(wire, Integer):
                self.values[name] = self._integer(wire.size)
            else:
                self.length = self._integer(1)
                self.values[name] = "octets[position:stop]"
        self._end_run()

    def _integer(self, size: int) -> str:
        """Integers side by side share one group."""
        first = self._run
        self._run += size
        group = f"g{len(self.groups)}"
        return f"{group}[{first}]" if size == 1 else f"number({group}[{first}:{self._run}])"

    def _end_run(self) -> None:
        if self._run:
            self.pattern += b"(.{%d})" % self._run
            self.groups.append(f"g{len(self.groups)}")
            self._run = 0


def _unpack_source(table: type[Pdu], layout: _Layout) -> list[str]:
    """Match all strings and integers at once, then fill the slots of a new PDU."""
    source = [
        "def unpack(octets, start, end):",
        "    matched = match(octets, start, end)",
        "    if matched is None:",
        "        return by_table(octets, start, end)",
        f"    {', '.join(layout.groups)}, = matched.groups()",
        "    position = matched.end()",
    ]
    behind = "position"
    if layout.length:
        behind = "stop"
        source += [
            f"    stop = position + {layout.length}",
            "    if stop > end:",
            "        return by_table(octets, start, end)",
        ]
    source.append("    pdu = new(table)")
    source += [f"    pdu.{name} = {value}" for name, value in layout.values.items()]
    if _takes_tlvs(table):
        tlvs = f"unpack_tlvs(octets, {behind}, end, limits)"
        source.append(f"    pdu.tlvs = NO_TLVS if {behind} == end else {tlvs}")
    source.append("    return pdu")
    return source


def compile_unpack(table: type[P]) -> Unpack[P]:
    """Return a function that reads the body of this PDU."""
    by_table = unpacker_by_table(table)
    fields = wire_fields(table)
    if not fields:
        return lambda octets, start, end: table()
    if not _is_plain(fields):
        return by_table
    layout = _Layout(fields)
    names = {
        "match": re.compile(layout.pattern, re.DOTALL).match,
        "by_table": by_table,
        "new": object.__new__,
        "table": table,
        "number": lambda octets: int.from_bytes(octets, "big"),
        "NO_TLVS": NO_TLVS,
        "unpack_tlvs": unpack_tlvs,
        "limits": limits_of(table.tlv_letter),
    }
    unpack: Unpack[P] = _define(table, _unpack_source(table, layout), names)
    return unpack


def _pack_source(table: type[Pdu]) -> list[str]:
    """Return source that checks the values, then formats all fields at once; %c refuses integers above one octet."""
    layout, arguments, doubts = "", "", []
    by_table = "return by_table(pdu, sequence_number, command_status)"
    source = ["def pack(pdu, sequence_number, command_status):"]
    if table.bodiless_error:
        source += ["    if command_status:", f"        {by_table}"]
    for name, wire in wire_fields(table):
        source.append(f"    {name} = pdu.{name}")
        if isinstance(wire, COctetString):
            layout += r"%b\0"
            doubts.append(f"{name} and (len({name}) > {wire.longest} or 0 in {name})")
        elif isinstance(wire, Integer):
            layout += "%c"
        else:
            layout += "%c%b"
            arguments += f"len({name}), "
        arguments += f"{name}, "
    if doubts:
        source += [f"    if {' or '.join(doubts)}:", f"        {by_table}"]
    source += ["    try:", f'        body = b"{layout}" % ({arguments})']
    if _takes_tlvs(table):
        source += ["        if pdu.tlvs:", "            body += pack_tlvs(pdu.tlvs)"]
    header = f"len(body) + {HEADER_LENGTH}, {int(table.command_id)}, command_status, sequence_number"
    source.append(f"        return pack_header({header}) + body")
    source += ["    except (OverflowError, error):", f"        {by_table}"]
    return source


def compile_pack(table: type[P]) -> Pack[P]:
    """Return a function that writes the whole PDU, header included."""
    by_table = packer_by_table(table)
    fields = wire_fields(table)
    if not _is_plain(fields) or any(isinstance(wire, Integer) and wire.size > 1 for _, wire in fields):
        return by_table
    names = {"by_table": by_table, "pack_tlvs": pack_tlvs, "pack_header": pack_header, "error": struct.error}
    pack: Pack[P] = _define(table, _pack_source(table), names)
    return pack
