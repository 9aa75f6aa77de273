"""An ESME for the fault suite: it binds, and binds again, for ever; each answer goes into the ledger."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import time
from collections.abc import Callable

import gevent
from gevent import Greenlet
from gevent.event import Event

from tests.fakes import smpp_wire as wire
from tests.fakes.smpp_wire import Message, Pdu

Verdict = tuple[int | None, float]
"""A command_status (None = no answer, ever) and the seconds until it is given."""

_sessions = itertools.count(1)


class Customer:
    """One bind. `decide` returns the answer to a deliver_sm, `answered` is called for each submit_sm_resp.

    `taken` is called for each deliver_sm whose answer has left.
    """

    def __init__(
        self, port: int, system_id: str, password: str, decide: Callable[[Message], Verdict]
    ) -> None:
        self.decide = decide
        self.answered: Callable[[int, int, Pdu], None] = lambda session, sequence_number, pdu: None
        self.taken: Callable[[Message, int], None] = lambda message, status: None
        self.session = 0
        """Number of the connection that lives; 0 = none."""
        self.bound = Event()
        self.unbinds = 0
        self.refused_binds: list[int] = []
        self.enquired: dict[int, float] = {}
        self.slowest_enquire_link = 0.0
        self._port = port
        self._credentials = (system_id, password)
        self._socket: socket.socket | None = None
        self._sequence = itertools.count(1)
        self._deaf_until = 0.0
        self._greenlet: Greenlet | None = None

    def start(self) -> Customer:
        """Bind, and stay bound."""
        self._greenlet = gevent.spawn(self._live)
        return self

    def stop(self) -> None:
        """End the session and don't bind again."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
        self._forget()

    def away(self, seconds: float) -> None:
        """Stop, and start again later."""
        self.stop()
        gevent.sleep(seconds)
        self.start()

    def cut(self) -> None:
        """Vanish without a word; binds again at once."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def deafen(self, seconds: float) -> None:
        """Read nothing for a while."""
        self._deaf_until = time.monotonic() + seconds

    def send(self, command_id: int, body: bytes = b"") -> int:
        """Send a request; its sequence number, 0 when there is no connection."""
        if not self.bound.is_set():
            return 0
        sequence_number = next(self._sequence)
        return sequence_number if self._write(wire.pack(command_id, 0, sequence_number, body)) else 0

    def enquire(self) -> None:
        """Send enquire_link and measure how long its answer takes."""
        sequence_number = self.send(wire.ENQUIRE_LINK)
        if sequence_number:
            self.enquired[sequence_number] = time.monotonic()

    def _live(self) -> None:
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", self._port), 5)
                self._socket.settimeout(None)
                self._serve()
            except (OSError, EOFError):
                pass
            finally:
                self._forget()
            gevent.sleep(0.05)

    def _forget(self) -> None:
        self.bound.clear()
        self.session = 0
        self.enquired.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _serve(self) -> None:
        self._write(
            wire.pack(wire.BIND_TRANSCEIVER, 0, next(self._sequence), wire.pack_bind(*self._credentials))
        )
        while True:
            (length,) = struct.unpack(">I", self._exactly(4))
            rest = self._exactly(length - 4)
            self._take(Pdu(*struct.unpack(">III", rest[:12]), rest[12:]))
            while (left := self._deaf_until - time.monotonic()) > 0:
                gevent.sleep(left)

    def _take(self, pdu: Pdu) -> None:
        if pdu.command_id == wire.DELIVER_SM:
            self._deliver(wire.unpack_message(pdu.body, pdu.sequence_number))
        elif pdu.command_id == wire.BIND_TRANSCEIVER | wire.RESPONSE:
            if pdu.command_status:
                self.refused_binds.append(pdu.command_status)
                raise EOFError
            self.session = next(_sessions)
            self.bound.set()
        elif pdu.command_id in (wire.SUBMIT_SM | wire.RESPONSE, wire.GENERIC_NACK):
            self.answered(self.session, pdu.sequence_number, pdu)
        elif pdu.command_id == wire.ENQUIRE_LINK | wire.RESPONSE:
            asked = self.enquired.pop(pdu.sequence_number, None)
            if asked is not None:
                self.slowest_enquire_link = max(self.slowest_enquire_link, time.monotonic() - asked)
        elif pdu.command_id in (wire.ENQUIRE_LINK, wire.UNBIND):
            self.unbinds += pdu.command_id == wire.UNBIND
            self._write(wire.pack(pdu.command_id | wire.RESPONSE, 0, pdu.sequence_number))

    def _deliver(self, message: Message) -> None:
        status, delay = self.decide(message)
        if status is None:
            return
        if delay:
            gevent.spawn_later(delay, self._answer, self.session, message, status)
        else:
            self._answer(self.session, message, status)

    def _answer(self, session: int, message: Message, status: int) -> None:
        # Counted first: an answer that was written may have arrived even if the connection ends then.
        if session == self.session:
            self.taken(message, status)
            octets = wire.pack(wire.DELIVER_SM | wire.RESPONSE, status, message.sequence_number, b"\0")
            self._write(octets)

    def _write(self, octets: bytes) -> bool:
        if self._socket is None:
            return False
        try:
            self._socket.sendall(octets)
        except OSError:
            return False
        return True

    def _exactly(self, count: int) -> bytes:
        assert self._socket is not None
        octets = b""
        while len(octets) < count:
            more = self._socket.recv(count - len(octets))
            if not more:
                raise EOFError
            octets += more
        return octets
