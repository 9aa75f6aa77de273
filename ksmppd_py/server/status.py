"""Collects the server's state from all packages, for operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic

from ksmppd_py.bearerbox.pool import BearerboxPool
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.listener import Listener
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.model.condition import Condition
from ksmppd_py.model.esme import ServerSnapshot
from ksmppd_py.model.events import EventStream
from ksmppd_py.model.judgement import judge
from ksmppd_py.model.status import Backlog, BearerboxStatus, ServerMetrics
from ksmppd_py.storage.backlog import BacklogReader
from ksmppd_py.storage.credits import CreditReader
from ksmppd_py.storage.database import Database


class ServerStatus:
    """Answers pages, metrics and SIGQUIT. Implements admin.ports.ServerStatus."""

    def __init__(
        self,
        registry: EsmeRegistry,
        blocklist: BlockList,
        listener: Listener,
        pool: BearerboxPool,
        database: Database,
        backlog: BacklogReader,
        credits: CreditReader,
        unusable_rows: Callable[[], int],
        *,
        has_queue: bool,
    ) -> None:
        """`unusable_rows` counts stored rows that can't be read; `has_queue` is database-enable-queue."""
        self._registry = registry
        self._blocklist = blocklist
        self._listener = listener
        self._pool = pool
        self._database = database
        self._backlog = backlog
        self._credits = credits
        self._unusable_rows = unusable_rows
        self._has_queue = has_queue
        self._started_at = monotonic()

    @property
    def events(self) -> EventStream:
        """See admin.ports."""
        return self._registry.meters.events

    @property
    def ends(self) -> Mapping[tuple[str, str], int]:
        """Final reports by account and state since the start, while `dlr-always` is on."""
        return self._registry.meters.ends

    @property
    def database_answers(self) -> bool:
        """Whether the database answered its last operation."""
        return self._database.meter.available

    @property
    def backlog(self) -> Backlog | None:
        """The queue tables' state as last read; None when they haven't been read."""
        return self._backlog.latest

    @property
    def uptime(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._started_at

    def snapshot(self) -> ServerSnapshot:
        """Return the state of all accounts and binds. Doesn't yield."""
        return self._registry.snapshot()

    def bearerboxes(self) -> BearerboxStatus:
        """See admin.ports. Names are unique, also when two groups are alike."""
        status = self._pool.status()
        seen: Counter[str] = Counter()
        boxes = []
        for box in status.bearerboxes:
            seen[box.name] += 1
            again = seen[box.name]
            boxes.append(replace(box, name=f"{box.name}#{again}") if again > 1 else box)
        return replace(status, bearerboxes=tuple(boxes))

    def queues(self, max_age: float) -> Backlog | None:
        """See admin.ports."""
        return self._backlog.read(max_age)

    def refresh_credits(self, max_age: float) -> None:
        """See admin.ports."""
        if any(esme.account.enable_prepaid_billing for esme in self._registry.esmes()):
            self._credits.read(max_age)

    def blocked(self) -> int:
        """See admin.ports."""
        return len(self._blocklist.blocked(monotonic()))

    def metrics(self) -> ServerMetrics:
        """See admin.ports."""
        boxes, listener = self.bearerboxes(), self._listener
        return ServerMetrics(
            uptime=self.uptime,
            condition=self._judge(boxes),
            esmes=self._registry.esmes(),
            binds=self._registry.binds_by_type(),
            meters=self._registry.meters,
            bearerboxes=boxes,
            acks={
                box.name: connection.ack_latency
                for box, connection in zip(boxes.bearerboxes, self._pool.connections, strict=True)
            },
            backlog=self._backlog.latest,
            database=self._database.meter,
            connections=len(listener),
            connections_refused=listener.refused,
            unusable_rows=self._unusable_rows(),
            held_octets=listener.submit_memory.octets,
            credits=self._credits.latest,
        )

    def condition(self) -> Condition:
        """See admin.ports."""
        return self._judge(self.bearerboxes())

    def _judge(self, boxes: BearerboxStatus) -> Condition:
        meter = self._database.meter
        return judge(
            boxes,
            accepting=self._listener.accepting,
            database=meter.available,
            changes=meter.takes_changes,
            queue=self._has_queue,
        )
