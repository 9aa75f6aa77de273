"""The file behind the lines: collects them, writes them in batches, opens it anew."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, time

import gevent
from gevent.hub import get_hub

from ksmppd_py.accesslog.lines import NO_ANSWER, Delivered, JsonStyle, KannelStyle, Style, Submitted
from ksmppd_py.model.work import Delivery, Submission, Submitter
from ksmppd_py.transport.greenlets import Owner

logger = logging.getLogger(__name__)

WRITE_INTERVAL = 0.5
"""Seconds for which lines are collected at most."""
MOST_OCTETS = 128 * 1024
"""Collected octets that are written at once."""


@dataclass(frozen=True, slots=True)
class AccessLogSettings:
    """`path` empty = no access log. `text`: messages' texts stand in the lines."""

    path: str = ""
    json: bool = False
    text: bool = False


class AccessLog:
    """Implements model.ports.AccessLog. While `on` is false nobody needs to call it.

    What is answered in a turn of the loop becomes lines at the end of that turn, in the hub; the file is written
    twice a second. What a full disk doesn't take is lost, counted and told.
    """

    def __init__(self, settings: AccessLogSettings) -> None:
        self.on = False
        self._settings = AccessLogSettings()
        self._style: Style = KannelStyle(mask=True)
        self._descriptor = -1
        self._submits: list[Submitted] = []
        self._deliveries: list[Delivered] = []
        self._scheduled = False
        self._lines: list[bytes] = []
        self._octets = 0
        self._owner = Owner("access log")
        self.change(settings)

    def start(self) -> None:
        """Write from now on. Doesn't yield."""
        self._owner.supervise("access log", self._write_often)

    def stop(self) -> None:
        """Write what is there and close the file. May yield."""
        self._owner.end(1.0)
        self.change(AccessLogSettings())

    def change(self, settings: AccessLogSettings) -> None:
        """Write as `settings` say from now on; a file that can't be opened is an ERROR line. Doesn't yield."""
        if settings == self._settings:
            return
        self._turn_over()
        if settings.path != self._settings.path:
            if settings.path:
                self._open(settings.path)
            else:
                self._close()
        self._settings = settings
        mask = not settings.text
        self._style = JsonStyle(mask) if settings.json else KannelStyle(mask)

    def reopen(self) -> None:
        """Open the file anew by its name, after rotation; one that can't be opened stays as it was. Doesn't yield."""
        if self._settings.path:
            self._turn_over()
            self._open(self._settings.path)

    def submitted(self, settled: Sequence[Submission], submitter: Submitter) -> None:
        """See model.ports.AccessLog."""
        self._submits.append((settled, submitter))
        if not self._scheduled:
            self._schedule()

    def delivered(self, delivery: Delivery, bind_id: int, command_status: int, seconds: float) -> None:
        """See model.ports.AccessLog."""
        self._deliveries.append((delivery, bind_id, command_status, seconds))
        if not self._scheduled:
            self._schedule()

    def unanswered(self, delivery: Delivery, bind_id: int, seconds: float) -> None:
        """See model.ports.AccessLog."""
        self.delivered(delivery, bind_id, NO_ANSWER, seconds)

    def _schedule(self) -> None:
        self._scheduled = True
        get_hub().loop.run_callback(self._format)

    def _format(self) -> None:
        """Make lines of all that this turn has brought. Runs in the hub, so it must neither wait nor fail."""
        self._scheduled = False
        submits, self._submits = self._submits, []
        deliveries, self._deliveries = self._deliveries, []
        if not self.on:
            return
        try:
            lines = self._style.submits(submits, int(time()), monotonic()) if submits else []
            if deliveries:
                lines += self._style.deliveries(deliveries, int(time()))
        except Exception:
            logger.exception("Lines of the access log can't be formatted")
            return
        chunk = b"".join(lines)
        self._lines.append(chunk)
        self._octets += len(chunk)
        if self._octets >= MOST_OCTETS:
            self._write()

    def _write_often(self) -> None:
        while True:
            gevent.sleep(WRITE_INTERVAL)
            if self._lines:
                self._write()

    def _turn_over(self) -> None:
        """Write everything that belongs into the file of now. Doesn't yield."""
        self._format()
        self._write()

    def _write(self) -> None:
        octets = b"".join(self._lines)
        self._lines = []
        self._octets = 0
        try:
            while octets:
                octets = octets[os.write(self._descriptor, octets) :]
        except OSError as error:
            lost = octets.count(b"\n")
            logger.error("%d line(s) of the access log are lost: %s", lost, error)

    def _open(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            fresh = os.open(path, flags, 0o640)
        except OSError as error:
            logger.error("Couldn't open access log `%s'", path, exc_info=error)
            return
        self._close()
        self._descriptor = fresh
        self.on = True

    def _close(self) -> None:
        self.on = False
        if self._descriptor >= 0:
            try:
                os.close(self._descriptor)
            except OSError as error:
                if error.errno != errno.EINTR:
                    logger.error("The access log didn't close well: %s", error)
            self._descriptor = -1
