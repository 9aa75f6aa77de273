"""Log lines in Kannel's format: `YYYY-MM-DD HH:MM:SS [pid] [thread] LEVEL: text`, in local time.

The rules are in docs/rules/operations.md 2. One handler on the root logger formats a record once and writes it to
stderr and to the log files, each from its own level on. The root logger's level is the lowest of them: isEnabledFor is
the gate before formatting.

Lines about a session end in `[system_id:...] [bind:...]`: a record's `context`, or else the `log_context` of the
greenlet that makes the line. Of WARNING and ERROR lines of one kind (logger and text before formatting) the first few
are written, and then the last one twice a minute, with their number; EACH exempts a line from that.
"""

from __future__ import annotations

import logging

from ksmppd_py.logs.destinations import open_file
from ksmppd_py.logs.handler import LEVELS, NOTHING, LogHandler
from ksmppd_py.logs.repeats import EACH

__all__ = [
    "EACH",
    "LEVELS",
    "NOTHING",
    "LogHandler",
    "add_file",
    "change_file_level",
    "file_level",
    "leave_stderr",
    "log_repeats",
    "open_file",
    "reopen",
    "set_file_level",
    "set_up",
]

_NEVER_BELOW_WARNING = ("urllib3", "sqlalchemy")
"""Loggers of libraries that log URLs and SQL parameters below WARNING."""

logger = logging.getLogger(__name__)


def set_up(stderr_level: int = 0, places: str = "", stderr: int = 2) -> LogHandler:
    """Make the root logger write Kannel's lines to stderr, from `stderr_level` (0 to 4) on. `places` is option -D."""
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
    """Write to a file too. One that can't be opened is logged as an ERROR."""
    for handler in _handlers():
        try:
            handler.add_file(path, level)
        except OSError as error:
            logger.error("Couldn't open logfile `%s'", path, exc_info=error)


def file_level() -> int | None:
    """Return the level of the log files, the lowest of several; None when there is none."""
    return min((level for handler in _handlers() for level in handler.file_levels()), default=None)


def set_file_level(level: int) -> None:
    """Change the level (0 debug .. 4 panic) of the log files, not of stderr; for the command log-level."""
    for handler in _handlers():
        handler.set_file_level(min(max(level, 0), 4))


def change_file_level(path: str, level: int) -> None:
    """Change the level of one log file."""
    for handler in _handlers():
        handler.change_file_level(path, level)


def log_repeats(at_once: bool = False) -> None:
    """Write the lines that stand for many others, if they are due; with `at_once` all."""
    for handler in _handlers():
        handler.log_repeats(at_once)


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
