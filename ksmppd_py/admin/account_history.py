"""The last hour of each account, in points of ten seconds, for the charts of the console."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from time import monotonic, time

import gevent

from ksmppd_py.admin.history import SERIES
from ksmppd_py.admin.ports import ServerStatus

INTERVAL = 10.0
"""Seconds of one point."""
POINTS = 360
"""Points that are kept: an hour."""
MOST_ACCOUNTS = 1000
"""Accounts with a history, the first ones that bind; each takes 7 KiB."""
_WIDTH = len(SERIES)


class AccountHistory:
    """Keeps the last POINTS points of each account. A greenlet of the admin server runs `add_points`."""

    def __init__(
        self,
        server_status: ServerStatus,
        clock: Callable[[], float] = time,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._server_status = server_status
        self._clock = clock
        self._now = now
        self._added_at = now()
        self._count = 0
        self._times = array("q", bytes(8 * POINTS))
        self._rates: dict[str, array[float]] = {}
        self._counted: dict[str, tuple[int, int, int, int]] = {}

    def columns(self, system_id: str) -> tuple[list[int], dict[str, list[float]]]:
        """Return the times (epoch seconds), oldest first, and the values of each series; zeros if it never bound."""
        slots = list(self._slots())
        ring = self._rates.get(system_id)
        values = {
            name: [ring[slot * _WIDTH + index] if ring is not None else 0.0 for slot in slots]
            for index, name in enumerate(SERIES)
        }
        return [self._times[slot] for slot in slots], values

    def _slots(self) -> Iterator[int]:
        for number in range(max(0, self._count - POINTS), self._count):
            yield number % POINTS

    def add_point(self) -> None:
        """Add the point of the interval that ends now, for all accounts. Doesn't yield."""
        metrics = self._server_status.metrics()
        now = self._now()
        seconds, self._added_at = max(0.001, now - self._added_at), now
        slot = self._count % POINTS
        self._times[slot] = int(self._clock())
        binds = _binds_by_account(metrics.binds)
        for esme in metrics.esmes[:MOST_ACCOUNTS]:
            counters = esme.counters
            present = (counters.mt, counters.errors, counters.mo, counters.dlr)
            before = self._counted.get(esme.system_id, (0, 0, 0, 0))
            self._counted[esme.system_id] = present
            ring = self._rates.get(esme.system_id)
            if ring is None:
                ring = self._rates[esme.system_id] = array("f", bytes(4 * _WIDTH * POINTS))
            rates = [(later - earlier) / seconds for later, earlier in zip(present, before, strict=True)]
            start = slot * _WIDTH
            ring[start : start + _WIDTH] = array("f", [*rates, binds.get(esme.system_id, 0)])
        self._count += 1

    def add_points(self) -> None:
        """Add a point every INTERVAL seconds, without end. Yields."""
        while True:
            gevent.sleep(INTERVAL)
            self.add_point()


def _binds_by_account(binds: Mapping[tuple[str, int], int]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for (system_id, _), count in binds.items():
        sums[system_id] = sums.get(system_id, 0) + count
    return sums
