"""What happened in a few turns of the loop, to become one frame."""

from __future__ import annotations

import mmap
from time import monotonic, time

from ksmppd_py.accesslog.frames import Kind, Packed, PackedColumns, PackedPlace, PackedRun, Step, pack
from ksmppd_py.accesslog.pages import PAGE_OCTETS, Pages
from ksmppd_py.kannel.codec import ACK_OCTETS

READ, ACKED = int(Step.READ), int(Step.ACKED)
_SENT, _LOST, _TURN = int(Step.SENT), int(Step.LOST), int(Step.TURN)
NO_PAGE = -1
_NOWHERE = bytearray()
"""The memory of a batch without a page: nothing is put there."""


class Batch:
    """What makes lines. Octets are in a `page` of shared memory; what finds no room there is in the frame itself.

    `at` is where the next octets may be put in `memory`. Who is in a hurry may put there, before `limit`, what is told
    by READ and ACKED, and counts the octets of acks.
    """

    __slots__ = ("_end", "_inline", "_lines", "acks", "at", "limit", "memory", "page", "pages", "steps")

    def __init__(self, pages: Pages | None) -> None:
        self.pages = pages
        self.acks = self._lines = 0
        self.steps: list[Packed] = []
        self.at = self._end = self._inline = 0
        self.page = NO_PAGE
        self.memory: mmap.mmap | bytearray = _NOWHERE
        page = pages.take() if pages is not None else None
        if pages is not None and page is not None:
            self.page = page
            self.memory = pages.memory
            self.at = page * PAGE_OCTETS
            self._end = self.at + PAGE_OCTETS
        self.limit = self._end

    @property
    def lines(self) -> int:
        """How many it makes."""
        return self._lines + self.acks // ACK_OCTETS

    @property
    def needs_order(self) -> bool:
        """Whether it tells what the same scribe has to know that knows of the batches before."""
        return any(step[0] != _TURN for step in self.steps)

    @property
    def is_full(self) -> bool:
        """Whether it holds so much in other places than its page that it had better be handed over."""
        return self._inline >= PAGE_OCTETS

    def has_room(self, octets: int) -> bool:
        """Whether so many more find room in its page; a batch without one has what room there is."""
        return self.page == NO_PAGE or self.at + octets <= self._end

    def hurry(self, is_allowed: bool) -> None:
        """Whether anybody may be in a hurry."""
        self.limit = self._end if is_allowed else 0

    def sent(self, link: int, runs: list[PackedRun], octets: bytes) -> None:
        """A bearerbox was sent the submits in `runs`, in these octets."""
        self.steps.append((_SENT, link, runs, self._put(octets)))

    def acked(self, link: int, now: float, acks: bytes) -> None:
        """These frames of acks came at `now` (monotonic seconds)."""
        self.steps.append((ACKED, link, now, self._put(acks)))
        self.acks += len(acks)

    def lost(self, link: int | None) -> None:
        """What that connection was sent won't be acked; None: nothing that was sent before this, to nobody."""
        self.steps.append((_LOST, link))

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
        places = self._put(b"".join(frames)), self._put(b"".join(delivered))
        self.steps.append((_TURN, epoch, now, runs, places[0], columns, places[1]))
        self._lines += len(frames) + len(delivered)

    def _put(self, octets: bytes) -> PackedPlace:
        start, length = self.at, len(octets)
        if self.page == NO_PAGE or start + length > self._end:
            self._inline += length
            return octets
        self.memory[start : start + length] = octets
        self.at = start + length
        return start, length

    def frame(self) -> bytes:
        """Raises ValueError."""
        return pack(Kind.LINES, self.lines, (self.page, epoch_of_zero(), self.steps))

    def get(self, start: int, length: int) -> bytes:
        """Read what is in the page."""
        assert self.pages is not None  # who has no pages puts nothing there
        return self.pages.get(start, length)

    def withdraw(self) -> None:
        """Nobody else is to make lines of it."""
        if self.pages is not None and self.page != NO_PAGE:
            self.pages.give_back(self.page)
            self.page = NO_PAGE


def epoch_of_zero() -> float:
    """Epoch seconds at which monotonic ones were 0, as the clock goes now."""
    return time() - monotonic()
