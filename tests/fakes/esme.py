"""A scripted ESME on a raw socket: binds, submits, answers deliver_sm by a policy, and waits for events."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from tests.fakes import smpp_wire as wire
from tests.fakes.smpp_wire import Message, Pdu

T = TypeVar("T")

NEVER = None  # leave a deliver_sm without answer; Esme.answer can still give it, as late as the test wants

Policy = Callable[[Message], int | None]

_BINDS = {
    "receiver": wire.BIND_RECEIVER,
    "transmitter": wire.BIND_TRANSMITTER,
    "transceiver": wire.BIND_TRANSCEIVER,
}


def accept_all(message: Message) -> int | None:
    return wire.ROK


def always(status: int | None) -> Policy:
    """The policy that treats every deliver_sm alike: a command_status, or NEVER."""
    return lambda message: status


class Esme:
    """One SMPP session. What came in is kept in order of arrival; each wait has a timeout in seconds."""

    def __init__(
        self,
        port: int,
        policy: Policy = accept_all,
        *,
        source_ip: str = "127.0.0.1",
        preface: bytes = b"",
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """`preface` goes ahead of everything else, also of TLS: what a proxy says."""
        self.policy = policy
        self.deliveries: list[Message] = []
        self.answers_enquire_links = True
        self.answers_unbinds = True
        self.requests: list[Pdu] = []
        self.responses: dict[int, Pdu] = {}
        self.nacks: list[Pdu] = []
        self.problems: list[str] = []
        self.closed = False
        self._sequence = 0
        self._changed = threading.Condition()
        self._write_lock = threading.Lock()
        self._socket = socket.create_connection((host, port), 10, (source_ip, 0))
        self._socket.sendall(preface)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname="127.0.0.1")
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._run, daemon=True)
        self._reader.start()

    @classmethod
    def bound(
        cls,
        port: int,
        system_id: str,
        password: str,
        kind: str = "transceiver",
        policy: Policy = accept_all,
        *,
        version: int = 0x34,
        source_ip: str = "127.0.0.1",
    ) -> Esme:
        """Connect and bind; AssertionError when the bind is refused."""
        esme = cls(port, policy, source_ip=source_ip)
        reply = esme.bind(system_id, password, kind, version=version)
        if reply.command_status != wire.ROK:
            esme.close()
            raise AssertionError(f"bind of {system_id} refused: {reply.command_status:#x}")
        return esme

    def __enter__(self) -> Esme:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Requests

    def request(self, command_id: int, body: bytes = b"", *, timeout: float = 10.0) -> Pdu:
        """Send a request and wait for its response."""
        return self.wait_response(self.send_request(command_id, body), timeout)

    def send_request(self, command_id: int, body: bytes = b"") -> int:
        """Send a request and return its sequence number."""
        with self._write_lock:
            self._sequence += 1
            sequence = self._sequence
        self.send_octets(wire.pack(command_id, 0, sequence, body))
        return sequence

    def send_octets(self, octets: bytes) -> None:
        """Send raw octets."""
        with self._write_lock:
            self._socket.sendall(octets)

    def bind(self, system_id: str, password: str, kind: str = "transceiver", *, version: int = 0x34) -> Pdu:
        return self.request(_BINDS[kind], wire.pack_bind(system_id, password, version))

    def submit(self, message: Message, *, timeout: float = 10.0) -> Pdu:
        return self.request(wire.SUBMIT_SM, wire.pack_message(message), timeout=timeout)

    def send_submit(self, message: Message) -> int:
        return self.send_request(wire.SUBMIT_SM, wire.pack_message(message))

    def submit_all(
        self, messages: Iterable[Message], window: int = 10, *, timeout: float = 20.0
    ) -> list[Pdu]:
        """Submit with at most `window` unanswered at a time; return the responses in the order sent."""
        sequences: list[int] = []
        for message in messages:
            if len(sequences) >= window:
                self.wait_response(sequences[-window], timeout)
            sequences.append(self.send_submit(message))
        return [self.wait_response(sequence, timeout) for sequence in sequences]

    def enquire_link(self) -> Pdu:
        return self.request(wire.ENQUIRE_LINK)

    def unbind(self) -> Pdu:
        return self.request(wire.UNBIND)

    def answer(self, message: Message, status: int = wire.ROK) -> None:
        """Send the deliver_sm_resp that the policy withheld."""
        self._respond(wire.DELIVER_SM, status, message.sequence_number, b"\0")

    # Events

    def wait_for(self, predicate: Callable[[], T], what: str = "an event", timeout: float = 10.0) -> T:
        """Wait until `predicate()` is true, looked at after each PDU, and return what it returned."""
        with self._changed:
            found = self._changed.wait_for(predicate, timeout)
        if not found:
            raise AssertionError(
                f"ESME waited {timeout:g} s without success for {what}; closed {self.closed}, "
                f"deliveries {[entry.short_message for entry in self.deliveries]}, problems {self.problems}"
            )
        return found

    def wait_response(self, sequence_number: int, timeout: float = 10.0) -> Pdu:
        """Return the response to a request, waiting for it; AssertionError when the server closes instead."""
        self.wait_for(
            lambda: sequence_number in self.responses or self.closed,
            f"the response to {sequence_number}",
            timeout,
        )
        if sequence_number not in self.responses:
            raise AssertionError(f"the server closed before its response to {sequence_number}")
        return self.responses[sequence_number]

    def wait_deliveries(self, count: int, timeout: float = 10.0) -> list[Message]:
        """Wait for at least `count` deliver_sm in all, and return all."""
        self.wait_for(lambda: len(self.deliveries) >= count, f"{count} deliver_sm", timeout)
        return list(self.deliveries)

    def wait_delivery(
        self, predicate: Callable[[Message], bool] = lambda message: True, timeout: float = 10.0
    ) -> Message:
        """Return the first deliver_sm that fits, waiting for it."""

        def found() -> Message | None:
            return next((entry for entry in self.deliveries if predicate(entry)), None)

        message = self.wait_for(found, "a deliver_sm that fits", timeout)
        assert message is not None
        return message

    def wait_receipt(self, message_id: bytes, timeout: float = 10.0) -> Message:
        """Return the first delivery receipt for a message_id."""
        return self.wait_delivery(
            lambda entry: entry.is_receipt and entry.receipt.get("id") == message_id.decode(), timeout
        )

    def wait_text(self, text: bytes, timeout: float = 10.0) -> Message:
        """Return the first deliver_sm with exactly this short_message."""
        return self.wait_delivery(lambda entry: entry.short_message == text, timeout)

    def wait_request(self, command_id: int, timeout: float = 10.0) -> Pdu:
        """Return the first request of this kind (other than deliver_sm) that the server sent."""

        def found() -> Pdu | None:
            return next((pdu for pdu in self.requests if pdu.command_id == command_id), None)

        pdu = self.wait_for(found, f"a request {command_id:#x}", timeout)
        assert pdu is not None
        return pdu

    def wait_closed(self, timeout: float = 10.0) -> None:
        """Wait until the server has closed the connection."""
        self.wait_for(lambda: self.closed, "the server to close", timeout)

    def close(self) -> None:
        """Drop the connection without unbind. AssertionError when the server sent something unreadable."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(5)
        if self.problems:
            raise AssertionError(f"unreadable PDUs from the server: {self.problems}")

    # The reader

    def _run(self) -> None:
        try:
            while True:
                (length,) = struct.unpack(">I", self._exactly(4))
                if not 16 <= length <= 70000:
                    raise ValueError(f"command_length {length}")
                rest = self._exactly(length - 4)
                self._handle(Pdu(*struct.unpack(">III", rest[:12]), rest[12:]))
        except (OSError, EOFError):
            pass
        except (ValueError, struct.error, IndexError) as problem:
            self.problems.append(repr(problem))
        finally:
            self._socket.close()
            with self._changed:
                self.closed = True
                self._changed.notify_all()

    def _handle(self, pdu: Pdu) -> None:
        answer: tuple[int, int, bytes] | None = None
        message: Message | None = None
        if pdu.command_id == wire.DELIVER_SM:
            message = wire.unpack_message(pdu.body, pdu.sequence_number)
            status = self.policy(message)
            if status is not None:
                answer = (wire.DELIVER_SM, status, b"\0")
        elif pdu.command_id == wire.ENQUIRE_LINK and self.answers_enquire_links:
            answer = (wire.ENQUIRE_LINK, 0, b"")
        elif pdu.command_id == wire.UNBIND and self.answers_unbinds:
            answer = (wire.UNBIND, 0, b"")
        with self._changed:
            if message is not None:
                self.deliveries.append(message)
            elif pdu.command_id == wire.GENERIC_NACK:
                self.nacks.append(pdu)
            elif pdu.command_id & wire.RESPONSE:
                self.responses[pdu.sequence_number] = pdu
            else:
                self.requests.append(pdu)
            self._changed.notify_all()
        if answer is not None:
            command_id, status, body = answer
            self._respond(command_id, status, pdu.sequence_number, body)

    def _respond(self, command_id: int, status: int, sequence_number: int, body: bytes) -> None:
        self.send_octets(wire.pack(command_id | wire.RESPONSE, status, sequence_number, body))

    def _exactly(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = self._socket.recv(count - len(octets))
            if not more:
                raise EOFError
            octets += more
        return octets
