"""End of a connection: our last PDU arrives, and an ESME that only half-closes gets its answers (D-31)."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.transport.tls import unverified_client_context
from tests.esme.conftest import NEVER, PASSWORD, Bed, StartBed
from tests.fakes import smpp_wire as wire
from tests.fakes.smpp_wire import Message, Pdu
from tests.flows.memory import mo
from tests.parts.process import free_port
from tests.parts.waiting import wait_until

MT = Message(source_addr=b"12345", destination_addr=b"491700", short_message=b"hello")
SUBMIT = wire.pack_message(MT)
UNREAD = wire.pack(0x00000999, 0, 99) * 20_000
"""More than we read at a time, so that there is unread input whenever we close."""
CERTIFICATE = Path(__file__).parents[1] / "transport" / "certificate.pem"


class Client:
    """A plain socket that sends without reading, and reads on request."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), 5)
        self.raw: socket.socket = plain
        self.socket: socket.socket = plain
        if context is not None:
            self.socket = context.wrap_socket(plain, server_hostname="ksmppd.test")

    def send(self, *pdus: bytes) -> None:
        self.socket.sendall(b"".join(pdus))

    def send_in_background(self, octets: bytes) -> None:
        """Send as much as the server takes; `read_all` reports a connection that was closed meanwhile."""

        def send() -> None:
            try:
                self.socket.sendall(octets)
            except OSError:
                return

        gevent.spawn(send)

    def bind(self, password: str = PASSWORD) -> None:
        self.send(wire.pack(wire.BIND_TRANSCEIVER, 0, 1, wire.pack_bind("esme", password)))

    def half_close(self) -> None:
        socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def read_one(self) -> Pdu:
        header = self._exactly(16)
        length, *fields = struct.unpack(">IIII", header)
        return Pdu(*fields, self._exactly(length - 16))

    def _exactly(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = self.socket.recv(count - len(octets))
            assert more, "the stream ended early"
            octets += more
        return octets

    def read_all(self) -> list[Pdu]:
        """All PDUs until the server's end of the stream. Raises ConnectionResetError when it was no clean one."""
        octets = b""
        while more := self.socket.recv(65536):
            octets += more
        pdus = []
        while octets:
            length, *fields = struct.unpack(">IIII", octets[:16])
            pdus.append(Pdu(*fields, octets[16:length]))
            octets = octets[length:]
        return pdus


Connect = Callable[..., Client]


@pytest.fixture
def connect() -> Iterator[Connect]:
    clients: list[Client] = []

    def connect(bed: Bed, tls: bool = False, linger: float = 0.3) -> Client:
        bed.set_timings(linger=linger)
        port = bed.settings.smpp_tls_port if tls else bed.port
        clients.append(Client(port, unverified_client_context() if tls else None))
        return clients[-1]

    yield connect
    for client in clients:
        client.socket.close()


@pytest.fixture(params=["plain", "TLS"])
def end(request: pytest.FixtureRequest, start: StartBed, connect: Connect) -> tuple[Bed, Client]:
    """A bed with one client on it."""
    with_tls = request.param == "TLS"
    bed = start(
        **({"smpp_tls_port": free_port(), "smpp_tls_cert_file": str(CERTIFICATE)} if with_tls else {})
    )
    return bed, connect(bed, with_tls)


def wrong_password(bed: Bed, client: Client) -> tuple[int, int]:
    client.bind("wrong")
    return wire.BIND_TRANSCEIVER | wire.RESPONSE, wire.RBINDFAIL


def unbind(bed: Bed, client: Client) -> tuple[int, int]:
    client.bind()
    client.send(wire.pack(wire.UNBIND, 0, 2))
    return wire.UNBIND | wire.RESPONSE, 0


def unbind_at_once(bed: Bed, client: Client) -> tuple[int, int]:
    client.send(wire.pack(wire.UNBIND, 0, 2))
    return wire.UNBIND | wire.RESPONSE, 0


def bad_length(bed: Bed, client: Client) -> tuple[int, int]:
    client.bind()
    client.send(struct.pack(">IIII", 5, 4, 0, 2))
    return wire.GENERIC_NACK, int(CommandStatus.RINVCMDLEN)


def no_smpp(bed: Bed, client: Client) -> tuple[int, int]:
    client.send(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
    return wire.GENERIC_NACK, int(CommandStatus.RINVCMDLEN)


def bad_pdus(bed: Bed, client: Client) -> tuple[int, int]:
    client.bind()
    client.send(*(wire.pack(0x00000999, 0, number) for number in range(10)))
    return wire.GENERIC_NACK, int(CommandStatus.RINVCMDID)


@pytest.mark.parametrize("reason", [wrong_password, unbind, unbind_at_once, bad_length, no_smpp, bad_pdus])
def test_the_last_pdu_arrives_though_input_is_unread(
    end: tuple[Bed, Client], reason: Callable[[Bed, Client], tuple[int, int]]
) -> None:
    bed, client = end
    command_id, status = reason(bed, client)
    client.send_in_background(UNREAD)
    gevent.sleep(0)
    wait_until(lambda: not len(bed.listener))
    last = client.read_all()[-1]
    assert (last.command_id, last.command_status) == (command_id, status)


def operator(bed: Bed) -> None:
    bed.registry.unbind("esme", None)


def stop(bed: Bed) -> None:
    gevent.spawn(bed.listener.unbind_all, 0.05)


@pytest.mark.parametrize("reason", [operator, stop])
def test_our_unbind_arrives(end: tuple[Bed, Client], reason: Callable[[Bed], None]) -> None:
    bed, client = end
    bed.set_timings(unbind=0.05)
    client.bind()
    wait_until(lambda: bed.registry.binds_of("esme"))
    client.send_in_background(UNREAD)
    reason(bed)
    wait_until(lambda: not len(bed.listener))
    assert wire.UNBIND in [pdu.command_id for pdu in client.read_all()]


def test_answers_arrive_at_who_leaves_deliver_sm_unanswered(start: StartBed, connect: Connect) -> None:
    """wait-ack-action 0 ends its bind; what it has submitted in the same moment is answered."""
    bed = start(wait_ack_timeout=0.05)
    client = connect(bed)
    client.bind()
    wait_until(lambda: bed.registry.binds_of("esme"))
    bed.deliver(mo())
    client.send(wire.pack(wire.SUBMIT_SM, 0, 2, SUBMIT))
    client.send_in_background(UNREAD)
    wait_until(lambda: not len(bed.listener))
    assert wire.SUBMIT_SM | wire.RESPONSE in [pdu.command_id for pdu in client.read_all()]


def test_a_peer_that_never_closes_is_closed(bed: Bed, connect: Connect) -> None:
    client = connect(bed, linger=0.05)
    client.bind("wrong")
    wait_until(lambda: not len(bed.listener))
    assert len(client.read_all()) == 1


@pytest.mark.parametrize("count", [1, 3])
def test_who_half_closes_gets_its_answers(end: tuple[Bed, Client], count: int) -> None:
    bed, client = end
    bed.gateway.ack = NEVER
    client.bind()
    client.send(*(wire.pack(wire.SUBMIT_SM, 0, 2 + number, SUBMIT) for number in range(count)))
    client.half_close()
    wait_until(lambda: len(bed.gateway.sent) == count and not bed.registry.binds_of("esme"))
    bed.gateway.settle(0)
    answers = [(pdu.command_id, pdu.command_status, pdu.sequence_number) for pdu in client.read_all()[1:]]
    assert answers == [(wire.SUBMIT_SM | wire.RESPONSE, 0, 2 + number) for number in range(count)]
    wait_until(lambda: not len(bed.listener))


def test_who_half_closes_waits_only_so_long(end: tuple[Bed, Client]) -> None:
    bed, client = end
    bed.set_timings(half_closed=0.05)
    bed.gateway.ack = NEVER
    client.bind()
    client.send(wire.pack(wire.SUBMIT_SM, 0, 2, SUBMIT))
    client.half_close()
    assert [pdu.command_id for pdu in client.read_all()] == [wire.BIND_TRANSCEIVER | wire.RESPONSE]
    wait_until(lambda: not len(bed.listener))
    bed.gateway.settle(0)  # too late for an answer, but counted
    wait_until(lambda: bed.snapshot().mt == 1)


def test_half_closed_binds_get_no_deliver_sm(bed: Bed, connect: Connect) -> None:
    bed.gateway.ack = NEVER
    client = connect(bed)
    client.bind()
    client.send(wire.pack(wire.SUBMIT_SM, 0, 2, SUBMIT))
    client.half_close()
    wait_until(lambda: len(bed.gateway.sent) == 1 and not bed.registry.binds_of("esme"))
    assert bed.deliver(mo())[1] is not None  # no bind is left
    bed.gateway.settle(0)
    assert len(client.read_all()) == 2


def test_an_alert_of_tls_arrives(start: StartBed, connect: Connect) -> None:
    """A client without the needed certificate gets the TLS alert, though it has already sent its bind and more."""
    bed = start(
        smpp_tls_port=free_port(), smpp_tls_cert_file=str(CERTIFICATE), smpp_tls_ca_file=str(CERTIFICATE)
    )
    client = connect(bed, tls=True)
    client.send_in_background(UNREAD)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        client.read_all()
