"""The state of each system_id while the daemon runs, and read-only snapshots of it for operators."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, overload

from ksmppd_py.model.account import Account
from ksmppd_py.model.events import EventStream
from ksmppd_py.model.meters import SERVER_INTERVALS, Histogram, Load, TokenBucket
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.refusals import Refusals

LONG_MESSAGE = 6
"""Parts of a long message (some 900 characters) that any throughput limit lets through at once, however low it is.

Throughput counts submits, as in KSMPPD: parts that an ESME has cut count one each.
"""


class Counters:
    """Messages by kind and end, of a bind or an account (docs/rules/smpp-session.md 13)."""

    __slots__ = ("dlr", "errors", "mo", "mt")

    def __init__(self) -> None:
        self.mt = 0
        self.mo = 0
        self.dlr = 0
        self.errors = 0


class Totals(Counters):
    """All binds of one type that an account has had since the start, with failures.

    `refused` counts submits by command_status, `undelivered` counts deliver_sm by (is it a report, outcome); those that
    were dropped for want of an answer (wait-ack-action 1) are under Outcome.TIMEOUT too.
    """

    __slots__ = ("refused", "throttled", "undelivered")

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[int, int] = {}
        self.throttled = 0
        self.undelivered: dict[tuple[bool, Outcome], int] = {}

    def count_undelivered(self, is_report: bool, outcome: Outcome) -> None:
        """Count a deliver_sm that wasn't accepted."""
        key = (is_report, outcome)
        self.undelivered[key] = self.undelivered.get(key, 0) + 1


class Esme:
    """One system_id: settings of its last successful bind, loads and counters. Never removed while running."""

    __slots__ = ("account", "bucket", "inbound", "outbound", "system_id", "totals")

    def __init__(self, account: Account, now: float, monotonic: float) -> None:
        self.system_id = account.system_id
        self.account = account
        self.totals: dict[int, Totals] = {}
        self.inbound = Load(SERVER_INTERVALS, int(now))
        self.outbound = Load(SERVER_INTERVALS, int(now))
        self.bucket = TokenBucket(account.throughput, monotonic, LONG_MESSAGE)

    def totals_of(self, bind_type: int) -> Totals:
        """Return the counters of the binds of this type."""
        totals = self.totals.get(bind_type)
        if totals is None:
            totals = self.totals[bind_type] = Totals()
        return totals

    @property
    def counters(self) -> Counters:
        """The sums of all bind types, as they are now."""
        sums = Counters()
        for totals in self.totals.values():
            sums.mt += totals.mt
            sums.mo += totals.mo
            sums.dlr += totals.dlr
            sums.errors += totals.errors
        return sums

    def rebind(self, account: Account, monotonic: float) -> None:
        """Take over the settings of a new bind, for all binds of the account (docs/rules/smpp-session.md 5)."""
        self.account = account
        self.bucket.set_rate(account.throughput, monotonic)


class DropReason(str, Enum):
    """Reasons for which a stored message is given up: an MT past its validity, MOs and reports above a limit."""

    EXPIRED = "expired"
    AGE = "queue-max-age"
    ROWS = "queue-max-rows"


class ServerMeters:
    """Totals of the server, and its events. `routing` is the seconds that routing took, one value for each batch.

    `dropped` counts stored messages that were given up, by reason; `ends` counts final reports by account and state
    (`stat:` of a receipt) while `dlr-always` is on.
    """

    __slots__ = (
        "dropped",
        "ends",
        "events",
        "inbound",
        "inbound_processed",
        "outbound",
        "outbound_processed",
        "refusals",
        "routing",
    )

    def __init__(self, now: float) -> None:
        self.inbound = Load(SERVER_INTERVALS, int(now))
        self.outbound = Load(SERVER_INTERVALS, int(now))
        self.inbound_processed = 0
        self.outbound_processed = 0
        self.refusals = Refusals()
        self.events = EventStream()
        self.ends: Tally[tuple[str, str]] = Tally()
        self.dropped: dict[DropReason, int] = dict.fromkeys(DropReason, 0)
        self.routing = Histogram()


@dataclass(frozen=True, slots=True)
class BindSnapshot:
    """One bind as esme-status shows it; `uptime` is seconds since the TCP connection, loads are messages a second."""

    bind_id: int
    ip: str
    uptime: int
    bind_type: int
    open_acks: int
    simulate: bool
    inbound_load: float
    inbound_queued: int
    inbound_processed: int
    inbound_routing: int
    outbound_load: float
    outbound_queued: int
    outbound_processed: int
    mt: int
    mo: int
    dlr: int
    errors: int


class SnapshotSource(Protocol):
    """A bind that can make a snapshot of itself."""

    def snapshot(self, now: float) -> BindSnapshot:
        """Return the bind's state for operators; `now` is epoch seconds."""


class BindSnapshots(Sequence[BindSnapshot]):
    """Snapshots of an account's binds, made when they are read: most readers only want the number.

    Snapshots of a thousand binds take as long as a thousand messages, and the dashboard asks every two seconds.
    """

    __slots__ = ("_binds", "_now")

    def __init__(self, binds: Sequence[SnapshotSource], now: float) -> None:
        self._binds = binds
        self._now = now

    def __len__(self) -> int:
        return len(self._binds)

    @overload
    def __getitem__(self, index: int) -> BindSnapshot: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[BindSnapshot, ...]: ...

    def __getitem__(self, index: int | slice) -> BindSnapshot | tuple[BindSnapshot, ...]:
        if isinstance(index, slice):
            return tuple(bind.snapshot(self._now) for bind in self._binds[index])
        return self._binds[index].snapshot(self._now)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@dataclass(frozen=True, slots=True)
class EsmeSnapshot:
    """One account; the three-part loads are lifetime, 1 s, 60 s; `max_inbound_load` is its throughput limit."""

    system_id: str
    max_binds: int
    inbound_load: tuple[float, float, float]
    max_inbound_load: float
    outbound_load: tuple[float, float, float]
    mt: int
    mo: int
    dlr: int
    errors: int
    binds: Sequence[BindSnapshot] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class BlockedAddress:
    """An address that is blocked, for `seconds_left` if no further bind fails."""

    ip: str
    attempts: int
    seconds_left: int


@dataclass(frozen=True, slots=True)
class ServerSnapshot:
    """All accounts sorted by system_id, and the totals."""

    inbound_processed: int
    inbound_load: tuple[float, float, float]
    outbound_processed: int
    outbound_load: tuple[float, float, float]
    esmes: tuple[EsmeSnapshot, ...]
