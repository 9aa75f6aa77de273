"""The results of commands, without any format. Values of `model` are results too, e.g. ServerSnapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ksmppd_py.model.esme import BlockedAddress
from ksmppd_py.model.route_report import RouteReport


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence, and the HTTP status. `template` has names of `values` in braces; JSON has the values as members.

    `explanation` is a second sentence, which XML doesn't have.
    """

    status: int
    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    explanation: str = ""

    def text(self, escape: Callable[[str], str] = str) -> str:
        """Return the template with its values, each as `escape` returns it."""
        return self.template.format_map({name: escape(str(value)) for name, value in self.values.items()})


@dataclass(frozen=True, slots=True)
class Uptime:
    """Seconds since the start."""

    uptime: int


@dataclass(frozen=True, slots=True)
class RoutesUpdated:
    """The routes were loaded again; `report` None = the server keeps no routes (HTTP, plugin)."""

    report: RouteReport | None = None


@dataclass(frozen=True, slots=True)
class BlockedAddresses:
    """Addresses that may not connect now."""

    blocked: tuple[BlockedAddress, ...]


@dataclass(frozen=True, slots=True)
class AddressesCleared:
    """Number of blocked addresses that may connect again."""

    unblocked: int


@dataclass(frozen=True, slots=True)
class QueueRow:
    """Stored rows of one account: `queue` is mt, mo, report or pdu; `oldest_age` is seconds, None = unknown."""

    queue: str
    system_id: str
    rows: int
    oldest_age: int | None


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The messages that wait: for a bearerbox in memory, and in the queue tables as they were `age` seconds ago.

    `age` None = the database hasn't answered yet; `complete` = all rows were counted.
    """

    waiting: int
    stored: int
    age: int | None
    complete: bool
    queues: tuple[QueueRow, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """The versions of the program and its libraries."""

    version: str
    python: str
    gevent: str
    sqlalchemy: str


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """Refusals of one kind and reason: their number, the last one's time and details.

    `last` is local time with its zone; `command_status` is SMPP's name, or the number where it has none.
    """

    kind: str
    system_id: str
    ip: str
    reason: str
    command_status: str
    count: int
    last: str
    sender: str
    receiver: str
    message_id: str


@dataclass(frozen=True, slots=True)
class RecentRefusals:
    """Recent refusals, the last first; `listed` is the number of entries."""

    listed: int
    refusals: tuple[RefusalRow, ...]
