"""Changes of accounts and their credit: each is checked, written with its audit, and announced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ksmppd_py.management.errors import InvalidValue
from ksmppd_py.management.ports import AccountStore, Announcements, CreditStore
from ksmppd_py.management.records import (
    AccountQuery,
    AccountRecord,
    Actor,
    AuditNote,
    CreditChange,
    CreditResult,
    Saved,
    Settings,
)
from ksmppd_py.management.rules import (
    ACCOUNT_COLUMNS,
    check_amount,
    check_password,
    check_row,
    check_system_id,
    generate_password,
)

SORTS = (
    "system_id",
    "throughput",
    "default_cost",
    "enable_prepaid_billing",
    "credit",
    "max_binds",
    "simulate",
)
"""Columns by which accounts can be sorted; none of them holds NULL."""
MOST_FORMER = 90 * 86_400
"""Seconds that a former password can stay valid."""


class Accounts:
    """Changes accounts. `clock` is epoch seconds.

    Every method may yield and raises DatabaseUnavailable, or ChangeRefused when nothing was changed: InvalidValue for a
    value, NotFound without the account, Outdated when the row has another version than a given one.
    """

    def __init__(
        self,
        store: AccountStore,
        credit: CreditStore,
        announcements: Announcements,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._credit = credit
        self._announcements = announcements
        self._clock = clock

    def page(self, query: AccountQuery) -> Sequence[AccountRecord]:
        """Return a page of accounts. Raises InvalidValue for a column that can't be sorted by."""
        if query.sort not in SORTS:
            raise InvalidValue(f"must be one of {', '.join(SORTS)}", "sort")
        return self._store.page(query)

    def get(self, system_id: str) -> AccountRecord:
        """Return an account. Raises NotFound."""
        return self._store.get(system_id)

    def create(
        self, actor: Actor, system_id: str, settings: Settings, password: str | None, credit: float = 0.0
    ) -> Saved:
        """Insert an account; with `password` None one is generated, and returned this once. Raises AlreadyExists."""
        check_system_id(system_id)
        chosen, generated, warnings = _password(password)
        if credit:
            credit = check_amount(credit, "initial credit", "")
        columns = check_row(ACCOUNT_COLUMNS, self._store.columns, settings, whole=True)
        note = self._note(actor, "create", system_id)
        account = self._store.add(system_id, columns, chosen, credit, note)
        self._announcements.account_changed(system_id)
        return Saved(account, warnings, generated)

    def change(self, actor: Actor, system_id: str, settings: Settings, version: str = "") -> AccountRecord:
        """Set the columns in `settings`; the others stay. Live binds take the change, too."""
        columns = check_row(ACCOUNT_COLUMNS, self._store.columns, settings)
        account = self._store.change(system_id, columns, version, self._note(actor, "change", system_id))
        self._announcements.account_changed(system_id)
        return account

    def delete(self, actor: Actor, system_id: str, version: str = "") -> None:
        """Delete an account with its routes, and end its binds. Messages that wait stay."""
        self._store.remove(system_id, version, self._note(actor, "delete", system_id))
        self._announcements.account_changed(system_id)
        self._announcements.routes_changed([system_id], inbound=True)

    def set_password(
        self, actor: Actor, system_id: str, password: str | None, former_for: int = 0, version: str = ""
    ) -> Saved:
        """Set a password, or generate one if it is None; the former one stays valid for `former_for` seconds."""
        if not 0 <= former_for <= MOST_FORMER:
            raise InvalidValue(f"must be from 0 to {MOST_FORMER} seconds", "keep_former_for")
        chosen, generated, warnings = _password(password)
        until = self._clock() + former_for if former_for else None
        note = self._note(actor, "password", system_id)
        return Saved(self._store.set_password(system_id, chosen, until, version, note), warnings, generated)

    def set_suspended(
        self, actor: Actor, system_id: str, suspended: bool, version: str = ""
    ) -> AccountRecord:
        """Suspend an account: no password matches and its binds are ended. False: let the password match again."""
        note = self._note(actor, "suspend" if suspended else "resume", system_id)
        account = self._store.set_suspended(system_id, suspended, version, note)
        self._announcements.account_changed(system_id)
        return account

    def change_credit(self, actor: Actor, change: CreditChange) -> CreditResult:
        """Add to an account's credit, or take from it. It holds at once: charges are made in the table."""
        amount = check_amount(change.amount, change.reason, change.key)
        return self._credit.change(
            replace(change, amount=amount), self._note(actor, "credit", change.system_id)
        )

    def _note(self, actor: Actor, operation: str, system_id: str) -> AuditNote:
        return AuditNote(actor, self._clock(), operation, f"account {system_id}")


def _password(password: str | None) -> tuple[bytes, str, list[str]]:
    """Return the octets of a password, the generated one where none is given, and warnings. Raises InvalidValue."""
    generated = "" if password is not None else generate_password()
    chosen = generated or password or ""
    warnings = check_password(chosen)
    return chosen.encode("utf-8", "surrogatepass"), generated, warnings
