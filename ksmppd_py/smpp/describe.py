"""Describes PDUs in words, for DEBUG logs and for people at a terminal."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from ksmppd_py.smpp.constants import CommandStatus, MessageState, Npi, Ton
from ksmppd_py.smpp.fields import wire_fields
from ksmppd_py.smpp.pdus import Pdu
from ksmppd_py.smpp.tlvs import BY_TAG, TlvType

_ENUMS: dict[str, type[IntEnum]] = {
    "source_addr_ton": Ton,
    "dest_addr_ton": Ton,
    "esme_addr_ton": Ton,
    "addr_ton": Ton,
    "source_addr_npi": Npi,
    "dest_addr_npi": Npi,
    "esme_addr_npi": Npi,
    "addr_npi": Npi,
    "message_state": MessageState,
    "error_status_code": CommandStatus,
}
_HEXADECIMAL = {"esm_class", "data_coding", "registered_delivery", "protocol_id", "interface_version"}
_SECRET = {"password"}
_MOST_OCTETS = 512  # of one value; a message_payload has up to 65,535


def describe(pdu: Pdu) -> str:
    """Return one line: the PDU's name, each field that isn't 0 or empty, each TLV. Passwords are masked.

    Strings are escaped as Python prints bytes, so that a peer can't write lines of its own into a log.
    """
    words = [pdu.command_id.name.lower(), *_fields(pdu)]
    tlvs: dict[int, bytes] = getattr(pdu, "tlvs", {})
    words += [_tlv(tag, value) for tag, value in tlvs.items()]
    return " ".join(words)


def describe_status(command_status: int) -> str:
    """Return a command_status by number and name, such as `0x58 ESME_RTHROTTLED`."""
    name = _name_of(CommandStatus, command_status)
    return f"0x{command_status:02X}" + (f" ESME_{name}" if name else "")


def _fields(record: Any) -> list[str]:
    values = ((name, getattr(record, name)) for name, _ in wire_fields(type(record)))
    return [f"{name}={_value(name, value)}" for name, value in values if value]


def _value(name: str, value: Any) -> str:
    if name in _SECRET:
        return "***"
    if isinstance(value, bytes):
        return _octets(value)
    if isinstance(value, list):
        return "[" + ", ".join(f"({' '.join(_fields(record))})" for record in value) + "]"
    if name in _HEXADECIMAL:
        return f"0x{value:02X}"
    words = _name_of(_ENUMS[name], value) if name in _ENUMS else ""
    return f"{value}({words})" if words else str(value)


def _tlv(tag: int, value: bytes) -> str:
    known = BY_TAG.get(tag)
    if known is None:
        return f"0x{tag:04X}={_octets(value)}"
    if known.type is TlvType.INTEGER and len(value) == known.least:
        return f"{known.name.lower()}={_value(known.name.lower(), int.from_bytes(value, 'big'))}"
    return f"{known.name.lower()}={_octets(value)}"


def _octets(value: bytes) -> str:
    return repr(value[:_MOST_OCTETS])[1:] + (f"...({len(value)})" if len(value) > _MOST_OCTETS else "")


def _name_of(enum: type[IntEnum], value: int) -> str:
    try:
        return enum(value).name
    except ValueError:
        return ""
