"""The operations below /accounts: settings, password, credit and queue of one account. Errors: see Operation."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ksmppd_py.admin.api import models
from ksmppd_py.admin.api.operation import Answer, Backend, Call, Operation
from ksmppd_py.admin.api.paging import PageQuery, cut, page_of
from ksmppd_py.admin.api.problems import Problem
from ksmppd_py.admin.users import Role
from ksmppd_py.management.accounts import SORTS
from ksmppd_py.management.records import AccountQuery, AccountRecord, CreditChange, CreditEntry, Saved
from ksmppd_py.model.esme import BindSnapshot, EsmeSnapshot

BIND_TYPES = {1: "transmitter", 2: "receiver", 3: "transceiver"}


class AccountsQuery(PageQuery):
    """A selection of accounts and their order."""

    search: str = Field("", max_length=64, pattern="^[ -~]*$", description="a part of the system_id")
    sort: str = Field(
        "system_id", description=f"one of {', '.join(SORTS)}", json_schema_extra={"enum": [*SORTS]}
    )
    descending: bool = False


class PurgeQuery(models.Model, strict=False):
    """The confirmation of what can't be undone."""

    confirm: str = Field(description="the account's system_id, once more")


def esmes_of(backend: Backend) -> dict[str, EsmeSnapshot]:
    """Return the accounts that bound since the start, by system_id."""
    return {esme.system_id: esme for esme in backend.operations.snapshot().esmes}


def _traffic(esme: EsmeSnapshot | None) -> models.Traffic:
    if esme is None:
        return models.Traffic()
    return models.Traffic(
        binds=len(esme.binds),
        inbound_rate=esme.inbound_load[2],
        outbound_rate=esme.outbound_load[2],
        mt=esme.mt,
        mo=esme.mo,
        dlr=esme.dlr,
        errors=esme.errors,
    )


def bind_of(system_id: str, bind: BindSnapshot) -> models.Bind:
    """Return a bind as the API shows it."""
    return models.Bind(
        bind_id=bind.bind_id,
        system_id=system_id,
        bind_type=BIND_TYPES.get(bind.bind_type, "unbound"),
        ip=bind.ip,
        uptime=bind.uptime,
        open_acks=bind.open_acks,
        inbound_rate=bind.inbound_load,
        outbound_rate=bind.outbound_load,
        mt=bind.mt,
        mo=bind.mo,
        dlr=bind.dlr,
        errors=bind.errors,
    )


def _fields(account: AccountRecord, esme: EsmeSnapshot | None) -> dict[str, Any]:
    return {
        **account.settings,
        "system_id": account.system_id,
        "credit": account.credit,
        "suspended": account.is_suspended,
        "password_form": account.password_form,
        "second_password": account.has_second_password,
        "traffic": _traffic(esme),
    }


def _account(backend: Backend, account: AccountRecord) -> Answer:
    esme = esmes_of(backend).get(account.system_id)
    return Answer(models.Account.model_construct(**_fields(account, esme)), account.version)


def _saved(backend: Backend, saved: Saved, location: str = "") -> Answer:
    esme = esmes_of(backend).get(saved.account.system_id)
    result = models.SavedAccount.model_construct(
        **_fields(saved.account, esme), password=saved.password or None, warnings=list(saved.warnings)
    )
    return Answer(result, saved.account.version, location)


def list_accounts(backend: Backend, call: Call) -> Answer:
    """Return a page of accounts, with the number of their binds and their traffic. May yield."""
    query: AccountsQuery = call.query
    kinds = (str,) if query.sort == "system_id" else (float, str)
    page = page_of(query, *kinds)
    rows = backend.management.accounts.page(AccountQuery(page, query.search, query.sort, query.descending))

    def key(row: AccountRecord) -> list[object]:
        if query.sort == "system_id":
            return [row.system_id]
        value = row.credit if query.sort == "credit" else row.settings[query.sort]
        return [int(value) if isinstance(value, bool) else value, row.system_id]

    rows, following = cut(rows, query, key)
    esmes = esmes_of(backend)
    items = [models.Account.model_construct(**_fields(row, esmes.get(row.system_id))) for row in rows]
    return Answer(models.Accounts.model_construct(items=items, next=following))


def create_account(backend: Backend, call: Call) -> Answer:
    """Create an account; its password is in the answer if it was generated. May yield."""
    body: models.NewAccount = call.body
    settings = body.model_dump(exclude_unset=True, exclude={"system_id", "password", "credit"})
    saved = backend.management.accounts.create(
        call.actor, body.system_id, settings, body.password, body.credit
    )
    return _saved(backend, saved, f"/accounts/{body.system_id}")


def get_account(backend: Backend, call: Call) -> Answer:
    """Return one account with its traffic and binds. May yield."""
    account = backend.management.accounts.get(call.path["system_id"])
    esme = esmes_of(backend).get(account.system_id)
    binds = [bind_of(account.system_id, bind) for bind in esme.binds] if esme else []
    return Answer(
        models.AccountDetails.model_construct(**_fields(account, esme), binds=binds), account.version
    )


def change_account(backend: Backend, call: Call) -> Answer:
    """Set those columns of an account that the body has. May yield."""
    settings = call.body.model_dump(exclude_unset=True)
    account = backend.management.accounts.change(call.actor, call.path["system_id"], settings, call.version)
    return _account(backend, account)


def delete_account(backend: Backend, call: Call) -> Answer:
    """Delete an account and its routes, and end its binds. May yield."""
    backend.management.accounts.delete(call.actor, call.path["system_id"], call.version)
    return Answer()


def set_password(backend: Backend, call: Call) -> Answer:
    """Set an account's password, or generate one, which is then in the answer. Binds stay. May yield."""
    body: models.NewPassword = call.body
    accounts = backend.management.accounts
    system_id = call.path["system_id"]
    return _saved(
        backend,
        accounts.set_password(call.actor, system_id, body.password, body.keep_former_for, call.version),
    )


def suspend(backend: Backend, call: Call) -> Answer:
    """Refuse an account's passwords from now on, and end its binds. May yield."""
    accounts = backend.management.accounts
    return _account(backend, accounts.set_suspended(call.actor, call.path["system_id"], True, call.version))


def resume(backend: Backend, call: Call) -> Answer:
    """Accept a suspended account's password again. May yield."""
    accounts = backend.management.accounts
    return _account(backend, accounts.set_suspended(call.actor, call.path["system_id"], False, call.version))


def change_credit(backend: Backend, call: Call) -> Answer:
    """Add credits to an account, or take them if `amount` is negative; once for each Idempotency-Key. May yield."""
    body: models.CreditChange = call.body
    change = CreditChange(call.path["system_id"], body.amount, body.reason, call.key)
    result = backend.management.accounts.change_credit(call.actor, change)
    entry = result.entry
    return Answer(models.Credit(credit=entry.credit, entry_id=entry.entry_id, repeated=result.is_repeated))


def get_credit(backend: Backend, call: Call) -> Answer:
    """Return the credit of an account and a page of its changes, newest first. May yield."""
    account = backend.management.accounts.get(call.path["system_id"])
    rows = backend.management.stores.credit.page(account.system_id, page_of(call.query, int))
    rows, following = cut(rows, call.query, lambda row: [row.entry_id])
    items = list(map(_credit_entry, rows))
    return Answer(models.CreditLog.model_construct(credit=account.credit, items=items, next=following))


def _credit_entry(entry: CreditEntry) -> models.CreditEntry:
    return models.CreditEntry(
        entry_id=entry.entry_id,
        time=entry.time,
        username=entry.username,
        address=entry.address,
        amount=entry.amount,
        credit=entry.credit,
        reason=entry.reason,
    )


def get_queue(backend: Backend, call: Call) -> Answer:
    """Return a page of the stored messages for or from an account, oldest first, and their count. May yield."""
    account = backend.management.accounts.get(call.path["system_id"])
    queue = backend.management.stores.queue
    rows = queue.page(account.system_id, page_of(call.query, int))
    rows, following = cut(rows, call.query, lambda row: [row.row_id])
    count, oldest = queue.count(account.system_id)
    items = [
        models.Message(
            row_id=row.row_id,
            queue=row.queue,
            time=row.time,
            sender=row.sender,
            receiver=row.receiver,
            message_id=row.message_id,
        )
        for row in rows
    ]
    return Answer(models.Queue(count=count, oldest=oldest or None, items=items, next=following))


def purge_queue(backend: Backend, call: Call) -> Answer:
    """Delete all stored messages for or from an account; Problem 422 without its name in `confirm`. May yield."""
    system_id = backend.management.accounts.get(call.path["system_id"]).system_id
    if call.query.confirm != system_id:
        raise Problem(422, "must be the account's system_id: what is deleted doesn't come back", "confirm")
    return Answer(models.Purged(deleted=backend.management.purge_queue(call.actor, system_id)))


_ONE = "/accounts/{system_id}"

OPERATIONS = (
    Operation(
        method="GET",
        path="/accounts",
        role=Role.VIEWER,
        summary="List accounts",
        run=list_accounts,
        query=AccountsQuery,
        result=models.Accounts,
    ),
    Operation(
        method="POST",
        path="/accounts",
        role=Role.ADMIN,
        summary="Create an account",
        description="It may bind at once. Without `password` one is generated, and is in the answer this once.",
        run=create_account,
        status=201,
        body=models.NewAccount,
        result=models.SavedAccount,
        has_version=True,
        problems=(409,),
    ),
    Operation(
        method="GET",
        path=_ONE,
        role=Role.VIEWER,
        summary="Show an account, its binds and its traffic",
        run=get_account,
        result=models.AccountDetails,
        has_version=True,
    ),
    Operation(
        method="PATCH",
        path=_ONE,
        role=Role.ADMIN,
        summary="Change settings of an account",
        description="Fields that aren't given stay as they are. The change holds for live binds, too.",
        run=change_account,
        body=models.AccountSettings,
        result=models.Account,
        has_version=True,
        takes_version=True,
    ),
    Operation(
        method="DELETE",
        path=_ONE,
        role=Role.ADMIN,
        summary="Delete an account with its routes",
        description="Its binds are ended. Messages that wait for it stay; purge its queue before, if they shall go.",
        run=delete_account,
        status=204,
        takes_version=True,
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/password",
        role=Role.ADMIN,
        summary="Set or generate a password",
        description="Live binds stay. `keep_former_for` needs two optional columns of the user table.",
        run=set_password,
        body=models.NewPassword,
        result=models.SavedAccount,
        has_version=True,
        takes_version=True,
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/suspend",
        role=Role.OPERATOR,
        summary="Suspend an account",
        description="No password matches, and live binds are ended. The C daemon refuses the account, too.",
        run=suspend,
        result=models.Account,
        has_version=True,
        takes_version=True,
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/resume",
        role=Role.OPERATOR,
        summary="Let a suspended account bind again",
        run=resume,
        result=models.Account,
        has_version=True,
        takes_version=True,
    ),
    Operation(
        method="GET",
        path=f"{_ONE}/credit",
        role=Role.VIEWER,
        summary="Show the credit and its changes, newest first",
        run=get_credit,
        query=PageQuery,
        result=models.CreditLog,
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/credit",
        role=Role.OPERATOR,
        summary="Add credit, or take it",
        description="A repeated request with the same `Idempotency-Key` changes nothing and gets the same answer.",
        run=change_credit,
        body=models.CreditChange,
        result=models.Credit,
        takes_key=True,
        problems=(409,),
    ),
    Operation(
        method="GET",
        path=f"{_ONE}/queue",
        role=Role.VIEWER,
        summary="Show the messages that wait for or from an account, oldest first",
        run=get_queue,
        query=PageQuery,
        result=models.Queue,
    ),
    Operation(
        method="DELETE",
        path=f"{_ONE}/queue",
        role=Role.OPERATOR,
        summary="Delete the messages that wait for or from an account",
        run=purge_queue,
        query=PurgeQuery,
        result=models.Purged,
    ),
)
