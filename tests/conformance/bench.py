"""The test bed of the checks: one daemon, one scripted bearerbox, sessions that end with each check."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any

from tests.fakes import bearerbox as fake_box
from tests.fakes import esme as fake_esme
from tests.fakes import smpp_wire as wire
from tests.fakes.box_wire import Sms
from tests.fakes.esme import Esme
from tests.fakes.smpp_wire import Message, Pdu
from tests.integration.bed import Bed, Customer

SESSION_INIT, ENQUIRE_LINK, INACTIVITY, WAIT_ACK = 2, 1, 3, 3
"""The daemon's timers, in seconds."""
MOST_OPEN_ACKS = 20
SERVER_ID = "KSMPPD-CONFORMANCE-01"
VENDOR_TAG = 0x1401
TEXT = b"Hello"
NEVER = fake_box.NEVER


def smin(text: bytes = TEXT, **fields: Any) -> Message:
    """The least submit_sm."""
    least: dict[str, Any] = {
        "source_addr_ton": 1,
        "source_addr_npi": 1,
        "source_addr": b"491701",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": b"491709999999",
        "short_message": text,
    }
    return Message(**{**least, **fields})


def data_sm(payload: bytes | None = TEXT, destination: bytes = b"491709999999", **fields: int) -> bytes:
    """The body of a data_sm."""
    options = (fields.get("esm_class", 0), fields.get("registered_delivery", 0), fields.get("data_coding", 0))
    ton = fields.get("ton", 1)
    body = b"\0\x01\x01491701\0" + bytes([ton, 1]) + destination + b"\0" + bytes(options)
    return body if payload is None else body + wire.pack_tlvs({wire.MESSAGE_PAYLOAD: payload})


def submit_multi(*destinations: bytes, count: int | None = None, replace: int = 0, **fields: Any) -> bytes:
    """The body of a submit_multi; each destination with its dest_flag, as `to` and `list_of` make them."""
    message = smin(**fields)
    number = len(destinations) if count is None else count
    return b"".join(
        (
            b"\0\x01\x01491701\0",
            bytes([number]),
            *destinations,
            bytes([message.esm_class, 0, 0]) + b"\0\0" + bytes([message.registered_delivery, replace, 0, 0]),
            bytes([len(message.short_message)]) + message.short_message,
        )
    )


def to(address: bytes, ton: int = 1, npi: int = 1, flag: int = 1) -> bytes:
    """One destination of submit_multi."""
    return bytes([flag, ton, npi]) + address + b"\0"


def query_sm(message_id: bytes, source: bytes = b"491701") -> bytes:
    """The body of a query_sm."""
    return message_id + b"\0\x01\x01" + source + b"\0"


def cancel_sm(message_id: bytes = b"", source: bytes = b"491701", destination: bytes = b"") -> bytes:
    """The body of a cancel_sm."""
    return b"\0" + message_id + b"\0\x01\x01" + source + b"\0\x01\x01" + destination + b"\0"


def replace_sm(message_id: bytes) -> bytes:
    """The body of a replace_sm."""
    return message_id + b"\0\x01\x01491701\0\0\0\0\0\x03new"


def sar(reference: int, total: int, number: int) -> dict[int, bytes]:
    """The three TLVs of a segment."""
    return {
        wire.SAR_REF: reference.to_bytes(2, "big"),
        wire.SAR_TOTAL: bytes([total]),
        wire.SAR_SEQNUM: bytes([number]),
    }


def relative(seconds: int) -> bytes:
    """A relative time of less than an hour."""
    return b"00000000%02d%02d000R" % divmod(seconds, 60)


class Bench:
    """The bed with words of its own. Accounts route everything to the bearerbox."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.box = bed.box
        self.daemon = bed.daemon
        self._account: Customer | None = None

    @property
    def account(self) -> Customer:
        """This check's account."""
        if self._account is None:
            self._account = self.bed.customer()
        return self._account

    def other(self, **settings: Any) -> Customer:
        """One more account."""
        return self.bed.customer(**settings)

    def renew(self) -> None:
        """Forget the account and end its sessions."""
        self.bed.close()
        self.bed.esmes.clear()
        self._account = None

    def open(self) -> Esme:
        """Connected, not bound."""
        return self.bed.connect()

    def bind(self, kind: str, account: Customer | None = None, **options: Any) -> Esme:
        """A bound session."""
        return self.bed.esme(account or self.account, kind, **options)

    def tx(self, **options: Any) -> Esme:
        """A transmitter."""
        return self.bind("transmitter", **options)

    def rx(self, **options: Any) -> Esme:
        """A receiver."""
        return self.bind("receiver", **options)

    def trx(self, **options: Any) -> Esme:
        """A transceiver."""
        return self.bind("transceiver", **options)

    def trx_of(self, account: Customer, **options: Any) -> Esme:
        """A transceiver of another account."""
        return self.bind("transceiver", account, **options)

    def sms(self, esme: Esme, message: Message) -> Sms:
        """Submit it and return what the bearerbox got."""
        reply = esme.submit(message)
        assert reply.command_status == wire.ROK, hex(reply.command_status)
        return self.at_box(reply.text)

    def at_box(self, message_id: bytes) -> Sms:
        """The message with this id at the bearerbox."""

        def found() -> Sms | None:
            return next((each.sms for each in self.box.submits if each.sms.id == message_id), None)

        sms = self.box.wait_for(found, f"the MT {message_id!r}")
        assert sms is not None
        return sms

    def refuses(self, esme: Esme, message: Message, status: int) -> Pdu:
        """Submit it and check how it is refused."""
        reply = esme.submit(message)
        assert reply.command_status == status, (hex(reply.command_status), hex(status))
        return reply

    def mo(self, text: str | bytes = "mo", account: Customer | None = None, **fields: Any) -> bytes:
        """Let the bearerbox send an MO; its id."""
        return self.box.send_mo("+491701", (account or self.account).short_code, text, **fields)

    def receipt(
        self, esme: Esme, mask: int = 1, text: bytes = b"", mt: Message | None = None, **fields: Any
    ) -> Message:
        """Submit, let the bearerbox report, and return the receipt."""
        sms = self.sms(esme, mt or smin(registered_delivery=1))
        self.box.send_dlr(sms, mask, text, **fields)
        return esme.wait_receipt(sms.id)

    def hold(self) -> None:
        """From now on the bearerbox acks nothing."""
        self.box.policy = fake_box.always(NEVER)

    def deaf(self) -> Callable[[Message], int | None]:
        """The policy of an ESME that answers no deliver_sm."""
        return fake_esme.always(fake_esme.NEVER)


def raw(esme: Esme, octets: str | bytes) -> None:
    """Send octets, given in hexadecimal or as they are."""
    esme.send_octets(bytes.fromhex(octets) if isinstance(octets, str) else octets)


def pdu(command_id: int, body: bytes = b"", sequence: int = 1, status: int = 0) -> bytes:
    """A whole PDU."""
    return wire.pack(command_id, status, sequence, body)


def header(octets: bytes) -> tuple[int, ...]:
    """The four numbers of a header."""
    return struct.unpack(">IIII", octets[:16])


def nacked(esme: Esme, octets: str | bytes) -> Pdu:
    """Send octets and return the generic_nack that they bring about."""
    before = len(esme.nacks)
    raw(esme, octets)
    esme.wait_for(lambda: len(esme.nacks) > before, "a generic_nack")
    return esme.nacks[-1]


def alive(esme: Esme) -> None:
    """The session stays and answers."""
    assert esme.enquire_link().command_status == wire.ROK


def ended(esme: Esme, within: float = 2.0) -> float:
    """Wait for the end of the connection; the seconds that it took."""
    began = time.monotonic()
    esme.wait_closed(within)
    return time.monotonic() - began
