"""TON, NPI and the leading `+`: SMPP's addresses against Kannel's (spec/messages.md 1.1, 5)."""

from __future__ import annotations

from typing import TypeAlias

from ksmppd_py.smpp.constants import CommandStatus, Npi, Ton
from ksmppd_py.translate.errors import Untranslatable

Address: TypeAlias = "tuple[int, int, bytes]"
"""TON, NPI, address as in a PDU."""

MAX_LENGTH = 20
"""Octets of an address in deliver_sm, without its NUL."""

# As plain integers and tuples: looking up members of an enum takes longer than everything else here.
_INTERNATIONAL = (int(Ton.INTERNATIONAL), int(Npi.ISDN))
_NATIONAL = (int(Ton.NATIONAL), int(Npi.ISDN))
_ALPHANUMERIC = (int(Ton.ALPHANUMERIC), int(Npi.UNKNOWN))


def to_box(ton: int, address: bytes, status: int) -> bytes:
    """Return Kannel's form of an ESME's address; an empty one stays empty.

    Raises Untranslatable(status) for an international address that isn't made of digits.
    """
    if ton != 1 or not address:
        return address
    if address.isdigit():
        if not address.startswith(b"00"):
            return b"+" + address
        if len(address) > 2:
            return b"+" + address[2:]
    elif address.startswith(b"+") and address[1:].isdigit():
        return address
    raise Untranslatable(status, f"international address {address!r} isn't a number")


def source(sender: bytes | None) -> Address:
    """Return the source address for Kannel's `sender`. Raises Untranslatable when a PDU can't hold it."""
    sender = sender or b""
    kind = _NATIONAL
    if sender.startswith(b"+") and sender[1:].isdigit():
        kind, sender = _INTERNATIONAL, sender[1:]
    elif sender and not sender.isdigit():
        kind = _ALPHANUMERIC
    if len(sender) > MAX_LENGTH or b"\0" in sender:
        raise Untranslatable(CommandStatus.RINVSRCADR, f"sender {sender!r} doesn't fit")
    return (*kind, sender)


def destination(receiver: bytes | None) -> Address:
    """Return the destination address for Kannel's `receiver`. Raises Untranslatable as `source`, or if empty."""
    receiver = receiver or b""
    kind = _NATIONAL
    if receiver.startswith(b"+"):
        kind, receiver = _INTERNATIONAL, receiver[1:]
    if not 1 <= len(receiver) <= MAX_LENGTH or b"\0" in receiver:
        raise Untranslatable(CommandStatus.RINVDSTADR, f"receiver {receiver!r} doesn't fit")
    return (*kind, receiver)
