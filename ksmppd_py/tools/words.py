"""Describes PDUs for people, in one line each. Passwords never appear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from smpplib import consts

from ksmppd_py.tools import texts

UDH_INDICATOR = 0x40  # esm_class, SMPP 3.4, 5.2.12
RECEIPT_TYPES = 0x3C  # message type bits of esm_class in a deliver_sm
SMSC_RECEIPT, INTERMEDIATE = 0x04, 0x20
TON_INTERNATIONAL = 1
MESSAGES = ("submit_sm", "submit_multi", "deliver_sm", "data_sm")
STATES = {  # SMPP 3.4, 5.2.28
    1: "ENROUTE",
    2: "DELIVERED",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIVERABLE",
    6: "ACCEPTED",
    7: "UNKNOWN",
    8: "REJECTED",
}

# appendix B; Kannel writes BUFFRED for a message that waits at the SMSC
UNFINISHED = frozenset({"ACCEPTD", "BUFFRED", "ENROUTE"})
_RECEIPT = re.compile(r"\bid:(?P<id>\S*).*?\bstat:(?P<stat>\S*)(?:.*?\berr:(?P<err>\S*))?", re.DOTALL)
_DONE = re.compile(r"\bdone date:(\d+)")

_STATUS_NAMES = {
    value: name.removeprefix("SMPP_") for name, value in vars(consts).items() if name.startswith("SMPP_ESME_")
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery receipt: the message's id and its result. `final` is False while another one may follow."""

    message_id: str
    stat: str
    err: str
    done: str
    final: bool


def text_of(value: bytes | str | None) -> str:
    """Return a wire string as text; octets that aren't ASCII become escapes."""
    if isinstance(value, bytes):
        return value.decode("ascii", "backslashreplace")
    return value or ""


def quoted(text: str) -> str:
    """Return text in quotes on one line; unprintable characters become escapes."""
    return f'"{printable(text)}"'


def printable(text: str) -> str:
    """Return text without characters that a terminal takes for commands; they become escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def status(command_status: int) -> str:
    """Return a command_status in words: `ok`, or its name, number and description."""
    if command_status == 0:
        return "ok"
    name = status_name(command_status)
    description = consts.DESCRIPTIONS.get(command_status, "")
    return f"{name} (0x{command_status:02X}{', ' if description else ''}{description})"


def status_name(command_status: int) -> str:
    """Return the name of a command_status in SMPP 3.4, 5.1.3."""
    return str(_STATUS_NAMES.get(command_status, "unknown status"))


def is_response(pdu: Any) -> bool:
    """Whether a PDU answers another one."""
    return bool(pdu.command.endswith("_resp") or pdu.command == "generic_nack")


def destinations_of(pdu: Any) -> list[str]:
    """Return the addresses of a submit_multi: entries of flag, TON, NPI and the address itself."""
    octets, position, found = pdu.dest_addresses or b"", 0, []
    while position < len(octets):
        end = octets.index(b"\0", position + 3)
        found.append(address(octets[position + 1], octets[position + 3 : end]))
        position = end + 1
    return found


def address(ton: int | None, value: bytes | str | None) -> str:
    """Return an address, with its plus sign when it is international."""
    plain = text_of(value)
    return f"+{plain}" if ton == TON_INTERNATIONAL and not plain.startswith("+") else plain or "(no address)"


def body_of(pdu: Any) -> tuple[bytes, bytes]:
    """Return (user data header, text octets) of a submit_sm, deliver_sm or data_sm."""
    octets: bytes = getattr(pdu, "short_message", None) or getattr(pdu, "message_payload", None) or b""
    if (pdu.esm_class or 0) & UDH_INDICATOR and octets:
        length = octets[0] + 1
        return octets[:length], octets[length:]
    return b"", octets


def receipt_of(pdu: Any) -> Receipt | None:
    """Read the delivery receipt in a deliver_sm; None when it is an ordinary message."""
    kind = (pdu.esm_class or 0) & RECEIPT_TYPES
    if not kind & (SMSC_RECEIPT | INTERMEDIATE):
        return None
    _, octets = body_of(pdu)
    text = octets.decode("latin-1")
    found = _RECEIPT.search(text)
    named, stat = (found["id"], found["stat"]) if found else ("", "(no stat)")
    message_id = text_of(getattr(pdu, "receipted_message_id", None)).rstrip("\0") or named
    done = _DONE.search(text)
    final = bool(kind & SMSC_RECEIPT) and stat not in UNFINISHED
    return Receipt(message_id, stat, (found and found["err"]) or "", done[1] if done else "", final)


def describe(pdu: Any) -> str:
    """Return one PDU in words, without its direction."""
    return printable(_describe(pdu))


def _describe(pdu: Any) -> str:
    head = f"{pdu.command} #{pdu.sequence}"
    if is_response(pdu):
        return f"{head}: {_response(pdu)}"
    if pdu.command.startswith("bind_"):
        version = pdu.interface_version or 0
        system_id = quoted(text_of(pdu.system_id))
        return f"{head}: system_id {system_id}, password ****, SMPP {version >> 4}.{version & 15}"
    if pdu.command in MESSAGES:
        return f"{head}: {_message(pdu)}"
    if pdu.command in ("query_sm", "cancel_sm"):
        return f"{head}: {_reference(pdu)}"
    return head


def _reference(pdu: Any) -> str:
    """Return the message that a query_sm or cancel_sm names."""
    source = address(pdu.source_addr_ton, pdu.source_addr)
    about = f"message_id {text_of(pdu.message_id)}" if pdu.message_id else "all messages"
    to = getattr(pdu, "destination_addr", None)
    return f"{about} from {source}" + (f" to {address(pdu.dest_addr_ton, to)}" if to else "")


def _response(pdu: Any) -> str:
    parts = [status(pdu.status)]
    system_id, message_id = getattr(pdu, "system_id", None), getattr(pdu, "message_id", None)
    if system_id and pdu.status == 0:
        parts.append(f"server id {quoted(text_of(system_id))}")
    if message_id and pdu.status == 0:
        parts.append(f"message_id {text_of(message_id)}")
    if pdu.command == "query_sm_resp" and pdu.status == 0:
        parts.append(STATES.get(pdu.message_state, f"state {pdu.message_state}"))
        if pdu.final_date:
            parts.append(f"final since {text_of(pdu.final_date)}")
        if pdu.error_code:
            parts.append(f"error {pdu.error_code}")
    parts += [f"{refused} refused: {status(code)}" for refused, code in getattr(pdu, "refused", ())]
    return ", ".join(parts)


def _message(pdu: Any) -> str:
    source = address(pdu.source_addr_ton, pdu.source_addr)
    if pdu.command == "submit_multi":
        destination = " and ".join(destinations_of(pdu))
    else:
        destination = address(pdu.dest_addr_ton, pdu.destination_addr)
    receipt = receipt_of(pdu) if pdu.command == "deliver_sm" else None
    if receipt:
        done = f", done {receipt.done}" if receipt.done else ""
        return (
            f"delivery report for {receipt.message_id or '(no id)'}: "
            f"stat {receipt.stat}, err {receipt.err or '(none)'}{done}"
        )
    kind = "message " if pdu.command == "deliver_sm" else ""
    parts = [f"{kind}from {source} to {destination}", _body(pdu)]
    if not kind and pdu.registered_delivery:
        parts.append("delivery report asked")
    for word, field in (("valid until", "validity_period"), ("not before", "schedule_delivery_time")):
        if not kind and getattr(pdu, field, None):
            parts.append(f"{word} {text_of(getattr(pdu, field))}")
    return ", ".join(parts)


def _body(pdu: Any) -> str:
    udh, octets = body_of(pdu)
    data_coding = pdu.data_coding or 0
    text = texts.decode(octets, data_coding)
    shown = f"text {quoted(text)}" if text is not None else f"octets {octets.hex()}"
    notes = [texts.coding_name(data_coding)]
    concatenation = texts.take_concatenation(udh)
    if concatenation:
        reference, total, number = concatenation
        notes.append(f"part {number} of {total}, reference {reference}")
    elif udh:
        notes.append(f"header {udh.hex()}")
    if not getattr(pdu, "short_message", None) and getattr(pdu, "message_payload", None):
        notes.append("message_payload")
    return f"{shown} ({', '.join(notes)})"
