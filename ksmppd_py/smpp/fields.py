"""Wire types of mandatory fields (3.1): each packs and unpacks one value, and decides what is tolerated.

They are the reference for every field; compiler.py makes faster functions from the same objects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.errors import MalformedPdu


class WireType(Protocol):
    """One mandatory field on the wire."""

    def unpack(self, octets: bytes, position: int, end: int) -> tuple[Any, int]:
        """Return the value and the position after it. Raises MalformedPdu; reads nothing from `end` on."""

    def pack(self, value: Any) -> bytes:
        """Return the octets. Raises ValueError when the value doesn't fit."""


@dataclasses.dataclass(frozen=True, slots=True)
class Integer:
    """Unsigned, most significant octet first; `size` is 1, 2 or 4 octets."""

    size: int

    def unpack(self, octets: bytes, position: int, end: int) -> tuple[int, int]:
        """See WireType."""
        stop = position + self.size
        if stop > end:
            raise MalformedPdu(CommandStatus.RINVCMDLEN, "the body ends before its last integer")
        return int.from_bytes(octets[position:stop], "big"), stop

    def pack(self, value: int) -> bytes:
        """See WireType."""
        try:
            return value.to_bytes(self.size, "big")
        except OverflowError:
            raise ValueError(f"{value} doesn't fit into {self.size} octets") from None


@dataclasses.dataclass(frozen=True, slots=True)
class COctetString:
    """Octets up to a NUL; `size` includes it.

    `status` is the answer to one that is too long or has no NUL. `accepted` is the size that is allowed in both
    directions where it differs from the standard's. `tolerant` takes any octets or none, with or without a NUL.
    """

    size: int
    status: CommandStatus = CommandStatus.RINVCMDLEN
    accepted: int = 0
    tolerant: bool = False

    @property
    def longest(self) -> int:
        """Most octets of a value, without the NUL."""
        return (self.accepted or self.size) - 1

    def unpack(self, octets: bytes, position: int, end: int) -> tuple[bytes, int]:
        """See WireType."""
        stop = octets.find(0, position, end)
        if self.tolerant:
            return (octets[position:end], end) if stop < 0 else (octets[position:stop], stop + 1)
        if position >= end:
            raise MalformedPdu(CommandStatus.RINVCMDLEN, "the body ends before its last string")
        if stop < 0:
            raise MalformedPdu(self.status, "a string without NUL")
        if stop - position > self.longest:
            raise MalformedPdu(self.status, f"a string of {stop - position} octets instead of {self.longest}")
        return octets[position:stop], stop + 1

    def pack(self, value: bytes) -> bytes:
        """See WireType."""
        if len(value) > self.longest:
            raise ValueError(f"{len(value)} octets don't fit into a string of {self.longest}")
        if 0 in value:
            raise ValueError("NUL inside of a string")
        return value + b"\0"


@dataclasses.dataclass(frozen=True, slots=True)
class OctetString:
    """Octets after their length, an integer of one octet that is no field of its own (sm_length, 5.2.21)."""

    length_name: str

    def unpack(self, octets: bytes, position: int, end: int) -> tuple[bytes, int]:
        """See WireType; 0x01 when the length doesn't fit into the PDU."""
        length, position = Integer(1).unpack(octets, position, end)
        stop = position + length
        if stop > end:
            raise MalformedPdu(
                CommandStatus.RINVMSGLEN, f"{self.length_name} {length}, but {end - position} octets are left"
            )
        return octets[position:stop], stop

    def pack(self, value: bytes) -> bytes:
        """See WireType."""
        if len(value) > 255:
            raise ValueError(f"{len(value)} octets don't fit into 255")
        return bytes((len(value),)) + value


@dataclasses.dataclass(frozen=True, slots=True)
class Records:
    """A count of one octet, then that many records of one class, or each with its flag before it."""

    count_name: str
    kinds: Mapping[int, type]
    flagged: bool

    def unpack(self, octets: bytes, position: int, end: int) -> tuple[list[Any], int]:
        """See WireType; 0x40 for a flag that isn't one (dest_flag, 5.2.25)."""
        count, position = Integer(1).unpack(octets, position, end)
        records: list[Any] = []
        flag = next(iter(self.kinds))
        for _ in range(count):
            if self.flagged:
                flag, position = Integer(1).unpack(octets, position, end)
            if flag not in self.kinds:
                raise MalformedPdu(CommandStatus.RINVDESTFLAG, f"dest_flag {flag}")
            kind = self.kinds[flag]
            values, position = unpack_fields(kind, octets, position, end)
            records.append(kind(*values))
        return records, position

    def pack(self, value: list[Any]) -> bytes:
        """See WireType."""
        if len(value) > 255:
            raise ValueError(f"{len(value)} records are more than 255")
        flags = {kind: flag for flag, kind in self.kinds.items()}
        parts = [bytes((len(value),))]
        for record in value:
            if type(record) not in flags:
                raise ValueError(f"{type(record).__name__} is no record of this field")
            if self.flagged:
                parts.append(bytes((flags[type(record)],)))
            parts.append(pack_fields(record))
        return b"".join(parts)


# Declarations of a table's lines: dataclass fields whose metadata hold the wire type.


def integer(size: int) -> Any:
    """Declare an integer of `size` octets, 0 by default."""
    return dataclasses.field(default=0, metadata={"wire": Integer(size)})


def c_octet_string(
    size: int, status: CommandStatus = CommandStatus.RINVCMDLEN, *, accepted: int = 0, tolerant: bool = False
) -> Any:
    """Declare a COctetString, empty by default."""
    return dataclasses.field(default=b"", metadata={"wire": COctetString(size, status, accepted, tolerant)})


def octet_string(length_name: str) -> Any:
    """Declare an OctetString, empty by default."""
    return dataclasses.field(default=b"", metadata={"wire": OctetString(length_name)})


def records(count_name: str, *kinds: type, flagged: bool = False) -> dict[str, WireType]:
    """Return the metadata of a list of records; the flag of the first of `kinds` is 1, of the next 2."""
    return {"wire": Records(count_name, dict(enumerate(kinds, 1)), flagged)}


_tables: dict[type, tuple[tuple[str, WireType], ...]] = {}


def wire_fields(table: type) -> tuple[tuple[str, WireType], ...]:
    """Return the mandatory fields (name, wire type) of a table in wire order."""
    if table not in _tables:
        fields = dataclasses.fields(table)
        _tables[table] = tuple((f.name, f.metadata["wire"]) for f in fields if "wire" in f.metadata)
    return _tables[table]


def unpack_fields(table: type, octets: bytes, position: int, end: int) -> tuple[list[Any], int]:
    """Return the values of a table's mandatory fields and the position after them. Raises MalformedPdu."""
    values: list[Any] = []
    for name, wire in wire_fields(table):
        try:
            value, position = wire.unpack(octets, position, end)
        except MalformedPdu as problem:
            raise MalformedPdu(problem.command_status, f"{name}: {problem.reason}") from None
        values.append(value)
    return values, position


def pack_fields(record: Any) -> bytes:
    """Return the mandatory fields of a record. Raises ValueError, naming the field that doesn't fit."""
    parts: list[bytes] = []
    for name, wire in wire_fields(type(record)):
        try:
            parts.append(wire.pack(getattr(record, name)))
        except ValueError as problem:
            raise ValueError(f"{name}: {problem}") from None
    return b"".join(parts)
