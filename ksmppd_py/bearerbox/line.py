"""MTs that wait for room at a bearerbox: higher priority first, then first come (docs/rules/flows.md 1.2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from operator import attrgetter

from ksmppd_py.model.work import Submission

_sent_at = attrgetter("sent_at")


class WaitingLine:
    """One queue for each priority. `sent_at` of an MT is when its wait began (monotonic seconds). No method yields."""

    __slots__ = ("_count", "_queues")

    def __init__(self) -> None:
        self._count = 0
        self._queues: dict[int, deque[Submission]] = {}

    def __len__(self) -> int:
        return self._count

    def add(self, submission: Submission) -> None:
        """Put it behind all others of its priority."""
        self._queue_of(submission).append(submission)
        self._count += 1

    def _queue_of(self, submission: Submission) -> deque[Submission]:
        assert submission.sms is not None
        priority = submission.sms.priority
        queue = self._queues.get(priority)
        if queue is None:
            queue = self._queues[priority] = deque()
            self._queues = dict(sorted(self._queues.items(), reverse=True))
        return queue

    def pop(self) -> Submission:
        """Remove and return the next one. Raises IndexError when none waits."""
        for queue in self._queues.values():
            if queue:
                self._count -= 1
                if not self._count:
                    self._queues = {}
                return queue.popleft()
        raise IndexError("nobody waits")

    def put_back(self, submissions: Sequence[Submission]) -> None:
        """Put these back, each at its place by `sent_at`."""
        for submission in submissions:
            self.add(submission)
        for priority in {s.sms.priority for s in submissions if s.sms is not None}:
            self._queues[priority] = deque(sorted(self._queues[priority], key=_sent_at))

    def take_older(self, before: float) -> list[Submission]:
        """Remove and return all that wait since that time (monotonic seconds) or longer."""
        older: list[Submission] = []
        for priority, queue in list(self._queues.items()):
            gone = [submission for submission in queue if submission.sent_at <= before]
            if gone:
                older += gone
                self._queues[priority] = deque(s for s in queue if s.sent_at > before)
        self._count -= len(older)
        return older
