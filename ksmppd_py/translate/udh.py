"""User data headers, and messages in parts (docs/rules/messages.md 1.2, 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import NamedTuple

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.translate import gsm0338
from ksmppd_py.translate.coding import EIGHT_BIT, SEVEN_BIT, UCS2, coding_of
from ksmppd_py.translate.errors import Untranslatable

MAX_OCTETS = 140
"""Octets that one SMS holds, user data header included."""
MAX_PARTS = 255
_LONG = 1000
"""Octets of text above which its parts are remembered for a while."""
CONCATENATION = (0x00, 0x08)
"""Element identifiers: 8-bit and 16-bit reference."""


class Part(NamedTuple):
    """One part of a message; `msgdata` is in the message's own encoding, `msg_left` counts the rest."""

    udhdata: bytes | None
    msgdata: bytes
    msg_left: int


def take_header(octets: bytes) -> tuple[bytes, bytes]:
    """Return the UDH, with its length octet, and the rest. Raises Untranslatable for a UDH longer than the text."""
    if not octets or octets[0] >= len(octets):
        raise Untranslatable(CommandStatus.RINVESMCLASS, "no user data header in the message")
    end = octets[0] + 1
    return octets[:end], octets[end:]


def concatenation(reference: int, total: int, number: int) -> bytes:
    """Return a UDH that says "part `number` of `total`", with an 8-bit reference if that suffices."""
    if reference > 0xFF:
        return bytes((6, 8, 4, reference >> 8, reference & 0xFF, total, number))
    return bytes((5, 0, 3, reference, total, number))


def application_ports(destination: int, source: int) -> bytes:
    """Return a UDH that addresses an application by ports of 16 bits (GSM 03.40, 9.2.3.24.4)."""
    return bytes((6, 5, 4, destination >> 8, destination & 0xFF, source >> 8, source & 0xFF))


def joined(first: bytes, second: bytes) -> bytes:
    """Return one UDH with the elements of both."""
    elements = first[1:] + second[1:]
    return bytes((len(elements),)) + elements


def elements(udhdata: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield identifier and value of each element; the value of the last one is shorter than it says if it is cut."""
    position, end = 1, min(len(udhdata), udhdata[0] + 1)
    while position + 1 < end:
        identifier, length = udhdata[position : position + 2]
        position += 2 + length
        yield identifier, udhdata[position - length : min(position, end)]


def without(udhdata: bytes, identifiers: Collection[int]) -> bytes | None:
    """Return a UDH without these elements, None when none are left."""
    kept = b"".join(
        bytes((identifier, len(value))) + value
        for identifier, value in elements(udhdata)
        if identifier not in identifiers
    )
    return bytes((len(kept),)) + kept if kept else None


def is_concatenated(udhdata: bytes | None) -> bool:
    """Whether a UDH already has a concatenation element."""
    if not udhdata:
        return False
    return any(identifier in CONCATENATION for identifier, _ in elements(udhdata))


def _capacity(coding: int, header: int) -> int:
    """Return the units (septets or octets) beside a header of so many octets; whole characters of UCS-2."""
    octets = MAX_OCTETS - header
    if coding == SEVEN_BIT:
        return octets * 8 // 7
    return octets & ~1 if coding == UCS2 else octets


def _cuts(coding: int, units: bytes, header: int) -> list[int]:
    """Return where the parts of a message end; `units` are septets for coding 0, otherwise octets.

    Raises Untranslatable when there would be more than 255 parts, or no room beside the header.
    """
    size = len(units)
    if size <= _capacity(coding, header):
        return [size]
    capacity = _capacity(coding, (header or 1) + 5)
    if capacity < 4:
        raise Untranslatable(
            CommandStatus.RINVMSGLEN, f"no room beside a user data header of {header} octets"
        )
    cuts, position = [], 0
    while size - position > capacity:
        position += capacity
        if coding == SEVEN_BIT:
            position -= units[position - 1] == gsm0338.ESCAPE
        elif coding == UCS2 and units[position - 2] & 0xFC == 0xD8:  # after a high surrogate
            position -= 2
        cuts.append(position)
        if len(cuts) == MAX_PARTS:
            raise Untranslatable(CommandStatus.RINVMSGLEN, "more than 255 parts")
    return [*cuts, size]


def fits_one(sms: Sms) -> bool:
    """Whether a message needs no splitting: it is short, or a part of another one already."""
    if is_concatenated(sms.udhdata):
        return True
    coding, msgdata = coding_of(sms), sms.msgdata or b""
    size = gsm0338.length(msgdata) if coding == SEVEN_BIT else len(msgdata)
    return size <= _capacity(coding, len(sms.udhdata or b""))


def split(sms: Sms, reference: int, septets: bytes | None = None) -> list[Part]:
    """Return a message as parts of at most 140 octets, each with its place in its UDH if there are several.

    A message that already is a part of another one stays whole. With `septets`, the text in GSM 03.38, the parts
    hold these instead of UTF-8. Raises Untranslatable above 255 parts.
    """
    coding, udhdata, msgdata = coding_of(sms), sms.udhdata or None, sms.msgdata or b""
    if septets is not None:
        msgdata = units = septets
    elif coding == SEVEN_BIT:
        units = gsm0338.encode(msgdata)
    else:
        units = msgdata
    if is_concatenated(udhdata):
        return [Part(udhdata, msgdata, 0)]
    cuts = _cuts(coding, units, len(udhdata or b""))
    if len(cuts) == 1:
        return [Part(udhdata, msgdata, 0)]
    return [
        Part(_extended(udhdata, reference & 0xFF, len(cuts), number), body, len(cuts) - number)
        for number, body in enumerate(_bodies(msgdata, units, cuts), 1)
    ]


def _bodies(msgdata: bytes, units: bytes, cuts: list[int]) -> list[bytes]:
    spans = list(zip([0, *cuts], cuts, strict=False))
    if msgdata is units:
        return [units[start:end] for start, end in spans]
    text, bodies, position = msgdata.decode("utf-8", "replace"), [], 0
    for start, end in spans:
        following = position + end - start - units.count(gsm0338.ESCAPE, start, end)
        bodies.append(text[position:following].encode())
        position = following
    return bodies


def _extended(udhdata: bytes | None, reference: int, total: int, number: int) -> bytes:
    if not udhdata:
        return concatenation(reference, total, number)
    elements = udhdata[1:] + bytes((0, 3, reference, total, number))
    return bytes((len(elements),)) + elements


def count_parts(sms: Sms) -> int:
    """Return how many SMS the bearerbox makes of an MT, which is the number that is billed.

    It cuts UCS-2 as binary, after a number of octets, even between the halves of a character. A part of a longer
    message counts as one only while it fits. Raises Untranslatable above 255 parts, of which the bearerbox drops the
    rest.
    """
    msgdata = sms.msgdata
    if not msgdata:
        return 1
    header = len(sms.udhdata) if sms.udhdata else 0

    # In any coding: no character takes more septets than twice its octets.
    if len(msgdata) <= 70 - header:
        return 1
    coding = coding_of(sms)
    if len(msgdata) <= _LONG:
        return _count(coding, msgdata, header)
    parts = _count_long(coding, msgdata, header)
    if isinstance(parts, Untranslatable):
        raise Untranslatable(parts.command_status, parts.reason)
    return parts


def _count(coding: int, msgdata: bytes, header: int) -> int:
    if coding == SEVEN_BIT:
        return len(_cuts(SEVEN_BIT, gsm0338.encode_as_bearerbox(msgdata), header))
    return len(_cuts(EIGHT_BIT, msgdata, header))


@lru_cache(maxsize=8)
def _count_long(coding: int, msgdata: bytes, header: int) -> int | Untranslatable:
    """As _count, once for a text that many destinations share: 60,000 octets take milliseconds."""
    try:
        return _count(coding, msgdata, header)
    except Untranslatable as refusal:
        return refusal
