"""The doors between rooms: what a flow may ask of a neighbour. Rooms implement these, app.py joins them.

Whatever says "may yield" may let other greenlets run; everything else returns at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ksmppd_py.errors import KsmppdError
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account, AccountRow
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.route_report import RouteReport, RouteRow
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import Delivery, Submission, Submitter
from ksmppd_py.smpp.pdus import CancelSm, DeliverSm, QuerySm, QuerySmResp
from ksmppd_py.translate.dialect import Dialect


class Authenticator(Protocol):
    """Decides who may bind."""

    def authenticate(self, system_id: bytes, password: bytes, peer_ip: str) -> Account | None:
        """Return the account, or None for wrong credentials; system_id as received. May yield.

        Raises TemporaryError when the back end failed to decide.
        """


class AccountRows(Protocol):
    """Where account rows live."""

    def row(self, system_id: str) -> AccountRow | None:
        """The row of this account (lower case) as it is now. Raises DatabaseUnavailable. May yield."""


class Router(Protocol):
    """Decides where a message goes. `waits` tells whether each call yields (HTTP)."""

    waits: bool

    def is_ready(self, system_id: str) -> bool:
        """Whether `route_mt` for this account (lower case) wouldn't yield now."""

    def route_mt(self, system_id: str, sms: Sms) -> Route:
        """Route a message of an ESME. Raises NoRoute, SenderRefused, RouteRefused, TemporaryError. May yield."""

    def route_mt_all(self, system_id: str, batch: Sequence[Sms]) -> list[Route | KsmppdError]:
        """Route many, answers in the same order, an error in place of its message. May yield."""

    def route_mo(self, sms: Sms) -> Route:
        """Route a message from the bearerbox; the Route's system_id is the target. Raises as route_mt."""

    def rebuild(self) -> RouteReport | None:
        """Read all routes again, and tell what came of it; None where none are kept. May yield.

        Routes of before hold until then. Raises TemporaryError; then they stay.
        """


class RouteSource(Protocol):
    """Where route rows live."""

    def outbound(self, system_id: str) -> list[Route]:
        """Rows of one account (lower case) in matching order. Raises DatabaseUnavailable. May yield."""

    def everything(self) -> Iterator[Sequence[RouteRow]]:
        """All rows by route_id, as they were at one moment, in portions. Raises DatabaseUnavailable. May yield."""


class Credit(Protocol):
    """Prepaid accounts."""

    def charge(self, system_id: str, costs: Sequence[float]) -> int:
        """Deduct as many of `costs` as the credit covers, in order, never below zero; return how many. May yield.

        Raises DatabaseUnavailable; then nothing was deducted as far as we know.
        """

    def balance(self, system_id: str) -> float | None:
        """The credit as it is now; None when there is no such account. Raises DatabaseUnavailable. May yield."""

    def refund(self, system_id: str, amount: float) -> None:
        """Give back what a refused message cost. Raises DatabaseUnavailable. May yield."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One row of the store table; `sms` is None when the row can't be read, and `problem` says why."""

    global_id: int
    sms: Sms | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StoredPdu:
    """One row of the PDU table: a deliver_sm without its command_length (docs/rules/database.md 2)."""

    global_id: int
    system_id: str
    octets: bytes


class MessageStore(Protocol):
    """The two queue tables."""

    def save(self, batch: Sequence[Sms]) -> Sequence[int]:
        """Insert and commit, together with what others save meanwhile; return the rows' global_ids.

        May yield, at most 5 s.

        Raises DatabaseUnavailable or MessageTooLong; then none of this batch is stored as far as we know.
        """

    def page(self, sms_type: int, after: int, limit: int, service: str | None = None) -> list[StoredMessage]:
        """Rows with global_id > after in global_id order. Raises DatabaseUnavailable. May yield."""

    def find_submissions(self, system_id: str, message_id: bytes, limit: int) -> list[StoredMessage]:
        """Waiting MTs of an account whose dlr_url ends in this id. Raises DatabaseUnavailable. May yield."""

    def find_submissions_to(
        self, system_id: str, sender: bytes, receiver: bytes, limit: int
    ) -> list[StoredMessage]:
        """Waiting MTs of an account between these two addresses. Raises DatabaseUnavailable. May yield."""

    def nameless(self, after: int, limit: int) -> list[StoredMessage]:
        """MOs and reports of no account, as page gives rows. Raises DatabaseUnavailable. May yield."""

    def give(self, global_id: int, system_id: str) -> None:
        """From now on the row is this account's (lower case). Raises DatabaseUnavailable. May yield."""

    def delete(self, global_ids: Sequence[int]) -> int:
        """Delete rows now; return how many there were. Raises DatabaseUnavailable. May yield."""

    def remove(self, global_ids: Sequence[int]) -> None:
        """Delete rows soon (in batches, at most 100 ms later); retried while the database is away."""

    def save_pdus(self, system_id: str, batch: Sequence[bytes]) -> None:
        """Insert ready PDUs (octets without command_length). Raises DatabaseUnavailable. May yield."""

    def page_pdus(self, system_id: str, after: int, limit: int) -> list[StoredPdu]:
        """PDU rows of one account with global_id > after, in order. Raises DatabaseUnavailable. May yield."""

    def remove_pdus(self, global_ids: Sequence[int]) -> None:
        """As remove, for the PDU table."""

    def receivers_with_rows(self, among: Collection[str]) -> set[str]:
        """Those of these accounts (lower case) for which MO, DLR or PDU rows wait.

        Raises DatabaseUnavailable. May yield.
        """

    def has_submissions(self) -> bool:
        """Whether MT rows wait for a bearerbox. Raises DatabaseUnavailable. May yield."""


class Submissions(Protocol):
    """The corridor for MTs, as the ESMEs' room sees it."""

    def waits(self, submitter: Submitter) -> bool:
        """Whether `submit` waits for an HTTP server or a plugin; batches may overlap then. Doesn't yield."""

    def is_quick(self, submitter: Submitter) -> bool:
        """Whether `submit_at_once` will do: nothing has to be waited for as things are. Doesn't yield."""

    def submit_at_once(self, batch: Sequence[Submission], submitter: Submitter) -> list[Submission]:
        """As submit; what would have to be stored comes back on its desk, for `conclude`. Doesn't yield."""

    def submit(
        self, batch: Sequence[Submission], submitter: Submitter, turn: Callable[[], object] | None = None
    ) -> list[Submission]:
        """Hand each to its next holder; return those that are settled already. May yield.

        `turn` is called when all have their routes; it returns when earlier batches have been handed over.
        """

    def conclude(self, batch: Sequence[Submission], submitter: Submitter) -> None:
        """Give each its final command_status; its `result` is known. May yield."""


class Enquiries(Protocol):
    """What became of messages, as the ESMEs' room asks."""

    def remember(self, sms: Sms | None) -> None:
        """An MT that its next holder accepted. Doesn't yield."""

    def new_id(self) -> bytes:
        """A fresh message id. Doesn't yield."""

    def query(self, system_id: str, pdu: QuerySm) -> QuerySmResp | int:
        """The state of a message of this account, or the command_status of a refusal. May yield."""

    def cancel(self, system_id: str, pdu: CancelSm) -> int:
        """End messages that wait in the store; the command_status. May yield."""


class AccessLog(Protocol):
    """Has a line for each message that an ESME submitted or was sent. Nothing in here yields."""

    on: bool
    """Whether lines are kept; nothing else needs to be called while they aren't."""

    def submitted(self, settled: Sequence[Submission], submitter: Submitter) -> None:
        """These submits of one bind are being answered now, with their `command_status`."""

    def delivered(self, delivery: Delivery, bind_id: int, command_status: int | None, sent_at: float) -> None:
        """A bind answered a whole message, or refused a part of it, that was sent at `sent_at` (monotonic seconds).

        `command_status` None: it left a part without answer for too long.
        """

    def reopen(self) -> None:
        """Open the file again by its name, after rotation. What was told before is in the file of before."""


class Deliveries(Protocol):
    """The corridor for MO and DLR, as the bearerboxes' room sees it."""

    @property
    def waits(self) -> bool:
        """Whether `route` yields for long with an MO."""

    def route(self, delivery: Delivery) -> Outcome | None:
        """Find out whose a message is; None: `system_id` is known, it can be dispatched. May yield."""

    def dispatch(self, delivery: Delivery) -> Outcome | None:
        """Send to a bind of `delivery.system_id`; None: under way, the outcome comes to its desk. Doesn't yield."""


class Gateway(Protocol):
    """The bearerboxes, as the next holder of MTs."""

    @property
    def online(self) -> bool:
        """Whether any bearerbox is connected."""

    @property
    def arrivals(self) -> int:
        """How often one came online since the start."""

    def send_all(self, batch: Sequence[Submission]) -> list[Submission]:
        """As send, for many at once, in order; return those that weren't taken. Doesn't yield."""

    def send(self, submission: Submission) -> bool:
        """Hand over; False when no bearerbox is up or the queue is full. Doesn't yield.

        Its `result` is set and it is laid on its desk when the bearerbox has answered, or LOST.
        """


class Receiver(Protocol):
    """One bind that may be sent deliver_sm."""

    dialect: Dialect

    def next_reference(self) -> int:
        """The next concatenation reference of this bind."""

    def deliver(self, pdus: Sequence[DeliverSm], delivery: Delivery) -> None:
        """Send them; each answer goes to `delivery.part_ended`. Doesn't yield."""


class Receivers(Protocol):
    """Who is bound."""

    def best(self, system_id: str) -> Receiver | None:
        """The receiving bind of the account with most room, None when there is none with room. Doesn't yield."""

    def bound(self, system_id: str) -> bool:
        """Whether the account has a receiving bind, with room or not. Doesn't yield."""

    def room(self, system_id: str) -> int:
        """How many more deliver_sm the account's binds may have open. Doesn't yield."""

    def receiving(self) -> list[str]:
        """The accounts that have a receiving bind, with room or not. Doesn't yield."""
