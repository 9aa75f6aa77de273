"""SMPP 3.4 in plain struct, written from the standard: a check on the daemon's own codec."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

GENERIC_NACK = 0x80000000
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x00000001, 0x00000002, 0x00000009
QUERY_SM, SUBMIT_SM, DELIVER_SM, UNBIND = 0x00000003, 0x00000004, 0x00000005, 0x00000006
REPLACE_SM, CANCEL_SM, SUBMIT_MULTI, DATA_SM = 0x00000007, 0x00000008, 0x00000021, 0x00000103
ENQUIRE_LINK = 0x00000015
RESPONSE = 0x80000000

ROK, RINVMSGLEN, RINVCMDLEN, RINVCMDID, RINVBNDSTS, RALYNBD = 0x00, 0x01, 0x02, 0x03, 0x04, 0x05
RSYSERR, RINVSRCADR, RINVDSTADR, RBINDFAIL = 0x08, 0x0A, 0x0B, 0x0D
RMSGQFUL, RSUBMITFAIL, RTHROTTLED = 0x14, 0x45, 0x58

SOURCE_PORT, SAR_REF, SAR_TOTAL, SAR_SEQNUM = 0x020A, 0x020C, 0x020E, 0x020F
RECEIPTED_MESSAGE_ID, MESSAGE_PAYLOAD, MESSAGE_STATE, NETWORK_ERROR_CODE = 0x001E, 0x0424, 0x0427, 0x0423


_RECEIPT = re.compile(
    r"id:(?P<id>\S*) sub:(?P<sub>\S*) dlvrd:(?P<dlvrd>\S*) submit date:(?P<submit_date>\d{12}) "
    r"done date:(?P<done_date>\d{12}) stat:(?P<stat>\S*) err:(?P<err>\S{3,16}) text:(?P<text>.*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Pdu:
    """One PDU as it came in."""

    command_id: int
    command_status: int
    sequence_number: int
    body: bytes

    @property
    def text(self) -> bytes:
        """The C-octet string at the start of the body: message_id or system_id of a response."""
        return self.body.split(b"\0", 1)[0]

    @property
    def octets(self) -> bytes:
        """The whole PDU again."""
        return pack(self.command_id, self.command_status, self.sequence_number, self.body)


@dataclass
class Message:
    """The fields of submit_sm and deliver_sm in wire order."""

    service_type: bytes = b""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: bytes = b""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: bytes = b""
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: bytes = b""
    validity_period: bytes = b""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: dict[int, bytes] = field(default_factory=dict)
    sequence_number: int = 0

    @property
    def is_receipt(self) -> bool:
        """Whether it is a delivery receipt or an intermediate notification."""
        return bool(self.esm_class & 0x24)

    @property
    def receipt(self) -> dict[str, str]:
        """The fields of a delivery receipt text (appendix B); blanks in their names are underscores."""
        match = _RECEIPT.fullmatch(self.short_message.decode("latin-1"))
        return match.groupdict() if match else {}


def pack(command_id: int, command_status: int, sequence_number: int, body: bytes = b"") -> bytes:
    return struct.pack(">IIII", 16 + len(body), command_id, command_status, sequence_number) + body


def pack_bind(system_id: str, password: str, version: int = 0x34, system_type: str = "") -> bytes:
    return b"%s\0%s\0%s\0%s\0\0\0" % (
        system_id.encode(),
        password.encode(),
        system_type.encode(),
        bytes([version]),
    )


def pack_tlvs(tlvs: dict[int, bytes]) -> bytes:
    return b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in tlvs.items())


def pack_message(message: Message) -> bytes:
    """The body of submit_sm or deliver_sm."""
    m = message
    return b"".join(
        (
            m.service_type + b"\0",
            bytes([m.source_addr_ton, m.source_addr_npi]) + m.source_addr + b"\0",
            bytes([m.dest_addr_ton, m.dest_addr_npi]) + m.destination_addr + b"\0",
            bytes([m.esm_class, m.protocol_id, m.priority_flag]),
            m.schedule_delivery_time + b"\0" + m.validity_period + b"\0",
            bytes([m.registered_delivery, m.replace_if_present_flag, m.data_coding, m.sm_default_msg_id]),
            bytes([len(m.short_message)]) + m.short_message,
            pack_tlvs(m.tlvs),
        )
    )


def unpack_message(body: bytes, sequence_number: int = 0) -> Message:
    """Read the body of submit_sm or deliver_sm strictly; ValueError when a length does not fit."""
    at = 0

    def integer() -> int:
        nonlocal at
        at += 1
        return body[at - 1]

    def string(size: int) -> bytes:
        nonlocal at
        end = body.index(b"\0", at)
        text, at = body[at:end], end + 1
        if len(text) >= size:
            raise ValueError(f"{text!r} is longer than {size - 1} octets")
        return text

    message = Message(
        string(6), integer(), integer(), string(21), integer(), integer(), string(21), integer(), integer(),
        integer(), string(17), string(17), integer(), integer(), integer(), integer(),
    )  # fmt: skip
    sm_length = integer()
    message.short_message = body[at : at + sm_length]
    if len(message.short_message) != sm_length or sm_length > 254:
        raise ValueError(f"sm_length {sm_length}, {len(message.short_message)} octets left")
    message.tlvs = unpack_tlvs(body[at + sm_length :])
    message.sequence_number = sequence_number
    return message


def unpack_tlvs(octets: bytes) -> dict[int, bytes]:
    tlvs = {}
    at = 0
    while at < len(octets):
        tag, length = struct.unpack_from(">HH", octets, at)
        value = octets[at + 4 : at + 4 + length]
        if len(value) != length:
            raise ValueError(f"TLV {tag:#06x} says {length} octets, {len(value)} left")
        tlvs[tag] = value
        at += 4 + length
    return tlvs
