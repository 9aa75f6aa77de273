"""The handler of the root logger: formats a record once, in Kannel's way, and writes it to all destinations."""

from __future__ import annotations

import logging
import os
import re
import time
import traceback

import greenlet

from ksmppd_py.logs.destinations import Destination, open_file
from ksmppd_py.logs.repeats import Repeats

LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
NOTHING = len(LEVELS)
"""The level of a destination that gets no lines: one above PANIC."""

_NAMES = ("DEBUG", "INFO", "WARNING", "ERROR", "PANIC")
_KIND_OF_GREENLET = re.compile(r"[^\s\d]*")  # "session" of "session 17"

logger = logging.getLogger("ksmppd_py.logs")


class DebugPlaces:
    """The list of option -D: loggers whose DEBUG lines are wanted, named with or without `ksmppd_py.` before."""

    def __init__(self, patterns: str) -> None:
        words = [word.lower() for word in re.split(r"[\s,]+", patterns) if word]
        self._excluded = [word[1:] for word in words if word.startswith("-")]
        self._included = [word for word in words if not word.startswith("-")]

    def wants(self, place: str) -> bool:
        """Return whether a DEBUG line of this logger is wanted."""
        place = place.lower()
        names = (place, place.removeprefix("ksmppd_py."))
        return _any_matches(self._included, names) and not _any_matches(self._excluded, names)


class LogHandler(logging.Handler):
    """Formats records and writes them to all destinations."""

    def __init__(self, stderr_level: int = 0, places: str = "", stderr: int = 2) -> None:
        super().__init__()
        self.destinations = [Destination(stderr_level, stderr)]
        self._places = DebugPlaces(places) if places else None
        self._repeats = Repeats()
        self._second = -1
        self._prefix = ""
        self._threads: dict[str, int] = {}
        self._wanted_by_name: dict[str, bool] = {}

    def add_file(self, path: str, level: int) -> None:
        """Append lines from `level` on to a file; one that is open already gets the lower level. Raises OSError."""
        real = os.path.realpath(path)
        for known in self._files():
            if known.path is not None and os.path.realpath(known.path) == real:
                known.level = min(known.level, level)
                break
        else:
            self.destinations.append(Destination(level, open_file(path), path))
        self.apply_levels()

    def file_levels(self) -> list[int]:
        """Return the level of each file."""
        return [destination.level for destination in self._files()]

    def set_file_level(self, level: int) -> None:
        """Change the level of all files (0..4), not of stderr."""
        for destination in self._files():
            destination.level = level
        self.apply_levels()

    def change_file_level(self, path: str, level: int) -> None:
        """Change the level of one file."""
        for destination in self._files():
            if destination.path == path:
                destination.level = level
        self.apply_levels()

    def leave_stderr(self) -> None:
        """Write to the files only."""
        self.destinations[0].level = NOTHING
        self.apply_levels()

    def reopen(self) -> None:
        """Open all files again by their names, after rotation; one that can't be opened stays as it is."""
        for destination in self._files():
            try:
                destination.open_again()
            except OSError as error:
                logger.error("Couldn't re-open logfile `%s'", destination.path, exc_info=error)

    def apply_levels(self) -> None:
        """Set the root logger's level to the lowest of all destinations."""
        lowest = min(destination.level for destination in self.destinations)
        logging.getLogger().setLevel(LEVELS[lowest] if lowest < NOTHING else logging.CRITICAL + 1)

    def close(self) -> None:
        """Close the files."""
        for destination in self._files():
            os.close(destination.descriptor)
            self.destinations.remove(destination)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; never raises."""
        level = min(max(record.levelno // 10 - 1, 0), 4)
        if level == 0 and self._places is not None and not self._is_wanted(record.name):
            return
        if not hasattr(record, "context"):
            record.context = getattr(greenlet.getcurrent(), "log_context", None)
        if self._repeats.admits(record):
            self._write(record, level)

    def log_repeats(self, at_once: bool = False) -> None:
        """Write the lines that stand for many others, if they are due (about once a second); with `at_once` all."""
        for record, count, seconds in self._repeats.due(at_once):
            more = f" (and {count:,} more like this in {seconds} s)"
            self._write(record, min(record.levelno // 10 - 1, 4), more)

    def _write(self, record: logging.LogRecord, level: int, more: str = "") -> None:
        octets = b""
        for destination in self.destinations:
            if level >= destination.level:
                octets = octets or self._render(record, level, more)
                if not destination.lost or self._log_lost(destination):
                    destination.write(octets)
                else:
                    destination.lost += octets.count(b"\n")

    def _log_lost(self, destination: Destination) -> bool:
        """Write how many lines a full disk has lost; return whether that could be written."""
        lost, text = destination.lost, "%d line(s) of this log are lost: %s"
        args = (lost, destination.reason)
        record = logging.LogRecord(logger.name, logging.ERROR, "", 0, text, args, None)
        taken = destination.write(self._render(record, 3, ""))
        destination.lost = 0 if taken else lost
        return taken

    def _files(self) -> list[Destination]:
        return [destination for destination in self.destinations if destination.path is not None]

    def _is_wanted(self, name: str) -> bool:
        wanted = self._wanted_by_name.get(name)
        if wanted is None and self._places is not None:
            wanted = self._wanted_by_name[name] = self._places.wants(name)
        return bool(wanted)

    def _render(self, record: logging.LogRecord, level: int, more: str) -> bytes:
        second = int(record.created)
        if second != self._second:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self._second, self._prefix = second, f"{stamp} [{os.getpid()}] ["
        head = f"{self._prefix}{self._thread()}] {_NAMES[level]}: "
        try:
            context = getattr(record, "context", None)
            text = record.getMessage() + more + (f" {context}" if context is not None else "")
        except Exception as error:
            text = f"{record.msg!r} can't be formatted: {error}"
        if record.exc_info is None and text.isprintable():
            return f"{head}{text}\n".encode("utf-8", "backslashreplace")
        lines = [text, *_exception_lines(record)]
        return "".join(f"{head}{_escaped(line)}\n" for line in lines).encode("utf-8", "backslashreplace")

    def _thread(self) -> int:
        """Return 0 for the main greenlet, for others a number that those of their kind share."""
        current = greenlet.getcurrent()
        if current.parent is None:
            return 0
        name = str(getattr(current, "name", "")) or type(current).__name__
        match = _KIND_OF_GREENLET.match(name)
        return self._threads.setdefault(match.group() if match else "", len(self._threads) + 1)


def _exception_lines(record: logging.LogRecord) -> list[str]:
    """Return Kannel's second line for an error of the system, a traceback for any other."""
    if not record.exc_info or record.exc_info[1] is None:
        return []
    error = record.exc_info[1]
    if isinstance(error, OSError) and error.errno is not None:
        return [f"System error {error.errno}: {error.strerror}"]
    return "".join(traceback.format_exception(error)).rstrip("\n").split("\n")


def _escaped(text: str) -> str:
    """Escape all that ends a line, commands a terminal (C0, C1) or changes how the rest is shown."""
    return "".join(char if char.isprintable() else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _any_matches(patterns: list[str], names: tuple[str, ...]) -> bool:
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
        for pattern in patterns
        for name in names
    )
