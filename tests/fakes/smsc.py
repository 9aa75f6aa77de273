"""A scripted SMSC that speaks SMPP: takes binds, records submits, answers each at once, sends messages."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import TypeVar

from tests.fakes import smpp_wire as wire
from tests.fakes.smpp_wire import Message, Pdu

T = TypeVar("T")

_BINDS = (wire.BIND_RECEIVER, wire.BIND_TRANSMITTER, wire.BIND_TRANSCEIVER)


class SmppSmsc:
    """Listens on a free port for one SMPP client at a time; each wait has a timeout in seconds."""

    def __init__(self) -> None:
        self.submits: list[Message] = []
        self.answers: list[Pdu] = []
        self.problems: list[str] = []
        self.is_bound = False
        self._sequence = 0
        self._changed = threading.Condition()
        self._write_lock = threading.Lock()
        self._peer: socket.socket | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> SmppSmsc:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session. AssertionError when the client sent something unreadable."""
        for each in (self._listener, self._peer):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
        self._thread.join(5)
        if self.problems:
            raise AssertionError(f"unreadable PDUs from the client: {self.problems}")

    def deliver(self, message: Message) -> int:
        """Send a deliver_sm; return its sequence_number."""
        with self._changed:
            self._sequence += 1
            sequence = self._sequence
        self._send(wire.pack(wire.DELIVER_SM, 0, sequence, wire.pack_message(message)))
        return sequence

    def wait_for(self, predicate: Callable[[], T], what: str, timeout: float = 10.0) -> T:
        """Return the first true value of `predicate`, which is asked whenever something has come in."""
        with self._changed:
            found = self._changed.wait_for(predicate, timeout)
        if not found:
            raise AssertionError(f"no {what} within {timeout} s")
        return found

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._peer = peer
            with contextlib.suppress(OSError, EOFError), peer, peer.makefile("rb") as stream:
                self._serve(stream.read)
            self.is_bound = False

    def _serve(self, read: Callable[[int], bytes]) -> None:
        try:
            while True:
                length, *head = struct.unpack(">IIII", read(16) or b"")
                self._handle(Pdu(*head, read(length - 16)))
        except (ValueError, IndexError) as problem:
            self.problems.append(repr(problem))
        except struct.error:
            """The end of the connection."""

    def _handle(self, pdu: Pdu) -> None:
        message = (
            wire.unpack_message(pdu.body, pdu.sequence_number) if pdu.command_id == wire.SUBMIT_SM else None
        )
        with self._changed:
            if message is not None:
                self.submits.append(message)
            elif pdu.command_id & wire.RESPONSE:
                self.answers.append(pdu)
            elif pdu.command_id in _BINDS:
                self.is_bound = True
            self._changed.notify_all()
        if not pdu.command_id & wire.RESPONSE:
            body = b"" if pdu.command_id in (wire.ENQUIRE_LINK, wire.UNBIND) else b"smsc\0"
            self._send(wire.pack(pdu.command_id | wire.RESPONSE, 0, pdu.sequence_number, body))

    def _send(self, octets: bytes) -> None:
        assert self._peer is not None
        with self._write_lock:
            self._peer.sendall(octets)
