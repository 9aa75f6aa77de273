"""The last hour in points of five seconds, for the charts of the dashboard."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time

import gevent

from ksmppd_py.admin.loop import LoopWatch
from ksmppd_py.admin.ports import ServerStatus
from ksmppd_py.model.status import ServerMetrics

INTERVAL = 5.0
"""Seconds of one point."""
POINTS = 720
"""Points that are kept: an hour."""
SERIES = ("submits", "refused", "deliveries", "reports", "binds")
"""The values of a Point that are known of each account, too: messages a second, and the number of binds."""
QUEUES_INTERVAL = 30.0
"""Seconds between two reads of the queue tables."""


@dataclass(frozen=True, slots=True)
class Point:
    """The server's traffic and state in INTERVAL seconds.

    `submits`, `refused`, `deliveries` and `reports` are messages a second, `lag` is milliseconds.

    `away` are bearerboxes that were connected before and aren't now; those that never were don't count. `time` is epoch
    seconds. `stored` None = the database hasn't answered yet.
    """

    time: int
    submits: float
    refused: float
    deliveries: float
    reports: float
    binds: int
    waiting: int
    stored: int | None
    bearerboxes: int
    away: int
    lag: float


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts of all accounts together, since the start."""

    submits: int
    refused: int
    deliveries: int
    reports: int


def sums_of(metrics: ServerMetrics) -> Sums:
    """Return the counts of all accounts and bind types, added up."""
    all_totals = [totals for esme in metrics.esmes for totals in esme.totals.values()]
    return Sums(
        submits=sum(totals.mt for totals in all_totals),
        refused=sum(totals.errors for totals in all_totals),
        deliveries=sum(totals.mo for totals in all_totals),
        reports=sum(totals.dlr for totals in all_totals),
    )


class History:
    """Keeps the server's last POINTS points; greenlets of the admin server run `add_points` and `refresh_queues`."""

    def __init__(
        self,
        server_status: ServerStatus,
        loop: LoopWatch,
        clock: Callable[[], float] = time,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.points: deque[Point] = deque(maxlen=POINTS)
        self._server_status = server_status
        self._loop = loop
        self._clock = clock
        self._now = now
        self._sums = Sums(0, 0, 0, 0)
        self._added_at = now()

    def points_since(self, when: float) -> list[Point]:
        """Return the points after `when` (epoch seconds)."""
        return [point for point in self.points if point.time > when]

    def columns(self) -> tuple[list[int], dict[str, list[float]]]:
        """Return the times (epoch seconds), oldest first, and the values of SERIES. Doesn't yield."""
        points = list(self.points)
        return [point.time for point in points], {
            name: [float(getattr(point, name)) for point in points] for name in SERIES
        }

    def add_point(self) -> None:
        """Add the point of the interval that ends now. Doesn't yield."""
        metrics = self._server_status.metrics()
        sums, before = sums_of(metrics), self._sums
        now = self._now()
        seconds = max(0.001, now - self._added_at)
        self._sums, self._added_at = sums, now
        backlog = metrics.backlog
        self.points.append(
            Point(
                time=int(self._clock()),
                submits=(sums.submits - before.submits) / seconds,
                refused=(sums.refused - before.refused) / seconds,
                deliveries=(sums.deliveries - before.deliveries) / seconds,
                reports=(sums.reports - before.reports) / seconds,
                binds=sum(metrics.binds.values()),
                waiting=metrics.bearerboxes.waiting,
                stored=None if backlog is None else sum(depth.rows for depth in backlog.depths),
                bearerboxes=metrics.bearerboxes.online,
                away=sum(box.connects > 0 and not box.online for box in metrics.bearerboxes.bearerboxes),
                lag=self._loop.latest * 1000,
            )
        )

    def add_points(self) -> None:
        """Add a point every INTERVAL seconds, without end. Yields."""
        while True:
            gevent.sleep(INTERVAL)
            self.add_point()

    def refresh_queues(self) -> None:
        """Read queue tables and credits again when they are older than QUEUES_INTERVAL, without end. Yields."""
        while True:
            self._server_status.queues(QUEUES_INTERVAL)
            self._server_status.refresh_credits(QUEUES_INTERVAL)
            gevent.sleep(INTERVAL)
