"""Texts behind a user data header that names a language (3GPP TS 23.040, 9.2.3.24.15 and 16).

The bearerbox knows the default alphabet only. A locking shift gives other letters to septets, each of which has a
letter in the default alphabet too: the bearerbox gets this one, and makes the same septet of it. A single shift gives
letters to septets behind an escape, which the bearerbox can't write: such a text is passed on as its letters.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ksmppd_py.kannel.messages import UNDEFINED, Sms
from ksmppd_py.translate import gsm0338, udh
from ksmppd_py.translate.coding import SEVEN_BIT, UCS2
from ksmppd_py.translate.gsm0338 import ESCAPE, EXTENSION
from ksmppd_py.translate.national_tables import LOCKING_SHIFT, NO_LETTER, SINGLE_SHIFT

_SINGLE, _LOCKING = 0x24, 0x25
"""Element identifiers of the shifts; both have one octet, the language."""
_LEFT_OUT = frozenset((_SINGLE, _LOCKING, *udh.CONCATENATION))
_NO_SEPTETS = bytes(range(0x80, 0x100))
_IDLE_ESCAPE = re.compile(b"\x1b(?![%b])" % b"".join(b"\\x%02x" % code for code in EXTENSION))


class Shifts(NamedTuple):
    """The languages that a header names, 0 for the default alphabet and its extension."""

    locking: int = 0
    single: int = 0


def shifts_of(udhdata: bytes | None) -> Shifts | None:
    """Return the languages that a header names; None when it names none."""
    if not udhdata or (_SINGLE not in udhdata and _LOCKING not in udhdata):
        return None
    languages = {identifier: value[0] for identifier, value in udh.elements(udhdata) if len(value) == 1}
    shifts = Shifts(languages.get(_LOCKING, 0), languages.get(_SINGLE, 0))
    return shifts if any(shifts) else None


def set_text(sms: Sms, septets: bytes, shifts: Shifts) -> None:
    """Set the text of an MT whose header names languages.

    A text that is passed on as letters loses these elements of its header, and its place among other parts: as UCS-2
    it may take several SMS, which the bearerbox makes.
    """
    septets = septets.translate(None, _NO_SEPTETS)
    if not shifts.single:
        sms.msgdata = gsm0338.decode(_IDLE_ESCAPE.sub(b"", septets))
        return
    text = decode(septets, shifts)
    sms.coding, sms.msgdata = SEVEN_BIT, text.encode()
    if gsm0338.encode_all(sms.msgdata) is None:
        sms.coding, sms.msgdata = UCS2, text.encode("utf-16-be")
    sms.udhdata = udh.without(sms.udhdata or b"", _LEFT_OUT)
    sms.msg_left = UNDEFINED


def letters_of(msgdata: bytes, shifts: Shifts) -> bytes:
    """Return the letters, in UTF-8, of a text that is passed on by letters of the default alphabet."""
    return decode(gsm0338.encode(msgdata), shifts).encode()


def decode(septets: bytes, shifts: Shifts) -> str:
    """Return the letters of septets, which have no octets above 0x7F.

    As 23.038 has it, an escape before a septet without a letter counts for nothing, and an unknown language has the
    default tables.
    """
    main, escaped = _tables(shifts)
    first, *others = septets.split(bytes((ESCAPE,)))
    text = [first.decode("ascii").translate(main)]
    for other in others:
        text += (escaped[other[0]], other[1:].decode("ascii").translate(main)) if other else " "
    return "".join(text)


@lru_cache(maxsize=32)
def _tables(shifts: Shifts) -> tuple[dict[int, str], list[str]]:
    """Return the letters of septets, and those of septets behind an escape."""
    main = LOCKING_SHIFT.get(shifts.locking, LOCKING_SHIFT[0]).replace(NO_LETTER, " ")
    single = SINGLE_SHIFT.get(shifts.single, SINGLE_SHIFT[0])
    escaped = [main[code] if char == NO_LETTER else char for code, char in enumerate(single)]
    return dict(enumerate(main)), escaped
