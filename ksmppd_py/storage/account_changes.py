"""Rows of the user table as operators change them (docs/accounts.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, MetaData, Table, bindparam, func, select

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.management.errors import AlreadyExists, NotFound, NotPossible, Outdated
from ksmppd_py.management.records import AccountQuery, AccountRecord, AuditNote, Setting, Settings
from ksmppd_py.management.rules import ACCOUNT_COLUMNS
from ksmppd_py.model import costs
from ksmppd_py.storage.audit import AuditTable
from ksmppd_py.storage.credit_log import CreditLog
from ksmppd_py.storage.database import Database, Statement, StatementRefused, Transaction, compile_statement
from ksmppd_py.storage.keyset import key_values, page_of
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.passwords import password_hash, read_column
from ksmppd_py.storage.schema import OPTIONAL_USER_COLUMNS, SECOND_PASSWORD, SECOND_PASSWORD_UNTIL
from ksmppd_py.storage.transact import transact
from ksmppd_py.storage.values import Value, cost_of, integer, name, octets, real

_SECOND_COLUMNS = (SECOND_PASSWORD, SECOND_PASSWORD_UNTIL)
_SUSPENDED = b"!"


def _flag(value: Any) -> bool:
    return integer(value) != 0


def _or_none(read: Callable[[Any], Setting]) -> Callable[[Any], Setting]:
    return lambda value: None if value is None else read(value)


def _cost(value: Any) -> float | None:
    cost = cost_of(value)
    return cost if costs.is_usable(cost) else None


_TEXT = ("default_smsc", "callback_url", "connect_allow_ip", "alt_charset", "dlr_profile")
_READERS: dict[str, Callable[[Any], Setting]] = {
    **{column: _or_none(integer) for column in ACCOUNT_COLUMNS},
    **dict.fromkeys(_TEXT, name),
    "throughput": real,
    "default_cost": _cost,
    "enable_prepaid_billing": _flag,
    "simulate": _flag,
    "switch_dlr_addr": _or_none(_flag),
}
_LISTED_NUMBERS = ("throughput", "default_cost", "enable_prepaid_billing", "credit", "max_binds", "simulate")


class AccountChanges:
    """Implements management.ports.AccountStore."""

    def __init__(self, database: Database, layout: Layout, audit: AuditTable, credit_log: CreditLog) -> None:
        routes = layout.tables.route
        user = self._user = _with_optional(layout)
        self._database = database
        self._layout = layout
        self._audit = audit
        self._credit_log = credit_log
        self.columns = frozenset(column for column in ACCOUNT_COLUMNS if layout.has(user, column))
        self._has_second = all(layout.has(user, column) for column in _SECOND_COLUMNS)
        self._read = ["system_id", "password", "credit", *sorted(self.columns)]
        self._read += _SECOND_COLUMNS if self._has_second else ()
        self._selected = [layout.read(user, column) for column in self._read]
        self._mine = layout.equals(user.c.system_id, bindparam("id"))
        one = select(*self._selected).where(self._mine)
        self._one = self._compile(one)
        self._locked = self._compile(one.with_for_update())
        self._delete = self._compile(user.delete().where(self._mine))
        self._delete_routes = self._compile(
            routes.delete().where(layout.equals(routes.c.system_id, bindparam("id")))
        )

    def _compile(self, clause: Any) -> Statement:
        return compile_statement(clause, self._database.dialect)

    def page(self, query: AccountQuery) -> list[AccountRecord]:
        """See AccountStore."""
        user = self._user
        column = user.c[query.sort]
        number = query.sort in _LISTED_NUMBERS
        order: list[tuple[ColumnElement[Any], bool]] = [(column, query.descending)] if number else []
        order.append((self._layout.in_lower_case(user.c.system_id), query.descending and not number))
        statement = page_of(select(*self._selected), order, query.page.limit, query.page.after)
        values = key_values(query.page.after)
        if query.search:
            pattern = "".join(f"!{char}" if char in "!%_" else char for char in query.search.lower())
            values["pattern"] = f"%{pattern}%"
            statement = statement.where(func.lower(user.c.system_id).like(bindparam("pattern"), escape="!"))
        rows = self._database.execute(self._compile(statement), values, repeatable=True).rows
        return [self._record(row) for row in rows]

    def get(self, system_id: str) -> AccountRecord:
        """See AccountStore."""
        rows = self._database.execute(self._one, {"id": system_id}, repeatable=True).rows
        return self._record(self._only(rows, system_id))

    def add(
        self, system_id: str, settings: Settings, password: bytes, credit: float, note: AuditNote
    ) -> AccountRecord:
        """See AccountStore."""
        self._audit.need()
        if credit:
            self._credit_log.need()
        columns = {
            **settings,
            "system_id": system_id,
            "password": password_hash(password).decode("ascii"),
            "credit": credit,
        }
        insert = self._compile(self._user.insert().values(self._parameters(columns)))

        def work(transaction: Transaction) -> AccountRecord:
            # Not locked: InnoDB would lock the gap, and two new accounts would wait for each other.
            if transaction.execute(self._one, {"id": system_id}).rows:
                raise AlreadyExists("there is an account with this system_id", "system_id")
            transaction.execute(insert, _values(columns))
            account = self._record(
                self._only(transaction.execute(self._one, {"id": system_id}).rows, system_id)
            )
            self._audit.add(transaction, note, None, {**account.settings, "credit": credit})
            if credit:
                self._credit_log.add(transaction, note, system_id, credit, credit, "initial credit", "")
            return account

        try:
            return transact(self._database, work)
        except StatementRefused:
            if self._exists(system_id):  # another one inserted it meanwhile
                raise AlreadyExists("there is an account with this system_id", "system_id") from None
            raise

    def change(self, system_id: str, settings: Settings, version: str, note: AuditNote) -> AccountRecord:
        """See AccountStore."""
        if not settings:
            return self.get(system_id)
        return self._change(system_id, settings, lambda _: settings, version, note)

    def remove(self, system_id: str, version: str, note: AuditNote) -> None:
        """See AccountStore."""
        self._audit.need()

        def work(transaction: Transaction) -> None:
            _row, account = self._lock(transaction, system_id, version)
            transaction.execute(self._delete, {"id": system_id})
            transaction.execute(self._delete_routes, {"id": system_id})
            self._audit.add(transaction, note, {**account.settings, "credit": account.credit}, None)

        transact(self._database, work)

    def set_password(
        self, system_id: str, password: bytes, former_until: float | None, version: str, note: AuditNote
    ) -> AccountRecord:
        """See AccountStore."""
        if former_until is not None and not self._has_second:
            names = " and ".join(_SECOND_COLUMNS)
            raise NotPossible(
                f"the user table has no columns {names}; a schema upgrade and a restart add them",
                "keep_former_for",
            )

        def new_values(row: Mapping[str, Any]) -> dict[str, Setting]:
            former = octets(row["password"]) or b""
            suspended = former.startswith(_SUSPENDED)
            new = (_SUSPENDED if suspended else b"") + password_hash(password)
            changed: dict[str, Setting] = {"password": new.decode("ascii")}
            if self._has_second:
                keep = former_until is not None
                changed[SECOND_PASSWORD] = former.lstrip(_SUSPENDED).decode("latin-1") if keep else None
                changed[SECOND_PASSWORD_UNTIL] = int(former_until or 0) if keep else None
            return changed

        columns = ["password", *(_SECOND_COLUMNS if self._has_second else ())]
        return self._change(system_id, columns, new_values, version, note)

    def set_suspended(self, system_id: str, suspended: bool, version: str, note: AuditNote) -> AccountRecord:
        """See AccountStore."""

        limit = self._layout.limits(self._user).get("password")

        def new_values(row: Mapping[str, Any]) -> dict[str, Setting]:
            stored = octets(row["password"]) or b""
            if stored.startswith(_SUSPENDED) == suspended:
                return {}
            if not suspended:
                return {"password": stored[1:].decode("latin-1")}
            marked = _SUSPENDED + stored
            if limit is not None and not limit.holds(marked):
                raise NotPossible(
                    f"the column password has no room for a `!` before {len(stored)} characters"
                )
            return {"password": marked.decode("latin-1")}

        try:
            return self._change(system_id, ["password"], new_values, version, note)
        except StatementRefused as error:
            if suspended and self._database.dialect.name == "postgresql":  # which tells no limit before
                raise NotPossible(f"the column password has no room for a `!`: {error}") from error
            raise

    def _change(
        self,
        system_id: str,
        columns: Collection[str],
        new_values: Callable[[Mapping[str, Any]], Settings],
        version: str,
        note: AuditNote,
    ) -> AccountRecord:
        """Set columns to what `new_values` makes of the row; nothing when that is empty. It runs in SQLite's thread."""
        self._audit.need()
        update = self._compile(self._user.update().where(self._mine).values(self._parameters(columns)))

        def work(transaction: Transaction) -> AccountRecord:
            row, before = self._lock(transaction, system_id, version)
            values = new_values(row)
            if not values:
                return before
            transaction.execute(update, {"id": system_id, **_values(values)})
            after = self._record(
                self._only(transaction.execute(self._one, {"id": system_id}).rows, system_id)
            )
            self._audit.add(transaction, note, *_difference(before, after))
            return after

        return transact(self._database, work)

    def _lock(
        self, transaction: Transaction, system_id: str, version: str
    ) -> tuple[dict[str, Any], AccountRecord]:
        row = self._only(transaction.execute(self._locked, {"id": system_id}).rows, system_id)
        account = self._record(row)
        if version and version != account.version:
            raise Outdated("the account was changed since it was read")
        return dict(zip(self._read, row, strict=True)), account

    def _exists(self, system_id: str) -> bool:
        try:
            self.get(system_id)
        except (NotFound, DatabaseUnavailable):
            return False
        return True

    @staticmethod
    def _parameters(columns: Collection[str]) -> dict[str, Any]:
        return {column: bindparam(f"v_{column}") for column in columns}

    @staticmethod
    def _only(rows: Sequence[Sequence[Any]], system_id: str) -> Sequence[Any]:
        """Return the row of exactly this name: a collation may take e for é."""
        for row in rows:
            if (name(row[0]) or "").lower() == system_id:
                return row
        raise NotFound(f"there is no account {system_id}")

    def _record(self, row: Sequence[Any]) -> AccountRecord:
        values = dict(zip(self._read, row, strict=True))
        settings = {column: _READERS[column](values[column]) for column in sorted(self.columns)}
        password = octets(values["password"]) or b""
        form = read_column(password.lstrip(_SUSPENDED)).form
        state = repr((settings, password, values.get(SECOND_PASSWORD), values.get(SECOND_PASSWORD_UNTIL)))
        return AccountRecord(
            system_id=(name(values["system_id"]) or "").lower(),
            settings=settings,
            credit=real(values["credit"]),
            is_suspended=password.startswith(_SUSPENDED),
            password_form=form.name.lower() if form is not None else "",
            version=hashlib.sha256(state.encode("utf-8", "surrogateescape")).hexdigest()[:32],
            has_second_password=bool(values.get(SECOND_PASSWORD)),
        )


def _with_optional(layout: Layout) -> Table:
    """Return the user table with those optional columns that it has."""
    table = layout.tables.user.to_metadata(MetaData())
    for column, kind in OPTIONAL_USER_COLUMNS.items():
        if layout.has(layout.tables.user, column):
            table.append_column(Column(column, kind))
    return table


def _values(columns: Settings | Mapping[str, Any]) -> dict[str, Value]:
    """Return parameters; flags are 0 and 1."""
    return {
        f"v_{column}": int(value) if isinstance(value, bool) else value for column, value in columns.items()
    }


def _difference(before: AccountRecord, after: AccountRecord) -> tuple[object, object]:
    """Return what changed, before and after. Of a password only that it changed."""
    changed = [key for key in after.settings if before.settings.get(key) != after.settings[key]]
    old: dict[str, object] = {key: before.settings.get(key) for key in changed}
    new: dict[str, object] = {key: after.settings[key] for key in changed}
    if before.is_suspended != after.is_suspended:
        old["suspended"], new["suspended"] = before.is_suspended, after.is_suspended
    if before.has_second_password != after.has_second_password:
        old["second_password"], new["second_password"] = before.has_second_password, after.has_second_password
    return old, new
