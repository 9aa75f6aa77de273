"""A message on its way, in each direction: what a door hands in, and gets back when it is settled.

The door that let a message in gives its desk along; whoever settles the message lays it on that desk. The door answers
at once what needs no waiting and leaves the rest to its own greenlet; no message waits in a greenlet of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account
from ksmppd_py.model.esme import Counters, Esme, Totals
from ksmppd_py.model.meters import Load
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.translate.dialect import Dialect

LOST = -1
"""Result of a submission whose bearerbox went away and none came back in time. Never on a wire."""
REFUSED_IDS = 10_000
"""How many refused message ids are remembered, so that the bearerbox's report on them can be swallowed."""


class ReturnDesk(Protocol):
    """Where a settled message is laid down."""

    def put(self, item: Any) -> None:
        """Take it back. Doesn't yield."""


@dataclass(slots=True)
class Submitter:
    """The bind on whose behalf messages are submitted; `totals` are those of its account's binds of its type."""

    esme: Esme
    account: Account
    dialect: Dialect
    service: bytes
    counters: Counters
    inbound: Load
    bind_type: int = 3
    bind_id: int = 0
    totals: Totals = field(init=False)

    def __post_init__(self) -> None:
        self.totals = self.esme.totals_of(self.bind_type)

    @property
    def is_charged(self) -> bool:
        """Whether its submits are billed, which the account's last bind decides (docs/rules/smpp-session.md 5.1)."""
        return self.esme.account.enable_prepaid_billing


class Submission:
    """An MT from an ESME or from the store, until its sender is answered.

    `result` is None on the way down, then the bearerbox's AckStatus or LOST. `command_status` is what the ESME is
    told, None until that is settled; `answered` once it has been told.
    `ordinal` is the bind's count of PDUs when it came (simulation uses it).
    `received_at` and `sent_at` are monotonic seconds. `row` is the global_id of a stored one, 0 otherwise.
    `reason` is set only by who refuses it for an error: a few fixed words for operators.
    """

    __slots__ = (
        "answered",
        "command_status",
        "cost",
        "desk",
        "ordinal",
        "pdu",
        "reason",
        "received_at",
        "result",
        "row",
        "sent_at",
        "sequence_number",
        "sms",
    )

    reason: str

    def __init__(self, desk: ReturnDesk, sequence_number: int, pdu: Any, ordinal: int) -> None:
        self.desk = desk
        self.sequence_number = sequence_number
        self.pdu = pdu
        self.ordinal = ordinal
        self.sms: Sms | None = None
        self.cost = 0.0
        self.result: int | None = None
        self.command_status: int | None = None
        self.answered = False
        self.received_at = 0.0
        self.sent_at = 0.0
        self.row = 0


class Delivery:
    """An MO or DLR towards an ESME, until every one of its deliver_sm is answered.

    `left` counts the parts still open; `outcome` is the greatest (worst) so far. `sms` is None for a ready PDU of
    the PDU table, which is then in `pdu`. `row` is the global_id of a stored one, 0 otherwise.
    """

    __slots__ = ("attempts", "desk", "left", "outcome", "pdu", "received_at", "row", "sms", "system_id")

    def __init__(self, desk: ReturnDesk, sms: Sms | None, row: int = 0, pdu: Any = None) -> None:
        self.desk = desk
        self.sms = sms
        self.row = row
        self.pdu = pdu
        self.system_id = ""
        self.left = 0
        self.outcome = Outcome.DONE
        self.received_at = 0.0
        self.attempts = 0

    def part_ended(self, outcome: Outcome) -> None:
        """One deliver_sm of this message ended; with the last one the message goes back to its desk."""
        if outcome > self.outcome:
            self.outcome = outcome
        self.left -= 1
        if self.left == 0:
            self.desk.put(self)
