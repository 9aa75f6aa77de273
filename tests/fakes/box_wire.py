"""The bearerbox's language in plain struct, written from captured frames: a check on the daemon's codec."""

from __future__ import annotations

import struct
import time
import uuid
from dataclasses import dataclass, field

HEARTBEAT, ADMIN, SMS, ACK = 0, 1, 2, 3
SHUTDOWN, IDENTIFY, RESTART = 0, 3, 4
ACK_SUCCESS, ACK_FAILED, ACK_FAILED_TMP, ACK_BUFFERED = 0, 1, 2, 3
MO, MT_PUSH, REPORT_MO = 0, 2, 3

# The 31 fields of an sms as they follow each other on the wire; S string, I integer, U uuid.
SMS_FIELDS = (
    "sender:S receiver:S udhdata:S msgdata:S time:I smsc_id:S smsc_number:S foreign_id:S service:S account:S "
    "id:U sms_type:I mclass:I mwi:I coding:I compress:I validity:I deferred:I dlr_mask:I dlr_url:S pid:I "
    "alt_dcs:I rpi:I charset:S boxc_id:S binfo:S msg_left:I priority:I resend_try:I resend_time:I meta_data:S"
)
_SMS_TABLE = [(entry.split(":")[0], entry.split(":")[1]) for entry in SMS_FIELDS.split()]


@dataclass
class Sms:
    """One sms as it stands on the wire: strings are octets or None, integers -1 when undefined."""

    sender: bytes | None = None
    receiver: bytes | None = None
    udhdata: bytes | None = None
    msgdata: bytes | None = None
    time: int = -1
    smsc_id: bytes | None = None
    smsc_number: bytes | None = None
    foreign_id: bytes | None = None
    service: bytes | None = None
    account: bytes | None = None
    id: bytes = field(default_factory=lambda: str(uuid.uuid4()).encode())
    sms_type: int = -1
    mclass: int = -1
    mwi: int = -1
    coding: int = -1
    compress: int = -1
    validity: int = -1
    deferred: int = -1
    dlr_mask: int = -1
    dlr_url: bytes | None = None
    pid: int = -1
    alt_dcs: int = -1
    rpi: int = -1
    charset: bytes | None = None
    boxc_id: bytes | None = None
    binfo: bytes | None = None
    msg_left: int = -1
    priority: int = -1
    resend_try: int = -1
    resend_time: int = -1
    meta_data: bytes | None = None


def pack_string(octets: bytes | None) -> bytes:
    return struct.pack(">i", -1) if octets is None else struct.pack(">i", len(octets)) + octets


def frame(kind: int, body: bytes) -> bytes:
    """A whole frame: length, type, fields."""
    return struct.pack(">ii", len(body) + 4, kind) + body


def pack_admin(command: int, boxc_id: bytes | None = None, http_port: int | None = None) -> bytes:
    """Kannel 1.4.5's message, or with `http_port` Kamex's."""
    rest = b"" if http_port is None else struct.pack(">i", http_port)
    return frame(ADMIN, struct.pack(">i", command) + pack_string(boxc_id) + rest)


def pack_heartbeat(load: int = 0) -> bytes:
    return frame(HEARTBEAT, struct.pack(">i", load))


def pack_ack(nack: int, sms_id: bytes, stamp: int | None = None) -> bytes:
    stamp = int(time.time()) if stamp is None else stamp
    return frame(ACK, struct.pack(">ii", nack, stamp) + pack_string(sms_id))


def pack_sms(sms: Sms) -> bytes:
    parts = []
    for name, kind in _SMS_TABLE:
        value = getattr(sms, name)
        parts.append(struct.pack(">i", value) if kind == "I" else pack_string(value))
    return frame(SMS, b"".join(parts))


class Fields:
    """A cursor over the fields of one frame; ValueError when the frame ends early or has octets left over."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def integer(self) -> int:
        value: int = struct.unpack(">i", self._take(4))[0]
        return value

    def string(self) -> bytes | None:
        length = self.integer()
        if length < -1:
            raise ValueError(f"string of length {length}: the real bearerbox would die of it")
        return None if length == -1 else self._take(length)

    def uuid(self) -> bytes:
        text = self.string()
        if text is None or len(text) != 36:
            raise ValueError(f"not a uuid: {text!r}")
        uuid.UUID(text.decode("ascii"))
        return text

    def is_at_end(self) -> bool:
        return self._at == len(self._octets)

    def end(self) -> None:
        if self._at != len(self._octets):
            raise ValueError(f"{len(self._octets) - self._at} octets after the last field")

    def _take(self, count: int) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) != count:
            raise ValueError("frame ends early")
        self._at += count
        return taken


def unpack_sms(fields: Fields) -> Sms:
    """Read the 31 fields. Raises ValueError for what harms the real bearerbox (NULL text, bad uuid)."""
    read = {"I": fields.integer, "S": fields.string, "U": fields.uuid}
    sms = Sms(**{name: read[kind]() for name, kind in _SMS_TABLE})
    fields.end()
    if sms.msgdata is None or sms.sender is None or not sms.receiver:
        raise ValueError(f"NULL where the real bearerbox dies or misroutes: {sms}")
    return sms
