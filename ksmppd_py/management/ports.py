"""The interfaces between the service, the tables and the running server."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from ksmppd_py.management.records import (
    AccountQuery,
    AccountRecord,
    AuditEntry,
    AuditNote,
    AuditQuery,
    CreditChange,
    CreditEntry,
    CreditResult,
    Page,
    QueuedMessage,
    RouteRecord,
    Settings,
)


class AccountStore(Protocol):
    """The user table.

    Each change of a store writes its audit entry in the same transaction. Every method may yield and raises
    DatabaseUnavailable. `version` empty = whatever the row is now; otherwise Outdated is raised when the row has
    another version. NotFound is raised where the row isn't there.
    """

    @property
    def columns(self) -> Collection[str]:
        """The columns that can be set, optional ones included. Doesn't yield."""

    def page(self, query: AccountQuery) -> Sequence[AccountRecord]:
        """Return the rows of `query.page` in its order; `page.after` is [sorted column, system_id], or [system_id]."""

    def get(self, system_id: str) -> AccountRecord:
        """Return the account's row."""

    def add(
        self, system_id: str, settings: Settings, password: bytes, credit: float, note: AuditNote
    ) -> AccountRecord:
        """Insert a row. Raises AlreadyExists."""

    def change(self, system_id: str, settings: Settings, version: str, note: AuditNote) -> AccountRecord:
        """Set the columns in `settings`; return the row as it is then."""

    def remove(self, system_id: str, version: str, note: AuditNote) -> None:
        """Delete the row, and the routes of the account."""

    def set_password(
        self, system_id: str, password: bytes, former_until: float | None, version: str, note: AuditNote
    ) -> AccountRecord:
        """Store the password's hash. The former one matches until `former_until` (epoch seconds), None = no longer.

        Raises NotPossible without the columns for it.
        """

    def set_suspended(self, system_id: str, suspended: bool, version: str, note: AuditNote) -> AccountRecord:
        """Put a `!` before the hash, or take it away. Raises NotPossible where the column has no room."""


class CreditStore(Protocol):
    """The credit of accounts and its ledger; see AccountStore."""

    def change(self, change: CreditChange, note: AuditNote) -> CreditResult:
        """Add to the credit and write the ledger; a key that was used for the same change gives that one's result.

        Raises AlreadyExists for a key that was used for another change.
        """

    def page(self, system_id: str, page: Page) -> Sequence[CreditEntry]:
        """Return changes of an account's credit, newest first; `page.after` is [entry_id]."""


class RouteStore(Protocol):
    """The route table; see AccountStore."""

    @property
    def columns(self) -> Collection[str]:
        """The columns that can be set. Doesn't yield."""

    def page(self, direction: int | None, system_id: str | None, page: Page) -> Sequence[RouteRecord]:
        """Return routes in the order in which they are tried, for each direction and account.

        `page.after` is what `key` returns.
        """

    def key(self, route: RouteRecord) -> Sequence[int | str]:
        """Return the key of a route in the order of `page`. Doesn't yield."""

    def get(self, route_id: int) -> RouteRecord:
        """Return one route."""

    def add(self, settings: Settings, note: AuditNote) -> RouteRecord:
        """Insert a route; the table gives its route_id."""

    def change(
        self, route_id: int, settings: Settings, version: str, note: AuditNote
    ) -> tuple[RouteRecord, RouteRecord]:
        """Set columns; return the route before and after."""

    def remove(self, route_id: int, version: str, note: AuditNote) -> RouteRecord:
        """Delete a route and return it."""

    def replace(self, direction: int, system_id: str, routes: Sequence[Settings], note: AuditNote) -> None:
        """Replace all routes of an account in this direction, at one moment."""


class QueueStore(Protocol):
    """Stored messages of accounts; see AccountStore."""

    def page(self, system_id: str, page: Page) -> Sequence[QueuedMessage]:
        """Return stored messages of the account, oldest first; `page.after` is [row_id]."""

    def count(self, system_id: str) -> tuple[int, int]:
        """Return how many messages are stored, and the time of the oldest (epoch seconds, 0 = unknown)."""

    def purge(self, system_id: str, note: AuditNote) -> int:
        """Delete all stored messages of the account; return how many."""


class AuditStore(Protocol):
    """The table of operators' changes; see AccountStore."""

    def page(self, query: AuditQuery) -> Sequence[AuditEntry]:
        """Return audit entries, newest first; `page.after` is [entry_id]."""

    def write(self, note: AuditNote, before: object, after: object) -> None:
        """Write an audit entry about a change outside the tables; the values are written as JSON."""


class SchemaStore(Protocol):
    """The optional columns of the user table; see AccountStore."""

    def missing(self) -> Sequence[str]:
        """Return the optional columns that the table lacks. Doesn't yield."""

    def add_missing(self, note: AuditNote) -> Sequence[str]:
        """Add the missing columns and return their names; a restart makes use of them. Raises NotPossible."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The tables that operators change or read."""

    accounts: AccountStore
    credit: CreditStore
    routes: RouteStore
    queue: QueueStore
    audit: AuditStore
    schema: SchemaStore


class Announcements(Protocol):
    """Notifies the running servers of changed rows. Every method may yield; errors are logged."""

    def account_changed(self, system_id: str) -> None:
        """Apply the account's row as it is now: to its binds, or end them when it is suspended or gone."""

    def routes_changed(self, system_ids: Collection[str], inbound: bool) -> None:
        """Read the routes of these accounts again and, with `inbound`, those of direction 2."""
