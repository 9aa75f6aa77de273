"""A bearerbox for the fault suite: it keeps what isn't acked and repeats it, as the real one does."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections import deque
from collections.abc import Callable

import gevent
from gevent import Greenlet

from tests.fakes import box_wire
from tests.fakes.box_wire import Sms

Verdict = tuple[int | None, float]
"""An ack (None = none, ever) and the seconds until it is given."""


class Connection:
    """A box that connected."""

    def __init__(self, owner: Box, peer: socket.socket) -> None:
        self.unacked: dict[bytes, Sms] = {}
        self.alive = True
        self._greenlets = owner
        self._peer = peer

    def run(self) -> None:
        """Read until the end."""
        try:
            while True:
                (length,) = struct.unpack(">i", self._exactly(4))
                self._greenlets.thawed()
                self._take(self._exactly(length))
        except (OSError, EOFError):
            pass
        finally:
            self.cut()

    def cut(self) -> None:
        """Close; what it hasn't acked goes back to the queue."""
        if self.alive:
            self.alive = False
            with contextlib.suppress(OSError):
                self._peer.shutdown(socket.SHUT_RDWR)
            self._peer.close()
            self._greenlets.left(self)

    def write(self, octets: bytes) -> None:
        """Send, or find that the peer is gone."""
        try:
            self._peer.sendall(octets)
        except OSError:
            self.cut()

    def _exactly(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = self._peer.recv(count - len(octets))
            if not more:
                raise EOFError
            octets += more
        return octets

    def _take(self, octets: bytes) -> None:
        fields = box_wire.Fields(octets)
        kind = fields.integer()
        if kind == box_wire.ADMIN:
            self._greenlets.identified(self)
        elif kind == box_wire.SMS:
            self._greenlets.took_mt(self, box_wire.unpack_sms(fields))
        elif kind == box_wire.ACK:
            nack, _ = fields.integer(), fields.integer()
            self._greenlets.took_ack(self, nack, fields.uuid())


class Box:
    """Listens on one port for its whole life. `decide` returns the ack of each MT, `acked` is called for each ack."""

    PENDING = 100
    """smsbox-max-pending."""

    def __init__(self, decide: Callable[[Sms], Verdict], acked: Callable[[Sms, int], None]) -> None:
        self.decide = decide
        self.acked = acked
        self.verdict_given: Callable[[Sms, int], None] = lambda sms, nack: None
        self.queue: deque[Sms] = deque()
        self.connection: Connection | None = None
        self.problems: list[str] = []
        self.cuts = 0
        self.port = 0
        self._late_acks = 0
        self._frozen_until = 0.0
        self._denies_until = 0.0
        self._listener: socket.socket | None = None
        self._acceptor: Greenlet | None = None
        self._retry: Greenlet | None = None

    # -- presence ----------------------------------------------------------------------------------------------

    def start(self) -> Box:
        """Listen on the port, also after `stop`."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(16)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = gevent.spawn(self._accept, listener)
        return self

    def stop(self) -> None:
        """Go away with everything."""
        if self._listener is not None:
            assert self._acceptor is not None
            self._acceptor.kill()
            self._listener.close()
            self._listener = None
        self.cut()

    def away(self, seconds: float) -> None:
        """Stop, and start again later."""
        self.stop()
        gevent.sleep(seconds)
        self.start()

    def cut(self) -> None:
        """Close the connection, if there is one."""
        self.cuts += 1
        if self.connection is not None:
            self.connection.cut()

    def deny(self, seconds: float) -> None:
        """Cut the connection, and for a while close each new one, as a proxy does while its bearerbox is away."""
        self._denies_until = time.monotonic() + seconds
        self.cut()
        gevent.sleep(seconds)

    def freeze(self, seconds: float) -> None:
        """Read nothing for a while."""
        self._frozen_until = time.monotonic() + seconds

    def thawed(self) -> None:
        """Wait while frozen."""
        while (left := self._frozen_until - time.monotonic()) > 0:
            gevent.sleep(left)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            if time.monotonic() < self._denies_until:
                peer.close()
                continue
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            gevent.spawn(Connection(self, peer).run)

    def identified(self, connection: Connection) -> None:
        """Send all queued messages to the box that has connected."""
        self.connection = connection
        self._pump()

    def left(self, connection: Connection) -> None:
        """A box is gone."""
        if self.connection is connection:
            self.connection = None
        self.queue.extendleft(reversed(connection.unacked.values()))
        connection.unacked = {}

    # -- messages ----------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether anything is not acked yet, in either direction: a late ack of an MT may have a report behind it."""
        unacked = bool(self.connection and self.connection.unacked)
        return bool(self.queue) or unacked or self._late_acks > 0

    def send(self, sms: Sms) -> None:
        """Deliver an MO or DLR to the box, now or when it can take it."""
        self.queue.append(sms)
        self._pump()

    def _pump(self) -> None:
        connection = self.connection
        if connection is None:
            return
        frames = []
        while self.queue and len(connection.unacked) < self.PENDING:
            sms = self.queue.popleft()
            connection.unacked[sms.id] = sms
            frames.append(box_wire.pack_sms(sms))
        if frames:
            connection.write(b"".join(frames))

    def took_ack(self, connection: Connection, nack: int, message_id: bytes) -> None:
        """Handle the ack of an MO or DLR: repeat the message after a temporary nack."""
        sms = connection.unacked.pop(message_id, None)
        if sms is None:
            if not self.cuts:
                self.problems.append(f"ack {nack} for {message_id!r}, which isn't open")
            # Acked late, over a new connection: the real one complains in its log and repeats it.
            return
        self.acked(sms, nack)
        if nack == 2:
            self.queue.append(sms)
            gevent.spawn_later(0.01, self._pump)
        else:
            self._pump()

    def took_mt(self, connection: Connection, sms: Sms) -> None:
        """Record an MT and answer it."""
        nack, delay = self.decide(sms)
        if nack is None:
            return
        if delay:
            self._late_acks += 1
            gevent.spawn_later(delay, self._ack_late, connection, sms, nack)
        else:
            self._ack(connection, sms, nack)

    def _ack_late(self, connection: Connection, sms: Sms, nack: int) -> None:
        self._late_acks -= 1
        self._ack(connection, sms, nack)

    def _ack(self, connection: Connection, sms: Sms, nack: int) -> None:
        if connection.alive:
            self.verdict_given(sms, nack)
            connection.write(box_wire.pack_ack(nack, sms.id, sms.time))
