"""What happened in a few turns of the loop, to become one frame."""

from __future__ import annotations

import mmap

from ksmppd_py.accesslog.frames import Kind, Packed, PackedColumns, PackedPlace, PackedRun, Step, pack
from ksmppd_py.accesslog.pages import PAGE_OCTETS, Pages
from ksmppd_py.kannel.codec import ACK_OCTETS

SENT, ACKED, _LOST, _TURN = map(int, (Step.SENT, Step.ACKED, Step.LOST, Step.TURN))
NO_PAGE = -1


class Batch:
    """`lines` that it makes. Octets are in a `page` of shared memory; what finds no room there is in the frame itself.

    `needs_order`: it tells what the same scribe has to know that knows of the batches before. `at` is where the next
    octets may be put in `memory`, before `end`; for who is in a hurry.
    """

    __slots__ = ("_inline", "at", "end", "lines", "memory", "needs_order", "page", "pages", "steps")

    def __init__(self, pages: Pages | None) -> None:
        self.pages = pages
        self.lines = 0
        self.needs_order = False
        self.steps: list[Packed] = []
        self.at = self.end = self._inline = 0
        self.page = NO_PAGE
        self.memory: mmap.mmap | None = None
        page = pages.take() if pages is not None else None
        if pages is not None and page is not None:
            self.page = page
            self.memory = pages.memory
            self.at = page * PAGE_OCTETS
            self.end = self.at + PAGE_OCTETS

    @property
    def is_full(self) -> bool:
        """Whether it holds so much in other places than its page that it had better be handed over."""
        return self._inline >= PAGE_OCTETS

    def sent(self, link: int, runs: list[PackedRun], octets: bytes) -> None:
        """A bearerbox was sent the submits in `runs`, in these octets."""
        self.needs_order = True
        self.steps.append((SENT, link, runs, self._put(octets)))

    def acked(self, link: int, epoch: int, now: float, acks: bytes) -> None:
        """These frames of acks came at `epoch`, which was `now` in monotonic seconds."""
        self.needs_order = True
        count = len(acks) // ACK_OCTETS
        self.steps.append((ACKED, link, epoch, now, count, self._put(acks)))
        self.lines += count

    def lost(self, link: int | None) -> None:
        """What that connection was sent won't be acked; None: nothing that was sent before this, to nobody."""
        self.needs_order = True
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
        self.lines += len(frames) + len(delivered)

    def _put(self, octets: bytes) -> PackedPlace:
        start, length = self.at, len(octets)
        if self.memory is None or start + length > self.end:
            self._inline += length
            return octets
        self.memory[start : start + length] = octets
        self.at = start + length
        return start, length

    def frame(self) -> bytes:
        """Raises ValueError."""
        return pack(Kind.LINES, self.lines, (self.page, self.steps))

    def get(self, start: int, length: int) -> bytes:
        """Read what is in the page."""
        assert self.pages is not None  # who has no pages puts nothing there
        return self.pages.get(start, length)

    def withdraw(self) -> None:
        """Nobody else is to make lines of it."""
        if self.pages is not None and self.page != NO_PAGE:
            self.pages.give_back(self.page)
            self.page = NO_PAGE
