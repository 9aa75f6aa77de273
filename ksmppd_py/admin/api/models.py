"""The objects of the API. Fields that are columns have the columns' names."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

_MOST = 2**31 - 1
Text = Annotated[str, Field(max_length=64)]
Count = Annotated[int, Field(ge=0, le=_MOST)]
Cost = Annotated[float, Field(ge=-1e15, le=1e15)]


class Model(BaseModel):
    """An object: unknown fields and values of other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class AccountSettings(Model):
    """The columns of an account that can be set."""

    throughput: float = Field(
        0, ge=0, le=99_999, description="submits a second over all binds, 0 = unlimited"
    )
    default_smsc: Text | None = Field(None, description="takes what no route takes")
    default_cost: Cost = Field(0, description="credits a part, over the default SMSC")
    enable_prepaid_billing: bool = Field(False, description="submits cost credit")
    callback_url: str | None = Field(None, max_length=255, description="without effect here")
    simulate: bool = Field(False, description="messages are answered as an SMSC might, and go nowhere")
    simulate_deliver_every: Count = Field(0, description="every n-th submit gets a receipt DELIVRD; 0 = none")
    simulate_permanent_failure_every: Count = Field(0, description="every n-th submit is refused with 0x45")
    simulate_temporary_failure_every: Count = Field(0, description="every n-th submit is refused with 0x14")
    simulate_mo_every: Count = Field(0, description="every n-th submit comes back as a message")
    max_binds: Count = Field(0, description="binds at a time, 0 = unlimited")
    connect_allow_ip: str | None = Field(
        None, max_length=1000, description="addresses, patterns or networks to bind from, `;` between"
    )
    alt_charset: Text | None = Field(None, description="character set of data_coding 0; optional column")
    switch_dlr_addr: bool | None = Field(
        None, description="receipts go from the handset to the sender; optional column"
    )
    max_open_acks: Count | None = Field(None, description="unanswered deliver_sm of a bind; optional column")
    simulate_dlr_fail: Count | None = Field(
        None, description="every n-th submit gets a receipt UNDELIV; optional column"
    )
    dlr_err_length: int | None = Field(
        None,
        ge=0,
        le=16,
        description="characters of error codes in receipts: 3 to 16, 0 = all; optional column",
    )
    dlr_profile: Text | None = Field(
        None, description="form of ids, receipts and statuses: id of a dlr-profile; optional column"
    )
    queue_max_age: Count | None = Field(
        None,
        description="age in seconds from which stored messages and reports are dropped; optional column",
    )
    queue_max_rows: Count | None = Field(
        None, description="stored messages and reports, of more the oldest are dropped; optional column"
    )


SystemId = Annotated[
    str, Field(min_length=1, max_length=15, pattern=r"^[!-.0-@\[-~]+$", description="lower case")
]
Password = Annotated[str, Field(min_length=1, max_length=64, json_schema_extra={"writeOnly": True})]


class NewAccount(AccountSettings):
    """An account to be created."""

    system_id: SystemId
    password: Password | None = Field(None, description="one is generated when it is absent")
    credit: float = Field(0, ge=-1e15, le=1e15, description="credit to begin with")


class Traffic(Model):
    """Counters of an account since the start, zeros if it never bound. Rates are messages a second, over 60 s."""

    binds: int = 0
    inbound_rate: float = Field(default=0, description="submits")
    outbound_rate: float = Field(default=0, description="deliver_sm")
    mt: int = 0
    mo: int = 0
    dlr: int = 0
    errors: int = 0


class Account(AccountSettings):
    """An account: its row, and its traffic on this server."""

    system_id: str
    default_cost: Cost | None = Field(  # type: ignore[assignment]  # of a row written by SQL it may be anything
        0, description="credits a part, over the default SMSC; null when the column holds no usable number"
    )
    credit: float
    suspended: bool
    password_form: str = Field(description="mysql, sha256 or bcrypt; empty when no password matches")
    second_password: bool = Field(description="the former password may still match")
    traffic: Traffic


class SavedAccount(Account):
    """An account that was created or got a password."""

    password: str | None = Field(None, description="the generated password; it isn't shown again")
    warnings: list[str] = Field(default_factory=list)


class Bind(Model):
    """A live bind of this server."""

    bind_id: int
    system_id: str
    bind_type: str = Field(description="transmitter, receiver or transceiver")
    ip: str
    uptime: int = Field(description="seconds since the connection was opened")
    open_acks: int = Field(description="deliver_sm without answer")
    inbound_rate: float
    outbound_rate: float
    mt: int
    mo: int
    dlr: int
    errors: int


class AccountDetails(Account):
    """An account with its binds."""

    binds: list[Bind]


class Accounts(Model):
    """A page of accounts."""

    items: list[Account]
    next: str | None


class NewPassword(Model):
    """A password to be set."""

    password: Password | None = Field(None, description="one is generated when it is absent")
    keep_former_for: int = Field(
        0, ge=0, le=90 * 86_400, description="seconds for which the former password is valid as well"
    )


class CreditChange(Model):
    """Credit to add, negative to take."""

    amount: float = Field(ge=-1e15, le=1e15)
    reason: str = Field(min_length=1, max_length=500)


class Credit(Model):
    """The credit after a change. `repeated`: the change with this key was made before, and not again."""

    credit: float
    entry_id: int
    repeated: bool = False


class CreditEntry(Model):
    """A change of credit. `time` is seconds since 1970, UTC."""

    entry_id: int
    time: float
    username: str
    address: str
    amount: float
    credit: float = Field(description="what was there afterwards")
    reason: str


class CreditLog(Model):
    """The credit, and a page of its changes, newest first."""

    credit: float
    items: list[CreditEntry]
    next: str | None


class RouteSettings(Model):
    """The columns of a route that can be set."""

    regex: str | None = Field(
        None, max_length=10_000, description="must match the receiver; null matches all"
    )
    source_regex: str | None = Field(
        None, max_length=10_000, description="must match the sender as well; null matches all"
    )
    smsc_id: Text | None = None
    cost: Cost = Field(0, description="credits a part; not used in direction 2")
    priority: int | None = Field(0, ge=-_MOST, le=_MOST, description="higher ones are tried first")


class NewRoute(RouteSettings):
    """A route to be created."""

    direction: int = Field(ge=1, le=2, description="1 = from an ESME, 2 = to an ESME")
    system_id: Text | None = None


class RouteChange(RouteSettings):
    """Columns of a route to be set."""

    direction: int = Field(1, ge=1, le=2)
    system_id: Text | None = None


class Route(Model):
    """A route."""

    route_id: int
    direction: int
    system_id: str | None
    regex: str | None
    source_regex: str | None = None
    smsc_id: str | None
    cost: float | None = Field(description="null when the column holds no usable number")
    priority: int | None = None


class Routes(Model):
    """A page of routes, in the order in which they are tried for each direction and account."""

    items: list[Route]
    next: str | None


class RouteList(Model):
    """All routes of an account in one direction, in the order of their priority."""

    items: list[RouteSettings] = Field(max_length=5_000)


class Message(Model):
    """A stored message, without its text. `time` is seconds since 1970, UTC; 0 = unknown."""

    row_id: int
    queue: str = Field(description="mt, mo, report or other")
    time: int
    sender: str
    receiver: str
    message_id: str


class Queue(Model):
    """Messages that wait for or from an account: their number, and a page of them, oldest first."""

    count: int
    oldest: int | None = Field(description="seconds since 1970, UTC; null = unknown or none")
    items: list[Message]
    next: str | None


class Purged(Model):
    """The number of messages that were deleted."""

    deleted: int


class AuditEntry(Model):
    """A change by an operator. `time` is seconds since 1970, UTC."""

    entry_id: int
    time: float
    username: str
    address: str
    operation: str
    subject: str
    before: Any = None
    after: Any = None


class Audit(Model):
    """A page of the audit, newest first."""

    items: list[AuditEntry]
    next: str | None
