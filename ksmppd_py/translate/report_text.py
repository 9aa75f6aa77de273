"""Reads the texts of SMSCs' delivery reports, and writes those for ESMEs (SMPP 3.4, appendix B).

Words are `key:value`, keys in any case; a value ends at a blank, TAB, CR, LF, NUL, `,`, `;` or `"` (D-28). The last,
`text`, has all that follows.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, TypeAlias

from ksmppd_py.translate import gsm0338
from ksmppd_py.translate.coding import UCS2

MAX_TEXT: Final = 12
"""Octets of `text:` in a receipt."""
SHORT_ERR: Final = 3
"""Characters of `err:` in appendix B; many ESMEs read no others, and only digits."""
MAX_ERR: Final = 16
"""Octets of an error code, so that any report of an SMSC fits into one deliver_sm."""

ReportText: TypeAlias = tuple[bytes, bytes, bytes]
"""stat in upper case, err as received, and the receipt's text; each empty where there is none."""
NOTHING: Final[ReportText] = (b"", b"", b"")
STATES: Final = ("DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD", "ENROUTE")
"""The words of `stat:` that reports may be given (appendix B)."""


def err_length(number: int) -> int:
    """Return the characters of `err:` for an account's setting: 0 is the whole code, the least is 3."""
    return min(max(number, SHORT_ERR), MAX_ERR) if number else MAX_ERR


_END = rb" \t\r\n\0,;\""
_WORD = re.compile(rb"(?<![^%b])(stat|err|text):([^%b]*)" % (_END, _END), re.IGNORECASE)
# Nearly all texts: appendix B, with or without a text, whose first octets ASCII and GSM 03.38 write alike.
_ALIKE = rb"[ !\"#%&'()*+,\-./0-9:;<=>?A-Za-z]"


@lru_cache(maxsize=64)
def _usual(most: int) -> re.Pattern[bytes]:
    """Return the expression of usual texts; its groups are stat, err and at most `most` octets of the text."""
    return re.compile(
        rb"(?:id:[^%b]* sub:[0-9]* dlvrd:[0-9]* submit date:[0-9]* done date:[0-9]* )?"
        rb"stat:([A-Z]+) err:([0-9A-Za-z]{1,16})(?: [Tt]ext:|\Z)(%b{%d}|%b*\Z)" % (_END, _ALIKE, most, _ALIKE)
    )


_NACK = re.compile(rb"N?ACK/(0x[0-9a-f]{1,8}|[0-9]{1,9})(?![^/%b])" % _END, re.IGNORECASE)
_HEXADECIMAL = re.compile(rb"0x[0-9a-f]{1,8}", re.IGNORECASE)
_NO_DIGIT = re.compile(rb"[^0-9]+")
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")


def read(msgdata: bytes, coding: int, alt_charset: str | None, most: int = MAX_TEXT) -> ReportText:
    """Return stat, err and text of a report, the text with at most `most` octets; `coding` is the sms's.

    The text is in the alphabet of data_coding 0 (`alt_charset`, else GSM 03.38), without control characters, cut
    between characters.
    """
    usual = _usual(most).match(msgdata)
    if usual is not None and (alt_charset is None or _extends_ascii(alt_charset)):
        return usual.groups()  # type: ignore[return-value]  # all three groups take part in every match
    octets = _utf8(msgdata, coding)
    stat = err = b""
    start = 0
    has_err = has_text = False
    for word in _WORD.finditer(octets):
        key = word[1].lower()
        if key == b"stat":
            stat = stat or word[2].upper()
        elif key == b"text":
            if not has_text:
                start, has_text = word.start(2), True
        elif not has_err:
            err, has_err, has_text = word[2], True, False  # a text before the code isn't the last word
            start = word.end() + 1
    if not err:
        nack = _NACK.match(octets)
        err = b"%03d" % _number(nack[1]) if nack is not None else b""
    return stat, err, _in_alphabet(octets[start:], alt_charset, most)


def write(
    id: bytes,
    delivered: bool,
    submitted: bytes,
    done: bytes,
    stat: bytes,
    err: bytes,
    text: bytes,
) -> bytes:
    """Return the text of a receipt; `err`, and `text` with its key, are in the alphabet of data_coding 0."""
    return b"id:%b sub:001 dlvrd:%b submit date:%b done date:%b stat:%b err:%b %b" % (
        id,
        b"001" if delivered else b"000",
        submitted,
        done,
        stat,
        err,
        text,
    )


def made_up(stat: bytes, err: bytes) -> bytes:
    """Return the text of a report that no SMSC has sent, for `read`."""
    return b"stat:%b err:%b text:" % (stat, err)


def number_of(err: bytes) -> int:
    """Return the number of an error code, decimal or 0x..., 0 for none."""
    return _number(err) if err.isdigit() or _HEXADECIMAL.fullmatch(err) else 0


def err_word(err: bytes, number: int, length: int, alt_charset: str | None) -> bytes:
    """Return `err:` of a receipt: the code as received, or its `number` where the report had no text.

    With `length` 3 it has three digits in any case, since some ESMEs read nothing else and never answer such a receipt:
    the first three of a longer code, as in the C daemon, the last three of a longer `number`, or those among the
    letters of another code. Above that the code is whole, up to `length` octets.
    """
    if len(err) == SHORT_ERR and err.isdigit():
        return err
    if not err:
        return b"%03d" % (number % 1000 if length == SHORT_ERR else number)
    if length > SHORT_ERR:
        return _in_alphabet(err, alt_charset, length).rjust(SHORT_ERR, b"0")
    if _HEXADECIMAL.fullmatch(err):
        err = b"%d" % number
    return _NO_DIGIT.sub(b"", err).lstrip(b"0")[:SHORT_ERR].rjust(SHORT_ERR, b"0")


def _number(digits: bytes) -> int:
    return int(digits, 16) if digits[:2].lower() == b"0x" else int(digits[:MAX_ERR])


def _utf8(octets: bytes, coding: int) -> bytes:
    """Return a text as UTF-8. The bearerbox passes on the SMSC's octets, and `coding` isn't always right."""
    said = coding == UCS2 and (b"\0" in octets or not octets.isascii())
    if said or (octets[:1] == b"\0" and len(octets) % 2 == 0 and not any(octets[:8:2])):
        return octets.decode("utf-16-be", "replace").encode("utf-8", "replace")
    try:
        octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1").encode()
    return octets


def _in_alphabet(utf8: bytes, alt_charset: str | None, most: int) -> bytes:
    """Return at most `most` octets of a text, whole characters, with `?` for letters that the alphabet lacks."""
    text = utf8.decode("utf-8", "replace")[:most].translate(_CONTROLS)
    while text:
        octets = _encoded(text, alt_charset)
        if len(octets) <= most:
            return octets
        text = text[:-1]
    return b""


def _encoded(text: str, alt_charset: str | None) -> bytes:
    return gsm0338.encode(text.encode()) if alt_charset is None else text.encode(alt_charset, "replace")


@lru_cache(maxsize=64)
def _extends_ascii(alt_charset: str) -> bool:
    """Whether most letters of most texts are the same octets in this character set and in ASCII."""
    letters = bytes(octet for octet in range(0x20, 0x7F) if re.match(_ALIKE, bytes((octet,))))
    return letters.decode().encode(alt_charset, "replace") == letters
