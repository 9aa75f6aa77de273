"""The groups that say what customers see of their messages: ids, receipts, statuses."""

# ruff: noqa: RUF009 - the functions that make fields are what dataclasses.field is

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from kannel_conf import Change, Findings, Group, boolean, converted, integer, text
from kannel_conf.schema import to_integer
from kannel_conf.values import parse_boolean
from ksmppd_py.config.convert import to_err_length, to_word
from ksmppd_py.translate.dlr_profile import ID_LENGTHS, MOST_TEXT
from ksmppd_py.translate.receipt_dates import zone_of
from ksmppd_py.translate.report_text import MAX_ERR, STATES

Warn = Callable[[str], None]
RELOAD = Change.RELOAD
_ERR = re.compile(rf"[0-9A-Za-z]{{1,{MAX_ERR}}}")
_PROFILE_ID = re.compile(r"[!-~]{1,64}")
_STANDARD_STATUSES = range(1, 0x100)
_VENDOR_STATUSES = range(0x400, 0x500)


class MessageIdKind(Enum):
    """The words of `message-id`."""

    UUID = "uuid"
    DECIMAL = "decimal"
    HEX = "hex"


class ReceiptAddresses(Enum):
    """The words of `addresses`."""

    SUBMITTED = "submitted"
    EXCHANGED = "exchanged"


class TextKey(Enum):
    """The spellings of a receipt's last word, as `text-key` has them in lower and upper case."""

    LOWER = "text:"
    UPPER = "Text:"


class DataCoding1(Enum):
    """The alphabets of `data-coding-1`."""

    ASCII = "ascii"
    GSM = "gsm"


def to_status(value: str, warn: Warn) -> int:
    """Accept a command_status of SMPP 3.4, or of the range for vendors."""
    number = to_integer(value, warn)
    if number not in _STANDARD_STATUSES and number not in _VENDOR_STATUSES:
        raise ValueError(f"{value} is neither a command_status of 0x01 to 0xFF nor one of 0x400 to 0x4FF")
    return number


def to_zone(value: str, warn: Warn) -> str:
    """Accept a time zone, which stays text."""
    zone_of(value)
    return value


def to_err(value: str, warn: Warn) -> str:
    """Accept an error code of a receipt."""
    if not _ERR.fullmatch(value):
        raise ValueError(f"{value!r} is no error code (at most {MAX_ERR} letters and digits)")
    return value


def to_code(value: str, warn: Warn) -> str:
    """Accept an error code, or the beginning of codes with `*` behind it."""
    if value != "*":
        to_err(value.removesuffix("*"), warn)
    return value


def to_stat(value: str, warn: Warn) -> str:
    """Accept a word of appendix B, in any case."""
    if value.upper() not in STATES:
        raise ValueError(f"{value!r} is none of {', '.join(STATES)}")
    return value.upper()


def to_text_key(value: str, warn: Warn) -> TextKey:
    """Accept the two spellings, whose case counts."""
    try:
        return TextKey(value)
    except ValueError:
        raise ValueError(f"{value!r} is neither text: nor Text:") from None


def to_digits(value: str, warn: Warn) -> int:
    """Accept the two lengths of dates."""
    number = to_integer(value, warn)
    if number not in (10, 12):
        raise ValueError(f"{number} is neither 10 nor 12")
    return number


def to_octets_of_text(value: str, warn: Warn) -> int:
    """Accept a number of octets that fits into a receipt."""
    number = to_integer(value, warn)
    if not 0 <= number <= MOST_TEXT:
        raise ValueError(f"{number} is not 0 to {MOST_TEXT}")
    return number


def to_truth(value: str, warn: Warn) -> bool | None:
    """Accept a truth value."""
    truth, strange = parse_boolean(value)
    if strange:
        raise ValueError(f"{value!r} is neither true nor false")
    return truth


def to_profile_id(value: str, warn: Warn) -> str:
    """Accept a name that a column and a header can carry."""
    if not _PROFILE_ID.fullmatch(value):
        raise ValueError(f"{value!r} must be up to 64 printable characters of ASCII without blanks")
    return value


def _status(doc: str) -> int | None:
    return converted(to_status, doc, type="integer", default=None, change=RELOAD)


@dataclass(frozen=True, kw_only=True, slots=True)
class DlrProfileGroup:
    """`group = dlr-profile`: message ids, receipts and statuses as the clients of some accounts expect them. Multi.

    `kannel` and `standard` are built in, and changed by a group of that id. A key that is absent is as in the built-in
    profile of this id, else as in `kannel`. The accounts name their profile; see docs/customer-view.md.
    """

    id: str = converted(to_profile_id, "name of the profile", type="string", change=RELOAD)
    message_id: MessageIdKind | None = converted(
        to_word(MessageIdKind),
        "form of message ids; the last two need the database, which counts them",
        type="uuid, decimal or hex",
        default=None,
        change=RELOAD,
    )
    message_id_length: int = integer(
        "digits of message ids: 8 to 20 of decimal ones (10 when absent), 8 to 32 of hex ones (16)",
        default=0,
        low=0,
        high=32,
        change=RELOAD,
    )
    addresses: ReceiptAddresses | None = converted(
        to_word(ReceiptAddresses),
        "source and destination of receipts: as the message was submitted, or exchanged",
        type="submitted or exchanged",
        default=None,
        change=RELOAD,
    )
    dates: int | None = converted(
        to_digits,
        "digits of dates: 10 without seconds, 12 with them",
        type="10 or 12",
        default=None,
        change=RELOAD,
    )
    time_zone: str = converted(
        to_zone,
        "time zone of dates: local, utc, +hh:mm or a name as Europe/Berlin",
        type="time zone",
        default="",
        change=RELOAD,
    )
    err: int | None = converted(
        to_err_length,
        "characters of error codes, as in dlr-err-length",
        type="number or whole",
        default=None,
        change=RELOAD,
    )
    err_missing: str = converted(
        to_err, "error code of reports without one", type="string", default="", change=RELOAD
    )
    text: int | None = converted(
        to_octets_of_text,
        f"most octets of the report's own text, 0 to {MOST_TEXT}",
        type="integer",
        default=None,
        change=RELOAD,
    )
    text_key: TextKey | None = converted(
        to_text_key, "word before that text", type="text: or Text:", default=None, change=RELOAD
    )
    tlvs: bool | None = converted(
        to_truth,
        "binds of SMPP 3.4 get receipted_message_id, message_state and network_error_code",
        type="boolean",
        default=None,
        change=RELOAD,
    )
    data_coding_1: DataCoding1 | None = converted(
        to_word(DataCoding1),
        "alphabet of data_coding 1 in submits",
        type="ascii or gsm",
        default=None,
        change=RELOAD,
    )
    too_many_binds: int | None = _status("command_status of a bind above max_binds")
    bad_credentials: int | None = _status(
        "command_status of a bind with unknown credentials or from a forbidden address: that of the server's "
        "dlr-profile, since no account is known"
    )
    no_credit: int | None = _status("command_status of a submit without credit")
    queue_full: int | None = _status("command_status of a submit while the store's queue is full")
    throttled: int | None = _status("command_status of a submit above the throughput")


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorMapGroup:
    """`group = error-map`: other error codes and states for some reports. Multi; the first that fits is taken."""

    smsc_id: str = text("SMSC of the report; any when absent", change=RELOAD)
    code: str = converted(
        to_code,
        "the report's error code as it came; `*` at the end stands for any rest",
        type="string",
        default="",
        change=RELOAD,
    )
    if_stat: str = converted(
        to_stat, "the report's state, as `stat:` has it", type="state", default="", change=RELOAD
    )
    err: str = converted(
        to_err, "error code to report; the report's own when absent", type="string", default="", change=RELOAD
    )
    stat: str = converted(
        to_stat, "state to report; the report's own when absent", type="state", default="", change=RELOAD
    )
    refund: bool = boolean("prepaid accounts get the price of the message back, once", change=RELOAD)


def check_profiles(
    profiles: Iterable[tuple[DlrProfileGroup, Group]], has_database: bool, findings: Findings
) -> None:
    """Report double ids, lengths of message ids that aren't possible, and counted ids without a database."""
    seen: dict[str, Group] = {}
    for profile, group in profiles:
        other = seen.setdefault(profile.id, group)
        if other is not group:
            text = f"The id '{profile.id}' is taken by the group at {other.place}."
            findings.error(group.place_of("id"), text)
        kind = profile.message_id.value if profile.message_id else ""
        if kind in ID_LENGTHS:
            lengths, length = ID_LENGTHS[kind], profile.message_id_length
            if length and length not in lengths:
                text = f"'message-id-length' of {kind} ids is {lengths.start} to {lengths.stop - 1}, not {length}."
                findings.error(group.place_of("message-id-length"), text)
            if not has_database:
                text = f"'message-id' {kind} needs 'database-type' in group 'ksmppd': the database counts the ids."
                findings.error(group.place_of("message-id"), text)


def check_error_map(rules: Iterable[tuple[ErrorMapGroup, Group]], findings: Findings) -> None:
    """Report groups that fit no report on purpose, or change nothing."""
    for rule, group in rules:
        if not rule.code and not rule.if_stat:
            findings.error(group.place, "Group 'error-map' needs the field 'code' or 'if-stat'.")
        if not rule.err and not rule.stat and not rule.refund:
            findings.warning(group.place, "This group 'error-map' has neither 'err', 'stat' nor 'refund'.")
