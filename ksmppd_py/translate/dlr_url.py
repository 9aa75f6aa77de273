"""dlr_url: this server's reference in an MT, which the reports on it repeat (docs/rules/messages.md 6)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.translate.errors import Untranslatable

ID_OCTETS = 36
"""Octets of a message id of this server, a UUID in text."""
MIN_DLR_URL = 37
"""Octets from which on any id is taken, as the C daemon's reader does; in shorter ones it has to be like ours."""
_OUR_ID = re.compile(rb"[A-Za-z0-9-]{1,64}")
_ESCAPED = re.compile(rb"[|;%]")
_ESCAPE = re.compile(rb"%(7C|3B|25)", re.IGNORECASE)
_PERCENT, _SEMICOLON, _BAR, _DOT = (
    b"%;|."  # octets are searched for a number ten times as fast as for an octet string
)
_PRICE = re.compile(rb"^[^|]*\|[0-9.]*\$([0-9]{1,15}\.[0-9]{6})[/|]")
_ASKED = re.compile(rb"^[^|]*\|[0-9]+\.[0-9]*\.([0-9]{1,2})(?![0-9])")
_EPOCH = re.compile(rb"([+-]?\d{1,15})(?:\.(\d{1,5}))?")


class DlrUrl(NamedTuple):
    """The content of an MT's dlr_url: `<system_id>|<epoch>[.<reference>][$<price>][/<uuid>]|<id>[;<id>...]`.

    `reference` is the user_message_reference, `price` is there if a report may give it back. The id is the one that the
    ESME knows; where it isn't the one towards the bearerbox, that one is the `uuid`. Other readers skip all that
    follows the number in the middle.
    """

    system_id: bytes
    submit_time: int
    user_message_reference: int | None
    ids: list[bytes]


def make_dlr_url(
    system_id: bytes, now: int, message_id: bytes, user_message_reference: int | None = None
) -> bytes:
    """Return the dlr_url of a message submitted `now` (epoch seconds)."""
    if not system_id.isalnum():
        system_id = _ESCAPED.sub(lambda char: b"%%%02X" % ord(char[0]), system_id)
    if user_message_reference is None:
        return b"%b|%d|%b" % (system_id, now, message_id)
    return b"%b|%d.%d|%b" % (system_id, now, user_message_reference, message_id)


def with_id(dlr_url: bytes, uuid: bytes, message_id: bytes) -> bytes:
    """Return a dlr_url of make_dlr_url with another id for the ESME; `uuid` is the one towards the bearerbox."""
    return b"%b/%b|%b" % (dlr_url[: -ID_OCTETS - 1], uuid, message_id)


def with_price(dlr_url: bytes, price: float) -> bytes:
    """Return a dlr_url of this server with the price of its message, in credits with six decimals."""
    bar = dlr_url.rfind(b"|")
    slash = dlr_url.rfind(b"/", dlr_url.rfind(b"|", 0, bar), bar)
    end = bar if slash < 0 else slash
    return b"%b$%.6f%b" % (dlr_url[:end], price, dlr_url[end:])


def price_of(dlr_url: bytes) -> float:
    """Return the price in a dlr_url, 0 without one."""
    found = _PRICE.search(dlr_url)
    return float(found[1]) if found is not None else 0.0


def with_asked(dlr_url: bytes, dlr_mask: int) -> bytes:
    """Return a dlr_url of make_dlr_url with the reports that the ESME asked for: the bearerbox is asked for more.

    It is the third number of the middle, `<epoch>.[<reference>].<dlr_mask>`; other readers skip it.
    """
    bar = dlr_url.rfind(b"|")
    dots = b"." if b"." in dlr_url[dlr_url.rfind(b"|", 0, bar) : bar] else b".."
    return b"%b%b%d%b" % (dlr_url[:bar], dots, dlr_mask, dlr_url[bar:])


def asked_of(dlr_url: bytes | None) -> int | None:
    """Return the dlr_mask that the ESME asked for, None where it is the bearerbox's own."""
    if dlr_url is None or _DOT not in dlr_url:
        return None
    found = _ASKED.match(dlr_url)
    return int(found[1]) if found is not None else None


def parse_dlr_url(dlr_url: bytes | None) -> DlrUrl:
    """Read a dlr_url. Raises Untranslatable when this server didn't make it."""
    dlr_url = dlr_url or b""
    parts = dlr_url.split(b"|")
    if len(parts) == 4 and not parts[3]:
        del parts[3]
    if len(parts) != 3 or (len(dlr_url) < MIN_DLR_URL and not _OUR_ID.fullmatch(parts[2])):
        raise Untranslatable(CommandStatus.RINVMSGID, f"dlr_url {dlr_url!r} isn't ours")
    system_id, submit_time, last = parts
    if _PERCENT in system_id:
        system_id = _ESCAPE.sub(lambda code: bytes.fromhex(code[1].decode()), system_id)
    ids = [last] if _SEMICOLON not in last else ids_of(last)
    if not last or not ids:
        raise Untranslatable(CommandStatus.RINVMSGID, f"dlr_url {dlr_url!r} has no id")
    return DlrUrl(system_id, *_submit_time(submit_time), ids)


def system_id_of(dlr_url: bytes) -> bytes:
    """Return the system_id of a dlr_url. Raises Untranslatable when this server didn't make it."""
    parts = dlr_url.split(b"|")
    if len(parts) != 3 or not parts[2] or _PERCENT in parts[0] or len(dlr_url) < MIN_DLR_URL:
        return parse_dlr_url(dlr_url).system_id
    return parts[0]


def ids_of(dlr_url: bytes) -> list[bytes]:
    """Return the message ids at the end of any dlr_url, also of one that this server didn't make."""
    last = dlr_url[dlr_url.rfind(b"|") + 1 :]
    return [last] if _SEMICOLON not in last else [id for id in last.split(b";") if id]


def esme_id(dlr_url: bytes) -> bytes:
    """Return the message id that the ESME knows: all that stands behind the last `|`."""
    return dlr_url[dlr_url.rfind(b"|") + 1 :]


def message_id_of(dlr_url: bytes) -> bytes:
    """Return the id of the MT towards the bearerbox, in lower case: the end of a dlr_url, or of its middle."""
    tail = dlr_url[-ID_OCTETS:]
    if _BAR in tail:
        middle = dlr_url[: dlr_url.rfind(b"|")]
        tail = middle[middle.rfind(b"/") + 1 :]
    return tail.lower()


@lru_cache(maxsize=1024)
def _submit_time(text: bytes) -> tuple[int, int | None]:
    """Return the middle of a dlr_url: epoch seconds, and the user_message_reference or None."""
    numbers = _EPOCH.match(text)
    if numbers is None:
        return 0, None
    reference = int(numbers[2] or -1)
    return int(numbers[1]), reference if 0 <= reference <= 0xFFFF else None
