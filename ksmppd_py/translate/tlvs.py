"""Configured optional parameters against meta_data's group `smpp` (docs/rules/messages.md 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from logging import getLogger

from ksmppd_py.smpp.fields import wire_fields
from ksmppd_py.smpp.pdus import SubmitSm
from ksmppd_py.smpp.tlvs import TlvTag, TlvType

MOST_LOGGED = 10
"""Unknown TLVs of one PDU that are logged."""
_log = getLogger(__name__)
_NO_TLVS = frozenset((b"dlr_err", b"dlr_stat", b"network_error_code")) | {
    name.encode() for name, _ in wire_fields(SubmitSm)
}
"""Keys of group `smpp` that need no configuration: receipts.py understands some, others are fields of PDUs."""
_GREATEST = 2**64 - 1
_NUMBER = re.compile(rb"\s*([+-]?\d{1,20})")
_STANDARD = {int(tag): (tag.type, tag.most) for tag in TlvTag}


@dataclass(frozen=True, slots=True)
class TlvDefinition:
    """One group smpp-tlv. `length` is the most octets of a value; an integer is sent with exactly that many.

    `smsc_ids` are the system_ids that it is for; empty = all.
    """

    name: str
    tag: int
    length: int
    type: TlvType
    smsc_ids: tuple[str, ...] = ()

    def encode(self, value: bytes) -> bytes | None:
        """Return the octets of a TLV for a value of meta_data; None when it is too long."""
        if self.type is TlvType.INTEGER:
            number = _NUMBER.match(value)
            return (int(number[1] if number else 0) & ((1 << 8 * self.length) - 1)).to_bytes(
                self.length, "big"
            )
        if len(value) > self.length:
            return None
        return value + b"\0" if self.type is TlvType.C_STRING else value

    def decode(self, octets: bytes) -> bytes | None:
        """Return the value for meta_data; None for octets that the configuration or the standard excludes."""
        kind, most = _STANDARD.get(self.tag, (self.type, self.length))
        if len(octets) > most:
            return None
        if kind is TlvType.INTEGER:
            number = int.from_bytes(octets, "big")
            return b"%d" % number if number <= _GREATEST else None
        if kind is TlvType.C_STRING:
            value, nul, _ = octets.partition(b"\0")
            return value if nul else None
        return octets


class TlvTable:
    """The definitions that hold for one system_id."""

    __slots__ = ("by_name", "by_tag")

    def __init__(self, definitions: Iterable[TlvDefinition] = (), fallback: TlvTable | None = None) -> None:
        """Raises ValueError for a name or a tag that comes twice; others are looked up in `fallback`."""
        names: dict[bytes, TlvDefinition] = {}
        tags: dict[int, TlvDefinition] = {}
        for definition in definitions:
            name = definition.name.encode()
            if name in names:
                raise ValueError(f"SMPP: Double TLV name {definition.name} found.")
            if definition.tag in tags:
                raise ValueError(f"SMPP: Double TLV tag {definition.tag} found.")
            names[name] = tags[definition.tag] = definition
        self.by_name: Mapping[bytes, TlvDefinition] = {**fallback.by_name, **names} if fallback else names
        self.by_tag: Mapping[int, TlvDefinition] = {**fallback.by_tag, **tags} if fallback else tags

    def to_values(self, tlvs: Mapping[int, bytes]) -> dict[bytes, bytes]:
        """Return group `smpp` for the TLVs of a PDU; unconfigured and wrong ones are left out."""
        values: dict[bytes, bytes] = {}
        unknown: list[int] = []
        for tag, octets in tlvs.items():
            definition = self.by_tag.get(tag)
            if definition is None:
                if tag not in _STANDARD:
                    unknown.append(tag)
                continue
            value = definition.decode(octets)
            if value is None:
                _log.error("TLV `%s' of %d octets doesn't fit, dropped", definition.name, len(octets))
            else:
                values[definition.name.encode()] = value
        # A PDU has room for 16,000 of them: a line for each would take a quarter of a second.
        for tag in unknown[:MOST_LOGGED]:
            _log.warning("unknown TLV 0x%04X ignored", tag)
        return values

    def to_tlvs(self, values: Mapping[bytes, bytes]) -> dict[int, bytes]:
        """Return the TLVs for group `smpp`; unconfigured and too long values are left out."""
        tlvs: dict[int, bytes] = {}
        for name, value in values.items():
            definition = self.by_name.get(name)
            if definition is None:
                if name not in _NO_TLVS:
                    _log.error("SMPP: Unknown TLV `%s', don't send.", name.decode("latin-1"))
                continue
            octets = definition.encode(value)
            if octets is None:
                _log.error("TLV `%s' of %d octets is too long, dropped", definition.name, len(value))
            else:
                tlvs[definition.tag] = octets
        return tlvs


NO_DEFINITIONS = TlvTable()


class TlvTables:
    """All groups smpp-tlv: those for a system_id first, then the global ones."""

    def __init__(self, definitions: Iterable[TlvDefinition] = ()) -> None:
        """Raises ValueError for names or tags that come twice for one system_id, or twice globally."""
        own: dict[str, list[TlvDefinition]] = {}
        everyone: list[TlvDefinition] = []
        for definition in definitions:
            for system_id in definition.smsc_ids:
                own.setdefault(system_id, []).append(definition)
            if not definition.smsc_ids:
                everyone.append(definition)
        self._global = TlvTable(everyone)
        self._own = {system_id: TlvTable(some, self._global) for system_id, some in own.items()}

    def for_system_id(self, system_id: str) -> TlvTable:
        """Return the definitions for an ESME; `system_id` is lower case, as everywhere behind the bind."""
        return self._own.get(system_id, self._global)
