"""The access log: a line for each submit that was answered, and for each message or report that an ESME was sent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, time

from gevent.hub import get_hub
from gevent.lock import BoundedSemaphore

from ksmppd_py.accesslog.file import LogFile
from ksmppd_py.accesslog.lines import JsonStyle, KannelStyle, Style
from ksmppd_py.config import AccessLogFormat, KsmppdGroup
from ksmppd_py.model.work import BindContext, Delivery, Submit

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AccessLogSettings:
    """`path` "" = no access log. `text`: lines contain the texts of messages."""

    path: str = ""
    json: bool = False
    text: bool = False

    @classmethod
    def of(cls, ksmppd: KsmppdGroup) -> AccessLogSettings:
        """Return the settings in group ksmppd."""
        is_json = ksmppd.access_log_format is AccessLogFormat.JSON
        return cls(ksmppd.access_log, is_json, ksmppd.access_log_text)


class AccessLog:
    """Implements model.ports.AccessLog; nothing has to be called while `on` is false.

    The lines of submits that one bind is answered in a turn of the loop (a run) are made together, at its end. Then all
    lines of the turn go to the file, which a thread writes.
    """

    def __init__(self, settings: AccessLogSettings) -> None:
        self.on = False
        self._settings = AccessLogSettings()
        self._style: Style = KannelStyle(mask=True)
        self._file = LogFile()
        self._changing = BoundedSemaphore()
        self._turn_began = False
        self._bind: BindContext | None = None
        self._run: list[Submit] = []  # of `_bind`, one of `_runs`
        self._runs: dict[int, tuple[BindContext, list[Submit]]] = {}
        self._lines: list[bytes] = []
        self.reconfigure(settings)

    def start(self) -> None:
        """Start to write. Doesn't yield."""
        self._file.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Write the waiting lines for at most `timeout` seconds, and close the file. May yield."""
        self._end_turn()
        self.on = False
        self._settings = AccessLogSettings()
        self._file.stop(timeout)

    def reconfigure(self, settings: AccessLogSettings) -> None:
        """Use these settings from now on; a file that can't be opened is logged as an ERROR. May yield."""
        with self._changing:
            if settings == self._settings:
                return
            path = settings.path
            if path and path != self._settings.path:
                self._open(path)
            self._end_turn()
            if not path:
                self._file.close()
                self.on = False
            self._settings = settings
            self._style = (JsonStyle if settings.json else KannelStyle)(not settings.text)

    def reopen(self) -> None:
        """Open the file again by its name, after rotation; when that fails the current one stays. May yield."""
        with self._changing:
            if self._settings.path:
                self._open(self._settings.path)

    def submitted(self, settled: Sequence[Submit], bind: BindContext) -> None:
        """See model.ports.AccessLog."""
        if bind is not self._bind:
            self._begin_turn()
            self._bind, self._run = bind, self._runs.setdefault(bind.bind_id, (bind, []))[1]
        self._run += settled

    def delivered(self, delivery: Delivery, bind_id: int, command_status: int | None, sent_at: float) -> None:
        """See model.ports.AccessLog."""
        self._begin_turn()
        self._add_line(self._style.delivery, delivery, bind_id, command_status, sent_at)

    def _begin_turn(self) -> None:
        """Read the clocks once for all lines of a turn of the loop."""
        if not self._turn_began:
            self._turn_began = True
            self._style.set_time(int(time()), monotonic())
            get_hub().loop.run_callback(self._end_turn)

    def _add_line(self, make: Callable[..., bytes], *arguments: object) -> None:
        try:
            self._lines.append(make(*arguments))
        except Exception:
            logger.exception("A line of the access log can't be formatted")

    def _end_turn(self) -> None:
        """Have the lines of this turn written. May run in the hub, so it must neither wait nor fail."""
        runs, self._runs, self._bind, self._turn_began = self._runs, {}, None, False
        for bind, run in runs.values():
            try:
                self._lines.append(self._style.submits(run, bind))
            except Exception:  # it costs only the line that met it
                for submit in run:
                    self._add_line(self._style.submit, submit, bind)
        lines, self._lines = self._lines, []
        if lines and self.on:
            try:
                self._file.add(b"".join(lines))
            except Exception:
                logger.exception("Lines of the access log are lost")

    def _open(self, path: str) -> None:
        self._end_turn()
        try:
            self._file.open(path)
            self.on = True
        except OSError as error:
            logger.error("Couldn't open access log `%s'", path, exc_info=error)
