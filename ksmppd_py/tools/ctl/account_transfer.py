"""ksmppctl account export, import: all customers in a file, and the changes that a file asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from ksmppd_py.admin.api.models import AccountSettings, Password, SystemId
from ksmppd_py.tools.ctl.api_client import ApiClient, path_of
from ksmppd_py.tools.ctl.errors import NO_ANSWER, REFUSED, ApiProblem, CtlError
from ksmppd_py.tools.ctl.options import Command, Context, pass_context
from ksmppd_py.tools.ctl.output import confirm, plain, print_json, print_table
from ksmppd_py.tools.ctl.transfer import (
    Row,
    export_options,
    import_options,
    read_rows,
    refuse,
    write_rows,
)

SETTINGS = tuple(AccountSettings.model_fields)
CREATE, CHANGE = "create", "change"


class AccountRow(AccountSettings):
    """A row of an import. `credit` is that of a new account only; an empty password of one is generated."""

    system_id: SystemId = ""
    password: Password = ""
    credit: float = 0
    suspended: bool = False


@dataclass(slots=True)
class AccountChange:
    """The difference between a row and the account. `before` are the account's present settings."""

    row: Row
    operation: str
    before: dict[str, Any] = field(default_factory=dict)
    version: str = ""

    @property
    def system_id(self) -> str:
        """Return the account's name."""
        return str(self.row.values["system_id"])

    @property
    def settings(self) -> dict[str, Any]:
        """Return the settings to be written."""
        values = self.row.values
        given = {name: values[name] for name in SETTINGS if name in values}
        if self.operation == CREATE:
            return given
        return {
            name: value for name, value in given.items() if (self.before[name] or None) != (value or None)
        }

    @property
    def suspended(self) -> bool | None:
        """Return whether to suspend or resume it; None = neither."""
        wanted = self.row.values.get("suspended")
        return wanted if wanted is not None and wanted != self.before.get("suspended", False) else None

    @property
    def is_needed(self) -> bool:
        """Whether anything is to be done."""
        return self.operation == CREATE or bool(
            self.settings or self.row.values.get("password") or self.suspended is not None
        )

    def words(self) -> str:
        """Return the change for people, without the password."""
        if self.operation == CREATE:
            found = [f"{name} {plain(value)}" for name, value in self.settings.items() if value]
        else:
            found = [
                f"{name} {plain(self.before[name]) or '(none)'} -> {plain(value) or '(none)'}"
                for name, value in self.settings.items()
            ]
        if self.row.values.get("password"):
            found.append("password")
        if self.suspended is not None:
            found.append("suspend" if self.suspended else "resume")
        return ", ".join(found)


@click.command("export", cls=Command)
@export_options
@pass_context
def export_accounts(common: Context, file: str, kind: str | None) -> None:
    """Write all accounts into FILE (standard output without one), without passwords."""
    accounts = list(common.api.items("/accounts"))
    for each in accounts:
        if each["default_cost"] is None:
            text = "its default_cost is no usable number; correct it first"
            raise CtlError(f"account {each['system_id']}: {text}", REFUSED)
    write_rows(file, kind, ("system_id", *SETTINGS, "credit", "suspended"), accounts)


@click.command("import", cls=Command)
@import_options
@pass_context
def import_accounts(common: Context, file: str, kind: str | None, dry_run: bool, yes: bool) -> None:
    """Create and change accounts as FILE (- is standard input) has them; the plan is shown first.

    Columns that the file lacks stay as they are, and so do accounts. The credit of accounts that exist isn't changed.
    New accounts without a password get one that is printed once.
    """
    rows = read_rows(file, kind, AccountRow)
    refuse(_problems(rows))
    changes = _plan(common.api, rows)
    needed = [change for change in changes if change.is_needed]
    if dry_run and common.as_json:
        print_json([_described(change) for change in needed])
        return
    if not common.as_json:
        _show_plan(needed, len(changes))
    if dry_run or not needed:
        if common.as_json:
            print_json({"done": [], "failed": []})
        return
    confirm(f"Make these changes to {len(needed)} accounts?", yes)
    _apply(common, needed)


def _problems(rows: Sequence[Row]) -> list[str]:
    problems, seen = [], set()
    for row in rows:
        system_id = row.values.get("system_id")
        if not system_id:
            problems.append(f"{row.place}: system_id: it is missing")
        elif system_id in seen:
            problems.append(f"{row.place}: system_id: {system_id} is in the file twice")
        seen.add(system_id)
    return problems


def _plan(api: ApiClient, rows: Sequence[Row]) -> list[AccountChange]:
    known = {found["system_id"]: found for found in api.items("/accounts")}
    changes = []
    for row in rows:
        before = known.get(row.values["system_id"])
        change = AccountChange(row, CHANGE, before) if before is not None else AccountChange(row, CREATE)
        if change.operation == CHANGE and change.is_needed:
            answer = api.get(path_of("accounts", change.system_id))  # its version, and the row that has it
            change = AccountChange(row, CHANGE, answer.body, answer.version)
        changes.append(change)
    return changes


def _show_plan(needed: Sequence[AccountChange], total: int) -> None:
    if needed:
        print_table(
            ("account", "operation", "settings"),
            [(change.system_id, change.operation, change.words()) for change in needed],
        )
    click.echo(f"{len(needed)} of {total} accounts differ")


def _described(change: AccountChange) -> dict[str, Any]:
    return {
        "system_id": change.system_id,
        "operation": change.operation,
        "settings": change.settings,
        "password": bool(change.row.values.get("password")) or change.operation == CREATE,
        "suspended": change.suspended,
    }


def _apply(common: Context, changes: Sequence[AccountChange]) -> None:
    """Make the changes one by one; those that the server refuses are named, and the others made."""
    done: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    stopped: CtlError | None = None
    for change in changes:
        try:
            password = _make(common.api, change)
            done.append({"system_id": change.system_id, "operation": change.operation, "password": password})
            if password and not common.as_json:
                click.echo(f"account {change.system_id}: password {password}  (it isn't shown again)")
        except CtlError as error:
            failed.append({"place": change.row.place, "system_id": change.system_id, "reason": str(error)})
            if not isinstance(error, ApiProblem) or error.exit_code != REFUSED:
                stopped = error
                break
    if common.as_json:
        print_json({"done": done, "failed": failed})
    else:
        click.echo(f"{len(done)} accounts are as the file has them")
    for each in failed[:-1]:
        click.echo(f"ksmppctl: {each['place']}: {each['reason']}", err=True)
    if failed:
        code = stopped.exit_code if stopped else REFUSED
        left = len(changes) - len(done)
        text = f"{failed[-1]['place']}: {failed[-1]['reason']}; {left} of {len(changes)} weren't changed"
        raise CtlError(text, code)


def _make(api: ApiClient, change: AccountChange) -> str | None:
    """Make one change. Returns the generated password, if there is one."""
    values, path = change.row.values, path_of("accounts", change.system_id)
    generated: str | None = None
    if change.operation == CREATE:
        body = {"system_id": change.system_id, **change.settings}
        body |= {name: values[name] for name in ("password", "credit") if values.get(name)}
        generated = api.send("POST", "/accounts", body).body["password"]
    else:
        if change.settings:
            api.send("PATCH", path, change.settings, version=change.version)
        if values.get("password"):
            api.send("POST", f"{path}/password", {"password": values["password"]})
    if change.suspended is not None:
        try:
            api.send("POST", f"{path}/{'suspend' if change.suspended else 'resume'}")
        except CtlError as error:
            if not generated:
                raise
            click.echo(f"account {change.system_id}: password {generated}  (it isn't shown again)", err=True)
            raise CtlError(f"it was created, but not suspended: {error}", NO_ANSWER) from None
    return generated
