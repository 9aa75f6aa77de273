"""The one place that changes accounts, routes, credit and queues for operators, and writes the audit of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.management.accounts import Accounts
from ksmppd_py.management.errors import NotPossible
from ksmppd_py.management.ports import Announcements, Stores
from ksmppd_py.management.records import Actor, AuditNote
from ksmppd_py.management.routes import Routes

logger = logging.getLogger(__name__)


class Management:
    """Accounts, routes, stored messages and audit. `clock` is epoch seconds.

    `has_accounts`: the accounts are rows of this database. Without `has_database` the tables are in memory only, as
    nothing that is configured needs one: they aren't to be offered to operators. `stores` is for reading; changes are
    made by the methods here and those of `accounts` and `routes`. `pause` is as in Routes.
    """

    def __init__(
        self,
        stores: Stores,
        announcements: Announcements,
        clock: Callable[[], float],
        has_accounts: bool = True,
        has_database: bool = True,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        accounts = stores.accounts if has_accounts else None
        self.stores = stores
        self.has_database = has_database
        self.accounts = Accounts(stores.accounts, stores.credit, announcements, clock)
        self.routes = Routes(stores.routes, accounts, announcements, clock, pause)
        self._clock = clock

    def purge_queue(self, actor: Actor, system_id: str) -> int:
        """Delete all stored messages of an account; return how many. Raises DatabaseUnavailable. May yield."""
        note = AuditNote(actor, self._clock(), "purge", f"queue of {system_id}")
        return self.stores.queue.purge(system_id, note)

    def upgrade_schema(self, actor: Actor) -> Sequence[str]:
        """Add the optional columns that the user table lacks; return their names.

        Raises DatabaseUnavailable and NotPossible. May yield.
        """
        return self.stores.schema.add_missing(AuditNote(actor, self._clock(), "upgrade", "schema"))

    def note(self, actor: Actor, operation: str, subject: str, after: object = None) -> None:
        """Write an audit entry about a change of the running server. May yield.

        Such a change is made while the database is away, too, or without one; it is in the log only then.
        """
        if not self.has_database:
            return
        try:
            self.stores.audit.write(AuditNote(actor, self._clock(), operation, subject), None, after)
        except (DatabaseUnavailable, NotPossible) as error:
            logger.warning("No audit entry for %s of %s by %s: %s", operation, subject, actor.username, error)
