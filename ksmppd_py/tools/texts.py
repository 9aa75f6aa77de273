"""Message text for an ESME: choosing a data_coding, encoding, decoding, cutting into concatenated parts.

The alphabet is smpplib's and not the daemon's, so that ksmppd-esme judges the daemon independently.
"""

from __future__ import annotations

from smpplib.gsm import GSM_CHARACTER_TABLE

GSM, OCTETS, UCS2 = "GSM", "octets", "UCS-2"
SINGLE = {GSM: 160, OCTETS: 140, UCS2: 140}  # units that fit into one short message (GSM 03.40)
PART = {GSM: 153, OCTETS: 134, UCS2: 134}  # and into one that starts with a concatenation header
ESCAPE = 0x1B

# SMPP 3.4, 5.2.19; kept with Python's names for these character sets
CHARACTER_SETS = {
    0x01: "ascii",
    0x03: "latin-1",
    0x05: "shift_jis",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    0x0A: "iso2022_jp",
    0x0D: "euc_jp",
    0x0E: "euc_kr",
}


class TextError(ValueError):
    """The text can't be sent as asked; the message is for people."""


def _gsm_alphabet() -> dict[str, bytes]:
    """Return the octets, a septet each, of the characters of GSM 03.38; ` is smpplib's filler, and it lacks the §."""
    basic = {character: bytes([code]) for code, character in enumerate(GSM_CHARACTER_TABLE[:0x80])}
    extended = {character: bytes([ESCAPE, code]) for code, character in enumerate(GSM_CHARACTER_TABLE[0x80:])}
    alphabet = {**extended, **basic, "§": b"\x5f"}
    del alphabet["`"], alphabet[chr(ESCAPE)]
    return alphabet


_TO_GSM = _gsm_alphabet()
_FROM_GSM = {octets: character for character, octets in _TO_GSM.items()}


def family(data_coding: int) -> str:
    """Return GSM, OCTETS or UCS2 for a data_coding, as far as lengths are concerned (5.2.19, GSM 03.38).

    Of those below 16 only 8 is UCS-2; undefined ones are octets.
    """
    group, low = data_coding >> 4, data_coding & 0x0F
    if data_coding in CHARACTER_SETS:
        return OCTETS
    if group == 0:
        return {0: GSM, 8: UCS2}.get(low, OCTETS)
    if group <= 3:
        return (GSM, OCTETS, UCS2, OCTETS)[low >> 2]
    if group == 0xF:
        return OCTETS if low & 0x04 else GSM
    return UCS2 if group == 0xE else GSM


def coding_name(data_coding: int) -> str:
    """Return a word for a data_coding: GSM, UCS-2, octets or the name of a character set."""
    return CHARACTER_SETS.get(data_coding) or family(data_coding)


def encode(text: str, data_coding: int | None = None) -> tuple[int, bytes]:
    """Return (data_coding, octets); if none is given, GSM when it has all characters, otherwise UCS-2.

    Text for a binary data_coding is sent as its UTF-8 octets. Raises TextError when it can't be written.
    """
    if data_coding is None:
        data_coding = 0x00 if all(character in _TO_GSM for character in text) else 0x08
    kind = family(data_coding)
    try:
        if kind == GSM:
            return data_coding, b"".join(_TO_GSM[character] for character in text)
        if kind == UCS2:
            return data_coding, text.encode("utf-16-be")
        return data_coding, text.encode(CHARACTER_SETS.get(data_coding, "utf-8"))
    except (KeyError, UnicodeEncodeError) as error:
        raise TextError(f"data_coding {data_coding} ({coding_name(data_coding)}) can't write it") from error


def decode(octets: bytes, data_coding: int) -> str | None:
    """Return the text, with U+FFFD for octets that can't be read; None for binary data_codings."""
    kind = family(data_coding)
    if data_coding in CHARACTER_SETS:
        return octets.decode(CHARACTER_SETS[data_coding], "replace")
    if kind == UCS2:
        return octets.decode("utf-16-be", "replace")
    if kind == OCTETS:
        return None
    units = _septet_units(octets)
    return "".join(_FROM_GSM.get(unit, "�") for unit in units)


def _septet_units(octets: bytes) -> list[bytes]:
    """Cut GSM octets into characters: one octet, or an escape with its code."""
    units: list[bytes] = []
    position = 0
    while position < len(octets):
        width = 2 if octets[position] == ESCAPE else 1
        units.append(octets[position : position + width])
        position += width
    return units


def split(octets: bytes, data_coding: int, reference: int) -> list[bytes]:
    """Cut encoded text into short messages; several start with a header (GSM 03.40, 9.2.3.24.1).

    No cut falls inside an escaped character or a surrogate pair. Raises TextError above 255 parts.
    """
    kind = family(data_coding)
    if len(octets) <= SINGLE[kind]:
        return [octets]
    parts: list[bytes] = []
    position = 0
    while position < len(octets):
        end = position + PART[kind]
        if end < len(octets) and _splits_a_character(octets, position, end, kind):
            end -= 1 if kind == GSM else 2
        parts.append(octets[position:end])
        position = end
    if len(parts) > 255:
        raise TextError(f"the text needs {len(parts)} parts, a message has at most 255")
    return [
        bytes([5, 0, 3, reference & 0xFF, len(parts), number]) + part for number, part in enumerate(parts, 1)
    ]


def _splits_a_character(octets: bytes, start: int, end: int, kind: str) -> bool:
    if kind == GSM:  # an escape never follows an escape, so the last octet decides
        return octets[end - 1] == ESCAPE and start < end - 1
    return kind == UCS2 and 0xD8 <= octets[end - 2] <= 0xDB


def take_concatenation(udh: bytes) -> tuple[int, int, int] | None:
    """Return (reference, total, number) from a user data header with its length octet, or None."""
    position = 1
    while position + 1 < len(udh):
        element, width = udh[position], udh[position + 1]
        value = udh[position + 2 : position + 2 + width]
        if element == 0x00 and len(value) == 3:
            return value[0], value[1], value[2]
        if element == 0x08 and len(value) == 4:
            return int.from_bytes(value[:2], "big"), value[2], value[3]
        position += 2 + width
    return None
