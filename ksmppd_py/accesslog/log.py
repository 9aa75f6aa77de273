"""The access log: a line for each submit that was answered, and for each message or report that an ESME was sent."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, time

from gevent.hub import get_hub

from ksmppd_py.accesslog.file import LogFile
from ksmppd_py.accesslog.lines import JsonStyle, KannelStyle, Style
from ksmppd_py.model.work import BindContext, Delivery, Submit

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AccessLogSettings:
    """`path` "" = no access log. `text`: lines contain the texts of messages."""

    path: str = ""
    json: bool = False
    text: bool = False


class AccessLog:
    """Implements model.ports.AccessLog; nothing has to be called while `on` is false.

    A line is made when its message is answered, while what it tells is in the processor's cache. At the end of the
    loop's turn the lines go to the file, which a thread writes.
    """

    def __init__(self, settings: AccessLogSettings) -> None:
        self.on = False
        self._settings = AccessLogSettings()
        self._style: Style = KannelStyle(mask=True)
        self._file = LogFile()
        self._turn_has_lines = False
        self._lines: list[bytes] = []
        self.change(settings)

    def start(self) -> None:
        """Start to write. Doesn't yield."""
        self._file.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Write the waiting lines for at most `timeout` seconds, and close the file. May yield."""
        self._end_turn()
        self.on = False
        self._settings = AccessLogSettings()
        self._file.stop(timeout)

    def change(self, settings: AccessLogSettings) -> None:
        """Use these settings from now on; a file that can't be opened is logged as an ERROR. Doesn't yield."""
        if settings == self._settings:
            return
        self._end_turn()
        path, before = settings.path, self._settings.path
        self._settings = settings
        self._style = (JsonStyle if settings.json else KannelStyle)(not settings.text)
        if path and path != before:
            self._open(path)
        elif not path:
            self._file.close()
        self.on = self._file.is_open

    def reopen(self) -> None:
        """Open the file again by its name, after rotation; when that fails the current one stays. Doesn't yield."""
        if self._settings.path:
            self._end_turn()
            self._open(self._settings.path)
            self.on = self._file.is_open

    def submitted(self, settled: Sequence[Submit], bind: BindContext) -> None:
        """See model.ports.AccessLog."""
        if not self._turn_has_lines:
            self._begin_turn()
        for submit in settled:
            try:
                self._lines.append(self._style.submit(submit, bind))
            except Exception:
                logger.exception("A line of the access log can't be formatted")

    def delivered(self, delivery: Delivery, bind_id: int, command_status: int | None, sent_at: float) -> None:
        """See model.ports.AccessLog."""
        if not self._turn_has_lines:
            self._begin_turn()
        try:
            self._lines.append(self._style.delivery(delivery, bind_id, command_status, sent_at))
        except Exception:
            logger.exception("A line of the access log can't be formatted")

    def _begin_turn(self) -> None:
        """Read the clocks once for all lines of a turn of the loop."""
        self._turn_has_lines = True
        self._style.set_time(int(time()), monotonic())
        get_hub().loop.run_callback(self._end_turn)

    def _end_turn(self) -> None:
        """Have the lines of this turn written. May run in the hub, so it must neither wait nor fail."""
        self._turn_has_lines = False
        lines, self._lines = self._lines, []
        if lines and self.on:
            try:
                self._file.add(lines)
            except Exception:
                logger.exception("Lines of the access log are lost")

    def _open(self, path: str) -> None:
        try:
            self._file.open(path)
        except OSError as error:
            logger.error("Couldn't open access log `%s'", path, exc_info=error)
