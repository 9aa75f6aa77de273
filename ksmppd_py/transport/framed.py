"""One socket: one reader, and output that leaves in one send for each turn of the loop."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from time import monotonic

import gevent
from gevent import Greenlet
from gevent.hub import get_hub
from gevent.socket import wait_write

from ksmppd_py.transport.tls import TlsStream

_READ = 1  # libev's number
_AGAIN = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR})


class FramedSocket:
    """Collects what is written during a turn of the loop and sends it once; a slow peer never blocks a writer.

    Only this class writes to the socket. What the kernel doesn't take stays here, counted in `queued`, and one
    greenlet sends it as the peer reads; callers look at `queued` and `blocked_since` to bound it.

    With TLS a turn's frames become records together; these leave like everything else.
    """

    __slots__ = (
        "_fd",
        "_hub",
        "_readable",
        "_scheduled",
        "_sealed",
        "_sealed_frames",
        "_sender",
        "_socket",
        "_tls",
        "_unsent",
        "blocked_since",
        "closed",
        "failed",
        "peer",
        "tap",
        "written",
    )

    def __init__(self, connected: socket.socket, peer: str) -> None:
        self._socket = connected
        self._fd = connected.fileno()
        self._hub = get_hub()
        self._readable = self._hub.loop.io(self._fd, _READ)
        self._tls: TlsStream | None = None
        self._unsent: list[bytes] = []
        self._sealed = b""
        self._sealed_frames = 0
        self._scheduled = False
        self._sender: Greenlet | None = None
        self.peer = peer
        self.closed = False
        self.failed = False
        self.tap: Callable[[bytes], None] | None = None
        """Is shown every frame that is written, when somebody wants to see them."""
        self.written = 0
        """Frames handed to `write`."""
        self.blocked_since = 0.0
        """Monotonic time since when the peer takes nothing; 0 = it does."""

    @property
    def queued(self) -> int:
        """Frames written here and not yet taken by the kernel."""
        return len(self._unsent) + self._sealed_frames

    def start_tls(
        self, context: ssl.SSLContext, server_side: bool, server_hostname: str | None = None
    ) -> None:
        """Shake hands, before anything is written. Raises OSError, of which ssl.SSLError is one. May yield."""
        tls = TlsStream(context, server_side, server_hostname)
        received, done = b"", False
        while not done:
            try:
                done = tls.shake_hands(received)
            finally:
                octets = tls.encrypt(b"")
                if octets:
                    self._socket.sendall(octets)
            if not done:
                received = self._socket.recv(16384)
                if not received:
                    raise ConnectionError("the peer hung up during the TLS handshake")
        self._tls = tls

    def receive(self, limit: int) -> bytes:
        """Up to `limit` octets; empty at the end of the stream or when the connection broke. May yield."""
        if self.closed:
            return b""
        try:
            return self._read(limit) if self._tls is None else self._receive(limit, self._tls)
        except OSError:
            return b""

    def _read(self, limit: int) -> bytes:
        """Wait first, then ask: the socket's own recv asks first, mostly in vain, and that costs as much. May yield."""
        wait = self._hub.wait
        while True:
            wait(self._readable)
            try:
                return os.read(self._fd, limit)
            except BlockingIOError:
                continue

    def _receive(self, limit: int, tls: TlsStream) -> bytes:
        octets = tls.decrypt(b"")  # what came together with the handshake
        while not octets and not tls.ended:
            received = self._read(limit)
            if not received:
                break
            octets = tls.decrypt(received)
            if tls.has_output:
                self.write(b"")
        return octets

    def write(self, frame: bytes) -> None:
        """Send `frame` with all others of this turn. Doesn't yield; dropped when the connection is gone."""
        if self.closed or self.failed:
            return
        self._unsent.append(frame)
        self.written += 1
        if self.tap is not None:
            self.tap(frame)
        if not self._scheduled:
            self._scheduled = True
            self._hub.loop.run_callback(self._flush)

    def _flush(self) -> None:
        """Runs in the hub, so it never waits: what can't be sent at once is left to the sender greenlet."""
        self._scheduled = False
        if self._sender is not None or self.closed or self.failed or not self._unsent:
            return
        self._send_some()
        if self._unsent or self._sealed:
            self.blocked_since = monotonic()
            self._sender = gevent.spawn(self._send_rest)
            self._sender.name = "sender " + self.peer

    def _send_some(self) -> None:
        if self._tls is not None:
            self._send_sealed(self._tls)
            return
        unsent = self._unsent
        octets = unsent[0] if len(unsent) == 1 else b"".join(unsent)
        sent = self._write(octets)
        if sent == len(octets):
            self._unsent = []
        elif sent:
            self._unsent = _after(unsent, sent)
            self.blocked_since = monotonic()

    def _send_sealed(self, tls: TlsStream) -> None:
        """Seal what waits, but only when all that was sealed before has left: records can't be taken back."""
        if not self._sealed:
            self._sealed_frames = len(self._unsent)
            try:
                self._sealed = tls.encrypt(b"".join(self._unsent))
            except ssl.SSLError:
                self._fail()
                return
            self._unsent = []
        sent = self._write(self._sealed)
        if sent == len(self._sealed):
            self._sealed = b""
            self._sealed_frames = 0
        elif sent:
            self._sealed = self._sealed[sent:]
            self.blocked_since = monotonic()

    def _write(self, octets: bytes) -> int:
        """How many the kernel takes; all when the connection is broken, as they are lost then. Doesn't yield."""
        try:
            return os.write(self._fd, octets)
        except OSError as error:
            if error.errno in _AGAIN:
                return 0
            self._fail()
            return len(octets)

    def _fail(self) -> None:
        self.failed = True
        self._unsent = []
        self._sealed = b""
        self._stop_reading()

    def _send_rest(self) -> None:
        try:
            while (self._unsent or self._sealed) and not self.closed and not self.failed:
                wait_write(self._fd)
                if not self.closed:
                    self._send_some()
        except OSError:
            self.failed = True
        finally:
            self._sender = None
            self.blocked_since = 0.0

    def _stop_reading(self) -> None:
        """Make the reader see the end: the peer is gone as far as writing is concerned."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def drain(self, timeout: float) -> bool:
        """Wait until everything is sent, at most `timeout` seconds; False when it isn't. May yield."""
        deadline = monotonic() + timeout
        while (
            (self._unsent or self._sealed or self._sender is not None) and not self.closed and not self.failed
        ):
            if monotonic() >= deadline:
                return False
            gevent.sleep(0.002)
        return not (self._unsent or self._sealed or self.failed)

    def hang_up(self) -> None:
        """End the connection without waiting; the reader gets the end of the stream. Doesn't yield."""
        if not self.closed:
            self._fail()

    def close(self) -> None:
        """Close the socket; what was not sent is dropped. Doesn't yield."""
        if self.closed:
            return
        if self._tls is not None and not (self.failed or self._sealed):
            self._write(self._tls.farewell())
        self.closed = True
        self._unsent = []
        if self._sender is not None:
            self._sender.kill(block=False)
        self._hub.cancel_wait(self._readable, ConnectionError("closed here"), close_watcher=True)
        try:
            self._socket.close()
        except OSError:
            return


def _after(frames: list[bytes], sent: int) -> list[bytes]:
    """The frames that remain when `sent` octets of them have left; the first may be a piece of one."""
    for index, frame in enumerate(frames):
        if sent < len(frame):
            rest = frames[index:]
            rest[0] = frame[sent:]
            return rest
        sent -= len(frame)
    return []
