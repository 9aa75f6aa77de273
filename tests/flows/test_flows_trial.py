"""route-test in the corridor: what it says, and that nothing leaves."""

from __future__ import annotations

import pytest

from ksmppd_py.errors import BackendUnavailable, NoRoute, RouteRefused, SenderRefused
from ksmppd_py.flows.trial import RouteTrials, submit_sm
from ksmppd_py.model.account import Account
from ksmppd_py.model.routes import Route
from ksmppd_py.model.trial import RouteQuestion, RouteTrial
from ksmppd_py.translate.dialect import Dialect
from tests.flows.conftest import Corridor

QUESTION = RouteQuestion("esme", "12345", "+491701234567", "Hello")
PREPAID = Account("esme", default_smsc="DEFAULT", default_cost=0.5, enable_prepaid_billing=True)


def ask(corridor: Corridor, question: RouteQuestion = QUESTION, known: bool = True) -> RouteTrial:
    trials = RouteTrials(
        corridor.flow,
        lambda system_id: corridor.account if known else None,
        lambda account: Dialect(),
        corridor.clock,
    )
    trial = trials.run(question)
    assert corridor.gateway.sent == []
    assert corridor.store.saved == []
    assert corridor.counted == (0, 0)
    assert corridor.meters.inbound_processed == 0
    return trial


def test_a_route() -> None:
    corridor = Corridor(account=PREPAID)
    corridor.router.everything = Route(1.5, smsc_id="one", route_id=12)
    assert ask(corridor, RouteQuestion("esme", "12345", "+491701234567", "x" * 161)) == RouteTrial(
        "12345", "+491701234567", 0, "route", "", 12, "one", 2, 1.5, True, True
    )


def test_the_default_smsc() -> None:
    corridor = Corridor(account=PREPAID)
    corridor.router.everything = NoRoute("no route takes this receiver")
    assert ask(corridor) == RouteTrial(
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
    )


def test_an_account_that_never_bound() -> None:
    corridor = Corridor(account=PREPAID)
    corridor.router.everything = Route(1.0)
    trial = ask(corridor, known=False)
    assert (trial.is_known, trial.is_charged, trial.smsc_id, trial.cost) == (False, False, "", 1.0)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoRoute("why"), 0x0B),
        (SenderRefused("why"), 0x0A),
        (RouteRefused(0x400, "why"), 0x400),
        (BackendUnavailable("why"), 0x08),
    ],
)
@pytest.mark.parametrize("waits", [False, True])
def test_refusals(error: NoRoute, status: int, waits: bool) -> None:
    corridor = Corridor()
    corridor.router.waits = waits
    corridor.router.everything = error
    trial = ask(corridor)
    assert (trial.command_status, trial.reason, trial.decided_by, trial.parts) == (status, "why", "", 1)


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (RouteQuestion("esme", "1", "+abc"), 0x0B),
        (RouteQuestion("esme", "1", " "), 0x0B),
        (RouteQuestion("esme", "1", "2", "x" * 60_000), 0x01),
    ],
)
def test_what_no_esme_could_send(question: RouteQuestion, status: int) -> None:
    trial = ask(Corridor(), question)
    assert trial.command_status == status
    assert trial.reason


@pytest.mark.parametrize(
    ("typed", "wire"),
    [
        ("+4917", (1, 1, b"4917")),
        (" 4917", (1, 1, b"4917")),  # a plus that nobody URL-encoded
        ("4917", (0, 0, b"4917")),
        ("Acme", (5, 0, b"Acme")),
        ("", (0, 0, b"")),
    ],
)
def test_addresses(typed: str, wire: tuple[int, int, bytes]) -> None:
    pdu = submit_sm(RouteQuestion("esme", typed, typed))
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
    pdu = submit_sm(RouteQuestion("esme", "1", "2", text, data_coding))
    assert (pdu.short_message, pdu.data_coding, pdu.tlvs) == (octets, data_coding, {})


def test_long_texts() -> None:
    pdu = submit_sm(RouteQuestion("esme", "1", "2", "x" * 255))
    assert (pdu.short_message, pdu.tlvs) == (b"", {0x0424: b"x" * 255})
