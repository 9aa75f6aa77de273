"""Makes lines of frames and writes them to a file: in the scribe, and in the daemon while there is none."""

from __future__ import annotations

import contextlib
import os
from typing import Any, NamedTuple

from ksmppd_py.accesslog.frames import turns_of
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


class Writer:
    """Collects lines, `octets` in all, and writes whole ones. Nothing here yields; a disk may block."""

    def __init__(self) -> None:
        self.octets = 0
        self._descriptor = -1
        self._style: Style = KannelStyle(mask=True)
        self._chunks: list[bytes] = []
        self._collected = 0
        self._settled = self._lost = 0
        self._why = ""

    def open(self, opening: Opening) -> None:
        """Write what is there, then go on with this file (or this one still), which is the writer's to close."""
        self.write()
        if opening.descriptor != self._descriptor:
            self.close()
        self._descriptor = opening.descriptor
        self._style = JsonStyle(opening.mask) if opening.json else KannelStyle(opening.mask)

    def close(self) -> None:
        """Write what is there and close the file."""
        self.write()
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = -1

    def take(self, content: Any, lines: int) -> None:
        """Make lines of the content of a frame, for the next `write`."""
        try:
            chunk = b"".join(self._lines_of(content))
        except Exception as error:
            self._settled += lines
            self._lost += lines
            self._why = f"they can't be formatted: {error!r}"
            return
        self._chunks.append(chunk)
        self._collected += lines
        self.octets += len(chunk)

    def _lines_of(self, content: Any) -> list[bytes]:
        style = self._style
        lines: list[bytes] = []
        for epoch, now, submits, deliveries in turns_of(content):
            lines += style.submits(submits, epoch, now)
            lines += style.deliveries(deliveries, epoch, now)
        return lines

    def write(self) -> None:
        """Write all; what a full disk doesn't take is lost, counted, and told by `fate`."""
        octets = b"".join(self._chunks)
        self._chunks = []
        self._settled += self._collected
        self._collected = 0
        self.octets = 0
        try:
            while octets:
                octets = octets[os.write(self._descriptor, octets) :]
        except OSError as error:
            self._lost += octets.count(b"\n")
            self._why = str(error)

    def fate(self) -> Fate | None:
        """What became of lines since the last call; None for nothing."""
        if not self._settled:
            return None
        fate = Fate(self._settled, self._lost, self._why)
        self._settled = self._lost = 0
        self._why = ""
        return fate
