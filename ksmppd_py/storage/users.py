"""Accounts for binds (docs/rules/database.md 5), and their credit (docs/rules/flows.md 8)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from sqlalchemy import bindparam, select

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.logs import EACH
from ksmppd_py.model import costs
from ksmppd_py.model.account import Account, AccountRow, Simulation
from ksmppd_py.storage.bcrypt_checks import BcryptChecks
from ksmppd_py.storage.database import Database, Transaction, compile_statement
from ksmppd_py.storage.group_commit import GroupCommit
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.passwords import Form, Stored, read_column, takes
from ksmppd_py.storage.schema import OPTIONAL_USER_COLUMNS, SECOND_PASSWORD, SECOND_PASSWORD_UNTIL
from ksmppd_py.storage.values import Value, cost_of, integer, name, octets, real, shown

logger = logging.getLogger(__name__)

_MOST_NAMESAKES = 16
_WAITING_CHARGES = 10_000
_CHARGES_AT_ONCE = 1_000
_MILLION = 1_000_000
MOST_LOGGED = 1000
"""Accounts for which it is remembered that an unusable password column was logged."""


class DatabaseAuthenticator:
    """Implements ports.Authenticator on the user table."""

    def __init__(
        self,
        database: Database,
        layout: Layout,
        checks: BcryptChecks | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` is epoch seconds."""
        user = layout.tables.user
        self._clock = clock
        self._database = database
        self._checks = checks or BcryptChecks()
        self._logged: dict[str, str] = {}
        self._columns = [column.name for column in user.c]
        self._columns += [column for column in OPTIONAL_USER_COLUMNS if layout.has(user, column)]
        self._select = compile_statement(
            select(*(layout.read(user, column) for column in self._columns))
            .where(layout.equals(user.c.system_id, bindparam("id")))
            .limit(_MOST_NAMESAKES),
            database.dialect,
        )

    def authenticate(self, system_id: bytes, password: bytes, peer_ip: str) -> Account | None:
        """See ports.Authenticator. `peer_ip` isn't used: the caller checks the account's connect_allow_ip."""
        wanted = system_id.decode("latin-1").lower().rstrip(" ")
        problem = ""
        for row in self._rows(wanted):
            stored = read_column(octets(row["password"]))
            problem = problem or stored.problem
            if self._takes(stored, password) or self._takes_second(row, password):
                self._logged.pop(wanted, None)
                return _account(wanted, row)
        if problem:
            self._complain(wanted, problem)
        return None

    def close(self) -> None:
        """Stop checking passwords. May yield."""
        self._checks.close()

    def _takes(self, stored: Stored, password: bytes) -> bool:
        if stored.form is Form.BCRYPT:
            return self._checks.takes(stored.octets, password)
        return takes(stored, password)

    def _takes_second(self, row: Mapping[str, Any], password: bytes) -> bool:
        """Whether it is the former password of an account that isn't suspended, and still matches."""
        second = octets(row.get(SECOND_PASSWORD))
        if not second or self._clock() >= real(row.get(SECOND_PASSWORD_UNTIL)):
            return False
        return not _is_suspended(row) and self._takes(read_column(second), password)

    def _complain(self, system_id: str, problem: str) -> None:
        """Log once that no password matches a column; the refused binds alone would look like wrong passwords."""
        if self._logged.get(system_id) == problem:
            return
        self._logged[system_id] = problem
        if len(self._logged) > MOST_LOGGED:
            del self._logged[next(iter(self._logged))]
        logger.warning(
            "SMPP[%s] can't bind with any password: its password column %s", system_id, problem, extra=EACH
        )

    def current(self, system_id: str) -> Account | None:
        """Return the account's settings as they are now; None without a row. Raises DatabaseUnavailable. May yield."""
        return next((_account(system_id, row) for row in self._rows(system_id)), None)

    def row(self, system_id: str) -> AccountRow | None:
        """See ports.UserRows. A `!` before the hash suspends an account, as in /etc/shadow."""
        for row in self._rows(system_id):
            return AccountRow(_account(system_id, row), _is_suspended(row))
        return None

    def _rows(self, system_id: str) -> list[dict[str, Any]]:
        """Return the rows of exactly this name: a collation may take e for é, and a second name evades the limits."""
        reply = self._database.execute(self._select, {"id": system_id}, repeatable=True)
        rows = [dict(zip(self._columns, values, strict=True)) for values in reply.rows]
        return [row for row in rows if (name(row["system_id"]) or "").lower() == system_id]


def _is_suspended(row: Mapping[str, Any]) -> bool:
    return (octets(row["password"]) or b"").startswith(b"!")


def _account(system_id: str, row: Mapping[str, Any]) -> Account:
    switch = row.get("switch_dlr_addr")
    most_acks = row.get("max_open_acks")
    err_length = row.get("dlr_err_length")
    return Account(
        system_id=system_id,
        throughput=max(0.0, real(row["throughput"])),
        default_smsc=name(row["default_smsc"]),
        default_cost=_default_cost(system_id, row["default_cost"]),
        enable_prepaid_billing=integer(row["enable_prepaid_billing"]) != 0,
        max_binds=max(0, integer(row["max_binds"])),
        connect_allow_ip=name(row["connect_allow_ip"]),
        simulation=_simulation(row) if integer(row["simulate"]) else None,
        alt_charset=name(row.get("alt_charset")),
        switch_dlr_addr=None if switch is None else integer(switch) != 0,
        max_open_acks=integer(most_acks) or None,
        dlr_err_length=None if err_length is None else max(0, integer(err_length)),
        dlr_profile=name(row.get("dlr_profile")) or None,
    )


def _default_cost(system_id: str, value: Any) -> float:
    """Return the cost of a part by the default SMSC; UNUSABLE when the column's can't be charged (D-33)."""
    cost = cost_of(value)
    if not costs.is_usable(cost):
        logger.warning(
            "SMPP[%s] default_cost %s is no decimal number: its default SMSC takes no message",
            system_id,
            shown(value),
        )
    return cost


def _simulation(row: Mapping[str, Any]) -> Simulation:
    return Simulation(
        **{
            key: max(0, integer(row[f"simulate_{key}"]))
            for key in ("deliver_every", "mo_every", "permanent_failure_every", "temporary_failure_every")
        },
        dlr_fail_every=max(0, integer(row.get("simulate_dlr_fail"))),
    )


def _millionths(amounts: Sequence[float]) -> list[int]:
    """Return costs with the six decimals that the C daemon sends, as integers, so that tenths of credits add up."""
    return [round(amount * _MILLION) for amount in amounts]


class DatabaseCredit:
    """Implements ports.Credit on the user table.

    Calls for one account that come while another one is at the database share the next statement.
    """

    def __init__(self, database: Database, layout: Layout) -> None:
        user = layout.tables.user
        mine = layout.equals(user.c.system_id, bindparam("id"))
        credit = user.c.credit
        left = layout.round(credit - bindparam("cost"))
        dialect = database.dialect
        self._database = database
        self._charge = compile_statement(
            user.update().where(mine, credit >= bindparam("least")).values(credit=left), dialect
        )
        self._take = compile_statement(user.update().where(mine).values(credit=left), dialect)
        self._read = compile_statement(select(credit).where(mine).limit(1), dialect)
        self._lock = compile_statement(select(credit).where(mine).limit(1).with_for_update(), dialect)
        self._accounts: dict[str, GroupCommit[Sequence[float], int]] = {}

    def charge(self, system_id: str, costs: Sequence[float]) -> int:
        """See ports.Credit."""
        if not costs:
            return 0
        account = self._accounts.get(system_id)
        if account is None:
            account = self._accounts[system_id] = GroupCommit(
                "credit",
                lambda claims: self._serve(system_id, claims),
                capacity=_WAITING_CHARGES,
                batch_size=_CHARGES_AT_ONCE,
                weigh=len,
                undo=lambda claim, count: self._give_back(system_id, claim, count),
            )
        return account.call(costs)

    def balance(self, system_id: str) -> float | None:
        """See ports.Credit."""
        rows = self._database.execute(self._read, {"id": system_id}, repeatable=True).rows
        return real(rows[0][0]) if rows else None

    def refund(self, system_id: str, amount: float) -> None:
        """See ports.Credit."""
        if amount:
            self._database.execute(self._take, {"id": system_id, "cost": -amount}, repeatable=False)

    def _give_back(self, system_id: str, claim: Sequence[float], count: int) -> None:
        """Give back a charge that was made after its messages had been refused. May yield."""
        amount = sum(_millionths(claim[:count])) / _MILLION
        try:
            self.refund(system_id, amount)
        except DatabaseUnavailable:
            logger.error("%s: could not give back %f, charged too late", system_id, amount)

    def _serve(self, system_id: str, claims: Sequence[Sequence[float]]) -> list[int]:
        """Charge all of `claims` in one statement, or as much of each as the credit covers; return how many of each."""
        costs = [cost for claim in claims for cost in claim]
        if not any(costs):
            rows = self._database.execute(self._read, {"id": system_id}, repeatable=True).rows
            covered = bool(rows) and real(rows[0][0]) >= 0
            return [len(claim) if covered else 0 for claim in claims]
        exact = _millionths(costs)
        values: dict[str, Value] = {
            "id": system_id,
            "cost": sum(exact) / _MILLION,
            "least": max(accumulate(exact)) / _MILLION,  # covers each of them in turn
        }
        if self._database.execute(self._charge, values, repeatable=False).matched:
            return [len(claim) for claim in claims]
        return self._database.transaction(lambda transaction: self._fit(transaction, system_id, claims))

    def _fit(self, transaction: Transaction, system_id: str, claims: Sequence[Sequence[float]]) -> list[int]:
        """Charge as much of each claim as the credit covers, with the row locked."""
        rows = transaction.execute(self._lock, {"id": system_id}).rows
        if not rows:
            return [0] * len(claims)
        (before,) = _millionths([real(rows[0][0])])
        credit = before
        counts = []
        for claim in claims:
            count = 0
            for cost in _millionths(claim):
                if credit < cost:
                    break
                credit -= cost
                count += 1
            counts.append(count)
        if credit != before:
            transaction.execute(self._take, {"id": system_id, "cost": (before - credit) / _MILLION})
        return counts
