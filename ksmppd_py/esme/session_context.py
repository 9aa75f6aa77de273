"""The objects, times and bounds that all sessions of a listener share."""

from __future__ import annotations

from dataclasses import dataclass, field

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.esme.binding import Binder
from ksmppd_py.esme.memory_bounds import SubmitMemory
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.model.ports import AccessLog, MessageLookup, SubmitService
from ksmppd_py.transport.framed import LINGER
from ksmppd_py.transport.greenlets import GreenletGroup


@dataclass(frozen=True, slots=True)
class SessionTimings:
    """Timeouts and intervals of connections, in seconds."""

    preamble: float = 10.0
    """Seconds for the PROXY header and the TLS handshake together."""
    unbind: float = 5.0
    """Seconds for which unbind_resp waits for outstanding answers, and this side's unbind for its unbind_resp."""
    half_closed: float = 5.0
    """Seconds for the answers to the submits of a peer that has ended its direction (D-31)."""
    close: float = 2.0
    """Seconds for a peer that is silent, or reads nothing, to take the last PDUs."""
    linger: float = LINGER
    """Seconds for a peer that has the last PDU to close its end (D-31)."""
    blocked: float = 60.0
    """Seconds for a peer to take an octet; then its connection is closed."""
    poll: float = 1.0
    """Seconds between two checks of the timers of all sessions."""


@dataclass(frozen=True, slots=True)
class SessionBounds:
    """Bounds of connections."""

    read_octets: int = 16384
    """Octets read at a time, at most, so that one busy bind doesn't keep other greenlets waiting for long."""
    unsent_frames: int = 10_000
    """Frames that wait to be sent to one bind; above it the bind isn't read either."""
    unsent_octets: int = 1024 * 1024
    """Octets that wait to be sent to one bind; above it the bind isn't read. A submit_multi_resp may have 7,000."""
    unanswered: int = 10_000
    """Unanswered submits of one bind; above it the bind isn't read until half are answered."""
    rush: int = 200
    """Connections without a bind; once so many have gone again, their memory is given back to the system."""
    bad_pdus: int = 10
    """Unreadable PDUs in a row after which the connection is closed."""


@dataclass(slots=True)
class SessionContext:
    """The objects that all sessions of a listener work with.

    `settings` may be replaced; sessions read it from here each time. `is_stopping`: no new submits are taken any more.
    """

    binder: Binder
    flow: SubmitService
    registry: EsmeRegistry
    settings: KsmppdGroup
    lookup: MessageLookup
    access: AccessLog
    timings: SessionTimings = SessionTimings()
    bounds: SessionBounds = SessionBounds()
    submit_memory: SubmitMemory = field(default_factory=SubmitMemory)
    greenlets: GreenletGroup = field(default_factory=lambda: GreenletGroup("smpp", inherits_log_context=True))
    is_stopping: bool = False
