"""Rules of the columns, checked where a row is written (docs/accounts.md, docs/routes.md)."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from ksmppd_py.ip_addresses import is_pattern
from ksmppd_py.management.errors import InvalidValue
from ksmppd_py.management.records import Setting, Settings
from ksmppd_py.model import costs
from ksmppd_py.model.direction import Direction
from ksmppd_py.model.routes import RegexChecker, Route
from ksmppd_py.translate.coding import known_charset

LONGEST_SYSTEM_ID, LONGEST_PASSWORD, SMPP_PASSWORD = 15, 64, 8
"""Octets: SMPP 3.4, 5.2.1 and 5.2.2 have 15 and 8 besides the NUL; the column of the C daemon has 64."""
LONGEST_REGEX = 10_000
"""Characters of a route's expression."""
LONGEST_REASON, LONGEST_KEY = 500, 128
MOST_CREDIT = costs.MOST
MOST_THROUGHPUT = 99_999.0
"""Submits a second that an account's column can hold: a DOUBLE(10,5) of the C daemon."""
_THROUGHPUT_DECIMALS = 5
_GENERATED = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits that can't be confused with each other."""
_TOO_SMALL = f"is nothing: credits have {costs.DECIMALS} decimals"
_SEPARATORS = re.compile(r"[;,\s]+")
_MOST_INTEGER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be set: its rule, the value of a new row, and whether the table may lack the column.

    `check` returns the value to store. It raises ValueError with words that follow the column's name.
    """

    check: Callable[[Setting], Setting]
    default: Setting = None
    is_optional: bool = False


def _text(longest: int, may_be_absent: bool = True) -> Callable[[Setting], Setting]:
    def check(value: Setting) -> Setting:
        if value is None or value == "":
            if may_be_absent:
                return None
            raise ValueError("must not be empty")
        text = str(value)
        if len(text) > longest:
            raise ValueError(f"has {len(text)} characters, more than {longest}")
        if not (text.isascii() and text.isprintable()):
            raise ValueError("may have printable ASCII characters only")
        if text != text.rstrip(" "):
            raise ValueError("ends with a blank, which databases ignore")
        return text

    return check


def _integer(least: int, most: int, may_be_absent: bool = False) -> Callable[[Setting], Setting]:
    def check(value: Setting) -> Setting:
        if value is None and may_be_absent:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return check


def _flag(value: Setting) -> Setting:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _optional_flag(value: Setting) -> Setting:
    return None if value is None else _flag(value)


def _number(least: float, most: float) -> Callable[[Setting], Setting]:
    def check(value: Setting) -> Setting:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return float(value)

    return check


def _throughput(value: Setting) -> Setting:
    number = _number(0, MOST_THROUGHPUT)(value)
    if number and not round(float(number), _THROUGHPUT_DECIMALS):
        raise ValueError(f"would be stored as 0, no limit: it has {_THROUGHPUT_DECIMALS} decimals")
    return number


def _cost(value: Setting) -> Setting:
    if isinstance(value, bool) or not isinstance(value, int | float) or not costs.is_usable(value):
        raise ValueError(f"must be a number of at most {costs.MOST:g}")
    cost = round(float(value), costs.DECIMALS)
    if value and not cost:
        raise ValueError(_TOO_SMALL)
    return cost


def _address_patterns(value: Setting) -> Setting:
    text = _text(1000)(value)
    for pattern in _SEPARATORS.split(str(text or "")):
        if pattern and not is_pattern(pattern):
            raise ValueError(f"has {pattern!r}, which is no IP address, pattern or network")
    return text


def _charset(value: Setting) -> Setting:
    text = _text(64)(value)
    if text:
        try:
            known_charset(str(text))
        except LookupError:
            raise ValueError(f"{text!r} is no known character set") from None
    return text


def _err_length(value: Setting) -> Setting:
    return value if value is None or value == 0 else _integer(3, 16)(value)


def _direction(value: Setting) -> Setting:
    if value not in (Direction.OUTBOUND, Direction.INBOUND):
        raise ValueError("must be 1 (from an ESME) or 2 (to an ESME)")
    return value


def _regex(value: Setting) -> Setting:
    text = _text(LONGEST_REGEX)(value)
    if text and (problem := RegexChecker().problem(Route(regex=str(text)))):
        raise ValueError(f"is no regular expression that routing can match: {problem}")
    return text


def _lower_case(value: Setting) -> Setting:
    text = _text(64)(value)
    if text and str(text) != str(text).lower():
        raise ValueError("must be in lower case: accounts are compared so")
    return text


_COUNT = Column(_integer(0, _MOST_INTEGER), 0)

ACCOUNT_COLUMNS: Mapping[str, Column] = {
    "throughput": Column(_throughput, 0.0),
    "default_smsc": Column(_text(64)),
    "default_cost": Column(_cost, 0.0),
    "enable_prepaid_billing": Column(_flag, False),
    "callback_url": Column(_text(255)),
    "simulate": Column(_flag, False),
    "simulate_deliver_every": _COUNT,
    "simulate_permanent_failure_every": _COUNT,
    "simulate_temporary_failure_every": _COUNT,
    "simulate_mo_every": _COUNT,
    "max_binds": _COUNT,
    "connect_allow_ip": Column(_address_patterns, None, True),
    "alt_charset": Column(_charset, None, True),
    "switch_dlr_addr": Column(_optional_flag, None, True),
    "max_open_acks": Column(_integer(0, _MOST_INTEGER, True), None, True),
    "simulate_dlr_fail": Column(_integer(0, _MOST_INTEGER, True), None, True),
    "dlr_err_length": Column(_err_length, None, True),
    "dlr_profile": Column(_text(64), None, True),
    "queue_max_age": Column(_integer(0, _MOST_INTEGER, True), None, True),
    "queue_max_rows": Column(_integer(0, _MOST_INTEGER, True), None, True),
}
"""The columns of the user table but system_id, password and credit."""

ROUTE_COLUMNS: Mapping[str, Column] = {
    "direction": Column(_direction),
    "system_id": Column(_lower_case),
    "regex": Column(_regex),
    "source_regex": Column(_regex, None, True),
    "smsc_id": Column(_text(64)),
    "cost": Column(_cost, 0.0),
    "priority": Column(_integer(-_MOST_INTEGER, _MOST_INTEGER, True), 0, True),
}
"""The columns of the route table but route_id."""


def check_columns(columns: Mapping[str, Column], values: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return the values as they are stored. Raises InvalidValue for the first one that breaks its rule."""
    checked: dict[str, Setting] = {}
    for name, value in values.items():
        column = columns.get(name)
        if column is None:
            raise InvalidValue("there is no such setting", name)
        try:
            checked[name] = column.check(value)
        except ValueError as error:
            raise InvalidValue(str(error), name) from None
    return checked


def check_row(
    columns: Mapping[str, Column], existing: Collection[str], settings: Settings, whole: bool = False
) -> dict[str, Setting]:
    """Return checked values for a table with the columns `existing`; with `whole` all of a new row.

    A column that the table lacks is dropped when its value is None or its default. Raises InvalidValue for one with any
    other value, and for a value that breaks its column's rule.
    """
    given = {name: column.default for name, column in columns.items()} if whole else {}
    checked = check_columns(columns, {**given, **settings})
    for name in [name for name in checked if name not in existing]:
        if checked[name] is not None and checked[name] != columns[name].default:
            raise InvalidValue(
                "the user table has no such column; a schema upgrade and a restart add it", name
            )
        del checked[name]
    return checked


def check_system_id(system_id: str) -> str:
    """Return the system_id of a new account. Raises InvalidValue."""
    field = "system_id"
    try:
        _text(LONGEST_SYSTEM_ID, may_be_absent=False)(system_id)
    except ValueError as error:
        raise InvalidValue(str(error), field) from None
    if system_id != system_id.lower():
        raise InvalidValue("must be in lower case: accounts are compared so", field)
    if " " in system_id or "/" in system_id:
        raise InvalidValue("must not have blanks or slashes", field)
    return system_id


def check_password(password: str) -> list[str]:
    """Return warnings about a new password. Raises InvalidValue."""
    field = "password"
    octets = password.encode("utf-8", "surrogatepass")
    if not octets or len(octets) > LONGEST_PASSWORD:
        raise InvalidValue(f"must have 1 to {LONGEST_PASSWORD} octets", field)
    if any(octet < 0x20 or octet == 0x7F for octet in octets):
        raise InvalidValue("must not have control characters, which binds are refused for", field)
    if len(octets) > SMPP_PASSWORD:
        return [f"SMPP 3.4 has room for {SMPP_PASSWORD} octets of password; many ESMEs send no more"]
    return []


def check_amount(amount: float, reason: str, key: str) -> float:
    """Return the credits of a change, with the decimals that count. Raises InvalidValue."""
    if not math.isfinite(amount) or not 0 < abs(amount) <= MOST_CREDIT:
        raise InvalidValue(f"must be a number other than 0, of at most {MOST_CREDIT:g}", "amount")
    amount = round(amount, costs.DECIMALS)
    if not amount:
        raise InvalidValue(_TOO_SMALL, "amount")
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise InvalidValue(f"must be one line of 1 to {LONGEST_REASON} characters", "reason")
    if len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise InvalidValue(f"must have at most {LONGEST_KEY} printable ASCII characters", "Idempotency-Key")
    return amount


def check_route(values: Mapping[str, Setting]) -> None:
    """Check the columns of a whole route together. Raises InvalidValue."""
    if values.get("direction") == Direction.OUTBOUND and not values.get("system_id"):
        raise InvalidValue("is needed: a route of direction 1 without an account is never used", "system_id")


def generate_password() -> str:
    """Return a random password that any ESME can send: 8 characters, 46 bits."""
    return "".join(secrets.choice(_GENERATED) for _ in range(SMPP_PASSWORD))
