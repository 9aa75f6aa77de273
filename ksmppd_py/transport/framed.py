"""One socket: one reader, and output that leaves in one send for each turn of the loop."""

from __future__ import annotations

import errno
import logging
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

logger = logging.getLogger(__name__)

_READ = 1  # libev's number
_AGAIN = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR})
LINGER = 1.0
"""Seconds for which a connection closed from here is read on, so that the peer gets the last PDU (D-31)."""


class FramedSocket:
    """Collects the frames written during a turn of the loop and sends them at once; a slow peer never blocks a writer.

    Only this class writes to the socket. Frames that the kernel doesn't take are counted in `queued`, and one greenlet
    sends them as the peer reads; callers bound them by `queued` and `blocked_since`.

    With TLS a turn's frames become records together; these are sent like everything else.

    No octet is sent twice: after an error that leaves open how much was sent (no memory) the connection has failed.
    """

    __slots__ = (
        "_fd",
        "_hub",
        "_leaving",
        "_leaving_frames",
        "_left",
        "_readable",
        "_scheduled",
        "_sender",
        "_socket",
        "_tls",
        "_unread",
        "_unsent",
        "blocked_since",
        "closed",
        "ended",
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
        self._leaving = b""  # what an earlier turn wrote, sealed with TLS; `_left` octets of it are gone
        self._left = 0
        self._leaving_frames = 0
        self._scheduled = False
        self._sender: Greenlet | None = None
        self._unread = False
        self.peer = peer
        self.closed = False
        self.failed = False
        self.ended = False
        """Whether the peer has ended its direction; it may still read."""
        self.tap: Callable[[bytes], None] | None = None
        """Called with every frame that is written, if set."""
        self.written = 0
        """Frames handed to `write`."""
        self.blocked_since = 0.0
        """Monotonic time since when the peer takes nothing; 0 = it does."""

    @property
    def queued(self) -> int:
        """Frames written here that the kernel hasn't taken; those of one turn are taken together."""
        return len(self._unsent) + self._leaving_frames

    @property
    def queued_octets(self) -> int:
        """Octets written here that the kernel hasn't taken; looks at each waiting frame."""
        return sum(map(len, self._unsent)) + len(self._leaving) - self._left

    def holds_more(self, frames: int, octets: int) -> bool:
        """Whether more than so many frames wait here, or more octets for a peer that takes nothing."""
        return self.queued > frames or (self.blocked_since > 0 and self.queued_octets > octets)

    def start_tls(
        self, context: ssl.SSLContext, server_side: bool, server_hostname: str | None = None
    ) -> None:
        """Shake hands, before anything is written. Raises OSError (ssl.SSLError is one). May yield."""
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
        """Return up to `limit` octets; b"" at the end of the stream or when the connection is lost. May yield."""
        if self.closed or self._unread:
            return b""
        try:
            octets = self._read(limit) if self._tls is None else self._receive(limit, self._tls)
        except OSError:
            return b""
        if not octets and not self.failed:
            self.ended = True
        return octets

    def _read(self, limit: int) -> bytes:
        """Wait, then read. The socket's own recv reads first, mostly for nothing, which costs as much. May yield."""
        wait = self._hub.wait
        while True:
            wait(self._readable)
            try:
                return os.read(self._fd, limit)
            except BlockingIOError:
                continue

    def _receive(self, limit: int, tls: TlsStream) -> bytes:
        octets = tls.decrypt(b"")  # octets that came together with the handshake
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
        try:
            if not self._scheduled:
                self._hub.loop.run_callback(self._flush)
                self._scheduled = True
            self._unsent.append(frame)
        except MemoryError:
            self._fail()  # otherwise the peer would miss this frame and get the next
            return
        self.written += 1
        if self.tap is not None:
            self._show(frame)

    def _show(self, frame: bytes) -> None:
        try:
            assert self.tap is not None
            self.tap(frame)
        except Exception:  # otherwise the writer would take it for unsent, and repeat it
            logger.exception("A frame to %s can't be shown", self.peer)

    def _flush(self) -> None:
        """Send in the hub, so without waiting; the rest is left to the sender greenlet."""
        self._scheduled = False
        if self._sender is not None or self.closed or self.failed or not self._unsent:
            return
        self._send_some()
        if self._unsent or self._leaving:
            self.blocked_since = monotonic()
            self._sender = gevent.spawn(self._send_rest)
            self._sender.name = "sender " + self.peer

    def flush(self) -> None:
        """Send at once as much as the kernel takes, not at the end of the turn. Doesn't yield."""
        self._flush()

    def _send_some(self) -> None:
        """Send as much as the kernel takes.

        After an error the connection has failed, as it is unknown how much was sent.
        """
        try:
            if not self._leaving:
                self._collect()
            octets: bytes | memoryview = self._leaving
            if self._left:
                octets = memoryview(octets)[self._left :]
            sent = self._write(octets)
            if sent == len(octets):
                self._leaving, self._left, self._leaving_frames = b"", 0, 0
            elif sent:
                self._left += sent
                self.blocked_since = monotonic()
        except Exception as error:
            self._fail()
            reason = str(error) or type(error).__name__
            logger.warning("The connection of %s is given up: %s", self.peer, reason)

    def _collect(self) -> None:
        """Join the waiting frames into one piece; with TLS into records, which can't be undone."""
        unsent = self._unsent
        octets = unsent[0] if len(unsent) == 1 else b"".join(unsent)
        if self._tls is not None:
            octets = self._tls.encrypt(octets)
        self._leaving, self._leaving_frames, self._unsent = octets, len(unsent), []

    def _write(self, octets: bytes | memoryview) -> int:
        """Return how many octets the kernel took; all when the connection is lost. Doesn't yield."""
        try:
            return os.write(self._fd, octets)
        except OSError as error:
            if error.errno in _AGAIN:
                return 0
            self._fail()
            return len(octets)

    def _fail(self) -> None:
        self.failed = True
        self._unsent.clear()
        self._leaving, self._left, self._leaving_frames = b"", 0, 0
        self._shut_down(socket.SHUT_RDWR)  # the reader gets the end of the stream

    def _send_rest(self) -> None:
        try:
            while (self._unsent or self._leaving) and not self.closed and not self.failed:
                wait_write(self._fd)
                if not self.closed:
                    self._send_some()
        except OSError:
            self.failed = True
        finally:
            self._sender = None
            self.blocked_since = 0.0

    def _shut_down(self, how: int) -> None:
        try:
            self._socket.shutdown(how)
        except OSError:
            return

    def drain(self, timeout: float) -> bool:
        """Wait until everything is sent, at most `timeout` seconds; False when it isn't. May yield."""
        deadline = monotonic() + timeout
        while (
            (self._unsent or self._leaving or self._sender is not None)
            and not self.closed
            and not self.failed
        ):
            if monotonic() >= deadline:
                return False
            gevent.sleep(0.002)
        return not (self._unsent or self._leaving or self.failed)

    def stop_reading(self) -> None:
        """Let `receive` return b"" from now on, also the one that waits; written frames are still sent.

        The reader has to close the connection then. Doesn't yield.
        """
        if not self.closed and not self._unread:
            self._unread = True
            self._hub.cancel_wait(self._readable, ConnectionError("read no more"))

    def hang_up(self) -> None:
        """End the connection without waiting; the reader gets the end of the stream. Doesn't yield."""
        if not self.closed:
            self._fail()

    def finish(self, timeout: float, linger: float = LINGER) -> None:
        """Send the rest and close in such a way that it arrives; called by the reader.

        May yield, `timeout` + `linger` seconds.

        Closing a socket with unread input sends a reset, which may destroy octets that the peer hasn't read. So the
        peer gets the end of the output first, and its octets are read and dropped until it closes too.
        """
        try:
            if self.drain(timeout):
                self._read_on(linger)
        finally:
            self.close()

    def _read_on(self, linger: float) -> None:
        """End the output, and drop the peer's octets until it closes too, `linger` seconds at most. May yield."""
        self._send_close_notify()
        if self.failed or self.closed:
            return
        self._shut_down(socket.SHUT_WR)
        self.failed = True  # nothing more can be written
        if self.ended:
            return
        with gevent.Timeout(linger, False):
            try:
                while self._read(65536):
                    pass
            except OSError:
                return

    def _send_close_notify(self) -> None:
        if self._tls is not None and not (self.failed or self._leaving):
            self._write(self._tls.close_notify())

    def close(self) -> None:
        """Close the socket; unsent frames are dropped. Doesn't yield."""
        if self.closed:
            return
        self._send_close_notify()
        self.closed = True
        self._unsent.clear()
        self._leaving, self._left, self._leaving_frames = b"", 0, 0
        if self._sender is not None:
            self._sender.kill(block=False)
        self._hub.cancel_wait(self._readable, ConnectionError("closed here"), close_watcher=True)
        try:
            self._socket.close()
        except OSError:
            return
