"""Values that the service, its store and its callers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Setting = int | float | bool | str | None
"""A column's value: text has one character for each octet (Latin-1)."""
Settings = Mapping[str, Setting]
"""Values by column, without password and credit."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The operator who asks for a change, and the address that the request came from."""

    username: str
    address: str


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """A row of the user table. `settings` has the columns that the table has.

    `password_form` is mysql, sha256, bcrypt or empty (no password matches). `has_second_password` says whether the
    former password still matches. `version` changes with every column but credit, which each message may change.
    """

    system_id: str
    settings: Settings
    credit: float
    is_suspended: bool
    password_form: str
    version: str
    has_second_password: bool = False


@dataclass(frozen=True, slots=True)
class RouteRecord:
    """A row of the route table; `settings` are its columns but route_id."""

    route_id: int
    settings: Settings
    version: str


@dataclass(frozen=True, slots=True)
class CreditEntry:
    """One change of an account's credit; `credit` is what was there afterwards, `time` epoch seconds."""

    entry_id: int
    system_id: str
    time: float
    username: str
    address: str
    amount: float
    credit: float
    reason: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change by an operator. `before` and `after` are objects as JSON, empty without one; never a password."""

    entry_id: int
    time: float
    username: str
    address: str
    operation: str
    subject: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class AuditNote:
    """An audit entry to be written; `subject` is such as `account acme`."""

    actor: Actor
    time: float
    operation: str
    subject: str


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A stored row of an account, without the text. `queue` is mt, mo or report; `time` 0 = unknown."""

    row_id: int
    queue: str
    time: int
    sender: str
    receiver: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """The wanted rows of a list: at most `limit` behind the key `after`, None = from the start."""

    limit: int
    after: Sequence[Setting] | None = None


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Accounts whose system_id contains `search`, ordered by the column `sort`, then by system_id."""

    page: Page
    search: str = ""
    sort: str = "system_id"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Audit entries, newest first, of one subject or user where these are given."""

    page: Page
    subject: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True)
class CreditChange:
    """Credit to add, negative to take; a change with a `key` that was made already isn't made again."""

    system_id: str
    amount: float
    reason: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class CreditResult:
    """The credit after a change; `is_repeated`: the change with this key was made before."""

    entry: CreditEntry
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """An account after a change. `warnings` are remarks that don't keep it from being made.

    `password` is the generated one, shown once; empty when the caller chose it.
    """

    account: AccountRecord
    warnings: Sequence[str] = field(default_factory=tuple)
    password: str = ""
