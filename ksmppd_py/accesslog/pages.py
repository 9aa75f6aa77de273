"""Memory that the daemon and the scribe share: octets go across without a system call, and without a copy of it.

A socket would cost the daemon more for them than all that it otherwise does for a line. Only the daemon writes; what it
wrote stays as it is until the scribe has told that it took it.
"""

from __future__ import annotations

import mmap
import os

PAGES = 8
PAGE_OCTETS = 2 * 1024 * 1024


class Pages:
    """The daemon's side: who writes has a page for itself, and the lowest ones are used most: they stay in the cache.

    `memory` is all of them, one behind the other.
    """

    def __init__(self) -> None:
        """Raises OSError."""
        self.descriptor = os.memfd_create("ksmppd-access-log")
        try:
            os.ftruncate(self.descriptor, PAGES * PAGE_OCTETS)
            self.memory = mmap.mmap(self.descriptor, PAGES * PAGE_OCTETS)
        except BaseException:
            os.close(self.descriptor)
            raise
        self._free = set(range(PAGES))

    def close_descriptor(self) -> None:
        """The scribe has its own now; what is in the pages stays."""
        os.close(self.descriptor)

    def close(self) -> None:
        """Nothing can be put or read any more."""
        self.memory.close()

    def take(self) -> int | None:
        """A page that nobody needs, or None."""
        if not self._free:
            return None
        page = min(self._free)
        self._free.remove(page)
        return page

    def give_back(self, page: int) -> None:
        """Nobody needs any more what is in this page."""
        self._free.add(page)

    def get(self, start: int, length: int) -> bytes:
        """Read what is there."""
        return self.memory[start : start + length]


class PagesView:
    """The scribe's side."""

    def __init__(self, descriptor: int) -> None:
        """Raises OSError; the descriptor may be closed afterwards."""
        self._memory = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)

    def get(self, start: int, length: int) -> bytes:
        """Read what is there."""
        return self._memory[start : start + length]
