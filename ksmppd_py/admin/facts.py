"""What commands find out or did: facts without any format. `model.esme.ServerSnapshot` is one too."""

from __future__ import annotations

from dataclasses import dataclass

from ksmppd_py.model.esme import BlockedAddress, ServerSnapshot
from ksmppd_py.model.operation import BearerboxStatus
from ksmppd_py.model.trial import RouteTrial


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
    """No level, or none that exists, was given; nothing changed."""


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
    """The routes were loaded anew."""


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
    """The server answers, or takes messages: what was asked is so."""


@dataclass(frozen=True, slots=True)
class NotReady:
    """The server can't take messages now."""


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
    | NotReady
    | ServerSnapshot
)
