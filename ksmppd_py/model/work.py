"""A message in flight, in each direction: made by its origin, and returned to it when it is settled.

The origin (a bind, a bearerbox connection, a replay) is in the message. The component that settles the message
calls `settled` of its origin. The origin then answers at once where nothing has to be waited for, and leaves the
rest to a greenlet of its own; no message has a greenlet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account
from ksmppd_py.model.counted_ids import CountedIds
from ksmppd_py.model.esme import Counters, Esme, Totals
from ksmppd_py.model.meters import Load
from ksmppd_py.model.outcomes import Outcome, SubmitResult
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_url import esme_id

REFUSED_IDS = 10_000
"""Refused message ids that are remembered, so that the bearerbox's reports on them are dropped."""


class Origin(Protocol):
    """The object that made a Submit or Delivery, and to which it returns with the next hop's answer.

    Implemented by SubmitQueue (of a bind), InboundMessages (of a bearerbox), RowSource and SubmitReplay (of rows), and
    SettledDeliveries (of the simulation).
    """

    def settled(self, message: Any) -> None:
        """Take a message back that has its `result` or `outcome`, to answer, store or refuse it. Doesn't yield."""


@dataclass(slots=True)
class BindContext:
    """The bind that submits messages. `totals` are those of its account's binds of the same type.

    `ids` gives the message ids that its ESME sees; None: UUIDs, the same as towards the bearerbox.
    """

    esme: Esme
    account: Account
    options: BindOptions
    service: bytes
    counters: Counters
    inbound: Load
    bind_type: int = 3
    bind_id: int = 0
    ids: CountedIds | None = None
    totals: Totals = field(init=False)

    def __post_init__(self) -> None:
        self.totals = self.esme.totals_of(self.bind_type)

    def count(self, accepted: int, refused: int) -> None:
        """Count so many submits of the bind, and of its account, as `mt` and `errors`. Doesn't yield."""
        for counters in (self.counters, self.totals):
            counters.mt += accepted
            counters.errors += refused

    @property
    def is_charged(self) -> bool:
        """Whether its submits are billed; the account's newest bind decides that (docs/rules/smpp-session.md 5)."""
        return self.esme.account.enable_prepaid_billing


class Submit:
    """An MT from an ESME or from the store, until it is answered or its row is removed.

    `result` is None until the message comes back from the bearerboxes. `command_status` is the answer to the ESME, None
    until it is settled; `answered` is true once that was sent. `ordinal` is the bind's count of PDUs when it came
    (simulation uses it). `received_at`, `sent_at` (to a bearerbox) and `waits_since` (for room at one) are monotonic
    seconds, 0 before that. `row` is the global_id of a stored message, otherwise 0. `reason` is set only where an error
    refuses the message: a few fixed words for operators.
    """

    __slots__ = (
        "answered",
        "command_status",
        "cost",
        "ordinal",
        "origin",
        "pdu",
        "reason",
        "received_at",
        "result",
        "row",
        "sent_at",
        "sequence_number",
        "sms",
        "waits_since",
    )

    reason: str

    def __init__(self, origin: Origin, sequence_number: int, pdu: Any, ordinal: int) -> None:
        self.origin = origin
        self.sequence_number = sequence_number
        self.pdu = pdu
        self.ordinal = ordinal
        self.sms: Sms | None = None
        self.cost = 0.0
        self.result: SubmitResult | None = None
        self.command_status: int | None = None
        self.answered = False
        self.received_at = 0.0
        self.sent_at = 0.0
        self.waits_since = 0.0
        self.row = 0


def id_for_esme(sms: Sms) -> bytes:
    """Return the id by which the ESME knows an MT: the end of its dlr_url, otherwise its own."""
    return esme_id(sms.dlr_url) if sms.dlr_url else sms.id


class DeliveryState(Enum):
    """Whether a message that came from a bearerbox is being moved to the store, and whether it ended meanwhile."""

    WITH_ESME = "with the ESME"
    BEING_STORED = "being stored"
    ENDED_MEANWHILE = "ended while it was being stored"


class Delivery:
    """An MO or DLR to an ESME, until every one of its deliver_sm has ended.

    `left` counts the deliver_sm still unanswered; `outcome` is the greatest (worst) so far. `sms` is None for a row of
    the PDU table, whose PDU is in `pdu`. `row` is the global_id of a stored message, otherwise 0. `attempts` counts
    binds that went away with it. `state` is for those that came from a bearerbox.
    """

    __slots__ = (
        "attempts",
        "left",
        "origin",
        "outcome",
        "pdu",
        "received_at",
        "row",
        "sms",
        "state",
        "system_id",
    )

    def __init__(self, origin: Origin, sms: Sms | None, row: int = 0, pdu: Any = None) -> None:
        self.origin = origin
        self.sms = sms
        self.row = row
        self.pdu = pdu
        self.system_id = ""
        self.left = 0
        self.outcome = Outcome.DONE
        self.received_at = 0.0
        self.attempts = 0
        self.state = DeliveryState.WITH_ESME

    def part_ended(self, outcome: Outcome) -> None:
        """Note the end of one deliver_sm; with the last one the message returns to its origin."""
        if outcome > self.outcome:
            self.outcome = outcome
        self.left -= 1
        if self.left == 0:
            self.origin.settled(self)
