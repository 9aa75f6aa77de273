"""Compares the server's state with that of a second ago, and adds an event for each difference.

This costs no message anything, and the parts that are compared needn't know about events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import gevent

from ksmppd_py import __version__
from ksmppd_py.model.events import EventFields, EventKind
from ksmppd_py.model.refusals import BIND, SUBMIT, RefusalCount
from ksmppd_py.model.status import Backlog, BearerboxSnapshot
from ksmppd_py.server.status import ServerStatus
from ksmppd_py.smpp.describe import describe_status
from ksmppd_py.transport.greenlets import GreenletGroup

INTERVAL = 1.0
"""Seconds between two comparisons."""

Change = tuple[EventKind, str, EventFields]
_Queues = Mapping[tuple[str, str], int]
_QUEUES = {
    "mt": "messages for a bearerbox",
    "mo": "messages for the ESME",
    "report": "reports for the ESME",
    "pdu": "ready PDUs for the ESME",
}


@dataclass(frozen=True, slots=True)
class Observation:
    """The state that is compared: bearerboxes by name, rows by queue and account, and whether the database answers.

    `queues` None = not counted yet; `is_complete` = all rows were counted. `ends` counts final reports by account and
    state, while `dlr-always` is on.
    """

    boxes: Mapping[str, BearerboxSnapshot] = field(default_factory=dict)
    queues: _Queues | None = None
    is_complete: bool = False
    database: bool = True
    ends: Mapping[tuple[str, str], int] = field(default_factory=dict)


def observe(boxes: Iterable[BearerboxSnapshot], backlog: Backlog | None, database: bool) -> Observation:
    """Return the state to be compared. `backlog` None = the queue tables weren't counted yet."""
    by_name = {box.name: box for box in boxes}
    if backlog is None:
        return Observation(by_name, database=database)
    queues = {(depth.queue, depth.system_id): depth.rows for depth in backlog.depths}
    return Observation(by_name, queues, backlog.complete, database)


def changes(before: Observation, now: Observation) -> Iterator[Change]:
    """Yield kind, text and fields of each difference. A bearerbox that was away for a moment is down and up."""
    for name, box in now.boxes.items():
        old = before.boxes.get(name)
        connects = box.connects - (old.connects if old is not None else 0)
        was_online = old is not None and old.online
        if was_online and (connects > 0 or not box.online):
            yield EventKind.BEARERBOX_DOWN, f"bearerbox {name} is disconnected", {"bearerbox": name}
        if connects > 0 and box.online:
            yield EventKind.BEARERBOX_UP, f"bearerbox {name} is connected", {"bearerbox": name}
    if before.database != now.database:
        kind = EventKind.DATABASE_UP if now.database else EventKind.DATABASE_DOWN
        yield kind, f"the database {'answers' if now.database else 'does not answer'}", {}
    for (system_id, stat), count in now.ends.items():
        more = count - before.ends.get((system_id, stat), 0)
        if more:
            fields = {"system_id": system_id, "stat": stat, "count": more}
            yield EventKind.MESSAGES_ENDED, f"{more} message(s) of {system_id} ended: {stat}", fields
    yield from _queue_changes(before.queues or {}, now)


def _queue_changes(before: _Queues, now: Observation) -> Iterator[Change]:
    if now.queues is None:
        return
    for queue, system_id in now.queues.keys() - before.keys():
        rows = now.queues[queue, system_id]
        fields = {"queue": queue, "system_id": system_id, "rows": rows}
        yield EventKind.QUEUE_BEGAN, f"{rows} {_waiting(queue, system_id)}", fields
    for queue, system_id in before.keys() - now.queues.keys() if now.is_complete else ():
        fields = {"queue": queue, "system_id": system_id}
        yield EventKind.QUEUE_ENDED, f"no more {_waiting(queue, system_id)}", fields


def _waiting(queue: str, system_id: str) -> str:
    return f"{_QUEUES.get(queue, queue)} wait, account {system_id or 'unknown'}"


def refusal_event(refusal: RefusalCount) -> tuple[str, EventFields]:
    """Return an event's text, and its fields that aren't empty, for refusals that were counted together."""
    last = refusal.example
    fields: dict[str, object] = {
        "system_id": refusal.system_id,
        "ip": refusal.ip,
        "reason": refusal.reason,
        "count": refusal.count,
        "command_status": last.command_status,
        "from": last.sender,
        "to": last.receiver,
        "message_id": last.message_id,
    }
    place = f" from {refusal.ip}" if refusal.ip else ""
    refused = "bind(s)" if refusal.kind == BIND else "message(s)"
    text = f"{refusal.count} {refused} of {refusal.system_id}{place} refused: {refusal.reason}"
    status = describe_status(last.command_status)
    return f"{text}, {status}", {name: value for name, value in fields.items() if value != ""}


class EventWatch:
    """Compares the server's state every second, and adds events to its stream. `clock` is epoch seconds."""

    def __init__(self, status: ServerStatus, clock: Callable[[], float]) -> None:
        self._status = status
        self._clock = clock
        self._before = Observation()
        self._greenlets = GreenletGroup("event watch")

    def start(self) -> None:
        """Add the event that the server started, and begin to compare. Doesn't yield."""
        self._status.events.add(EventKind.STARTED, f"ksmppd-py {__version__} has started", self._clock())
        self._greenlets.supervise("event watch", self._look_often)

    def stop(self) -> None:
        """Add the event that the server stops, and end the greenlet. May yield."""
        self._status.events.add(EventKind.STOPPING, "the server stops", self._clock())
        self._greenlets.end(1.0)

    def _look_often(self) -> None:
        while True:
            gevent.sleep(INTERVAL)
            self.look()

    def look(self) -> None:
        """Add an event for each difference to the last call, refusals excepted. Doesn't yield."""
        status, before = self._status, self._before
        observed = replace(
            observe(status.bearerboxes().bearerboxes, status.backlog, status.database_answers),
            ends=dict(status.ends),
        )
        self._before = observed
        by_kind: dict[EventKind, list[tuple[str, EventFields]]] = {}
        for kind, text, fields in changes(before, observed):
            by_kind.setdefault(kind, []).append((text, fields))
        for kind, found in by_kind.items():
            self._status.events.add_some(kind, found, self._clock())

    def add_refusals(self, refusals: Sequence[RefusalCount]) -> None:
        """Add events of refused binds and messages, as Refusals.take_unlogged returns them. Doesn't yield."""
        now = self._clock()
        for refused, kind in ((BIND, EventKind.BIND_REFUSED), (SUBMIT, EventKind.SUBMIT_REFUSED)):
            of_kind = [refusal_event(each) for each in refusals if each.kind == refused]
            self._status.events.add_some(kind, of_kind, now)
