"""The daemon's side of the scribe: its process, and what is on the way to it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
from collections import deque
from time import monotonic

import gevent
from gevent import Greenlet, subprocess
from gevent import socket as gevent_socket
from gevent.event import Event

from ksmppd_py.accesslog.frames import HEAD_OCTETS, Kind, pack, unpack, unpack_head
from ksmppd_py.accesslog.pages import Pages
from ksmppd_py.accesslog.writer import Fate, Opening, Writer
from ksmppd_py.transport.greenlets import Owner

logger = logging.getLogger(__name__)

MOST_QUEUED = 4 * 1024 * 1024
"""Octets that wait here for a scribe that takes nothing; what is above goes into the file from here."""
ENDED = "their process ended before it wrote them"
OPENING_WEIGHT = 64 * 1024
"""What a waiting change of files counts in MOST_QUEUED: it holds a descriptor."""
LAST_WORD = 1.0
"""Seconds for a scribe to be gone after it has closed its end."""
_MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
_COMMAND = (sys.executable, "-I", "-S", _MAIN)


def tell_loss(fate: Fate | None) -> None:
    """An ERROR line on lost lines, if any."""
    if fate is not None and fate.lost:
        logger.error("%d line(s) of the access log are lost: %s", fate.lost, fate.why)


class ScribeProcess:
    """One scribe, from its start to its end. Only this class writes to its socket.

    What the kernel doesn't take at once waits here, in order, and one greenlet sends it. Whole frames that never left
    because the scribe ended are written from here at last. `queued` counts octets that wait, `on_the_way` lines that
    left and of which it hasn't told what became. The octets of messages are in the `pages`, frames tell where.
    """

    def __init__(self, owner: Owner) -> None:
        """Start it. Raises OSError. May yield."""
        ours, theirs = gevent_socket.socketpair()
        try:
            self.pages = Pages()
        except BaseException:
            ours.close()
            theirs.close()
            raise
        try:
            self._process = subprocess.Popen(
                (*_COMMAND, str(self.pages.descriptor)),
                pass_fds=(self.pages.descriptor,),
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # a terminal, or whoever waits for the end of a pipe, is let go
                close_fds=True,
                start_new_session=True,  # out of reach of the terminal's Ctrl-C, from its first moment
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            self.pages.close_descriptor()
        ours.settimeout(0.0)
        self._socket = ours
        self._owner = owner
        self._queue: deque[tuple[bytes, int] | Opening] = deque()
        self.queued = 0
        self._left = 0
        self._sender: Greenlet | None = None
        self._current: Opening | None = None
        self.on_the_way = 0
        self._broken = False
        self._finishing = False
        self._ended = Event()

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self._process.pid)

    @property
    def finished(self) -> bool:
        """Whether it was asked to end."""
        return self._finishing

    def open(self, opening: Opening) -> None:
        """Let what follows go to this file; its descriptor stays the caller's. Raises OSError. Doesn't yield."""
        own = opening._replace(descriptor=os.dup(opening.descriptor))
        if self._queue and isinstance(self._queue[-1], Opening):
            os.close(self._queue[-1].descriptor)
            self._queue[-1] = own  # nothing went to the one before
        elif self._queue or not self._send_opening(own):
            self._wait_with(own, OPENING_WEIGHT)

    @property
    def keeps_up(self) -> bool:
        """Whether it is there, and not too much waits for it."""
        return not (self._broken or self._finishing or self.queued >= MOST_QUEUED)

    def take(self, frame: bytes, lines: int, needs_order: bool) -> bool:
        """Take a frame; False when it is gone, or too much waits and nobody needs this one. Doesn't yield."""
        if self._broken or self._finishing or not (needs_order or self.keeps_up):
            return False
        if not self._queue:
            sent = self._send(frame)
            if sent == len(frame):
                self.on_the_way += lines
                return True
            self._left = sent
        self._wait_with((frame, lines), len(frame))
        return True

    def _wait_with(self, item: tuple[bytes, int] | Opening, weight: int) -> None:
        self._queue.append(item)
        self.queued += weight
        if self._sender is None:
            self._sender = self._owner.spawn("access log sender", self._send_rest)

    def _send_rest(self) -> None:
        try:
            while self._queue and not self._broken:
                gevent_socket.wait_write(self._socket.fileno())
                self._send_first()
        finally:
            self._sender = None

    def _send_first(self) -> None:
        first = self._queue[0]
        if isinstance(first, Opening):
            if self._send_opening(first):
                self._queue.popleft()
                self.queued -= OPENING_WEIGHT
            return
        frame, lines = first
        self._left += self._send(memoryview(frame)[self._left :])
        if self._left == len(frame):
            self._queue.popleft()
            self.queued -= len(frame)
            self._left = 0
            self.on_the_way += lines

    def _send(self, octets: bytes | memoryview) -> int:
        """How many octets the kernel takes. Doesn't yield."""
        try:
            return os.write(self._socket.fileno(), octets)
        except BlockingIOError:
            return 0
        except OSError:
            self._broken = True
            return 0

    def _send_opening(self, opening: Opening) -> bool:
        frame = pack(Kind.OPEN, 0, (opening.json, opening.mask))
        try:
            sent = socket.send_fds(self._socket, [frame], [opening.descriptor])
        except BlockingIOError:
            return False
        except OSError:
            self._broken = True
            return False
        assert sent == len(frame)  # so few octets are taken whole or not at all
        self._close_current()
        self._current = opening
        return True

    def run(self) -> None:
        """Follow what it tells until it has ended, `close` has to follow. May yield."""
        received = b""
        while True:
            gevent_socket.wait_read(self._socket.fileno())
            try:
                octets = os.read(self._socket.fileno(), 4096)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not octets:
                return
            received = self._hear(received + octets)

    def _hear(self, received: bytes) -> bytes:
        while len(received) >= HEAD_OCTETS:
            length, _, _ = unpack_head(received)
            end = HEAD_OCTETS + length
            if len(received) < end:
                break
            *told, released = unpack(received[HEAD_OCTETS:end])
            fate = Fate(*told)
            received = received[end:]
            for page in released:
                self.pages.give_back(page)
            self.on_the_way -= fate.settled
            tell_loss(fate)
        return received

    def close(self) -> None:
        """Leave nothing of it: no process, no descriptor, no line that never left. May yield."""
        self._broken = True
        if self._sender is not None:
            self._sender.kill()
        self._socket.close()
        try:
            self._process.wait(LAST_WORD)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self.on_the_way > 0:
            tell_loss(Fate(self.on_the_way, self.on_the_way, ENDED))
        self._write_rest()
        self.pages.close()
        self._ended.set()
        if not self._finishing:
            logger.error("The access log's process ended by itself (%s)", self._process.returncode)

    def _write_rest(self) -> None:
        writer = Writer()
        if self._current is not None:
            writer.open(self._current)
            self._current = None
        for item in self._queue:
            if isinstance(item, Opening):
                writer.open(item)
            else:
                frame, lines = item
                _, epoch_of_zero, steps = unpack(frame[HEAD_OCTETS:])
                writer.take(steps, lines, self.pages.get, epoch_of_zero)
        self._queue.clear()
        writer.close()
        tell_loss(writer.fate())
        if writer.strays:  # it knew what they are for
            tell_loss(Fate(writer.strays, writer.strays, ENDED))

    def _close_current(self) -> None:
        if self._current is not None:
            os.close(self._current.descriptor)

    def finish(self, timeout: float) -> None:
        """Let it write all and end; one that takes longer than `timeout` seconds is killed. May yield.

        `run` has to be under way, and `close` to follow.
        """
        deadline = monotonic() + timeout
        self._finishing = True
        while self._queue and not self._broken and monotonic() < deadline:
            gevent.sleep(0.002)
        if not self._broken:
            if not self._queue:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_WR)
            if not self._ended.wait(max(0.0, deadline - monotonic())):
                self._process.kill()
        self._ended.wait(LAST_WORD)
