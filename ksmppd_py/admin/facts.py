"""The results of commands, without any format. `model.esme.ServerSnapshot` is one too."""

from __future__ import annotations

from dataclasses import dataclass

from ksmppd_py.model.esme import BlockedAddress, ServerSnapshot
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.route_test import RouteTestResult
from ksmppd_py.model.status import BearerboxStatus

LEVEL_NAMES = ("debug", "info", "warning", "error", "panic")


@dataclass(frozen=True, slots=True)
class Running:
    """The server has been running for `uptime` seconds."""

    uptime: int


@dataclass(frozen=True, slots=True)
class LogLevelSet:
    """All log files have this level now."""

    level: int


@dataclass(frozen=True, slots=True)
class LogLevelInvalid:
    """No level was given, or one that doesn't exist; the present one is `level`, None = there is no log file."""

    level: int | None

    @property
    def remark(self) -> str:
        """The present level in words."""
        if self.level is None:
            return "There is no log file"
        return f"The log level is {self.level} ({LEVEL_NAMES[self.level]})"


@dataclass(frozen=True, slots=True)
class SystemIdMissing:
    """The command needs a system_id."""


@dataclass(frozen=True, slots=True)
class SystemIdUnknown:
    """No bind of this system_id since the start."""

    system_id: str


@dataclass(frozen=True, slots=True)
class BindsDisconnected:
    """This many live binds are being unbound."""

    count: int


@dataclass(frozen=True, slots=True)
class RoutesUpdated:
    """The routes were loaded again; `report` None = no routes are kept here."""

    report: RouteReport | None = None


@dataclass(frozen=True, slots=True)
class RoutesKept:
    """The routes could not be loaded; the previous ones stay in use."""


@dataclass(frozen=True, slots=True)
class BlockedAddresses:
    """These addresses may not connect."""

    addresses: tuple[BlockedAddress, ...]


@dataclass(frozen=True, slots=True)
class AddressesCleared:
    """This many blocked addresses may connect again."""

    count: int


@dataclass(frozen=True, slots=True)
class ReceiverMissing:
    """The command needs the receiver's address."""


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
class Healthy:
    """The server answers."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Messages are taken. `state` is ready or degraded; `troubles` are the kinds of problems, `words` describe them."""

    state: str
    troubles: tuple[str, ...]
    words: str

    @property
    def remark(self) -> str:
        """Return the text after `ok`, which stays in front because load balancers look for it."""
        return f", {self.state}: {self.words}" if self.words else ""


@dataclass(frozen=True, slots=True)
class NotReady:
    """Messages can't be taken now; otherwise as Ready."""

    state: str
    troubles: tuple[str, ...]
    words: str

    @property
    def remark(self) -> str:
        """Return the reasons in words."""
        return f": {self.words}" if self.words else ""


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


Fact = (
    Running
    | LogLevelSet
    | LogLevelInvalid
    | SystemIdMissing
    | SystemIdUnknown
    | BindsDisconnected
    | RoutesUpdated
    | RoutesKept
    | BlockedAddresses
    | AddressesCleared
    | ReceiverMissing
    | RouteTestResult
    | BearerboxStatus
    | QueueStatus
    | Version
    | Healthy
    | Ready
    | RecentRefusals
    | NotReady
    | ServerSnapshot
)
