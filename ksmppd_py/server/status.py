"""Collects the daemon's state from all packages, for operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from ksmppd_py.bearerbox.pool import BearerboxPool
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.listener import Listener
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.model.condition import Condition
from ksmppd_py.model.judgement import judge
from ksmppd_py.model.meters import Histogram
from ksmppd_py.model.status import Backlog, BearerboxStatus, ServerMetrics
from ksmppd_py.storage.backlog import BacklogReader
from ksmppd_py.storage.credits import CreditReader
from ksmppd_py.storage.database import Database


class ServerStatus:
    """Implements admin.ports.ServerStatus. The attributes for the packages are None until these are opened."""

    def __init__(self, registry: EsmeRegistry, queue: bool) -> None:
        self.database: Database | None = None
        self.backlog: BacklogReader | None = None
        self.listener: Listener | None = None
        self.pool: BearerboxPool | None = None
        self.credits: CreditReader | None = None
        self.blocklist: BlockList | None = None
        self.unusable_rows: Callable[[], int] = lambda: 0
        self._registry = registry
        self._queue = queue
        self._began = monotonic()

    @property
    def uptime(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._began

    def bearerboxes(self) -> BearerboxStatus:
        """See admin.ports. Names are unique, also when two groups are alike."""
        if self.pool is None:
            return BearerboxStatus(0, 0, ())
        status = self.pool.status()
        seen: Counter[str] = Counter()
        boxes = []
        for box in status.bearerboxes:
            seen[box.name] += 1
            again = seen[box.name]
            boxes.append(replace(box, name=f"{box.name}#{again}") if again > 1 else box)
        return replace(status, bearerboxes=tuple(boxes))

    def queues(self, max_age: float) -> Backlog | None:
        """See admin.ports."""
        return self.backlog.read(max_age) if self.backlog is not None else None

    def refresh_credits(self, max_age: float) -> None:
        """See admin.ports."""
        if self.credits is not None and any(e.account.enable_prepaid_billing for e in self._registry.esmes()):
            self.credits.read(max_age)

    def blocked(self) -> int:
        """See admin.ports."""
        return len(self.blocklist.blocked(monotonic())) if self.blocklist is not None else 0

    def metrics(self) -> ServerMetrics:
        """See admin.ports."""
        boxes, listener = self.bearerboxes(), self.listener
        acks: dict[str, Histogram] = {}
        if self.pool is not None:
            for box, connection in zip(boxes.bearerboxes, self.pool.connections, strict=True):
                acks[box.name] = connection.ack_latency
        return ServerMetrics(
            uptime=self.uptime,
            condition=self._judge(boxes),
            esmes=self._registry.esmes(),
            binds=self._registry.binds_by_type(),
            meters=self._registry.meters,
            bearerboxes=boxes,
            acks=acks,
            backlog=self.backlog.latest if self.backlog is not None else None,
            database=self.database.meter if self.database is not None else None,
            connections=len(listener) if listener is not None else 0,
            connections_refused=listener.refused if listener is not None else 0,
            unusable_rows=self.unusable_rows(),
            held_octets=listener.submit_memory.octets if listener is not None else 0,
            credits=self.credits.latest if self.credits is not None else {},
        )

    def condition(self) -> Condition:
        """See admin.ports."""
        return self._judge(self.bearerboxes())

    def _judge(self, boxes: BearerboxStatus) -> Condition:
        meter = self.database.meter if self.database is not None else None
        return judge(
            boxes,
            accepting=self.listener is not None and self.listener.accepting,
            database=meter is None or meter.available,
            changes=meter is None or meter.takes_changes,
            queue=self._queue,
        )
