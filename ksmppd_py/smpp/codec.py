"""Octets <-> PDUs, by functions compiled once from the table."""

from __future__ import annotations

import struct
from typing import Any, Final

from ksmppd_py.smpp.compiler import Pack, Unpack, compile_pack, compile_unpack, pack_header
from ksmppd_py.smpp.constants import HEADER_LENGTH, RESPONSE, CommandId
from ksmppd_py.smpp.errors import UnknownCommand
from ksmppd_py.smpp.pdus import PDUS, Pdu, SubmitSmResp

BY_COMMAND_ID: Final[dict[int, type[Pdu]]] = {int(pdu.command_id): pdu for pdu in PDUS}
UNPACKERS: Final[dict[int, Unpack[Any]]] = {int(pdu.command_id): compile_unpack(pdu) for pdu in PDUS}
PACKERS: Final[dict[type[Pdu], Pack[Any]]] = {pdu: compile_pack(pdu) for pdu in PDUS}

_SUBMIT_SM_RESP: Final = int(CommandId.SUBMIT_SM_RESP)
_LONGEST_SUBMIT_SM_RESP: Final = HEADER_LENGTH + 65  # 5.2.23


def unpack_body(command_id: int, octets: bytes, start: int, end: int) -> Pdu:
    """Return the PDU whose body is octets[start:end]; octets around it are never read.

    A response without any body is accepted (all fields 0 or empty). Raises MalformedPdu, and its subclass
    UnknownCommand.
    """
    unpack = UNPACKERS.get(command_id)
    if unpack is None:
        raise UnknownCommand(command_id)
    pdu: Pdu = unpack(octets, start, end)
    return pdu


def pack(pdu: Pdu, sequence_number: int, command_status: int = 0) -> bytes:
    """Return the whole PDU with its header. Raises ValueError when a value doesn't fit; nothing is cut.

    With an error status bind responses and submit_sm_resp are a header only (4.1.2, 4.1.4, 4.4.2); all others
    keep their body, which ESMEs read unconditionally.
    """
    return PACKERS[type(pdu)](pdu, sequence_number, command_status)


def pack_submit_sm_resp(sequence_number: int, message_id: bytes) -> bytes:
    """Return the same octets as `pack` for the positive answer to a submit_sm, in half of the time."""
    length = HEADER_LENGTH + len(message_id) + 1
    if length > _LONGEST_SUBMIT_SM_RESP or 0 in message_id:
        return pack(SubmitSmResp(message_id), sequence_number)
    try:
        return b"%b%b\0" % (pack_header(length, _SUBMIT_SM_RESP, 0, sequence_number), message_id)
    except struct.error:
        return pack(SubmitSmResp(message_id), sequence_number)


def pack_header_only(command_id: int, command_status: int, sequence_number: int) -> bytes:
    """Return a PDU without body, such as generic_nack. Raises ValueError for numbers above 32 bits."""
    try:
        return pack_header(HEADER_LENGTH, command_id, command_status, sequence_number)
    except struct.error:
        raise ValueError(f"no header: {command_id}, {command_status}, {sequence_number}") from None


def response_to(command_id: int) -> type[Pdu] | None:
    """Return the class that answers this request; None for responses and requests without one (2.8)."""
    return None if command_id & RESPONSE else BY_COMMAND_ID.get(command_id | RESPONSE)
