"""Converters of values that only this server's keys have.

Each returns the value of a key's text, and raises ValueError with the reason for a wrong one. A text that is taken, but
looks like a mistake, is reported to `warn`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable
from enum import Enum, IntEnum
from typing import TypeVar
from urllib.parse import urlsplit

from kannel_conf.schema import to_integer
from kannel_conf.values import WHITE_SPACE, parse_integer, split_ids, split_words
from ksmppd_py.ip_addresses import is_pattern
from ksmppd_py.translate.coding import known_charset
from ksmppd_py.translate.report_text import MAX_ERR, SHORT_ERR, err_length

Warn = Callable[[str], None]

LONGEST_SYSTEM_ID = 15  # octets, SMPP 3.4, 4.1.2
_TABLE_NAME = re.compile(r"[A-Za-z0-9_$]{1,64}(\.[A-Za-z0-9_$]{1,64})?")


class Method(IntEnum):
    """The method that decides about a bind or a route; the numbers are those of configuration files."""

    DATABASE = 1
    HTTP = 2
    PLUGIN = 4


class WaitAckAction(IntEnum):
    """The action when an ESME leaves a deliver_sm unanswered."""

    DISCONNECT = 0
    DROP = 1


class AccessLogFormat(Enum):
    """The style of lines in the access log."""

    KANNEL = "kannel"
    JSON = "json"


class DatabaseType(Enum):
    """The kinds of database; `<word>-connection` is the group with its address."""

    MYSQL = "mysql"
    PGSQL = "pgsql"
    SQLITE3 = "sqlite3"


class SslMode(Enum):
    """libpq's ways of TLS."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


LONGEST_USERNAME = 64
EnumT = TypeVar("EnumT", bound=Enum)


def to_method(value: str, warn: Warn) -> Method:
    """Accept the number of a method (1, 2, 4) and its word alike."""
    try:
        return Method(parse_integer(value)[0])
    except ValueError:
        pass
    try:
        return Method[value.upper()]
    except KeyError:
        raise ValueError(f"{value!r} is none of 1 or database, 2 or http, 4 or plugin") from None


def to_wait_ack_action(value: str, warn: Warn) -> WaitAckAction:
    """Accept the two numbers; another one could lose messages silently."""
    number = to_integer(value, warn)
    if number not in (0, 1):
        raise ValueError(f"{number} is neither 0 (disconnect) nor 1 (drop)")
    return WaitAckAction(number)


def to_err_length(value: str, warn: Warn) -> int:
    """Accept a number of characters, and `whole` for as many as a receipt can hold."""
    if value.lower() == "whole":
        return MAX_ERR
    number = to_integer(value, warn)
    if number and not SHORT_ERR <= number <= MAX_ERR:
        raise ValueError(f"{number} is neither `whole` nor {SHORT_ERR} to {MAX_ERR} characters")
    return err_length(number)


def to_word(kind: type[EnumT]) -> Callable[[str, Warn], EnumT]:
    """Accept the values of an enumeration in any case."""

    def convert(value: str, warn: Warn) -> EnumT:
        try:
            return kind(value.lower())
        except ValueError:
            words = ", ".join(member.value for member in kind)
            raise ValueError(f"{value!r} is none of {words}") from None

    return convert


def to_log_level(value: str, warn: Warn) -> int:
    """Accept any number, as Kannel does, and take the nearest level 0..4."""
    number = to_integer(value, warn)
    level = min(4, max(0, number))
    if level != number:
        warn(f"there is no level {number}, {level} is taken")
    return level


def to_table_name(value: str, warn: Warn) -> str:
    """Accept `table` and `database.table`: the name becomes part of SQL statements."""
    if not _TABLE_NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} is no table name (at most 64 letters, digits, '_', '$'; a database's name and '.' before it)"
        )
    return value


def to_server_id(value: str, warn: Warn) -> str:
    """Accept any octets; a response has room for 15."""
    if len(value.encode("utf-8", "surrogateescape")) > LONGEST_SYSTEM_ID:
        warn(f"only the first {LONGEST_SYSTEM_ID} octets fit into a bind response")
    return value


def to_utf8(value: str, warn: Warn) -> str:
    """Accept text; octets that aren't UTF-8 would become escapes in it."""
    if not _is_utf8(value):
        raise ValueError(f"{value!r} has octets that are no UTF-8")
    return value


def to_username(value: str, warn: Warn) -> str:
    """Accept a name that HTTP Basic can carry: a colon would end it."""
    name = to_utf8(value, warn)
    if not name.isprintable() or ":" in name or len(name) > LONGEST_USERNAME:
        raise ValueError(f"{name!r} must be up to {LONGEST_USERNAME} printable characters without a colon")
    return name


def to_host(value: str, warn: Warn) -> str:
    """Accept an address, an IPv6 one also in brackets, or a possible name of a host."""
    if value.startswith("[") and value.endswith("]") and ":" in value:
        value = value[1:-1]
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if not _is_host_name(value):
            raise ValueError(f"{value!r} is neither an IP address nor the name of a host") from None
    return value


def to_database_hosts(value: str, warn: Warn) -> str:
    """Accept a directory of a Unix socket, or hosts that are separated by `,`."""
    if value.startswith("/"):
        return value
    return ",".join(to_host(name.strip(), warn) for name in value.split(","))


def to_host_names(value: str, warn: Warn) -> tuple[str, ...]:
    """Accept hosts, separated by `;`, `,` or blanks."""
    return tuple(to_host(name, warn) for name in split_words(value, ";," + WHITE_SPACE))


def to_interface(value: str, warn: Warn) -> str:
    """Accept a host; as in Kannel `*` means all interfaces. `0.0.0.0` is all IPv4 ones."""
    return "" if value == "*" else to_host(value, warn)


def to_http_url(value: str, warn: Warn) -> str:
    """Accept an http or https URL with a host, as `url_problem` checks it."""
    if problem := url_problem(value):
        raise ValueError(problem)
    return value


def url_problem(url: str) -> str:
    """Return why this can't be asked by HTTP, "" when it can.

    The text never contains the URL, which may have a password.
    """
    if not _is_utf8(url):
        return "the URL has octets that are no UTF-8, write them as %XX"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "this is no URL that can be asked"
    if parts.scheme not in ("http", "https") or not host:
        return "the URL must start with http:// or https:// and name a host"
    try:
        to_host(host, lambda text: None)
    except ValueError as error:
        return str(error)
    return ""


def _is_utf8(text: str) -> bool:
    return not any("\udc80" <= char <= "\udcff" for char in text)


def _is_host_name(text: str) -> bool:
    try:
        if re.fullmatch(r"[0-9.]*", text):
            return bool(socket.inet_aton(text))  # of less than four numbers, as the C library reads them
        return not re.search(r"[\s/:@]", text) and bool(text.encode("idna"))
    except (OSError, UnicodeError):
        return False


def to_path(value: str, warn: Warn) -> str:
    """Make a path absolute, because the daemon may leave the directory in which it was started."""
    return os.path.abspath(value)


def to_database_path(value: str, warn: Warn) -> str:
    """Do as to_path, except for SQLite's `:memory:`."""
    return value if value == ":memory:" else os.path.abspath(value)


def to_plugin_path(value: str, warn: Warn) -> str:
    """Make the path of a Python file absolute. Whether it exists is checked when the plugin is needed."""
    return os.path.abspath(value) if value.endswith(".py") else value


def to_connections(value: str, warn: Warn) -> int:
    """Accept a number of connections; 0 means 1."""
    number = to_integer(value, warn)
    if number < 0:
        raise ValueError(f"{number} is not at least 0")
    return number or 1


def to_address_patterns(value: str, warn: Warn) -> tuple[str, ...]:
    """Accept addresses, `*` for octets or groups of them, and networks, separated by `;`, `,` or blanks."""
    patterns = split_words(value, ";," + WHITE_SPACE)
    for pattern in patterns:
        if not is_pattern(pattern):
            warn(f"{pattern!r} is no IP address ('*' for any octet or group), no network, and matches nobody")
    return patterns


def to_charset(value: str, warn: Warn) -> str:
    """Accept a character set that Python has under this name."""
    try:
        known_charset(value)
    except LookupError:
        raise ValueError(f"{value!r} is no known character set") from None
    return value


def to_system_ids(value: str, warn: Warn) -> tuple[str, ...]:
    """Accept system_ids separated by `;`; accounts are known by their lower-case system_id."""
    ids = split_ids(value)
    for system_id in ids:
        if system_id != system_id.lower():
            warn(f"{system_id!r} matches no account, accounts are compared in lower case")
    return ids
