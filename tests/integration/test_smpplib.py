"""smpplib, an independent SMPP client, against the daemon."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm

from tests.fakes import box_wire
from tests.integration.bed import Bed, Customer
from tests.parts.waiting import PartError

pytestmark = pytest.mark.integration

KINDS = ("transmitter", "receiver", "transceiver")


class SmpplibSession:
    """A bound smpplib client whose listener runs beside the test."""

    def __init__(self, port: int, customer: Customer, kind: str) -> None:
        self.client = smpplib.client.Client("127.0.0.1", port, timeout=10, allow_unknown_opt_params=True)
        self.sent: list[Any] = []
        self.received: list[Any] = []
        self._changed = threading.Condition()
        self.client.set_message_sent_handler(lambda pdu: self._keep(self.sent, pdu))
        self.client.set_message_received_handler(lambda pdu: self._keep(self.received, pdu))
        self.client.set_error_pdu_handler(lambda pdu: self._keep(self.sent, pdu))
        self.client.connect()
        bind = getattr(self.client, f"bind_{kind}")
        self.bind_reply = bind(system_id=customer.system_id, password=customer.password)
        self._listener = threading.Thread(target=self._listen, daemon=True)

    def listen(self) -> None:
        self._listener.start()

    def wait(self, pdus: list[Any], count: int, timeout: float = 10.0) -> list[Any]:
        with self._changed:
            if not self._changed.wait_for(lambda: len(pdus) >= count, timeout):
                raise PartError(f"{count} PDUs expected, {len(pdus)} came")
        return pdus

    def end(self) -> None:
        """Unbind while the listener has ended, or drop the connection."""
        if self._listener.is_alive():
            self.client._socket.shutdown(2)
            self._listener.join(5)
        self.client.state = smpplib.consts.SMPP_CLIENT_STATE_OPEN
        self.client.disconnect()

    def _keep(self, pdus: list[Any], pdu: Any) -> None:
        with self._changed:
            pdus.append(pdu)
            self._changed.notify_all()

    def _listen(self) -> None:
        with contextlib.suppress(smpplib.exceptions.ConnectionError, OSError):
            self.client.listen()


@pytest.fixture
def sessions(bed: Bed) -> Iterator[Any]:
    opened: list[SmpplibSession] = []

    def start(customer: Customer, kind: str = "transceiver") -> SmpplibSession:
        session = SmpplibSession(bed.daemon.smpp_port, customer, kind)
        opened.append(session)
        return session

    yield start
    for session in opened:
        session.end()


@pytest.mark.parametrize("kind", KINDS)
def test_bind_and_unbind(bed: Bed, sessions: Any, kind: str) -> None:
    session = sessions(bed.customer(), kind)
    assert session.bind_reply.command == f"bind_{kind}_resp"
    assert session.bind_reply.system_id == b"KSMPPD-TEST"
    reply = session.client.unbind()
    assert (reply.command, reply.status) == ("unbind_resp", 0)


def test_a_refused_bind_raises(bed: Bed) -> None:
    client = smpplib.client.Client("127.0.0.1", bed.daemon.smpp_port, allow_unknown_opt_params=True)
    client.connect()
    with pytest.raises(smpplib.exceptions.PDUError) as refusal:
        client.bind_transceiver(system_id="nobody", password="nothing")
    assert refusal.value.args[1] == smpplib.consts.SMPP_ESME_RBINDFAIL
    client.disconnect()


def test_submit_with_receipt(bed: Bed, sessions: Any) -> None:
    session = sessions(bed.customer())
    session.listen()
    parts, coding, esm_class = smpplib.gsm.make_parts("Hello from smpplib, " + "x" * 160)
    assert len(parts) == 2
    for part in parts:
        session.client.send_message(
            source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
            source_addr="SENDER",
            dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
            dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
            destination_addr="491701234567",
            short_message=part,
            data_coding=coding,
            esm_class=esm_class,
            registered_delivery=True,
        )
    replies = session.wait(session.sent, 2)
    assert [reply.status for reply in replies] == [0, 0]
    messages = bed.box.wait_for_sms(2)
    assert [reply.message_id for reply in replies] == [sms.id for sms in messages]
    assert (messages[0].sender, messages[0].receiver) == (b"SENDER", b"+491701234567")
    assert b"".join(sms.msgdata or b"" for sms in messages).decode() == "Hello from smpplib, " + "x" * 160
    for sms in messages:
        bed.box.send_dlr(sms)
    receipts = session.wait(session.received, 2)
    assert {receipt.receipted_message_id for receipt in receipts} == {sms.id for sms in messages}
    assert {receipt.message_state for receipt in receipts} == {2}
    assert all(b"stat:DELIVRD" in receipt.short_message for receipt in receipts)


def test_unicode_submit(bed: Bed, sessions: Any) -> None:
    session = sessions(bed.customer(), "transmitter")
    session.listen()
    (part,), coding, esm_class = smpplib.gsm.make_parts("привет")
    session.client.send_message(
        source_addr="1",
        destination_addr="2",
        short_message=part,
        data_coding=coding,
        esm_class=esm_class,
    )
    session.wait(session.sent, 1)
    (sms,) = bed.box.wait_for_sms()
    assert (sms.coding, (sms.msgdata or b"").decode("utf-16-be")) == (2, "привет")


def test_deliver(bed: Bed, sessions: Any) -> None:
    customer = bed.customer()
    session = sessions(customer, "receiver")
    session.listen()
    mo = bed.box.send_mo("+491701234567", customer.short_code, "hello smpplib")
    (pdu,) = session.wait(session.received, 1)
    assert (pdu.command, pdu.short_message, pdu.source_addr) == (
        "deliver_sm",
        b"hello smpplib",
        b"491701234567",
    )
    assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
