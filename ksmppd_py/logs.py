"""Log lines in Kannel's format: `YYYY-MM-DD HH:MM:SS [pid] [thread] LEVEL: text`, in local time.

The rules are in docs/rules/operations.md 2. One handler on the root logger formats a record once and writes it to
stderr and to the log files, each from its own level on. The root logger's level is the lowest of them: isEnabledFor is
the gate before formatting.

Lines that a session brought about end in `[system_id:...] [bind:...]`: a record's `context`, or else the `log_context`
of the greenlet that makes the line. Of WARNING and ERROR lines of one kind (logger and text before formatting) the
first few are written, and then the last one twice a minute, with their number; EACH exempts a line from that.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import greenlet

LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
NOTHING = len(LEVELS)  # one above PANIC

_NAMES = ("DEBUG", "INFO", "WARNING", "ERROR", "PANIC")
_NEVER_BELOW_WARNING = (
    "urllib3",
    "sqlalchemy",
)  # otherwise they log URLs and SQL parameters
_KIND_OF_GREENLET = re.compile(r"[^\s\d]*")  # "session" of "session 17"

logger = logging.getLogger(__name__)

EACH = {"each": True}
"""`extra` of lines that are always written."""
MOST_ALIKE = 5
"""Lines of a kind that are written within REPEAT_WINDOW seconds."""
REPEAT_WINDOW = 30.0
MOST_KINDS = 1000


@dataclass(slots=True)
class Destination:
    """A file or stderr, for lines from `level` (0 to 4) on; `path` is None for stderr."""

    level: int
    descriptor: int
    path: str | None = None
    lost: int = 0
    """Lines that weren't taken since the last that was."""
    reason: str = ""
    is_torn: bool = False
    """It ends within a line."""

    def write(self, octets: bytes) -> bool:
        """Write whole lines at once; a full disk or a closed stderr loses them, else nothing. True if it took all."""
        rest = octets
        try:
            if self.is_torn:
                os.write(self.descriptor, b"\n")
                self.is_torn = False
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]
        except OSError as error:
            self.is_torn = self.is_torn or len(rest) < len(octets)
            self.lost += octets.count(b"\n")
            self.reason = str(error)
            return False
        return True

    def open_again(self) -> None:
        """Open its file by its name. Raises OSError, and goes on with the one of before."""
        assert self.path is not None
        fresh = open_file(self.path)
        stale, self.descriptor = self.descriptor, fresh
        self.is_torn = False
        os.close(stale)


class Places:
    """The -D list: DEBUG lines that are wanted, by logger name, with or without the package's."""

    def __init__(self, patterns: str) -> None:
        words = [word.lower() for word in re.split(r"[\s,]+", patterns) if word]
        self._excluded = [word[1:] for word in words if word.startswith("-")]
        self._included = [word for word in words if not word.startswith("-")]

    def wants(self, place: str) -> bool:
        """Return whether a DEBUG line of this logger is wanted."""
        place = place.lower()
        names = (place, place.removeprefix("ksmppd_py."))
        return _any_matches(self._included, names) and not _any_matches(self._excluded, names)


@dataclass(slots=True)
class _Kind:
    since: float
    written: int = 0
    left_out: int = 0
    last: logging.LogRecord | None = None


class Repeats:
    """Leaves out lines of a kind above MOST_ALIKE, and counts them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def takes(self, record: logging.LogRecord) -> bool:
        """Whether the line is to be written; otherwise it is counted."""
        if not logging.WARNING <= record.levelno < logging.CRITICAL or getattr(record, "each", False):
            return True
        key = (record.name, str(record.msg))
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= MOST_KINDS:
                return True
            kind = self._kinds[key] = _Kind(self._clock())
        elif not kind.left_out and self._clock() - kind.since >= REPEAT_WINDOW:
            kind.since, kind.written = self._clock(), 0
        if kind.written < MOST_ALIKE:
            kind.written += 1
            return True
        kind.left_out += 1
        kind.last = record
        return False

    def due(self, at_once: bool = False) -> list[tuple[logging.LogRecord, int, int]]:
        """Return the last line of each kind left out for REPEAT_WINDOW seconds, with number and seconds; begin again.

        `at_once`: of every kind.
        """
        now = self._clock()
        found = []
        for key, kind in list(self._kinds.items()):
            if not at_once and now - kind.since < REPEAT_WINDOW:
                continue
            if kind.last is None:
                del self._kinds[key]
            else:
                found.append((kind.last, kind.left_out, round(now - kind.since)))
                self._kinds[key] = _Kind(now, MOST_ALIKE)  # the kind is still counted until it has been quiet
        return found


class LogHandler(logging.Handler):
    """Formats records and writes them to all destinations."""

    def __init__(self, stderr_level: int = 0, places: str = "", stderr: int = 2) -> None:
        super().__init__()
        self.destinations = [Destination(stderr_level, stderr)]
        self._places = Places(places) if places else None
        self._repeats = Repeats()
        self._second = -1
        self._prefix = ""
        self._threads: dict[str, int] = {}
        self._wanted_by_name: dict[str, bool] = {}

    def add_file(self, path: str, level: int) -> None:
        """Append lines from `level` on to a file; open already, it gets the lower level. Raises OSError."""
        real = os.path.realpath(path)
        for known in self._files():
            if known.path is not None and os.path.realpath(known.path) == real:
                known.level = min(known.level, level)
                break
        else:
            self.destinations.append(Destination(level, open_file(path), path))
        self.apply_levels()

    def file_levels(self) -> list[int]:
        """The level of each file."""
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
        if self._repeats.takes(record):
            self._write(record, level)

    def tell_repeats(self, at_once: bool = False) -> None:
        """Write the lines that stand for many; called about once a second, with `at_once` at the end."""
        for record, count, seconds in self._repeats.due(at_once):
            more = f" (and {count:,} more like this in {seconds} s)"
            self._write(record, min(record.levelno // 10 - 1, 4), more)

    def _write(self, record: logging.LogRecord, level: int, more: str = "") -> None:
        octets = b""
        for destination in self.destinations:
            if level >= destination.level:
                octets = octets or self._render(record, level, more)
                if not destination.lost or self._tell_lost(destination):
                    destination.write(octets)
                else:
                    destination.lost += octets.count(b"\n")

    def _tell_lost(self, destination: Destination) -> bool:
        """Write how many lines a full disk has lost; return whether it takes lines again."""
        lost, text = destination.lost, "%d line(s) of this log are lost: %s"
        args = (lost, destination.reason)
        record = logging.LogRecord(__name__, logging.ERROR, "", 0, text, args, None)
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


def set_up(stderr_level: int = 0, places: str = "", stderr: int = 2) -> LogHandler:
    """Make the root logger write Kannel's lines to stderr."""
    handler = LogHandler(stderr_level, places, stderr)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    handler.apply_levels()
    logging.raiseExceptions = False
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # records need no caller: see "Optimization" in the logging HOWTO
    for name in _NEVER_BELOW_WARNING:
        logging.getLogger(name).setLevel(logging.WARNING)
    return handler


def add_file(path: str, level: int) -> None:
    """Write to a file too; one that can't be opened is an ERROR line and no more."""
    for handler in _handlers():
        try:
            handler.add_file(path, level)
        except OSError as error:
            logger.error("Couldn't open logfile `%s'", path, exc_info=error)


def file_level() -> int | None:
    """The level of the log files, the lowest of several; None when there is none."""
    return min((level for handler in _handlers() for level in handler.file_levels()), default=None)


def set_file_level(level: int) -> None:
    """Change the level (0 debug .. 4 panic) of the log files, not of stderr; for the command log-level."""
    for handler in _handlers():
        handler.set_file_level(min(max(level, 0), 4))


def change_file_level(path: str, level: int) -> None:
    """Change the level of one log file."""
    for handler in _handlers():
        handler.change_file_level(path, level)


def tell_repeats(at_once: bool = False) -> None:
    """Write the lines that stand for many others, if their time has come."""
    for handler in _handlers():
        handler.tell_repeats(at_once)


def leave_stderr() -> None:
    """Write to the files only: the daemon is in the background."""
    for handler in _handlers():
        handler.leave_stderr()


def reopen() -> None:
    """Open the log files again by their names."""
    for handler in _handlers():
        handler.reopen()


def _handlers() -> list[LogHandler]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, LogHandler)]


def open_file(path: str, blocking: bool = True) -> int:
    """Open a log file for appending; a new one can be read by its owner and group only, with any umask.

    Raises OSError, also for a FIFO, which may have no reader. /dev/stdout is allowed.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = os.open(path, flags, 0o640)
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode) and not os.path.realpath(path).startswith("/proc/"):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is a FIFO, not a file")
    os.set_blocking(descriptor, blocking)
    return descriptor


def _exception_lines(record: logging.LogRecord) -> list[str]:
    """Return Kannel's second line for an error of the system, a traceback for any other."""
    if not record.exc_info or record.exc_info[1] is None:
        return []
    error = record.exc_info[1]
    if isinstance(error, OSError) and error.errno is not None:
        return [f"System error {error.errno}: {error.strerror}"]
    return "".join(traceback.format_exception(error)).rstrip("\n").split("\n")


def _escaped(text: str) -> str:
    """`text` with escapes for all that ends a line, commands a terminal (C0, C1) or changes how the rest is shown."""
    return "".join(char if char.isprintable() else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _any_matches(patterns: list[str], names: tuple[str, ...]) -> bool:
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
        for pattern in patterns
        for name in names
    )
