"""MTs that wait for room at a bearerbox: higher priority first, then first come (docs/rules/flows.md 1.2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from operator import attrgetter

from ksmppd_py.model.work import Submit

_waits_since = attrgetter("waits_since")


class WaitingQueue:
    """One queue for each priority. No method yields."""

    __slots__ = ("_count", "_queues")

    def __init__(self) -> None:
        self._count = 0
        self._queues: dict[int, deque[Submit]] = {}

    def __len__(self) -> int:
        return self._count

    def add(self, submit: Submit) -> None:
        """Put a submit behind all others of its priority."""
        self._queue_of(submit).append(submit)
        self._count += 1

    def _queue_of(self, submit: Submit) -> deque[Submit]:
        assert submit.sms is not None
        priority = submit.sms.priority
        queue = self._queues.get(priority)
        if queue is None:
            queue = self._queues[priority] = deque()
            self._queues = dict(sorted(self._queues.items(), reverse=True))
        return queue

    def pop(self) -> Submit:
        """Remove and return the next one. Raises IndexError when none waits."""
        for queue in self._queues.values():
            if queue:
                self._count -= 1
                if not self._count:
                    self._queues = {}
                return queue.popleft()
        raise IndexError("no MT waits")

    def put_back(self, submits: Sequence[Submit]) -> None:
        """Put submits back that were sent to a bearerbox: they wait since then, ahead of those that came later."""
        for submit in submits:
            submit.waits_since = submit.sent_at
            self.add(submit)
        for priority in {s.sms.priority for s in submits if s.sms is not None}:
            self._queues[priority] = deque(sorted(self._queues[priority], key=_waits_since))

    def take_older(self, before: float) -> list[Submit]:
        """Remove and return all that wait since that time (monotonic seconds) or longer."""
        older: list[Submit] = []
        for priority, queue in list(self._queues.items()):
            gone = [submit for submit in queue if submit.waits_since <= before]
            if gone:
                older += gone
                self._queues[priority] = deque(s for s in queue if s.waits_since > before)
        self._count -= len(older)
        return older
