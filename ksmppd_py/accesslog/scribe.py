"""The scribe: the process that makes lines of what the daemon hands over, and writes them.

It takes no part in the daemon: it loads neither gevent nor a library, knows its socket and the files that came through
it, and lives until the daemon closes its end, however that comes about. Signals that are meant for the daemon may
reach it, too (a terminal's, systemd's); they don't end it, as lines would be lost.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from collections import deque
from time import monotonic

from ksmppd_py.accesslog.frames import HEAD_OCTETS, Kind, pack, unpack, unpack_head
from ksmppd_py.accesslog.pages import PAGES, PagesView
from ksmppd_py.accesslog.writer import Fate, Opening, Writer

INTERVAL = 0.5
"""Seconds for which lines are collected at most, and the daemon isn't told of those that are written."""
MOST_UNTOLD = PAGES // 4
"""Pages that are free again without the daemon's knowing."""
RECEIVE_OCTETS = 256 * 1024
MOST_DESCRIPTORS = 16
MOST_YOUNG = 100_000
"""Objects that the garbage collector lets come before it looks."""
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

    def __init__(self, daemon: socket.socket, pages: PagesView) -> None:
        daemon.setblocking(False)
        self._daemon = daemon
        self._pages = pages
        self._released: list[int] = []
        # A neighbour of the daemon's that waits for this processor for a whole slice (3 ms) keeps the daemon waiting.
        self._writer = Writer(between_steps=os.sched_yield)
        self._received = bytearray()
        self._descriptors: deque[int] = deque()
        self._untold = b""

    def run(self) -> None:
        """Return when the daemon has closed its end and all is written."""
        poll = select.poll()
        poll.register(self._daemon, select.POLLIN)
        writer, due = self._writer, 0.0
        while True:
            waiting = writer.octets or writer.settled or self._untold
            ready = poll.poll(max(0.0, due - monotonic()) * 1000 if waiting else None)
            if ready and not self._receive():
                break
            if not waiting:
                due = monotonic() + INTERVAL
            if monotonic() >= due:
                writer.write()
                self._tell()
                due = monotonic() + INTERVAL
                continue
            if len(self._released) >= MOST_UNTOLD:
                self._tell()
        writer.close()
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
                    page, epoch_of_zero, steps = content
                    self._writer.take(steps, lines, self._pages.get, epoch_of_zero)
                    if page >= 0:
                        self._released.append(page)
        del received[:position]

    def _tell(self) -> None:
        """Tell what became of lines, and which pages are free again, as far as the daemon listens."""
        if not self._untold:
            fate = self._writer.fate()
            if fate is None and not self._released:
                return
            self._untold = pack(Kind.REPORT, 0, (*(fate or Fate(0, 0, "")), self._released))
            self._released = []
        with contextlib.suppress(OSError):
            self._untold = self._untold[self._daemon.send(self._untold) :]


def main() -> None:
    """Serve the daemon at the other end of stdin; its pages are behind the descriptor that the one argument tells."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    gc.freeze()
    gc.set_threshold(MOST_YOUNG)  # lines are made of nothing that refers back to itself
    descriptor = int(sys.argv[1])
    pages = PagesView(descriptor)
    os.close(descriptor)
    Scribe(socket.socket(fileno=sys.stdin.fileno()), pages).run()
