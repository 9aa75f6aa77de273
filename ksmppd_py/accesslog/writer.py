"""Makes lines of frames and writes them to a file: in the scribe, and in the daemon while there is none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ksmppd_py.accesslog.frames import Event, Get, Packed, Run, Step, count_lines, octets_at, turn_of
from ksmppd_py.accesslog.lines import JsonStyle, KannelStyle, Style


class Opening(NamedTuple):
    """Where lines go from now on, and how they look; `mask` hides the texts of messages."""

    descriptor: int
    json: bool
    mask: bool


class Fate(NamedTuple):
    """What became of lines: how many are settled, how many of them are lost, and why (the last reason)."""

    settled: int
    lost: int
    why: str


_TAKEN = (int(Event.SENT), 0, 0.0)
"""What a run says at its end of submits that were read and sent together."""


MOST_OCTETS = 64 * 1024
"""Collected octets of lines that are written at once."""
MOST_AT_ONCE = 512
"""Pieces of lines for which the kernel is asked at once; half of what it takes."""


def _nothing() -> None:
    pass


class Writer:
    """Collects lines, `octets` in all, and writes whole ones. Nothing here yields; a disk may block.

    `settled` are lines of which `fate` hasn't told what became. `strays` are acks for what it wasn't told of.
    """

    def __init__(self, between_steps: Callable[[], object] = _nothing) -> None:
        """`between_steps` is called after each step of which lines are made."""
        self.octets = 0
        self.strays = 0
        self._between_steps = between_steps
        self._descriptor = -1
        self._style: Style = KannelStyle(mask=True)
        self._chunks: list[bytes] = []
        self._collected = 0
        self.settled = self._lost = 0
        self._why = ""

    def open(self, opening: Opening) -> None:
        """Write what is there, then go on with this file (or this one still), which is the writer's to close.

        With another style what was sent and isn't acked is forgotten: it was read for the one before.
        """
        self.write()
        if opening.descriptor != self._descriptor:
            self.close()
        self._descriptor = opening.descriptor
        wanted = JsonStyle if opening.json else KannelStyle
        if not isinstance(self._style, wanted) or self._style.mask != opening.mask:
            self._style = wanted(opening.mask)

    def forget(self) -> None:
        """Whatever was sent isn't acked here."""
        self._style.lost(None)

    def close(self) -> None:
        """Write what is there and close the file."""
        self.write()
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = -1

    def take(self, steps: Sequence[Packed], lines: int, get: Get, epoch_of_zero: float) -> None:
        """Make `lines` lines of what was noted, for the next `write`. A defect costs the lines of its step only.

        Monotonic seconds count from `epoch_of_zero`.
        """
        self._collected += lines
        for step in steps:
            try:
                chunks = self._lines_of(step, get, epoch_of_zero)
            except Exception as error:
                now, later = count_lines(step)
                self._lost += now + later
                self._why = f"they can't be formatted: {error!r}"
            else:
                self._chunks += chunks
                self.octets += sum(map(len, chunks))
                if self.octets >= MOST_OCTETS:  # memory that is used again at once is in the cache
                    self._write_out()
            self._between_steps()
        if not self._chunks:
            self._settle()

    def _lines_of(self, step: Any, get: Get, epoch_of_zero: float) -> list[bytes]:
        style = self._style
        if step[0] == Step.READ:
            _, link, are_alike, count, account, bind_id, read_at, start, end = step
            run = Run(count, account, bind_id, read_at, *_TAKEN)
            style.sent(link, (run,), get(start, end - start), are_alike=are_alike)
            return []
        if step[0] == Step.ACKED:
            _, link, now, place = step
            lines, strays = style.acked(link, octets_at(place, get), int(epoch_of_zero + now), now)
            self.strays += strays
            return lines
        if step[0] == Step.SENT:
            _, link, runs, place = step
            style.sent(link, list(map(Run._make, runs)), octets_at(place, get))
            return []
        if step[0] == Step.LOST:
            style.lost(step[1])
            return []
        turn = turn_of(step, get)
        return style.submits(turn) + style.deliveries(turn)

    def write(self) -> None:
        """Write all; what a full disk doesn't take is lost, counted, and told by `fate`."""
        self._settle()
        self._write_out()

    def _settle(self) -> None:
        self.settled += self._collected
        self._collected = 0

    def _write_out(self) -> None:
        chunks, self._chunks = self._chunks, []
        size, self.octets = self.octets, 0
        rest = b""
        try:
            if 0 < len(chunks) <= MOST_AT_ONCE:  # as they are: joining them would be one more copy
                written = os.writev(self._descriptor, chunks)
                if written == size:
                    return
                rest = b"".join(chunks)[written:]
            else:
                rest = b"".join(chunks)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            self._lost += (rest or b"".join(chunks)).count(b"\n")
            self._why = str(error)

    def fate(self) -> Fate | None:
        """What became of lines since the last call; None for nothing."""
        if not self.settled:
            return None
        fate = Fate(self.settled, self._lost, self._why)
        self.settled = self._lost = 0
        self._why = ""
        return fate
