"""Sms <-> X-KSMPPD-* headers of HTTP routing, derived from the Sms table (docs/rules/http.md 2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ksmppd_py.kannel.messages import SMS_FIELDS, UNDEFINED, Kind, Sms, SmsType
from ksmppd_py.kannel.url import decode, encode

PREFIX = "X-KSMPPD-"
_NAMES = {field.name: PREFIX + field.name.replace("_", "-") for field in SMS_FIELDS}
_AS_IT_IS = frozenset(
    ("smsc_number", "foreign_id", "service", "account", "charset", "boxc_id", "binfo"),
)
"""Strings that KSMPPD doesn't URL-encode; neither does this server, unless a header can't carry them."""
_PRINTABLE = re.compile(rb"[!-~]([ -~]*[!-~])?")
_LEAST, _GREATEST = -(2**31), 2**31 - 1  # what an integer of a message can be
_LEADING_INTEGER = re.compile(r"[+-]?\d{1,18}")

_OURS = frozenset(("sms_type", "id", "dlr_url", "boxc_id", "resend_try", "resend_time", "msg_left"))
"""Fields that a router can't change, because acks and reports need them."""
_PROTECTED: dict[int, frozenset[str]] = {
    SmsType.MT_PUSH: _OURS | {"service"},
    SmsType.MO: _OURS | {"smsc_id"},
}
_ENCODABLE = frozenset(("msgdata", "udhdata"))
"""Octets that a plain header can't carry: URL-encoded if `X-KSMPPD-<field>-encoded` is `1`."""


def protected_fields(sms_type: int) -> frozenset[str]:
    """Names of the fields that no router can change."""
    return _PROTECTED.get(sms_type, _OURS)


def to_headers(sms: Sms) -> list[tuple[str, str]]:
    """Return name and value of each field that is set, in the order of the table; most strings are URL-encoded."""
    headers = []
    for name, kind in SMS_FIELDS:
        value = getattr(sms, name)
        if kind is Kind.INTEGER:
            if value != UNDEFINED:
                headers.append((_NAMES[name], f"{value:d}"))  # str() of an enum is its name on Python 3.10
        elif name in _AS_IT_IS and value and _PRINTABLE.fullmatch(value):
            headers.append((_NAMES[name], value.decode("ascii")))
        elif value:
            headers.append((_NAMES[name], encode(value)))
    return headers


def override(sms: Sms, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
    """Replace fields of `sms` by non-empty headers of a router's answer; names in any case, the first counts.

    Strings are taken as they are, integers up to the first non-digit. Fields that acks and reports need are kept.
    """
    answer: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        answer.setdefault(name.lower(), value.strip())
    protected = protected_fields(sms.sms_type)
    for name, kind in SMS_FIELDS:
        value = answer.get(_NAMES[name].lower(), "")
        if not value or name in protected:
            continue
        if kind is Kind.STRING:
            setattr(sms, name, _octets(name, value, answer))
        else:  # `id`, the only UUID, is protected
            number = _LEADING_INTEGER.match(value)
            if number is not None and _LEAST <= int(number[0]) <= _GREATEST:
                setattr(sms, name, int(number[0]))


def _octets(name: str, value: str, answer: dict[str, str]) -> bytes:
    try:
        octets = value.encode("latin-1")  # how HTTP clients hand over what isn't ASCII
    except UnicodeEncodeError:
        octets = value.encode()
    if name in _ENCODABLE and answer.get(f"{_NAMES[name]}-encoded".lower()) == "1":
        return decode(octets)
    return octets
