"""route-test in the bed: what it says, and that nothing leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from ksmppd_py.errors import (
    BackendUnavailable,
    DatabaseUnavailable,
    KsmppdError,
    NoRoute,
    RouteRefused,
    SenderRefused,
)
from ksmppd_py.flows.route_test import RouteTest, submit_sm
from ksmppd_py.model.account import Account, AccountRow, Simulation
from ksmppd_py.model.esme import Esme
from ksmppd_py.model.route_test import InboundTestQuery, InboundTestResult, RouteTestQuery, RouteTestResult
from ksmppd_py.model.routes import Route
from ksmppd_py.translate.bind_options import BindOptions
from tests.flows.conftest import SubmitBed
from tests.flows.memory import NOW, MemoryCredit

QUESTION = RouteTestQuery("esme", "12345", "+491701234567", "Hello")
PREPAID = Account("esme", default_smsc="DEFAULT", default_cost=0.5, enable_prepaid_billing=True)


@dataclass
class Rows:
    """One account's row; None = there is none."""

    found: AccountRow | None
    error: KsmppdError | None = None

    def row(self, system_id: str) -> AccountRow | None:
        if self.error is not None:
            raise self.error
        return self.found


@dataclass
class Binds:
    """One account that is bound, or was."""

    esme: Esme | None
    count: int = 1

    def find(self, system_id: str) -> Esme | None:
        return self.esme

    def binds_of(self, system_id: str) -> int:
        return self.count

    def bound(self, system_id: str) -> bool:
        return self.esme is not None and self.count > 0


def ask(
    bed: SubmitBed,
    query: RouteTestQuery = QUESTION,
    *,
    rows: Rows | None = None,
    bound: Esme | None = None,
    count: int = 1,
) -> RouteTestResult:
    result = route_test(bed, rows or Rows(AccountRow(bed.account)), Binds(bound, count)).run(query)
    assert bed.gateway.sent == []
    assert bed.store.saved == []
    assert bed.counted == (0, 0)
    assert bed.meters.inbound_processed == 0
    return replace(result, has_queue=False)


def route_test(bed: SubmitBed, rows: Rows, binds: Binds) -> RouteTest:
    return RouteTest(
        bed.routing,
        bed.flow,
        binds,
        rows,
        bed.credit,
        lambda account: BindOptions(),
        bed.clock,
        lambda ip: ip == "10.0.0.9",
    )


def test_a_route() -> None:
    bed = SubmitBed(account=PREPAID)
    bed.credit.credit = 3.0
    bed.router.everything = Route(1.5, smsc_id="one", route_id=12)
    assert ask(bed, RouteTestQuery("esme", "12345", "+491701234567", "x" * 161)) == RouteTestResult(
        "12345", "+491701234567", 0, "route", "", 12, "one", 2, 1.5, True, True, "", 3.0
    )


def test_the_default_smsc() -> None:
    bed = SubmitBed(account=PREPAID)
    bed.credit.credit = 0.5
    bed.router.everything = NoRoute("no route takes this receiver")
    assert ask(bed) == RouteTestResult(
        "12345",
        "+491701234567",
        0,
        "default-smsc",
        "no route takes this receiver",
        0,
        "DEFAULT",
        1,
        0.5,
        True,
        credit=0.5,
    )


@pytest.mark.parametrize(
    ("row", "status", "refusal", "is_known"),
    [
        (None, 0x0D, "unknown account", False),
        (AccountRow(PREPAID, is_suspended=True), 0x0D, "suspended", True),
    ],
)
@pytest.mark.parametrize("bound", [None, Esme(PREPAID, NOW, NOW)])
def test_accounts_that_can_not_bind(
    row: AccountRow | None, status: int, refusal: str, is_known: bool, bound: Esme | None
) -> None:
    """A suspended account isn't reported as a missing route, also when an older bind is left."""
    bed = SubmitBed()
    result = ask(bed, rows=Rows(row), bound=bound)
    found = (result.command_status, result.refusal, result.is_known, result.decided_by)
    assert found == (status, refusal, is_known, "")
    assert bed.router.batches == []


def test_an_account_that_never_bound_is_as_its_row_says() -> None:
    bed = SubmitBed(account=PREPAID, credit=MemoryCredit(9.0))
    bed.router.everything = NoRoute()
    result = ask(bed)
    found = (result.decided_by, result.smsc_id, result.is_charged, result.is_known, result.is_outdated)
    assert found == ("default-smsc", "DEFAULT", True, True, False)


@pytest.mark.parametrize("bound", [None, Esme(PREPAID, NOW, NOW)])
def test_accounts_that_others_know(bound: Esme | None) -> None:
    """An HTTP server or a plugin isn't asked without a password: the answer to the newest bind counts."""
    bed = SubmitBed(account=PREPAID, credit=MemoryCredit(9.0))
    bed.router.everything = Route(1.0)
    route_test = RouteTest(
        bed.routing,
        bed.flow,
        Binds(bound),
        None,
        bed.credit,
        lambda account: BindOptions(),
        bed.clock,
        lambda ip: False,
    )
    result = route_test.run(QUESTION)
    assert (result.is_known, result.is_charged) == ((False, False) if bound is None else (True, True))
    assert (result.command_status, result.cost, result.decided_by) == (0, 1.0, "route")


def test_settings_that_binds_do_not_have_yet() -> None:
    bound = Esme(PREPAID, NOW, NOW)
    bed = SubmitBed(account=Account("esme", throughput=5.0))
    result = ask(bed, bound=bound)
    assert (result.is_outdated, result.is_charged, result.throughput) == (True, False, 5.0)
    assert not ask(bed, bound=bound, count=0).is_outdated
    assert not ask(SubmitBed(account=PREPAID), bound=bound).is_outdated


@pytest.mark.parametrize(
    ("credit", "cost", "refusal"),
    [
        (3.0, 1.5, ""),
        (2.9, 1.5, "no credit"),
        (0.0, 1.5, "no credit"),
        (0.0, 0.0, ""),
        (-0.1, 0.0, "no credit"),
        (0.6, 0.3, ""),  # tenths add up
        (2e15, 1e15, ""),
    ],
)
def test_credit(credit: float, cost: float, refusal: str) -> None:
    bed = SubmitBed(account=PREPAID, credit=MemoryCredit(credit))
    bed.router.everything = Route(cost, smsc_id="one", route_id=12)
    result = ask(bed, RouteTestQuery("esme", "12345", "491701234567", "x" * 161))
    assert (result.refusal, result.command_status) == (refusal, 0x45 if refusal else 0)
    assert (result.credit, result.decided_by, result.route_id, result.parts) == (credit, "route", 12, 2)


def test_throttled_at_the_moment() -> None:
    bed = SubmitBed(account=Account("esme", throughput=2.0))
    bound = Esme(bed.account, NOW, NOW)
    for _ in range(2):  # asking takes nothing away
        assert ask(bed, bound=bound).refusal == ""
    bound.bucket.take(1000, NOW)
    result = ask(bed, bound=bound)
    assert (result.refusal, result.command_status, result.decided_by) == ("throttled", 0x58, "route")
    bed.clock.now += 0.5
    assert ask(bed, bound=bound).refusal == ""


@pytest.mark.parametrize(
    ("online", "queue", "refusal"),
    [(True, False, ""), (True, True, ""), (False, True, ""), (False, False, "no bearerbox")],
)
def test_who_would_take_it(online: bool, queue: bool, refusal: str) -> None:
    bed = SubmitBed(queue=queue)
    bed.gateway.online = online
    result = ask(bed)
    assert (result.refusal, result.command_status) == (refusal, 0x08 if refusal else 0)


@pytest.mark.parametrize("where", ["row", "credit"])
def test_the_database_is_away(where: str) -> None:
    bed = SubmitBed(account=PREPAID)
    bed.credit.down = True
    away = Rows(None, DatabaseUnavailable("away")) if where == "row" else None
    result = ask(bed, rows=away)
    assert (result.refusal, result.command_status) == ("database unavailable", 0x08)


def test_a_simulated_account_needs_no_route() -> None:
    bed = SubmitBed(account=Account("esme", simulation=Simulation()), queue=False)
    bed.router.everything = NoRoute()
    bed.gateway.online = False
    result = ask(bed)
    assert (result.refusal, result.decided_by, result.parts) == ("", "simulation", 1)
    assert bed.router.batches == []


@pytest.mark.parametrize(
    ("error", "status", "refusal"),
    [
        (NoRoute("why"), 0x0B, "no route"),
        (SenderRefused("why"), 0x0A, "source refused"),
        (RouteRefused(0x400, "why"), 0x400, "refused by the router"),
        (BackendUnavailable("why"), 0x08, "back end unavailable"),
        (DatabaseUnavailable("why"), 0x08, "database unavailable"),
    ],
)
@pytest.mark.parametrize("waits", [False, True])
def test_refusals(error: NoRoute, status: int, refusal: str, waits: bool) -> None:
    bed = SubmitBed()
    bed.router.waits = waits
    bed.router.everything = error
    result = ask(bed)
    assert (result.command_status, result.reason, result.decided_by, result.parts) == (status, "why", "", 1)
    assert result.refusal == refusal


@pytest.mark.parametrize(
    ("query", "status", "refusal"),
    [
        (RouteTestQuery("esme", "1", "+abc"), 0x0B, "receiver refused"),
        (RouteTestQuery("esme", "1", " "), 0x0B, "receiver refused"),
        (RouteTestQuery("esme", "+abc", "2"), 0x0A, "source refused"),
        (RouteTestQuery("esme", "1", "2", "x" * 60_000), 0x01, "message too long"),
    ],
)
def test_what_no_esme_could_send(query: RouteTestQuery, status: int, refusal: str) -> None:
    result = ask(SubmitBed(), query)
    assert (result.command_status, result.refusal) == (status, refusal)
    assert result.reason


@pytest.mark.parametrize(
    ("typed", "wire"),
    [
        ("+4917", (1, 1, b"4917")),
        (" 4917", (1, 1, b"4917")),  # a plus that was not URL-encoded
        ("4917", (0, 0, b"4917")),
        ("Acme", (5, 0, b"Acme")),
        ("", (0, 0, b"")),
    ],
)
def test_addresses(typed: str, wire: tuple[int, int, bytes]) -> None:
    pdu = submit_sm(RouteTestQuery("esme", typed, typed))
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == wire
    assert (pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr) == wire


@pytest.mark.parametrize(
    ("text", "data_coding", "octets"),
    [
        ("h\u00e9\u20ac", 0, b"h\x05\x1b\x65"),
        ("h\u00e9", 3, b"h\xe9"),
        ("h\u00e9", 8, b"\0h\0\xe9"),
        ("h\u00e9", 4, "h\u00e9".encode()),
        ("h\u00e9", 1, b"h?"),
    ],
)
def test_texts(text: str, data_coding: int, octets: bytes) -> None:
    pdu = submit_sm(RouteTestQuery("esme", "1", "2", text, data_coding))
    assert (pdu.short_message, pdu.data_coding, pdu.tlvs) == (octets, data_coding, {})


def test_long_texts() -> None:
    pdu = submit_sm(RouteTestQuery("esme", "1", "2", "x" * 255))
    assert (pdu.short_message, pdu.tlvs) == (b"", {0x0424: b"x" * 255})


def test_a_queue_is_told() -> None:
    bed = SubmitBed()
    rows = Rows(AccountRow(bed.account))
    assert route_test(bed, rows, Binds(None)).run(QUESTION).has_queue


@pytest.mark.parametrize(
    ("ip", "refusal"),
    [
        ("", ""),
        ("10.0.0.1", ""),
        ("10.0.0.9", "blocked"),
        ("192.168.0.1", "address not allowed"),
    ],
)
def test_the_address_that_the_esme_binds_from(ip: str, refusal: str) -> None:
    bed = SubmitBed(account=replace(PREPAID, enable_prepaid_billing=False, connect_allow_ip="10.0.*.*"))
    bed.router.everything = Route(1.5, smsc_id="one", route_id=12)
    result = ask(bed, replace(QUESTION, ip=ip))
    assert (result.refusal, result.command_status) == (refusal, 0x0D if refusal else 0)


INBOUND = InboundTestQuery("smsc", "+46701234567", "12345")


@pytest.mark.parametrize(
    ("answer", "rows", "bound", "expected"),
    [
        (Route(system_id="esme", route_id=7), Rows(AccountRow(PREPAID)), False, ("", 7, "esme", True, False)),
        (Route(system_id="esme", route_id=7), Rows(AccountRow(PREPAID)), True, ("", 7, "esme", True, True)),
        (Route(system_id="gone", route_id=7), Rows(None), False, ("", 7, "gone", False, False)),
        (Route(route_id=8), Rows(None), False, ("no account", 8, "", True, False)),
        (NoRoute("no route takes this receiver"), Rows(None), False, ("no route", 0, "", True, False)),
        (SenderRefused("no sender"), Rows(None), False, ("source refused", 0, "", True, False)),
        (DatabaseUnavailable("away"), Rows(None), False, ("database unavailable", 0, "", True, False)),
        (
            Route(system_id="esme", route_id=7),
            Rows(None, DatabaseUnavailable("away")),
            False,
            ("database unavailable", 0, "", True, False),
        ),
    ],
)
def test_messages_from_an_smsc(
    answer: Route | KsmppdError, rows: Rows, bound: bool, expected: tuple[str, int, str, bool, bool]
) -> None:
    bed = SubmitBed()
    bed.router.everything = answer
    esme = Esme(PREPAID, 0.0, 0.0) if bound else None
    result = route_test(bed, rows, Binds(esme)).run_inbound(INBOUND)
    found = (result.refusal, result.route_id, result.system_id, result.is_known, result.is_bound)
    assert found == expected
    assert isinstance(result, InboundTestResult)
    assert result.has_queue
