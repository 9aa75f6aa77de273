"""Makes messages from rows of the store table (docs/rules/database.md 2 and 4)."""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Callable, Sequence
from operator import itemgetter
from types import NoneType
from typing import Any

from ksmppd_py.kannel.codec import SHAPE, UUID_SHAPE
from ksmppd_py.kannel.messages import SMS_FIELDS, UNDEFINED, Field, Kind, Sms
from ksmppd_py.model.store import StoredMessage
from ksmppd_py.storage.values import integer, octets

_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMELESS = uuid.UUID("6e9e1f4c-5a7f-4f0c-9a55-0c5b7f3a2d11")
"""Namespace of the ids that rows without a usable one get, so that it is the same each time."""
_INT32 = range(-(2**31), 2**31)


def _columns(*kinds: Kind) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Return a function that takes the fields of these kinds out of a row, whose first column is global_id."""
    return itemgetter(*(index for index, field in enumerate(SMS_FIELDS, 1) if field.kind in kinds))


_integers = _columns(Kind.INTEGER)
_octet_strings = _columns(Kind.STRING, Kind.UUID)
_id = _columns(Kind.UUID)
_fit: Callable[..., bytes] = struct.Struct(
    f">{sum(field.kind is Kind.INTEGER for field in SMS_FIELDS)}i"
).pack
_TEXT = [index for index, field in enumerate(SMS_FIELDS, 1) if field.name in ("service", "id")]
"""Positions of columns that are compared: text on SQLite, one character an octet."""
_OCTETS = {bytes, NoneType}


def read_stored(row: Sequence[Any]) -> StoredMessage:
    """Return the message of a row: global_id and all fields in their order; without `sms` when none can be made."""
    message_id: Any = _id(row)
    if message_id.__class__ is str:
        row = list(row)
        for index in _TEXT:
            row[index] = _octets(row[index])
        message_id = _id(row)
    try:
        _fit(*_integers(row))  # refuses anything but integers of 32 bits
        if _OCTETS.issuperset(map(type, _octet_strings(row))) and message_id.translate(SHAPE) == UUID_SHAPE:
            return StoredMessage(row[0], Sms(*row[1:]))
    except (struct.error, AttributeError):
        pass
    return _read_leniently(row)


def _read_leniently(row: Sequence[Any]) -> StoredMessage:
    """Return the message as read_stored does, for any types of columns."""
    global_id = int(row[0])
    try:
        values = [_value(field, value, global_id) for field, value in zip(SMS_FIELDS, row[1:], strict=True)]
    except ValueError as error:
        return StoredMessage(global_id, None, str(error))
    return StoredMessage(global_id, Sms(*values))


def _value(field: Field, value: Any, global_id: int) -> Any:
    if field.kind is Kind.INTEGER:
        number = integer(value, UNDEFINED)
        if number not in _INT32:
            raise ValueError(f"column {field.name} holds {number}, which no message can carry")
        return number
    if field.kind is Kind.UUID:
        text = _octets(value)
        known = (text or b"").strip().lower()
        return known if _UUID.fullmatch(known) else str(uuid.uuid5(_NAMELESS, str(global_id))).encode()
    return _octets(value) if field.name == "service" else octets(value)


def _octets(value: Any) -> bytes | None:
    """Return the octets of a column, which is text on SQLite, one character each."""
    return value.encode("latin-1", "replace") if isinstance(value, str) else octets(value)
