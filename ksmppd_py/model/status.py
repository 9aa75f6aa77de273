"""The daemon's state as snapshots and counts, for operators and monitoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ksmppd_py.model.condition import Condition
from ksmppd_py.model.esme import Esme, ServerMeters
from ksmppd_py.model.meters import Histogram


@dataclass(frozen=True, slots=True)
class BearerboxSnapshot:
    """One bearerbox connection; `since` is seconds since it came up or was lost (0 = never was up).

    `open_acks` are MTs sent and not acked, `incoming` MOs and reports from it not acked yet, `received` all of those.
    `accepted_lately` and `refused_lately` are MTs of the last minute; `unanswered_for` is seconds since the oldest of
    the `open_acks` was sent.
    """

    name: str
    host: str
    port: int
    boxc_id: str
    online: bool
    since: int
    open_acks: int
    incoming: int
    received: int
    accepted: int
    refused: int
    refused_for_now: int
    connects: int
    accepted_lately: int = 0
    refused_lately: int = 0
    unanswered_for: int = 0


@dataclass(frozen=True, slots=True)
class BearerboxStatus:
    """All bearerboxes; `waiting` are MTs that wait for room in their windows."""

    online: int
    waiting: int
    bearerboxes: tuple[BearerboxSnapshot, ...]


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Stored rows of one account: `queue` is mt, mo, report or pdu. `oldest` is epoch seconds, None = unknown."""

    queue: str
    system_id: str
    rows: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """The rows of the queue tables at `taken` (epoch seconds); `complete` = all rows were counted."""

    taken: float
    complete: bool
    depths: tuple[QueueDepth, ...]


@dataclass(frozen=True, slots=True)
class DatabaseMeter:
    """Operations of the database: their durations, the number of failures, and whether the database answers now.

    `takes_changes` is untrue while changes fail (a full disk, a server that may only be read), until a minute after the
    last one that was tried.
    """

    latency: Histogram
    failures: int
    available: bool
    takes_changes: bool = True


@dataclass(frozen=True, slots=True)
class ServerMetrics:
    """Everything that is counted. The fields are the live objects, which go on counting."""

    uptime: float
    condition: Condition
    esmes: Sequence[Esme]
    binds: Mapping[tuple[str, int], int]
    meters: ServerMeters
    bearerboxes: BearerboxStatus
    acks: Mapping[str, Histogram]
    backlog: Backlog | None
    database: DatabaseMeter | None
    connections: int
    connections_refused: int
    unusable_rows: int = 0
    held_octets: int = 0
    credits: Mapping[str, float] = field(default_factory=dict)
    """Credit of each prepaid account, as last read."""
