"""Reads files without blocking: other kinds of things are refused before they are opened."""

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
    """Return the kind of thing of an st_mode in words; "" for a file."""
    return next((name for is_one, name in _KINDS if is_one(mode)), "")


def read_file(path: str) -> bytes:
    """Return all octets of a file, or of /dev/null. Raises OSError, also for anything else, without waiting for it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    kind = other_kind(os.fstat(descriptor).st_mode)
    if kind and not os.path.samestat(os.fstat(descriptor), os.stat(os.devnull)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"it is {kind}, not a file")
    with os.fdopen(descriptor, "rb") as file:
        return file.read()
