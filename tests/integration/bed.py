"""A bed: one daemon between a bearerbox and scripted ESMEs, with accounts made on the fly."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.bearerbox import FakeBearerbox, accept_all
from tests.fakes.esme import Esme
from tests.fakes.smpp_wire import Message
from tests.parts.daemon import Daemon
from tests.parts.database import Account, RouteRow
from tests.parts.process import accepts
from tests.parts.waiting import wait_until

BOX_ID = "KSMPPD"
HANDSET = b"491701234567"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Customer:
    """An account in the database, with the short code from which its MOs are routed."""

    account: Account
    short_code: str

    @property
    def system_id(self) -> str:
        return self.account.system_id

    @property
    def password(self) -> str:
        return self.account.password


class HttpsDaemon(Daemon):
    """A daemon whose administration port speaks HTTPS."""

    def _is_ready(self) -> bool:
        return accepts(self.smpp_port) and accepts(self.config.admin_port)


@dataclass
class Bed:
    """A test bed. `close` ends everything that the test opened; the daemon and the box may be shared."""

    daemon: Daemon
    box: FakeBearerbox
    esmes: list[Esme] = field(default_factory=list)

    def customer(self, *, outbound: list[RouteRow] | None = None, **settings: Any) -> Customer:
        """Insert an account, a route for all its MTs (or `outbound`) and one for its short code."""
        number = next(_numbers)
        account = Account(f"acc{number}", f"pw{number}", **settings)
        customer = Customer(account, f"7{number:05d}")
        self.daemon.add_accounts(account)
        routes = [RouteRow(1, "", account.system_id)] if outbound is None else outbound
        routes = [RouteRow(**{**vars(route), "system_id": account.system_id}) for route in routes]
        self.daemon.add_routes(*routes, RouteRow(2, f"^{customer.short_code}$", account.system_id))
        return customer

    def esme(self, customer: Customer, kind: str = "transceiver", **options: Any) -> Esme:
        """Bind a session that ends with the test."""
        esme = Esme.bound(self.daemon.smpp_port, customer.system_id, customer.password, kind, **options)
        self.esmes.append(esme)
        return esme

    def connect(self, **options: Any) -> Esme:
        """Open a session without a bind."""
        esme = Esme(self.daemon.smpp_port, **options)
        self.esmes.append(esme)
        return esme

    def rows(self, customer: Customer, table: str = "smpp_store") -> int:
        """Return the number of rows of this customer in a queue table."""
        column = "service" if table == "smpp_store" else "system_id"
        (row,) = self.daemon.database.execute(
            f"SELECT COUNT(*) FROM {table} WHERE {column} = ?", [customer.system_id]
        )
        return int(str(row[0]))

    def wait_rows(
        self, customer: Customer, count: int, table: str = "smpp_store", timeout: float = 10.0
    ) -> None:
        """Wait until a queue table holds exactly `count` rows of this customer."""
        wait_until(
            lambda: self.rows(customer, table) == count,
            lambda: (
                f"{count} rows of {customer.system_id} in {table}, there are {self.rows(customer, table)}"
            ),
            timeout,
        )

    def box_away(self) -> None:
        """Take the bearerbox away and wait until the daemon has noticed."""
        before = self.daemon.log().count("Connection to bearerbox broke!")
        self.box.stop()
        self.daemon.wait_for_log("Connection to bearerbox broke!", before + 1)

    def box_back(self) -> None:
        """Bring the bearerbox back and wait until the daemon has identified itself again."""
        self.box.start()
        self.box.wait_for_box(timeout=20)

    def close(self) -> None:
        """Close the sessions, make the box willing again and forget what it recorded."""
        for esme in self.esmes:
            esme.close()
        self.box.policy = accept_all
        self.box.submits.clear()
        self.box.acks.clear()


def mt(text: bytes | str = b"hello", **fields: Any) -> Message:
    """A submit_sm from a short code to an international number."""
    octets = text.encode("ascii") if isinstance(text, str) else text
    defaults: dict[str, Any] = {
        "source_addr": b"12345",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": HANDSET,
        "short_message": octets,
    }
    return Message(**{**defaults, **fields})


def credit(bed: Bed, system_id: str) -> float:
    """The credit of an account, as the database has it."""
    (row,) = bed.daemon.database.execute("SELECT credit FROM smpp_user WHERE system_id = ?", [system_id])
    return float(str(row[0]))


StartBed = Callable[..., Bed]
