"""Times and bounds of the traffic with bearerboxes: those of production are the defaults, tests pass others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BoxTimings:
    """Seconds: of the connection, of MTs, and of MOs and DLRs."""

    first_pause: float = 1.0
    """Seconds until the next attempt to connect; doubles up to `last_pause`."""
    last_pause: float = 10.0
    silent_accept_time: float = 5.0
    """Seconds online after which a silent bearerbox counts as there; a proxy may accept without one behind it."""
    shutdown_timeout: float = 2.0
    """Seconds for the acks of unacked MTs after the bearerbox announced its shutdown."""
    retirement_timeout: float = 10.0
    """Seconds for a connection to finish when its bearerbox is removed from the configuration."""
    heartbeat_interval: float = 30.0

    housekeeping_interval: float = 1.0
    """Seconds between two rounds of heartbeats and overdue acks."""
    ack_timeout: float = 60.0
    """Seconds after which a live MT without ack is answered as a temporary failure (docs/rules/flows.md 1.2)."""
    reconnect_timeout: float = 5.0
    """Seconds for which MTs wait for a bearerbox to come back before they are stored or refused."""
    longest_wait: float = 30.0
    """Seconds for which MTs wait for room at a connected bearerbox that acks nothing."""

    relief_interval: float = 0.025
    """Seconds between two rounds over messages that slow ESMEs haven't answered."""
    slow_after: float = 1.0
    """Seconds without an ESME's answer to a message after which it may be moved to the store."""
    silent_after: float = 0.25
    """Seconds without any answer of an account after which its messages are moved or given back, if others wait."""
    slow_for: float = 5.0
    """Seconds for which an account whose messages were moved gets nothing live; its next answer ends that."""
    first_nack_delay: float = 1.0
    """Seconds before an account's first temporary refusal is sent; doubles up to `last_nack_delay`."""
    last_nack_delay: float = 30.0


@dataclass(frozen=True, slots=True)
class BoxLimits:
    """Numbers of messages, and shares of `smsbox-max-pending`."""

    window: int = 1000
    """Unacked MTs of one connection, at most: those that have to be sent again when it is lost."""
    most_waiting: int = 100_000
    """MTs that wait for room at a bearerbox; further ones are stored, or refused."""
    busy: float = 0.5
    """Share of unacked MOs and DLRs above which messages of slow ESMEs are moved to the store."""
    most_delayed: float = 0.5
    """Share of a bearerbox's slots that delayed nacks may take."""
