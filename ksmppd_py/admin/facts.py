"""What commands find out or did: facts without any format. `model.esme.ServerSnapshot` is one too."""

from __future__ import annotations

from dataclasses import dataclass

from ksmppd_py.model.esme import BlockedAddress, ServerSnapshot
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
    | ServerSnapshot
)
