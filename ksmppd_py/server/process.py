"""Greenlets, memory and descriptors of this process."""

from __future__ import annotations

import contextlib
import gc
import os
import weakref
from pathlib import Path

from greenlet import greenlet

_remembered: weakref.WeakSet[greenlet] = weakref.WeakSet()


def remember_greenlets() -> None:
    """Note the greenlets that are there: the collector lists no object any more after gc.freeze(). Doesn't yield."""
    _remembered.update(thing for thing in gc.get_objects() if isinstance(thing, greenlet))


def count_greenlets() -> int:
    """Number of greenlets that run or wait, those of the start included."""
    found = {thing for thing in gc.get_objects() if isinstance(thing, greenlet)}
    return sum(not thing.dead for thing in found.union(_remembered))


def process_line() -> str:
    """Return greenlets, memory and descriptors of the process in words. Looks at every object. Doesn't yield."""
    parts = [f"{count_greenlets()} greenlets"]
    with contextlib.suppress(OSError, ValueError, IndexError):  # where there is no /proc
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        parts.append(f"{pages * os.sysconf('SC_PAGE_SIZE') / 2**20:.1f} MiB of memory")
        parts.append(f"{len(os.listdir('/proc/self/fd'))} open files and connections")
    return ", ".join(parts)
