"""What commands find out or did: facts without any format. `model.esme.ServerSnapshot` is one too."""

from __future__ import annotations

from dataclasses import dataclass

from ksmppd_py.model.esme import BlockedAddress, ServerSnapshot
from ksmppd_py.model.operation import BearerboxStatus
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.trial import RouteTrial

LEVEL_NAMES = ("debug", "info", "warning", "error", "panic")


@dataclass(frozen=True, slots=True)
class Running:
    """The server has been up for so many seconds."""

    uptime: int


@dataclass(frozen=True, slots=True)
class LogLevelSet:
    """All log files have this level now."""

    level: int


@dataclass(frozen=True, slots=True)
class LogLevelInvalid:
    """No level, or none that exists, was given; it still is `level`, None = there is no log file."""

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
    """This system_id was never bound since the start."""

    system_id: str


@dataclass(frozen=True, slots=True)
class BindsDisconnected:
    """So many live binds were told to go."""

    count: int


@dataclass(frozen=True, slots=True)
class RoutesUpdated:
    """The routes were loaded again; `report` None = none are kept here."""

    report: RouteReport | None = None


@dataclass(frozen=True, slots=True)
class RoutesKept:
    """The routes could not be loaded; the old ones stay in force."""


@dataclass(frozen=True, slots=True)
class BlockedAddresses:
    """These addresses may not connect."""

    addresses: tuple[BlockedAddress, ...]


@dataclass(frozen=True, slots=True)
class AddressesCleared:
    """So many blocked addresses may connect again."""

    count: int


@dataclass(frozen=True, slots=True)
class ReceiverMissing:
    """The command needs the address that a message goes to."""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """Stored rows of one account: `queue` is mt, mo, report or pdu; `oldest_age` is seconds, None = unknown."""

    queue: str
    system_id: str
    rows: int
    oldest_age: int | None


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """What waits: for a bearerbox in memory, and in the queue tables as they were `age` seconds ago.

    `age` None = the database hasn't answered yet; `complete` = all rows were counted.
    """

    waiting: int
    stored: int
    age: int | None
    complete: bool
    queues: tuple[QueueRow, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """What runs here."""

    version: str
    python: str
    gevent: str
    sqlalchemy: str


@dataclass(frozen=True, slots=True)
class Healthy:
    """The server answers."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Messages are taken. `state` is ready or degraded; `troubles` are the kinds of what is wrong, `words` tell it."""

    state: str
    troubles: tuple[str, ...]
    words: str

    @property
    def remark(self) -> str:
        """What comes behind the `ok`, which stays in front for those that look for it."""
        return f", {self.state}: {self.words}" if self.words else ""


@dataclass(frozen=True, slots=True)
class NotReady:
    """Messages can't be taken now; as Ready."""

    state: str
    troubles: tuple[str, ...]
    words: str

    @property
    def remark(self) -> str:
        """Why."""
        return f": {self.words}" if self.words else ""


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """Refusals of one kind and reason: how often, when the last, and what the last was.

    `last` is local time with its zone, `command_status` SMPP's name for it, or its number where it has none.
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
    """Who was refused lately, the last first; `listed` = how many entries these are."""

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
    | RouteTrial
    | BearerboxStatus
    | QueueStatus
    | Version
    | Healthy
    | Ready
    | RecentRefusals
    | NotReady
    | ServerSnapshot
)
