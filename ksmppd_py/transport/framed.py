"""One socket: one reader, and output that leaves in one send for each turn of the loop."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from time import monotonic

import gevent
from gevent import Greenlet
from gevent.hub import get_hub
from gevent.socket import wait_write

_AGAIN = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR})


class FramedSocket:
    """Collects what is written during a turn of the loop and sends it once; a slow peer never blocks a writer.

    Only this class writes to the socket. What the kernel doesn't take stays here, counted in `queued`, and one
    greenlet sends it as the peer reads; callers look at `queued` and `blocked_since` to bound it.
    """

    __slots__ = (
        "_fd",
        "_scheduled",
        "_sender",
        "_socket",
        "_tls",
        "_unsent",
        "blocked_since",
        "closed",
        "failed",
        "peer",
    )

    def __init__(self, connected: socket.socket, peer: str) -> None:
        self._socket = connected
        self._fd = connected.fileno()
        self._tls = isinstance(connected, ssl.SSLSocket)
        self._unsent: list[bytes] = []
        self._scheduled = False
        self._sender: Greenlet | None = None
        self.peer = peer
        self.closed = False
        self.failed = False
        self.blocked_since = 0.0
        """Monotonic time since when the peer takes nothing; 0 = it does."""

    @property
    def queued(self) -> int:
        """Frames written here and not yet taken by the kernel."""
        return len(self._unsent)

    def receive(self, limit: int) -> bytes:
        """Up to `limit` octets; empty at the end of the stream or when the connection broke. May yield."""
        if self.closed:
            return b""
        try:
            return self._socket.recv(limit)
        except OSError:
            return b""

    def write(self, frame: bytes) -> None:
        """Send `frame` with all others of this turn. Doesn't yield; dropped when the connection is gone."""
        if self.closed or self.failed:
            return
        self._unsent.append(frame)
        if not self._scheduled:
            self._scheduled = True
            get_hub().loop.run_callback(self._flush)

    def _flush(self) -> None:
        """Runs in the hub, so it never waits: what can't be sent at once is left to the sender greenlet."""
        self._scheduled = False
        if self._sender is not None or self.closed or self.failed or not self._unsent:
            return
        if not self._tls:
            self._send_some()
        if self._unsent:
            self.blocked_since = monotonic()
            self._sender = gevent.spawn(self._send_rest)
            self._sender.name = "sender " + self.peer

    def _send_some(self) -> None:
        unsent = self._unsent
        octets = unsent[0] if len(unsent) == 1 else b"".join(unsent)
        try:
            sent = os.write(self._fd, octets)
        except OSError as error:
            if error.errno not in _AGAIN:
                self.failed = True
                self._unsent = []
                self._stop_reading()
                return
            sent = 0
        if sent == len(octets):
            self._unsent = []
        elif sent:
            self._unsent = _after(unsent, sent)
            self.blocked_since = monotonic()

    def _send_rest(self) -> None:
        try:
            while self._unsent and not self.closed and not self.failed:
                if self._tls:
                    frames, self._unsent = self._unsent, []
                    self._socket.sendall(b"".join(frames))
                    continue
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
        while (self._unsent or self._sender is not None) and not self.closed and not self.failed:
            if monotonic() >= deadline:
                return False
            gevent.sleep(0.002)
        return not self._unsent and not self.failed

    def hang_up(self) -> None:
        """End the connection without waiting; the reader gets the end of the stream. Doesn't yield."""
        if not self.closed:
            self.failed = True
            self._unsent = []
            self._stop_reading()

    def close(self) -> None:
        """Close the socket; what was not sent is dropped. Doesn't yield."""
        if self.closed:
            return
        self.closed = True
        self._unsent = []
        if self._sender is not None:
            self._sender.kill(block=False)
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
