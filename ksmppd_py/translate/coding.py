"""data_coding against coding, mclass, mwi, compress, alt_dcs and the text's charset (docs/rules/messages.md 2)."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ksmppd_py.kannel.messages import UNDEFINED, Sms
from ksmppd_py.translate import gsm0338

SEVEN_BIT, EIGHT_BIT, UCS2 = 0, 1, 2

ToText: TypeAlias = Callable[[bytes], "bytes | None"]
"""Makes UTF-8 from what an ESME sent; None when the octets aren't in its charset, then they are binary."""


class DataCoding(NamedTuple):
    """The meaning of a data_coding. `coding` -1: binary if there is a UDH, else text.

    `to_text` None: the text stays as it is.
    """

    coding: int
    mclass: int
    mwi: int
    compress: int
    alt_dcs: int
    to_text: ToText | None


def _from_charset(name: str) -> ToText:
    """Decode leniently: octets outside of the charset become `?`, since coding 0 is UTF-8 and nothing else."""
    return lambda octets: octets.decode(name, "replace").replace("\ufffd", "?").encode()


def _from_ascii(octets: bytes) -> bytes:
    return octets if octets.isascii() else octets.decode("latin-1").encode()


def _from_iso_2022_jp(octets: bytes) -> bytes | None:
    try:
        return octets.decode("iso2022_jp").encode()
    except UnicodeDecodeError:
        return None


_CHARSETS: dict[int, ToText] = {
    0x01: _from_ascii,
    0x03: _from_charset("latin-1"),
    0x05: _from_charset("shift_jis"),
    0x06: _from_charset("iso8859-5"),
    0x07: _from_charset("iso8859-8"),
    0x0A: _from_iso_2022_jp,
    0x0D: _from_charset("euc_jp"),
    0x0E: _from_charset("euc_kr"),
}
_STRAY_OCTETS = {0xDC00 + octet: octet for octet in range(0x80, 0x100)}
"""Latin-1's characters for the surrogates that `surrogateescape` makes of octets that aren't UTF-8."""
_BINARY = frozenset((0x02, 0x04, 0x09, 0x0B, 0x0C, 0x0F))


def _entry(dcs: int) -> DataCoding:
    mclass = mwi = compress = UNDEFINED
    alt_dcs = 0
    if dcs < 0x40:
        coding, compress = dcs >> 2 & 3, dcs >> 5
        mclass = dcs & 3 if dcs & 0x10 else UNDEFINED
    elif dcs < 0xC0:
        coding = alt_dcs = UNDEFINED
    elif dcs < 0xF0:  # GSM 03.38: 1100, 1101 text, 1110 UCS-2; bit 3 is the indication, bit 2 reserved
        coding = UCS2 if dcs >= 0xE0 else SEVEN_BIT
        mwi = dcs & 3 | (0 if dcs & 8 else 4)
    else:
        coding, mclass, alt_dcs = dcs >> 2 & 1, dcs & 3, 1
    to_text = _CHARSETS.get(dcs)
    if to_text is not None:
        coding = SEVEN_BIT
    elif dcs in _BINARY or coding == 3:
        coding = EIGHT_BIT
    elif coding in (SEVEN_BIT, UNDEFINED):
        to_text = gsm0338.decode
    return DataCoding(coding, mclass, mwi, compress, alt_dcs, to_text)


DATA_CODINGS = tuple(map(_entry, range(256)))


def read_text(data_coding: int, octets: bytes, has_udh: bool, alt_charset: str | None) -> tuple[int, bytes]:
    """Return coding and msgdata for the octets behind the UDH; alt_charset replaces GSM for data_coding 0."""
    coding, _, _, _, _, to_text = DATA_CODINGS[data_coding]
    if coding == UNDEFINED:
        if has_udh:
            return EIGHT_BIT, octets
        coding = SEVEN_BIT
    if data_coding == 0 and alt_charset is not None:
        characters = octets.decode(alt_charset, "replace").replace("\ufffd", "?")
        return coding, characters.encode("utf-8", "replace")
    if to_text is None:
        return coding, octets
    text = to_text(octets)
    return (EIGHT_BIT, octets) if text is None else (coding, text)


def coding_of(sms: Sms) -> int:
    """Return the coding of an sms, also of one that leaves it undefined; 3, which is reserved, is 8-bit."""
    if sms.coding == UNDEFINED:
        return EIGHT_BIT if sms.udhdata else SEVEN_BIT
    return EIGHT_BIT if sms.coding == 3 else sms.coding


def data_coding_of(sms: Sms) -> int:
    """Return the data_coding for a deliver_sm."""
    coding, mclass, mwi = coding_of(sms), sms.mclass, sms.mwi
    if sms.coding == 3:
        coding = 3
    if mwi >= 0:
        if mwi & 4:
            return 0xC0 | mwi & 3
        return 0x08 | mwi & 3 | (0xC0 if not sms.msgdata else 0xD0 if coding == SEVEN_BIT else 0xE0)
    grouped = mclass >= 0 or sms.alt_dcs not in (0, UNDEFINED)
    if not grouped or coding == UCS2 or sms.compress == 1:
        group = 0x20 if sms.compress == 1 else 0
        return group | (0x10 | mclass & 3 if mclass >= 0 else 0) | (coding & 3) << 2
    return 0xF0 | (coding & 1) << 2 | (mclass & 3 if mclass >= 0 else 1)


def write_text(msgdata: bytes, charset: str) -> bytes:
    """Return a text in an alt_charset, with one `?` for each character that it lacks."""
    return msgdata.decode("utf-8", "replace").encode(charset, "replace")


def can_write(msgdata: bytes, charset: str) -> bool:
    """Whether write_text keeps each character of a text."""
    try:
        msgdata.decode().encode(charset)
    except UnicodeError:
        return False
    return True


def to_ucs2(msgdata: bytes) -> bytes:
    """Return a text (coding 0) as UTF-16, most significant octet first.

    Octets that are no UTF-8 are taken for Latin-1: the bearerbox hands over what came as data_coding 1 as it came.
    """
    return msgdata.decode("utf-8", "surrogateescape").translate(_STRAY_OCTETS).encode("utf-16-be")


def known_charset(name: str) -> str:
    """Return Python's name of an iconv charset, for BindOptions.alt_charset. Raises LookupError for an unknown one."""
    try:
        "?".encode(name, "replace")  # also refuses codecs that aren't charsets, such as hex
        b"?".decode(name, "replace")
    except ValueError as error:  # such as idna and undefined: codecs that give up on what they can't express
        raise LookupError(f"{name!r} is no character set: {error}") from None
    return codecs.lookup(name).name
