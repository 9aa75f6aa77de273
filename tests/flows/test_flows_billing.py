"""Prepaid accounts: cost, partial charges, refunds (docs/rules/flows.md 8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ksmppd_py.errors import DatabaseUnavailable, NoRoute
from ksmppd_py.model import costs
from ksmppd_py.model.account import Account
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import Submit
from tests.flows.conftest import SubmitBed
from tests.flows.memory import submit_sm

PREPAID = Account("esme", enable_prepaid_billing=True, default_cost=3.0, default_smsc=None)


def prepaid(credit: float, cost: float = 1.0, **others: object) -> SubmitBed:
    bed = SubmitBed(account=replace(PREPAID, **others))  # type: ignore[arg-type]  # fields of Account
    bed.credit.credit = credit
    bed.router.everything = Route(cost=cost)
    return bed


def statuses(batch: list[Submit]) -> list[int | None]:
    return [submit.command_status for submit in batch]


def test_each_part_costs() -> None:
    bed = prepaid(100.0, 1.5)
    bed.submit(submit_sm(), submit_sm(text=b"x" * 254, tlvs={}))
    assert bed.credit.charges == [[1.5, 3.0]]
    assert bed.credit.credit == 95.5


def test_a_message_without_text_is_one_part() -> None:
    bed = prepaid(10.0)
    bed.submit(submit_sm(text=b""))
    assert bed.credit.charges == [[1.0]]


def test_accounts_without_billing_cost_nothing() -> None:
    bed = prepaid(0.0, enable_prepaid_billing=False)
    bed.submit()
    assert bed.credit.charges == []
    assert len(bed.gateway.sent) == 1


@pytest.mark.parametrize("cost", [costs.UNUSABLE, 1e303, -1e303, float("inf"), -float("inf"), 2e15])
@pytest.mark.parametrize("is_prepaid", [True, False])
@pytest.mark.parametrize("decided_by", ["route", "default_smsc"])
def test_a_cost_that_cant_be_charged(
    cost: float, is_prepaid: bool, decided_by: str, caplog: pytest.LogCaptureFixture
) -> None:
    """D-33: an unusable cost from any source is refused with 0x45 and a WARNING, without the default SMSC."""
    bed = prepaid(1e300, enable_prepaid_billing=is_prepaid, default_smsc="default")
    if decided_by == "route":
        bed.router.everything = Route(cost=cost, route_id=17, smsc_id="x")
    else:
        bed = prepaid(1e300, enable_prepaid_billing=is_prepaid, default_smsc="default", default_cost=cost)
        bed.router.everything = NoRoute()
    assert statuses(bed.submit()) == [0x45]
    assert (bed.gateway.sent, bed.credit.charges) == ([], [])
    way = "route 17" if decided_by == "route" else "its default SMSC"
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert f"SMPP[esme] a message is refused: the cost of {way} is no number" in record.getMessage()


def test_credit_too_low() -> None:
    """docs/rules/flows.md 9, row 10."""
    bed = prepaid(0.5)
    assert statuses(bed.submit()) == [0x45]
    assert bed.counted == (0, 1)
    assert bed.gateway.sent == []
    assert bed.credit.credit == 0.5


def test_a_batch_that_the_credit_covers_in_part_keeps_its_order() -> None:
    bed = prepaid(2.0)
    batch = bed.submit(*[submit_sm(text=b"%d" % n) for n in range(4)])
    assert statuses(batch) == [None, None, 0x45, 0x45]
    assert [sent.sms.msgdata for sent in bed.gateway.sent if sent.sms] == [b"0", b"1"]
    assert bed.credit.credit == 0.0


def test_no_database_is_a_temporary_refusal() -> None:
    """docs/rules/flows.md 1 step 8."""
    bed = prepaid(10.0)
    bed.credit.down = True
    assert statuses(bed.submit(submit_sm(), submit_sm())) == [0x08, 0x08]
    assert bed.gateway.sent == []


def test_without_a_route_the_default_cost_counts() -> None:
    bed = prepaid(10.0, default_smsc="DEFAULT")
    bed.router.everything = NoRoute()
    bed.submit()
    assert bed.credit.charges == [[3.0]]


def test_messages_that_are_refused_before_are_not_charged() -> None:
    bed = prepaid(10.0)
    bed.submit(submit_sm(b""))
    assert bed.credit.charges == []
    bed.router.everything = NoRoute()
    bed.submit()
    assert bed.credit.charges == []


@pytest.mark.parametrize("nack", [1, 2, 77])
def test_what_the_bearerbox_refuses_is_given_back(nack: int) -> None:
    bed = prepaid(10.0)
    bed.submit(submit_sm(), submit_sm())
    assert bed.credit.credit == 8.0
    bed.gateway.settle(nack)
    bed.conclude()
    assert bed.credit.refunds == [2.0]
    assert bed.credit.credit == 10.0


@pytest.mark.parametrize("ack", [0, 3])
def test_what_the_bearerbox_accepts_stays_paid(ack: int) -> None:
    bed = prepaid(10.0)
    bed.submit()
    bed.gateway.settle(ack)
    bed.conclude()
    assert bed.credit.refunds == []


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_stored_stays_paid_and_what_isnt_is_given_back(at_once: bool) -> None:
    for failure, credit in ((None, 9.0), (DatabaseUnavailable("gone"), 10.0)):
        bed = prepaid(10.0)
        bed.gateway.online = not at_once
        bed.store.failure = failure
        bed.submit()
        bed.gateway.settle(SubmitResult.NO_BEARERBOX)
        bed.conclude()
        assert bed.credit.credit == credit


def test_a_refund_that_fails_is_told_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    bed = prepaid(10.0)
    bed.submit()
    bed.credit.down = True
    bed.gateway.settle(1)
    assert statuses(bed.conclude()) == [0x45]
    assert "could not refund 1.0" in caplog.text


def test_free_messages_need_no_refund() -> None:
    bed = prepaid(0.0, 0.0)
    bed.submit()
    assert bed.credit.charges == [[0.0]]
    bed.gateway.settle(1)
    bed.conclude()
    assert bed.credit.refunds == []
