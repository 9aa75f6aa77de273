"""The file of `event-log`: a JSON object a line for each event, written by a thread of accesslog/file.py."""

from __future__ import annotations

import json
import logging
from datetime import datetime

from gevent.lock import BoundedSemaphore

from ksmppd_py.accesslog.file import LogFile
from ksmppd_py.model.events import Event, EventStream

logger = logging.getLogger(__name__)


def line_of(event: Event) -> bytes:
    """Return the line of an event; its time is local time with the zone."""
    moment = datetime.fromtimestamp(event.time).astimezone().isoformat(timespec="milliseconds")
    described = {
        "event_id": event.event_id,
        "time": moment,
        "kind": event.kind.value,
        "text": event.text,
        "fields": event.fields,
    }
    return json.dumps(described, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


class EventLog:
    """Writes each event of a stream to the file `path`, "" = to none. Events before the start are written, too."""

    def __init__(self, events: EventStream, path: str) -> None:
        self._events = events
        self._path = ""
        self._file: LogFile | None = None
        self._changing = BoundedSemaphore()
        self.reconfigure(path)

    def reconfigure(self, path: str) -> None:
        """Write to this file from now on; one that can't be opened is logged as an ERROR. May yield."""
        with self._changing:
            if path == self._path:
                return
            self._path = path
            if path:
                self._open()
            elif self._file is not None:
                self._events.listener = None
                self._file.close()

    def reopen(self) -> None:
        """Open the file again by its name, after rotation; when that fails the current one stays. May yield."""
        with self._changing:
            if self._path:
                self._open()

    def stop(self, timeout: float) -> None:
        """Write the waiting lines for at most `timeout` seconds, and close the file. May yield."""
        self._events.listener = None
        if self._file is not None:
            self._file.stop(timeout)

    def _open(self) -> None:
        if self._file is None:
            self._file = LogFile("event log")
            self._file.start()
        try:
            self._file.open(self._path)
        except OSError as error:
            logger.error("The event log %s can't be opened: %s", self._path, error.strerror)
            return
        self._events.listener = self._add

    def _add(self, event: Event) -> None:
        if self._file is not None:
            self._file.add(line_of(event))
