"""THE table: the messages between a box and the bearerbox, fields in wire order (Kannel 1.4.5).

Packing, parsing, SQL columns and HTTP headers derive from these class bodies; a field's annotation is its wire type. -1
means "undefined" in an integer; None means NULL in a string, which isn't an empty one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import ClassVar, NamedTuple, TypeAlias

Integer: TypeAlias = int
"""32 bits, signed, most significant octet first."""
String: TypeAlias = "bytes | None"
"""Any octets behind their number; None is sent as the number -1."""
Uuid: TypeAlias = bytes
"""36 octets of text, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`; this server makes them lower case."""

UNDEFINED = -1
NIL_ID = b"00000000-0000-0000-0000-000000000000"
"""A valid UUID that no message has; the value of `Sms.id` until the message gets an id."""


class SmsType(IntEnum):
    """The direction and kind of an sms."""

    MO = 0
    MT_REPLY = 1
    MT_PUSH = 2
    REPORT_MO = 3
    REPORT_MT = 4


class AckStatus(IntEnum):
    """`Ack.nack`; a peer may send other numbers."""

    SUCCESS = 0
    FAILED = 1
    FAILED_TMP = 2
    BUFFERED = 3


class AdminCommand(IntEnum):
    """`Admin.command`; the bearerbox sends SHUTDOWN and RESTART only, a box IDENTIFY only."""

    SHUTDOWN = 0
    SUSPEND = 1
    RESUME = 2
    IDENTIFY = 3
    RESTART = 4


class DlrMask(IntEnum):
    """`Sms.dlr_mask`: the events that an MT asks for (bits), or the one event that a DLR reports."""

    NOTHING = 0
    SUCCESS = 1
    FAIL = 2
    BUFFERED = 4
    SMSC_SUCCESS = 8
    SMSC_FAIL = 16
    EXPIRED = 0x22
    UNKNOWN = 0x42


@dataclass(slots=True)
class Heartbeat:
    """A sign that a box is alive; the bearerbox neither sends nor answers one."""

    type_number: ClassVar[int] = 0

    load: Integer = 0


@dataclass(slots=True)
class Admin:
    """Identify a box, or order it to shut down. `boxc_id` is None for an anonymous box.

    `http_port` is the sendsms port of an smsbox, which we have none of. Only Kamex, a fork of Kannel, knows the field
    and refuses a message without it; Kannel 1.4.5 doesn't send it, and reads over it.
    """

    type_number: ClassVar[int] = 1

    command: Integer
    boxc_id: String = None
    http_port: Integer = UNDEFINED


@dataclass(slots=True)
class Sms:
    """A short message or a delivery report; times are epoch seconds, `validity` and `deferred` absolute."""

    type_number: ClassVar[int] = 2

    sender: String = None  # `+` = international; never NULL on the wire
    receiver: String = None  # never NULL on the wire
    udhdata: String = None  # complete user data header including its length octet
    msgdata: String = None  # coding 0: UTF-8, 1: octets, 2: UTF-16BE; never NULL on the wire
    time: Integer = UNDEFINED
    smsc_id: String = None  # MT: wanted SMSC; MO, DLR: the SMSC it came from
    smsc_number: String = None
    foreign_id: String = None  # the SMSC's id of a message
    service: String = None  # MT: system_id; comes back in DLRs
    account: String = None
    id: Uuid = NIL_ID
    sms_type: Integer = UNDEFINED  # SmsType
    mclass: Integer = UNDEFINED
    mwi: Integer = UNDEFINED  # 0-3 voice, fax, email, other on; 4-7 the same off
    coding: Integer = UNDEFINED  # 0 7-bit, 1 8-bit, 2 UCS-2
    compress: Integer = UNDEFINED
    validity: Integer = UNDEFINED
    deferred: Integer = UNDEFINED
    dlr_mask: Integer = UNDEFINED  # DlrMask
    dlr_url: String = None  # returned verbatim in DLRs
    pid: Integer = UNDEFINED
    alt_dcs: Integer = UNDEFINED  # 1: data_coding 0xFx
    rpi: Integer = UNDEFINED  # reply path
    charset: String = None
    boxc_id: String = None  # the box that DLRs go to
    binfo: String = None  # SMPP service_type
    msg_left: Integer = UNDEFINED  # parts still to come
    priority: Integer = UNDEFINED
    resend_try: Integer = UNDEFINED
    resend_time: Integer = UNDEFINED
    meta_data: String = None  # kannel/meta_data.py


@dataclass(slots=True)
class Ack:
    """Settles one sms: `nack` is an AckStatus or any other number, `time` and `id` are the sms's."""

    type_number: ClassVar[int] = 3

    nack: Integer
    time: Integer
    id: Uuid


Message: TypeAlias = Heartbeat | Admin | Sms | Ack
MESSAGES: tuple[type[Message], ...] = (Heartbeat, Admin, Sms, Ack)
WDP_DATAGRAM = 4
"""Type number of a message that only a wapbox needs; it is skipped."""


class Kind(Enum):
    """Wire type of a field."""

    INTEGER = "Integer"
    STRING = "String"
    UUID = "Uuid"


class Field(NamedTuple):
    """One field of a message."""

    name: str
    kind: Kind


def fields_of(message: type[Message]) -> tuple[Field, ...]:
    """Return a message's fields in wire order."""
    return tuple(Field(field.name, Kind(field.type)) for field in dataclasses.fields(message))


SMS_FIELDS = fields_of(Sms)
