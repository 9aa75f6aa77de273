"""Submits that a bearerbox was sent and hasn't acked, as who makes their lines knows them. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from ksmppd_py.accesslog.frames import Run
from ksmppd_py.kannel.codec import ACK_HEAD_OCTETS, ACK_OCTETS, is_success, read_acks
from ksmppd_py.kannel.cutter import Columns, Likeness
from ksmppd_py.kannel.messages import AckStatus, Sms

_ACCEPTED = (int(AckStatus.SUCCESS), int(AckStatus.BUFFERED))


class Sent:
    """Submits that were sent one after the other: alike and cut into columns, or, with likeness None, read.

    Those before `at` are settled.
    """

    __slots__ = ("at", "columns", "ids", "likeness", "messages", "run")

    def __init__(
        self,
        run: Run,
        ids: tuple[bytes, ...],
        likeness: Likeness | None,
        columns: Columns | None,
        messages: Sequence[Sms] = (),
    ) -> None:
        self.run = run
        self.ids = ids
        self.likeness = likeness
        self.columns = columns
        self.messages = messages
        self.at = 0


class Accepted(NamedTuple):
    """Submits of `sent` that were acked one after the other: from `first` on, before `end`."""

    sent: Sent
    first: int
    end: int


class Pending:
    """Of one connection. A bearerbox acks in the order in which it was sent them, so they are seldom looked for.

    What was sent before an ack that came out of turn is found by its id from then on.
    """

    def __init__(self) -> None:
        self._queue: deque[Sent] = deque()
        self._loose: dict[bytes, tuple[Sent, int]] = {}

    def __len__(self) -> int:
        return sum(len(sent.ids) - sent.at for sent in self._queue) + len(self._loose)

    def add(self, sent: Sent) -> None:
        """These were sent after all others."""
        self._queue.append(sent)

    def take(self, acks: bytes) -> tuple[list[Accepted], int]:
        """What these frames of acks accept, in their order, and how many of them are for nothing that is pending.

        What they refuse is forgotten. Raises struct.error, ValueError.
        """
        accepted: list[Accepted] = []
        at = 0 if self._loose else self._take_alike(acks, accepted)
        if at and at == len(acks):
            return accepted, 0
        nacks, ids = read_acks(acks[at:])
        at, count = 0, len(ids)
        if not self._loose and nacks.count(0) == count:
            at = self._take_in_turn(ids, accepted)
        if at == count:
            return accepted, 0
        return accepted, self._take_singly(nacks[at:], ids[at:], accepted)

    def _take_alike(self, acks: bytes, accepted: list[Accepted]) -> int:
        """Until one is out of turn, or isn't like those before it but for its id; where that one begins.

        Putting together what is expected and comparing that takes a third of the time of reading what is there.
        """
        queue = self._queue
        at, size = 0, len(acks)
        while at < size and queue:
            sent = queue[0]
            first = sent.at
            count = min(len(sent.ids) - first, (size - at) // ACK_OCTETS)
            head = acks[at : at + ACK_HEAD_OCTETS]
            end = at + count * ACK_OCTETS
            ids = sent.ids[first : first + count]
            if head + head.join(ids) != acks[at:end] or not is_success(head):
                break
            self._advance(sent, first + count, accepted)
            at = end
        return at

    def _take_in_turn(self, ids: tuple[bytes, ...], accepted: list[Accepted]) -> int:
        """Until one is out of turn; how many aren't."""
        queue = self._queue
        at, size = 0, len(ids)
        while at < size and queue:
            sent = queue[0]
            first = sent.at
            count = min(len(sent.ids) - first, size - at)
            if sent.ids[first : first + count] != ids[at : at + count]:
                break
            self._advance(sent, first + count, accepted)
            at += count
        return at

    def _advance(self, sent: Sent, end: int, accepted: list[Accepted]) -> None:
        accepted.append(Accepted(sent, sent.at, end))
        sent.at = end
        if end == len(sent.ids):
            self._queue.popleft()

    def _take_singly(self, nacks: tuple[int, ...], ids: tuple[bytes, ...], accepted: list[Accepted]) -> int:
        loose = self._loose
        for sent in self._queue:
            loose.update((sent.ids[number], (sent, number)) for number in range(sent.at, len(sent.ids)))
        self._queue.clear()
        strays = 0
        for nack, id in zip(nacks, ids, strict=True):
            found = loose.pop(id, None) or loose.pop(id.lower(), None)
            if found is None:
                strays += 1
            elif nack in _ACCEPTED:
                sent, number = found
                if accepted and accepted[-1].sent is sent and accepted[-1].end == number:
                    accepted[-1] = accepted[-1]._replace(end=number + 1)
                else:
                    accepted.append(Accepted(sent, number, number + 1))
        return strays
