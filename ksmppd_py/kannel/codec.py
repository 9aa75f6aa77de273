"""Octets <-> messages of the bearerbox, with the frame: four octets of length, then the packed message."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from ksmppd_py.kannel.compiler import compile_function, pack_all_source, pack_source, unpack_source
from ksmppd_py.kannel.messages import (
    MESSAGES,
    WDP_DATAGRAM,
    Ack,
    Kind,
    Message,
    Sms,
    fields_of,
)

MAX_FRAME = 1 << 20
"""Octets of a frame; Kannel has no limit and would wait for ever."""
NEVER_NULL = frozenset(("sender", "receiver", "msgdata"))
"""Strings of an Sms that stop the whole bearerbox when they are NULL: sent as empty ones."""
RARELY_SET = frozenset(("udhdata", "smsc_number", "account", "charset", "binfo"))
"""Strings of an Sms that are mostly NULL. Parsing is faster when they are, and right in any case."""
LIKELY = frozenset(("receiver", "msgdata", "id", "dlr_url"))
"""Strings that mostly differ between the messages that an account submits together."""
OPTIONAL = frozenset(("http_port",))
"""Integers at the end of a message that a peer may leave out: undefined then."""

UUID_SHAPE = b"00000000-0000-0000-0000-000000000000"
SHAPE = bytes(
    ord("0") if chr(octet) in "0123456789abcdef" else octet if octet == ord("-") else ord("x")
    for octet in range(256)
)
_INT = struct.Struct(">i")
_HEAD = struct.Struct(">ii")
_ACK = struct.Struct(">iiiii36s")
_ACK_HEAD = (52, Ack.type_number)
_NULL = _INT.pack(-1)
_LENGTHS = tuple(map(_INT.pack, range(4096)))


def canonical_id(text: bytes) -> bytes:
    """Return a UUID in lower case. Raises ValueError when it isn't one."""
    lower = text.lower()
    if lower.translate(SHAPE) != UUID_SHAPE:
        raise ValueError(f"{text!r} is no UUID")
    return lower


def _names(message: type[Message], structs: dict[str, Any]) -> dict[str, Any]:
    own = {
        "LENGTHS": _LENGTHS,
        "NULL": _NULL,
        "SHAPE": SHAPE,
        "UUID_SHAPE": UUID_SHAPE,
        "canonical_id": canonical_id,
        "Message": message,
        "new": object.__new__,
    }
    return own | structs


def _compile_pack(message: type[Message]) -> Callable[[Message], bytes]:
    never_null = NEVER_NULL if message is Sms else ()
    source, structs = pack_source(message, never_null)
    function: Callable[[Message], bytes] = compile_function("pack", source, _names(message, structs))
    return function


def _compile_unpack(message: type[Message]) -> Callable[[bytes, int, int], Message]:
    source, structs = unpack_source(message, RARELY_SET if message is Sms else (), OPTIONAL)
    function: Callable[[bytes, int, int], Message] = compile_function(
        "unpack", source, _names(message, structs)
    )
    return function


_PACK = {message: _compile_pack(message) for message in MESSAGES}
_UNPACK = {message.type_number: _compile_unpack(message) for message in MESSAGES}
_pack_sms = _PACK[Sms]
_pack_all = compile_function("pack_all", pack_all_source(Sms, LIKELY), _names(Sms, {}))


def _cut(value: int) -> bytes:
    """Pack an integer; "wider values are cut to 32 bits", as Kannel does."""
    return (value & 0xFFFFFFFF).to_bytes(4, "big")


def _pack_slowly(message: Message) -> bytes:
    """Pack what the compiled function refuses: long strings and wide integers."""
    body = bytearray(_INT.pack(message.type_number))
    for name, kind in fields_of(type(message)):
        value = getattr(message, name)
        if kind is Kind.INTEGER:
            body += _cut(value)
            continue
        if kind is Kind.UUID:
            value = canonical_id(value)
        elif value is None and name in NEVER_NULL and isinstance(message, Sms):
            value = b""
        body += _NULL if value is None else _INT.pack(len(value)) + value
    return _INT.pack(len(body)) + body


def pack_sms(sms: Sms) -> bytes:
    """Return the frame of an sms. Raises ValueError for an id that is no UUID; cuts integers to 32 bits."""
    try:
        return _pack_sms(sms)
    except (IndexError, struct.error):
        return _pack_slowly(sms)


def pack_all(messages: Sequence[Sms]) -> list[bytes]:
    """Return the frames of one or more sms. Raises ValueError for an id that is no UUID.

    Frames that differ in fields of LIKELY only take half of the time of pack_sms.
    """
    if len(messages) > 1:
        try:
            frames: list[bytes] = _pack_all(messages, pack_sms)
        except (IndexError, TypeError, struct.error):
            pass
        else:
            return frames
    return [pack_sms(sms) for sms in messages]


def pack_ack(nack: int, time: int, id: bytes) -> bytes:
    """Return the frame of an ack for the sms that had this time and id. Raises as pack."""
    try:
        if id.translate(SHAPE) == UUID_SHAPE:
            return _ACK.pack(52, 3, nack, time, 36, id)
    except struct.error:
        pass
    return _pack_slowly(Ack(nack, time, id))


def pack(message: Message) -> bytes:
    """Return the frame of any message. Raises as pack_sms."""
    try:
        return _PACK[type(message)](message)
    except (IndexError, struct.error):
        return _pack_slowly(message)


class BoxLink:
    """Turns octets from a socket into messages. Uses no socket."""

    __slots__ = ("_chunks", "_missing", "broken")

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._missing = 0
        self.broken: str | None = None
        """Why the octets that follow can't be read; the connection must be closed. None while all is well."""

    def receive(self, octets: bytes) -> list[Message]:
        """Return the messages that these octets complete; none once `broken` is set."""
        if self.broken is not None:
            return []
        if self._chunks:
            self._chunks.append(octets)
            self._missing -= len(octets)
            if self._missing > 0:
                return []
            octets = b"".join(self._chunks)
            self._chunks.clear()
        messages: list[Message] = []
        try:
            rest = self._take(octets, messages)
        except (ValueError, struct.error) as error:
            self.broken = f"message {len(messages) + 1} of this read: {error}"
            return messages
        if rest < len(octets):
            self._chunks.append(octets[rest:])
        return messages

    def _take(self, octets: bytes, messages: list[Message]) -> int:
        """Append whole messages; return where the incomplete one starts, and note how many octets it lacks."""
        position, size = 0, len(octets)
        while size - position >= 8:
            length, type_number = head = _HEAD.unpack_from(octets, position)
            if length < 0:
                position += 4
                continue
            end = position + 4 + length
            if length < 4 or length > MAX_FRAME:
                raise ValueError(f"frame of {length} octets")
            if end > size:
                self._missing = end - size
                return position
            if head == _ACK_HEAD:
                _, _, nack, time, id_length, id = _ACK.unpack_from(octets, position)
                if id_length != 36:
                    raise ValueError(f"UUID of {id_length} octets")
                messages.append(
                    Ack(nack, time, id if id.translate(SHAPE) == UUID_SHAPE else canonical_id(id))
                )
            elif type_number in _UNPACK:
                messages.append(_UNPACK[type_number](octets, position + 8, end))
            elif type_number != WDP_DATAGRAM:
                raise ValueError(f"unknown type {type_number}")
            position = end
        self._missing = 0
        if size - position >= 4 and 0 <= _INT.unpack_from(octets, position)[0] < 4:
            raise ValueError("frame without a message")
        return position
