"""The destinations of log lines: stderr and files, which are opened again by their names after rotation."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass


@dataclass(slots=True)
class Destination:
    """A file or stderr, for lines from `level` (0 to 4) on; `path` is None for stderr."""

    level: int
    descriptor: int
    path: str | None = None
    lost: int = 0
    """Lines lost since the last that was written."""
    reason: str = ""
    is_torn: bool = False
    """Whether the file ends within a line."""

    def write(self, octets: bytes) -> bool:
        """Write whole lines; return whether all were written. A full disk or a closed stderr loses them: see `lost`."""
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
        """Open the file again by its name. When that raises OSError, the file that was open stays in use."""
        assert self.path is not None
        fresh = open_file(self.path)
        stale, self.descriptor = self.descriptor, fresh
        self.is_torn = False
        os.close(stale)


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
