"""Error maps in the flows: reports are changed where they come in, and prices are given back once."""

from __future__ import annotations

from typing import Any

import pytest

from ksmppd_py.errors import DatabaseUnavailable, KsmppdError, PermanentError
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.model.account import Account
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import Delivery
from ksmppd_py.translate.dlr_url import price_of
from ksmppd_py.translate.error_map import ErrorMap, ErrorRule
from tests.flows.conftest import SubmitBed
from tests.flows.memory import (
    NOW,
    Clock,
    MemoryOrigin,
    MemoryReceiver,
    MemoryReceivers,
    MemoryRouter,
    mo,
    report,
    submit_sm,
)

PRICED = b"esme|1700000000$0.250000|dcd3c2b4-1111-4222-8333-0123456789ab"
FAILED = b"stat:UNDELIV err:034 text:"


class MemoryRefunds:
    def __init__(self) -> None:
        self.made: list[tuple[str, float, bytes, float]] = []
        self.failure: KsmppdError | None = None

    def refund_once(self, system_id: str, price: float, message: bytes, now: float) -> None:
        if self.failure is not None:
            raise self.failure
        self.made.append((system_id, price, message, now))


class Bed:
    def __init__(self, *rules: ErrorRule) -> None:
        self.receiver = MemoryReceiver()
        self.refunds = MemoryRefunds()
        receivers = MemoryReceivers(esme=self.receiver)
        self.history = MessageHistory(10)
        router = MemoryRouter({b"7777": Route(system_id="esme")})
        self.flow = DeliveryFlow(router, receivers, self.history, self.refunds, Clock())
        self.flow.reconfigure(ErrorMap(rules) if rules else None)

    def accept(self, **fields: Any) -> tuple[Delivery, Outcome | None]:
        sms = report(dlr_url=PRICED)
        for name, value in {"msgdata": FAILED, "dlr_mask": 2, **fields}.items():
            setattr(sms, name, value)
        delivery = Delivery(MemoryOrigin(), sms)
        outcome = self.flow.route(delivery)
        return delivery, self.flow.dispatch(delivery) if outcome is None else outcome


def test_receipt_and_history_have_the_mapped_code() -> None:
    bed = Bed(ErrorRule(code=b"034", err=b"001", stat=b"EXPIRED"))
    bed.accept()
    assert b" stat:EXPIRED err:001 " in bed.receiver.texts[0]
    known = bed.history.find("esme", PRICED.rpartition(b"|")[2])
    assert known is not None
    assert known.report is not None
    assert b"stat:EXPIRED err:001" in known.report.msgdata


@pytest.mark.parametrize(
    ("rules", "fields", "made"),
    [
        ([ErrorRule(code=b"034", refund=True)], {}, 1),
        ([ErrorRule(code=b"034")], {}, 0),
        ([ErrorRule(code=b"035", refund=True)], {}, 0),
        ([], {}, 0),
        ([ErrorRule(code=b"*", refund=True)], {"dlr_url": PRICED.replace(b"$0.250000", b"")}, 0),
    ],
)
def test_refunds(rules: list[ErrorRule], fields: dict[str, Any], made: int) -> None:
    bed = Bed(*rules)
    assert bed.flow.refunds is any(rule.refund for rule in rules)
    _, outcome = bed.accept(**fields)
    assert outcome is None
    assert len(bed.refunds.made) == made
    for system_id, price, message, now in bed.refunds.made:
        assert (system_id, price, now) == ("esme", 0.25, NOW)
        assert message.startswith(PRICED)


def test_a_report_waits_at_the_bearerbox_while_it_can_not_be_refunded() -> None:
    """Nothing here keeps it: the bearerbox sends it once more, and only then it goes on."""
    bed = Bed(ErrorRule(code=b"034", refund=True))
    bed.refunds.failure = DatabaseUnavailable("gone")
    delivery, outcome = bed.accept()
    assert (outcome, delivery.system_id, bed.receiver.texts) == (Outcome.TEMPORARY, "", [])
    bed.refunds.failure = None
    assert bed.accept()[1] is None
    assert len(bed.refunds.made) == 1


def test_an_account_that_is_gone_gets_its_report_without_money(caplog: pytest.LogCaptureFixture) -> None:
    bed = Bed(ErrorRule(code=b"034", refund=True))
    bed.refunds.failure = PermanentError("there is no account esme")
    assert bed.accept()[1] is None
    assert "can't be refunded: there is no account esme" in caplog.text


def test_other_messages_are_left_alone() -> None:
    bed = Bed(ErrorRule(code=b"*", err=b"1", refund=True))
    delivery = Delivery(MemoryOrigin(), mo(FAILED))
    assert bed.flow.route(delivery) is None
    assert delivery.sms is not None
    assert delivery.sms.msgdata == FAILED


@pytest.mark.parametrize(
    ("notes", "prepaid", "price"), [(True, True, 0.5), (False, True, 0.0), (True, False, 0.0)]
)
def test_messages_carry_the_price_that_was_paid(notes: bool, prepaid: bool, price: float) -> None:
    bed = SubmitBed(Account("esme", enable_prepaid_billing=prepaid))
    bed.router.everything = Route(cost=0.5)
    bed.credit.credit = 10.0
    bed.flow._billing.notes_prices = notes
    [submit] = bed.submit(submit_sm())
    assert submit.sms is not None
    assert price_of(submit.sms.dlr_url or b"") == price
