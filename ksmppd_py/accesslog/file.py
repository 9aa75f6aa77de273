"""A log's file: lines that wait, and a thread that writes them, so that greenlets never wait for the disk."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Sequence

from gevent.event import Event
from gevent.threadpool import ThreadPool

from ksmppd_py.logs import open_file
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)

WRITE_INTERVAL = 0.1
"""Seconds for which lines are collected before they are written, because each write wakes a thread."""
MOST_OCTETS = 16 << 20
"""Octets of lines that may wait for the disk; further lines are lost, and counted."""
_TOO_SLOW = "the disk is too slow"
_MOST_AT_ONCE = 512
"""Pieces in one writev call; half of the kernel's limit."""


class _Target:
    """One opened file, and the pieces that wait for it; each holds whole lines."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.pieces: list[bytes] = []
        self.is_torn = False


class LogFile:
    """Appends to a file from a thread of its own. Lines added before `open` or `close` go to the file open until then.

    Lines may be added while `is_open`. Lines that the disk doesn't take are lost; an ERROR line gives their number, and
    the log's `name`.
    """

    def __init__(self, name: str = "access log") -> None:
        self._name = name
        self._targets: list[_Target] = []
        """The current file last, before it those that still have to be written and closed."""
        self.is_open = False
        self._waiting = 0
        self._lost, self._reason = 0, ""
        self._written: tuple[bytes, ...] = ()
        """The pieces that the thread is writing now."""
        self._some = Event()
        self._ended = Event()
        self._greenlets = GreenletGroup(name)
        self._threads = ThreadPool(2)  # one writes, another one may open a file meanwhile

    def start(self) -> None:
        """Start to write. Doesn't yield."""
        self._greenlets.spawn(self._name, self._write_often)

    def open(self, path: str) -> None:
        """Use this file for later lines. Raises OSError, and keeps the current file then. May yield."""
        self._targets.append(_Target(self._threads.apply(open_file, (path, False))))
        self.is_open = True
        self._some.set()

    def close(self) -> None:
        """Close the file once it has all lines added so far. Doesn't yield."""
        self.is_open = False
        self._some.set()

    def add(self, lines: bytes) -> None:
        """Write these lines soon, to the current file, which must be open. Doesn't yield."""
        if self._waiting + len(lines) > MOST_OCTETS:
            self._lose(lines.count(b"\n"), _TOO_SLOW)
            return
        self._waiting += len(lines)
        self._targets[-1].pieces.append(lines)
        self._some.set()

    def stop(self, timeout: float) -> None:
        """Write the waiting lines for at most `timeout` seconds and close all files; the rest is lost. May yield."""
        self.is_open = False
        self._ended.set()
        self._some.set()
        self._greenlets.join(timeout)
        left = [piece for target in self._targets for piece in target.pieces]
        if left or self._written:
            self._lose(sum(piece.count(b"\n") for piece in (*self._written, *left)), _TOO_SLOW)
        else:
            self._threads.kill()
        self._targets.clear()
        self._log_loss()

    def _write_often(self) -> None:
        while self._targets or not self._ended.is_set():
            self._some.wait()
            self._ended.wait(WRITE_INTERVAL)
            self._some.clear()
            try:
                self._write()
            except Exception:
                logger.exception("Lines of the %s are lost", self._name)
            self._log_loss()

    def _write(self) -> None:
        """Write the waiting lines, oldest file first, and close older files. May yield."""
        while self._targets:
            target = self._targets[0]
            if target.pieces:
                self._written, target.pieces = tuple(target.pieces), []
                try:
                    arguments = (target.descriptor, self._written, target.is_torn)
                    lost, reason, target.is_torn = self._threads.apply(write_all, arguments)
                finally:
                    self._waiting -= sum(map(len, self._written))
                    self._written = ()
                if lost:
                    self._lose(lost, reason)
            elif len(self._targets) > 1 or not self.is_open:
                self._targets.pop(0)
                self._threads.apply(_close, (target.descriptor,))
            else:
                return

    def _lose(self, lines: int, reason: str) -> None:
        self._lost += lines
        self._reason = reason

    def _log_loss(self) -> None:
        if self._lost:
            logger.error("%d line(s) of the %s are lost: %s", self._lost, self._name, self._reason)
            self._lost = 0


def write_all(descriptor: int, pieces: Sequence[bytes], is_torn: bool) -> tuple[int, str, bool]:
    """Write all pieces in order, on a line of its own where the file `is_torn` (ends within a line).

    Return the number of lines lost, why, and whether the file is torn now. Blocks as long as the disk does.
    """
    for start in range(0, len(pieces), _MOST_AT_ONCE):
        some = pieces[start : start + _MOST_AT_ONCE]
        rest = b""
        try:
            if is_torn:
                os.write(descriptor, b"\n")
                is_torn = False
            written = os.writev(descriptor, some)
            if written < sum(map(len, some)):
                rest = b"".join(some)[written:]
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
        except OSError as error:
            whole = b"".join(some)
            rest = rest or whole
            taken = whole[: len(whole) - len(rest)]
            later = b"".join(pieces[start + _MOST_AT_ONCE :])
            lost = rest.count(b"\n") + later.count(b"\n")
            return lost, str(error), not taken.endswith(b"\n") if taken else is_torn
    return 0, "", is_torn


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)
