"""The interfaces between the packages: calls that flows make to their neighbours, and neighbours to flows.

The packages implement them and `server/` connects them. A method whose docstring says "may yield" may let other
greenlets run; all others return at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ksmppd_py.errors import KsmppdError
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account, AccountRow
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import BindContext, Delivery, Submit
from ksmppd_py.smpp.pdus import CancelSm, DeliverSm, QuerySm, QuerySmResp
from ksmppd_py.translate.bind_options import BindOptions


class Authenticator(Protocol):
    """Decides which account may bind."""

    def authenticate(self, system_id: bytes, password: bytes, peer_ip: str) -> Account | None:
        """Return the account, or None for wrong credentials; system_id as received. May yield.

        Raises TemporaryError when the back end failed to decide.
        """


class UserRows(Protocol):
    """The rows of the user table, one for each account."""

    def row(self, system_id: str) -> AccountRow | None:
        """Return the row of this account (lower case) as it is now, None without one. Raises DatabaseUnavailable.

        May yield.
        """


class Router(Protocol):
    """Decides where a message goes. `waits`: whether each call waits for an HTTP server or a plugin."""

    waits: bool

    def is_ready(self, system_id: str) -> bool:
        """Whether `route_mt` for this account (lower case) wouldn't yield now."""

    def route_mt(self, system_id: str, batch: Sequence[Sms]) -> list[Route | KsmppdError]:
        """Route messages of an account (lower case); return a Route or an error for each, in order. May yield.

        The errors are NoRoute, SenderRefused, RouteRefused and TemporaryError.
        """

    def route_mo(self, sms: Sms) -> Route:
        """Route a message from the bearerbox to the Route's system_id. Raises the errors of route_mt. May yield."""

    def rebuild(self) -> RouteReport | None:
        """Read all routes again and return the result; None where no routes are kept. May yield.

        Until that is done, and when it raises TemporaryError, the previous routes stay in use.
        """


class Credit(Protocol):
    """The credit of prepaid accounts (docs/rules/flows.md 8)."""

    def charge(self, system_id: str, costs: Sequence[float]) -> int:
        """Deduct as many of `costs` as the credit covers, in order, never below zero; return how many. May yield.

        Raises DatabaseUnavailable; then nothing was deducted as far as we know.
        """

    def balance(self, system_id: str) -> float | None:
        """Return the credit as it is now; None without such an account. Raises DatabaseUnavailable. May yield."""

    def refund(self, system_id: str, amount: float) -> None:
        """Give back the price of refused messages. Raises DatabaseUnavailable. May yield."""


class Refunds(Protocol):
    """Gives back the prices of messages whose reports say so."""

    def refund_once(self, system_id: str, price: float, message: bytes, now: float) -> None:
        """Give back the price of a message, unless that was done; `message` names it for good, `now` is epoch seconds.

        Raises TemporaryError, and PermanentError when there is no such account. May yield (database).
        """


class ReplayClaim(Protocol):
    """The right to replay stored messages: two processes at once would deliver each row twice."""

    @property
    def held(self) -> bool:
        """Whether this process has the claim. Doesn't yield."""


class SubmitService(Protocol):
    """The flow of MTs, as the ESME side uses it."""

    def submit_at_once(self, batch: Sequence[Submit], bind: BindContext) -> list[Submit] | None:
        """Do as `submit` if nothing has to be waited for now, otherwise nothing; then return None. Doesn't yield.

        A submit that would have to be stored returns to its origin, for `conclude`.
        """

    def overlaps(self, bind: BindContext) -> bool:
        """Whether `submit` waits for an HTTP server or a plugin, so that batches may overlap. Doesn't yield."""

    def submit(
        self, batch: Sequence[Submit], bind: BindContext, turn: Callable[[], object] | None = None
    ) -> list[Submit]:
        """Send each to its next hop; return those whose command_status is set. May yield.

        The others return to their origin when they have a `result`. `turn` is called when all are routed; it returns
        when earlier batches of the bind have been sent.
        """

    def conclude(self, batch: Sequence[Submit], bind: BindContext) -> None:
        """Set the command_status of submits whose `result` is set. May yield."""

    def refuse(self, batch: Sequence[Submit], bind: BindContext, command_status: int, reason: str) -> None:
        """Set the command_status of submits that the caller refuses, and count them for `reason`. Doesn't yield."""


class MessageLookup(Protocol):
    """The states of messages, for query_sm and cancel_sm."""

    def remember(self, sms: Sms | None) -> None:
        """Remember an MT that its next hop accepted. Doesn't yield."""

    def remember_counted(self, sms: Sms | None) -> None:
        """Do as `remember`, for an MT whose id towards the ESME is only in its dlr_url. Doesn't yield."""

    def new_id(self) -> bytes:
        """Return a new message id. Doesn't yield."""

    def query(self, system_id: str, pdu: QuerySm) -> QuerySmResp | int:
        """Return the state of a message of this account, or the command_status of a refusal. May yield."""

    def cancel(self, system_id: str, pdu: CancelSm) -> int:
        """End messages that wait in the store; return the command_status. May yield."""


class AccessLog(Protocol):
    """The access log: a line for each message that an ESME submitted or was sent."""

    on: bool
    """Whether lines are written; callers skip the other calls while it is false."""

    def submitted(self, settled: Sequence[Submit], bind: BindContext) -> None:
        """Log the submits of one bind that are being answered, with their `command_status`. Doesn't yield."""

    def delivered(self, delivery: Delivery, bind_id: int, command_status: int | None, sent_at: float) -> None:
        """Log a message that a bind answered, or the part that it refused; `sent_at` is monotonic seconds.

        `command_status` None: a part wasn't answered in time. Doesn't yield.
        """

    def reopen(self) -> None:
        """Open the file again by its name, after rotation; earlier lines go to the earlier file. May yield."""


class Deliveries(Protocol):
    """The flow of MOs and reports, as the bearerbox side uses it."""

    @property
    def waits(self) -> bool:
        """Whether `route` waits for an HTTP server or a plugin with each MO."""

    @property
    def refunds(self) -> bool:
        """Whether `route` waits for the database with each report on a message with a price."""

    def route(self, delivery: Delivery) -> Outcome | None:
        """Set `system_id` of a message; return None, or why it has no account. May yield."""

    def dispatch(self, delivery: Delivery) -> Outcome | None:
        """Send to a bind of `delivery.system_id`. None: sent, its origin gets it with an outcome. Doesn't yield."""


class Gateway(Protocol):
    """The bearerboxes, as the next hop of MTs. No method yields."""

    @property
    def online(self) -> bool:
        """Whether any bearerbox is connected."""

    @property
    def arrivals(self) -> int:
        """Number of times that a bearerbox has come online since the start."""

    def send_all(self, batch: Sequence[Submit]) -> list[Submit]:
        """Send many in order; return those that weren't taken. Otherwise as `send`."""

    def send(self, submit: Submit) -> bool:
        """Send or queue an MT; False when no bearerbox is connected or the queue is full.

        It returns to its origin with its `result` when the bearerbox has answered; NO_BEARERBOX when none did in time.
        """


class Receiver(Protocol):
    """One bind that receives."""

    options: BindOptions

    def next_reference(self) -> int:
        """Return the next concatenation reference of this bind, 0 to 255. Doesn't yield."""

    def deliver(self, pdus: Sequence[DeliverSm], delivery: Delivery) -> None:
        """Send the parts of one message; each end is passed to `delivery.part_ended`. Doesn't yield."""


class Receivers(Protocol):
    """The binds that receive."""

    def best(self, system_id: str) -> Receiver | None:
        """Return the account's receiving bind with most room; None when none has any. Doesn't yield."""

    def bound(self, system_id: str) -> bool:
        """Whether the account has a receiving bind, with room or not. Doesn't yield."""

    def room(self, system_id: str) -> int:
        """Number of deliver_sm that the account's binds may have unanswered besides those they have. Doesn't yield."""

    def receiving(self) -> list[str]:
        """Return the accounts that have a receiving bind, with room or not. Doesn't yield."""
