"""Files that may be anything: looked at before they are read, so that nothing blocks and nothing is endless."""

from __future__ import annotations

import errno
import os
import stat

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def other_kind(mode: int) -> str:
    """The kind of thing that an st_mode belongs to, in words; empty when it is a file's."""
    return next((name for is_one, name in _KINDS if is_one(mode)), "")


def read_file(path: str) -> bytes:
    """All octets of a file, or of /dev/null. Raises OSError, also for all that is neither: it is never waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    kind = other_kind(os.fstat(descriptor).st_mode)
    if kind and not os.path.samestat(os.fstat(descriptor), os.stat(os.devnull)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"it is {kind}, not a file")
    with os.fdopen(descriptor, "rb") as file:
        return file.read()
