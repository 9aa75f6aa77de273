"""The timers of SMPP 3.4, 7.2, as a value that is given the time; all times are seconds of any one steady clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class TimerSettings:
    """Duration of each timer in seconds; 0 or less switches a timer off."""

    session_init: float = 60.0  # connected, but no bind
    enquire_link: float = 180.0  # silence of the peer after which enquire_link is sent
    inactivity: float = 540.0  # silence of the peer after which the bind is ended


class TimerEvent(Enum):
    """The timer that ran out, and the action for it."""

    SESSION_INIT = "close the connection"
    ENQUIRE_LINK = "send enquire_link"
    INACTIVITY = "unbind and close"


@dataclass(slots=True)
class SessionTimers:
    """The timers of one connection. Any PDU of the peer counts as activity (4.11)."""

    settings: TimerSettings
    connected_at: float
    bound: bool = False
    _heard_at: float = field(init=False)
    _asked_at: float = field(init=False)

    def __post_init__(self) -> None:
        """Start with the connection."""
        self._heard_at = self._asked_at = self.connected_at

    def bind(self, now: float) -> None:
        """Note the positive bind response: session_init stops, the others start."""
        self.bound = True
        self.heard(now)

    def heard(self, now: float) -> None:
        """Note that a PDU of the peer came."""
        self._heard_at = self._asked_at = now

    def due(self, now: float) -> TimerEvent | None:
        """Return the timer that has run out; None if none has.

        ENQUIRE_LINK is returned once in a period of silence; the other two again and again.
        """
        settings = self.settings
        if not self.bound:
            return TimerEvent.SESSION_INIT if _out(self.connected_at, settings.session_init, now) else None
        if _out(self._heard_at, settings.inactivity, now):
            return TimerEvent.INACTIVITY
        if _out(self._asked_at, settings.enquire_link, now):
            self._asked_at = now
            return TimerEvent.ENQUIRE_LINK
        return None


def _out(since: float, seconds: float, now: float) -> bool:
    return 0 < seconds <= now - since
