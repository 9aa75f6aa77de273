"""TON, NPI and the leading `+`: SMPP's addresses against Kannel's (docs/rules/messages.md 1.1, 5)."""

from __future__ import annotations

from typing import TypeAlias

from ksmppd_py.smpp.constants import CommandStatus, Npi, Ton
from ksmppd_py.translate.errors import Untranslatable

Address: TypeAlias = "tuple[int, int, bytes]"
"""TON, NPI, address as in a PDU."""

MAX_LENGTH = 20
"""Octets of an address in deliver_sm, without its NUL."""

# As plain integers: looking up members of an enum takes longer than everything else here.
_INTERNATIONAL, _NATIONAL, _ALPHANUMERIC = int(Ton.INTERNATIONAL), int(Ton.NATIONAL), int(Ton.ALPHANUMERIC)
_UNKNOWN, _ISDN = int(Npi.UNKNOWN), int(Npi.ISDN)
_PLUS = ord("+")


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
    if not sender:
        return _NATIONAL, _ISDN, b""
    if sender[0] == _PLUS:
        digits = sender[1:]
        if digits.isdigit() and len(digits) <= MAX_LENGTH:
            return _INTERNATIONAL, _ISDN, digits
    elif sender.isdigit() and len(sender) <= MAX_LENGTH:
        return _NATIONAL, _ISDN, sender
    if len(sender) > MAX_LENGTH or 0 in sender:
        raise Untranslatable(CommandStatus.RINVSRCADR, f"sender {sender!r} doesn't fit")
    return _ALPHANUMERIC, _UNKNOWN, sender


def destination(receiver: bytes | None) -> Address:
    """Return the destination for Kannel's `receiver`. Raises Untranslatable if it is empty or too long."""
    ton, address = _NATIONAL, receiver or b""
    if address and address[0] == _PLUS:
        ton, address = _INTERNATIONAL, address[1:]
    if not 1 <= len(address) <= MAX_LENGTH or 0 in address:
        raise Untranslatable(CommandStatus.RINVDSTADR, f"receiver {receiver!r} doesn't fit")
    return ton, _ISDN, address
