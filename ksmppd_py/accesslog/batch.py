"""What was answered in a few turns of the loop, to become one frame."""

from __future__ import annotations

from ksmppd_py.accesslog.frames import Kind, Packed, PackedColumns, PackedPlace, PackedRun, pack
from ksmppd_py.accesslog.ring import Ring


class Batch:
    """`lines` that it makes; `weight` of what is in the ring. What finds no room there is in the frame itself."""

    def __init__(self, ring: Ring | None) -> None:
        self.ring = ring
        self.lines = 0
        self.weight = 0
        self.turns: list[Packed] = []

    def add(
        self,
        epoch: int,
        now: float,
        runs: list[PackedRun],
        frames: list[bytes],
        columns: PackedColumns | None,
        delivered: list[bytes],
    ) -> None:
        """Note a turn of the loop that ended at `epoch`, which was `now` in monotonic seconds.

        `frames` are those of the submits in `runs`, `delivered` those of the messages and reports in `columns`.
        """
        self.turns.append((epoch, now, runs, self._put(frames), columns, self._put(delivered)))
        self.lines += len(frames) + len(delivered)

    def _put(self, frames: list[bytes]) -> PackedPlace:
        octets = b"".join(frames)
        put = self.ring.put(octets) if self.ring is not None and octets else None
        if put is None:
            return octets
        start, weight = put
        self.weight += weight
        return start, len(octets)

    def frame(self) -> bytes:
        """Raises ValueError."""
        return pack(Kind.LINES, self.lines, (self.weight, self.turns))

    def get(self, start: int, length: int) -> bytes:
        """Read what is in the ring."""
        assert self.ring is not None  # who has no ring puts nothing into it
        return self.ring.get(start, length)

    def withdraw(self) -> None:
        """Nobody else is to make lines of it; it was the newest."""
        if self.ring is not None:
            self.ring.take_back(self.weight)
