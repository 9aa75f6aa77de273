"""The scribe: the process that makes lines of what the daemon hands over, and writes them.

It takes no part in the daemon: it loads neither gevent nor a library, knows its socket and the files that came through
it, and lives until the daemon closes its end, however that comes about. Signals that are meant for the daemon may
reach it, too (a terminal's, systemd's); they don't end it, as lines would be lost.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from collections import deque
from time import monotonic

from ksmppd_py.accesslog.frames import HEAD_OCTETS, Kind, pack, unpack, unpack_head
from ksmppd_py.accesslog.writer import Opening, Writer

WRITE_INTERVAL = 0.5
"""Seconds for which lines are collected at most."""
MOST_OCTETS = 128 * 1024
"""Collected octets of lines that are written at once."""
RECEIVE_OCTETS = 256 * 1024
MOST_DESCRIPTORS = 16
NICENESS = 5
"""Answers are urgent, lines aren't: where processors are few the daemon goes first, and writes what is too much."""
IGNORED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGPIPE,
)


class Scribe:
    """Reads frames from the daemon and tells it what became of their lines."""

    def __init__(self, daemon: socket.socket) -> None:
        daemon.setblocking(False)
        self._daemon = daemon
        self._writer = Writer()
        self._received = bytearray()
        self._descriptors: deque[int] = deque()
        self._untold = b""

    def run(self) -> None:
        """Return when the daemon has closed its end and all is written."""
        poll = select.poll()
        poll.register(self._daemon, select.POLLIN)
        due = 0.0
        while True:
            waiting = self._writer.octets > 0
            ready = poll.poll(max(0.0, due - monotonic()) * 1000 if waiting else None)
            if ready and not self._receive():
                break
            if not waiting:
                due = monotonic() + WRITE_INTERVAL
            if self._writer.octets >= MOST_OCTETS or (self._writer.octets and monotonic() >= due):
                self._writer.write()
                due = monotonic() + WRITE_INTERVAL
            self._tell()
        self._writer.close()
        self._tell()

    def _receive(self) -> bool:
        """Take what is there; False at the end."""
        try:
            octets, descriptors, _, _ = socket.recv_fds(self._daemon, RECEIVE_OCTETS, MOST_DESCRIPTORS)
        except (BlockingIOError, InterruptedError):
            return True
        except ConnectionError:
            return False
        self._descriptors.extend(descriptors)
        if not octets:
            return False
        self._received += octets
        self._take_frames()
        return True

    def _take_frames(self) -> None:
        received = self._received
        position = 0
        with memoryview(received) as view:
            while len(received) - position >= HEAD_OCTETS:
                length, lines, kind = unpack_head(received, position)
                start = position + HEAD_OCTETS
                if len(received) - start < length:
                    break
                position = start + length
                with view[start:position] as piece:
                    content = unpack(piece)
                if kind == Kind.OPEN:
                    self._writer.open(Opening(self._descriptors.popleft(), *content))
                else:
                    self._writer.take(content, lines)
        del received[:position]

    def _tell(self) -> None:
        """Tell what became of lines, as far as the daemon listens."""
        if not self._untold:
            fate = self._writer.fate()
            if fate is None:
                return
            self._untold = pack(Kind.REPORT, 0, tuple(fate))
        with contextlib.suppress(OSError):
            self._untold = self._untold[self._daemon.send(self._untold) :]


def main() -> None:
    """Serve the daemon at the other end of stdin."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    Scribe(socket.socket(fileno=sys.stdin.fileno())).run()
