"""The objects of the API that show the running server. Times are seconds since 1970, UTC."""

from __future__ import annotations

from pydantic import Field

from ksmppd_py.admin.api.models import Bind, Model


class Binds(Model):
    """Live binds of this server, by bind_id."""

    items: list[Bind]
    next: str | None


class Unbound(Model):
    """The number of binds that are being ended."""

    unbound: int


class Bearerbox(Model):
    """A bearerbox connection. `since` is seconds since it came up or was lost, 0 = it never was up."""

    name: str
    host: str
    port: int
    boxc_id: str
    online: bool
    paused: bool = Field(description="it is given no messages: an operator paused it")
    since: int
    open_acks: int = Field(description="messages that were sent and not acked")
    incoming: int = Field(description="messages and reports from it that aren't acked yet")
    received: int
    accepted: int
    refused: int
    refused_for_now: int
    connects: int
    unanswered_for: int = Field(description="seconds since the oldest message without ack was sent")


class Bearerboxes(Model):
    """All bearerboxes. `waiting` are messages that wait for room in their windows."""

    online: int
    waiting: int
    items: list[Bearerbox]


class QueueDepth(Model):
    """Stored messages of an account: `queue` is mt, mo, report, pdu or other."""

    queue: str
    system_id: str
    rows: int
    oldest: int | None = Field(description="null = unknown")


class Queues(Model):
    """The queue tables as they were at `taken`; `complete` = all rows were counted."""

    waiting: int = Field(description="messages in memory that wait for a bearerbox")
    taken: float | None = Field(description="null = they can't be read")
    complete: bool
    items: list[QueueDepth]


class Refusal(Model):
    """Refusals of one kind and reason, with details of the last one."""

    kind: str = Field(description="bind or submit")
    system_id: str
    ip: str = Field(description="of refused binds")
    reason: str
    count: int
    first: float
    last: float
    command_status: int
    command_status_name: str = Field(description="SMPP's name, or the number where it has none")
    sender: str
    receiver: str
    message_id: str


class Refusals(Model):
    """Recent refusals of this server, the last first."""

    items: list[Refusal]


class Blocked(Model):
    """An address that is blocked for refused binds."""

    ip: str
    failed_binds: int
    seconds_left: int


class BlockedAddresses(Model):
    """The addresses that are blocked now."""

    items: list[Blocked]


class Cleared(Model):
    """The number of addresses that were blocked and aren't any more."""

    cleared: int
