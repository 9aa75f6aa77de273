"""The national language tables of 3GPP TS 23.038, annex A: which letter each septet is.

Tables of Indian languages and Urdu share a frame of Latin letters, digits and signs. Their own letters fill its gaps,
almost in Unicode's order, so they are written as they stand there: hexadecimal code points, ranges with `-`, `_` for a
septet without a letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ksmppd_py.translate.gsm0338 import ALPHABET, EXTENSION

TURKISH, SPANISH, PORTUGUESE, BENGALI, GUJARATI, HINDI, KANNADA = range(1, 8)
MALAYALAM, ORIYA, PUNJABI, TAMIL, TELUGU, URDU = range(8, 14)
NO_LETTER: Final = "\0"
"""Stands in a table where a septet has no letter."""

_GAP = "\1"
_LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOCKING_FRAME = (
    _GAP * 10 + "\n" + _GAP * 2 + "\r" + _GAP * 13 + "\x1b" + _GAP * 4
    + " !" + _GAP * 6 + ")(" + _GAP * 2 + "," + _GAP + "." + _GAP + "0123456789:;" + _GAP * 3 + "?"
    + _GAP * 33 + _LATIN.lower() + _GAP * 5
)  # fmt: skip
_SINGLE_FRAME = (
    "@£$¥¿\"¤%&'\f*+" + NO_LETTER + "-/<=>¡^¡_#*" + _GAP * 2 + NO_LETTER + _GAP * 12 + "{}" + _GAP * 5 + "\\"
    + _GAP * 12 + "[~]" + _GAP + "|" + _LATIN + NO_LETTER * 10 + "€" + NO_LETTER * 26
)  # fmt: skip

_LOCKING_LETTERS: Mapping[int, str] = {
    BENGALI: (
        "0981-0983 0985-098C _ _ 098F-0990 _ _ 0993-09A8 _ 09AA-09B0 _ 09B2 _ _ _ 09B6-09B9 09BC-09C4 _ _ "
        "09C7-09C8 _ _ 09CB-09CE 09D7 09DC-09DD 09F0-09F1"
    ),
    GUJARATI: (
        "0A81-0A83 0A85-0A8D _ 0A8F-0A91 _ 0A93-0AA8 _ 0AAA-0AB0 _ 0AB2-0AB3 _ 0AB5-0AB9 0ABC-0AC5 _ "
        "0AC7-0AC9 _ 0ACB-0ACD 0AD0 0AE0-0AE3 0AF1"
    ),
    HINDI: ("0901-0903 0905-0939 093C-094D 0950 0972 097B-097C 097E-097F"),
    KANNADA: (
        "_ 0C82-0C83 0C85-0C8C _ 0C8E-0C90 _ 0C92-0CA8 _ 0CAA-0CB3 _ 0CB5-0CB9 0CBC-0CC4 _ 0CC6-0CC8 _ "
        "0CCA-0CCD 0CD5-0CD6 0CE0-0CE3"
    ),
    MALAYALAM: (
        "_ 0D02-0D03 0D05-0D0C _ 0D0E-0D10 _ 0D12-0D28 _ 0D2A-0D39 _ 0D3D-0D44 _ 0D46-0D48 _ 0D4A-0D4D 0D57 "
        "0D60-0D63 0D79"
    ),
    ORIYA: (
        "0B01-0B03 0B05-0B0C _ _ 0B0F-0B10 _ _ 0B13-0B28 _ 0B2A-0B30 _ 0B32-0B33 _ 0B35-0B39 0B3C-0B44 _ _ "
        "0B47-0B48 _ _ 0B4B-0B4D 0B56-0B57 0B60-0B63"
    ),
    PUNJABI: (
        "0A01-0A03 0A05-0A0A _ _ _ _ 0A0F-0A10 _ _ 0A13-0A28 _ 0A2A-0A30 _ 0A32-0A33 _ 0A35-0A36 _ 0A38-0A39 "
        "0A3C _ 0A3E-0A42 _ _ _ _ 0A47-0A48 _ _ 0A4B-0A4D 0A51 0A70-0A74"
    ),
    TAMIL: (
        "_ 0B82-0B83 0B85-0B8A _ _ _ 0B8E-0B90 _ 0B92-0B95 _ _ _ 0B99-0B9A _ 0B9C _ 0B9E-0B9F _ _ _ 0BA3-0BA4 "
        "_ _ _ 0BA8-0BAA _ _ _ 0BAE-0BB9 _ _ 0BBE-0BC2 _ _ _ 0BC6-0BC8 _ 0BCA-0BCD 0BD0 0BD7 0BF0-0BF2 0BF9"
    ),
    TELUGU: (
        "0C01-0C03 0C05-0C0C _ 0C0E-0C10 _ 0C12-0C28 _ 0C2A-0C33 _ 0C35-0C39 _ 0C3D-0C44 _ 0C46-0C48 _ "
        "0C4A-0C4D 0C55-0C56 0C60-0C63"
    ),
    URDU: (
        "0627 0622 0628 067B 0680 067E 06A6 062A 06C2 067F 0679 067D 067A 067C 062B 062C 0681 0684 0683 0685 "
        "0686 0687 062D-062F 068C 0688-068A 068F 068D 0630-0631 0691 0693 0699 0632 0696 0698 069A 0633-0639 "
        "0641-0642 06A9-06AB 06AF 06B3 06B1 0644-0646 06BA-06BC 0648 06C4 06D5 06C1 06BE 0621 06CC 06D0 06D2 "
        "064D 0650 064F 0657 0654-0655 0651 0653 0656 0670"
    ),
}
_SINGLE_LETTERS: Mapping[int, str] = {
    BENGALI: ("09E6-09EF 09DF-09E3 09F2-09FA"),
    GUJARATI: ("0964-0965 0AE6-0AEF"),
    HINDI: ("0964-096F 0951-0954 0958-0963 0970-0971"),
    KANNADA: ("0964-0965 0CE6-0CEF 0CDE 0CF1-0CF2"),
    MALAYALAM: ("0964-0965 0D66-0D75 0D7A-0D7F"),
    ORIYA: ("0964-0965 0B66-0B6F 0B5C-0B5D 0B5F 0B70-0B71"),
    PUNJABI: ("0964-0965 0A66-0A6F 0A59-0A5C 0A5E 0A75"),
    TAMIL: ("0964-0965 0BE6-0BEF 0BF3-0BF8 0BFA"),
    TELUGU: ("_ _ 0C66-0C6F 0C58-0C59 0C78-0C7F"),
    URDU: ("0600-0601 06F0-06F9 060C-0614 061B 061F 0640 0652 0658 066B-066C 0672-0673 06CD 06D4"),
}


def _letters(text: str) -> Iterator[str]:
    """Yield the letters of a string of code points."""
    for word in text.split():
        if word == "_":
            yield NO_LETTER
            continue
        first, _, last = word.partition("-")
        yield from map(chr, range(int(first, 16), int(last or first, 16) + 1))


def _filled(frame: str, text: str) -> str:
    """Return a table: the frame with these letters in its gaps, in order, and NO_LETTER in those that are left."""
    letters = _letters(text)
    table = "".join(next(letters, NO_LETTER) if char == _GAP else char for char in frame)
    assert next(letters, None) is None
    return table


def _replaced(table: str, letters: Mapping[int, str]) -> str:
    return "".join(letters.get(code, char) for code, char in enumerate(table))


_EXTENSION = _replaced(NO_LETTER * 128, EXTENSION)
_ACCENTS = {0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x61: "á", 0x69: "í", 0x6F: "ó", 0x75: "ú"}

LOCKING_SHIFT: Final[Mapping[int, str]] = {
    0: ALPHABET,
    TURKISH: _replaced(
        ALPHABET,
        {0x04: "€", 0x07: "ı", 0x0B: "Ğ", 0x0C: "ğ", 0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç"},
    ),
    PORTUGUESE: _replaced(
        ALPHABET,
        dict(enumerate("êéúíóç\nÔô\rÁáΔ_ªÇÀ∞^\\€Ó|\x1bÂâÊÉ", 0x04))
        | {0x24: "º", 0x40: "Í", 0x60: "~"}
        | dict(enumerate("ÃÕÚÜ§", 0x5B))
        | dict(enumerate("ãõ`üà", 0x7B)),
    ),
} | {language: _filled(_LOCKING_FRAME, letters) for language, letters in _LOCKING_LETTERS.items()}
"""By language: the letters of the 128 septets, in place of the default alphabet (A.3). Spanish has none."""

SINGLE_SHIFT: Final[Mapping[int, str]] = {
    0: _EXTENSION,
    TURKISH: _replaced(
        _EXTENSION, {0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x67: "ğ", 0x69: "ı", 0x73: "ş"}
    ),
    SPANISH: _replaced(_EXTENSION, {0x09: "ç"} | _ACCENTS),
    PORTUGUESE: _replaced(
        _EXTENSION,
        {0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x1F: "Ê"}
        | dict(enumerate("ΦΓ^ΩΠΨΣΘ", 0x12))
        | _ACCENTS
        | {0x41: "À", 0x5B: "Ã", 0x5C: "Õ", 0x61: "Â", 0x7B: "ã", 0x7C: "õ", 0x7F: "â"},
    ),
} | {language: _filled(_SINGLE_FRAME, letters) for language, letters in _SINGLE_LETTERS.items()}
"""By language: the letters of the 128 septets behind an escape, in place of the extension table (A.2)."""
