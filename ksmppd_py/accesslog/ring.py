"""Memory that the daemon and the scribe share: octets go across without a system call, and without a copy of it.

A socket would cost the daemon more for them than all that it otherwise does for a line. Only the daemon writes; what it
wrote stays as it is until the scribe has told that it took it.
"""

from __future__ import annotations

import mmap
import os

RING_OCTETS = 16 * 1024 * 1024


class Ring:
    """The daemon's side: octets that follow each other, from the start again where the end is too near."""

    def __init__(self) -> None:
        """Raises OSError."""
        self.size = RING_OCTETS
        self.descriptor = os.memfd_create("ksmppd-access-log")
        try:
            os.ftruncate(self.descriptor, self.size)
            self._memory = mmap.mmap(self.descriptor, self.size)
        except BaseException:
            os.close(self.descriptor)
            raise
        self._next = 0
        self._used = 0

    def close_descriptor(self) -> None:
        """The scribe has its own now; what is in the ring stays."""
        os.close(self.descriptor)

    def close(self) -> None:
        """Nothing can be put or read any more."""
        self._memory.close()

    def put(self, octets: bytes) -> tuple[int, int] | None:
        """Copy them into the ring: where they are, and what `release` has to be told of them. None: no room."""
        length, gap = len(octets), 0
        start = self._next if self._used else 0
        if start + length > self.size:
            gap, start = self.size - start, 0
        if self._used + gap + length > self.size:
            return None
        self._memory[start : start + length] = octets
        self._next = start + length
        self._used += gap + length
        return start, gap + length

    def get(self, start: int, length: int) -> bytes:
        """Read what is there."""
        return self._memory[start : start + length]

    def release(self, weight: int) -> None:
        """The oldest octets are no longer needed."""
        self._used -= weight

    def take_back(self, weight: int) -> None:
        """The newest octets are no longer needed: nobody was told of them."""
        self._used -= weight
        self._next = (self._next - weight) % self.size


class RingView:
    """The scribe's side."""

    def __init__(self, descriptor: int) -> None:
        """Raises OSError; the descriptor may be closed afterwards."""
        self._memory = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)

    def get(self, start: int, length: int) -> bytes:
        """Read what is there."""
        return self._memory[start : start + length]
