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
from tests.flows.conftest import Corridor
from tests.flows.memory import submit_sm

PREPAID = Account("esme", enable_prepaid_billing=True, default_cost=3.0, default_smsc=None)


def prepaid(credit: float, cost: float = 1.0, **others: object) -> Corridor:
    corridor = Corridor(account=replace(PREPAID, **others))  # type: ignore[arg-type]  # fields of Account
    corridor.credit.credit = credit
    corridor.router.everything = Route(cost=cost)
    return corridor


def statuses(batch: list[Submit]) -> list[int | None]:
    return [submit.command_status for submit in batch]


def test_each_part_costs() -> None:
    corridor = prepaid(100.0, 1.5)
    corridor.submit(submit_sm(), submit_sm(text=b"x" * 254, tlvs={}))
    assert corridor.credit.charges == [[1.5, 3.0]]
    assert corridor.credit.credit == 95.5


def test_a_message_without_text_is_one_part() -> None:
    corridor = prepaid(10.0)
    corridor.submit(submit_sm(text=b""))
    assert corridor.credit.charges == [[1.0]]


def test_accounts_without_billing_cost_nothing() -> None:
    corridor = prepaid(0.0, enable_prepaid_billing=False)
    corridor.submit()
    assert corridor.credit.charges == []
    assert len(corridor.gateway.sent) == 1


@pytest.mark.parametrize("cost", [costs.UNUSABLE, 1e303, -1e303, float("inf"), -float("inf"), 2e15])
@pytest.mark.parametrize("is_prepaid", [True, False])
@pytest.mark.parametrize("decided_by", ["route", "default_smsc"])
def test_a_cost_that_cant_be_charged(
    cost: float, is_prepaid: bool, decided_by: str, caplog: pytest.LogCaptureFixture
) -> None:
    """D-33: an unusable cost from any source is refused with 0x45 and a WARNING, without the default SMSC."""
    corridor = prepaid(1e300, enable_prepaid_billing=is_prepaid, default_smsc="default")
    if decided_by == "route":
        corridor.router.everything = Route(cost=cost, route_id=17, smsc_id="x")
    else:
        corridor = prepaid(
            1e300, enable_prepaid_billing=is_prepaid, default_smsc="default", default_cost=cost
        )
        corridor.router.everything = NoRoute()
    assert statuses(corridor.submit()) == [0x45]
    assert (corridor.gateway.sent, corridor.credit.charges) == ([], [])
    way = "route 17" if decided_by == "route" else "its default SMSC"
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert f"SMPP[esme] a message is refused: the cost of {way} is no number" in record.getMessage()


def test_credit_too_low() -> None:
    """docs/rules/flows.md 9, row 10."""
    corridor = prepaid(0.5)
    assert statuses(corridor.submit()) == [0x45]
    assert corridor.counted == (0, 1)
    assert corridor.gateway.sent == []
    assert corridor.credit.credit == 0.5


def test_a_batch_that_the_credit_covers_in_part_keeps_its_order() -> None:
    corridor = prepaid(2.0)
    batch = corridor.submit(*[submit_sm(text=b"%d" % n) for n in range(4)])
    assert statuses(batch) == [None, None, 0x45, 0x45]
    assert [sent.sms.msgdata for sent in corridor.gateway.sent if sent.sms] == [b"0", b"1"]
    assert corridor.credit.credit == 0.0


def test_no_database_is_a_temporary_refusal() -> None:
    """docs/rules/flows.md 1 step 8."""
    corridor = prepaid(10.0)
    corridor.credit.down = True
    assert statuses(corridor.submit(submit_sm(), submit_sm())) == [0x08, 0x08]
    assert corridor.gateway.sent == []


def test_without_a_route_the_default_cost_counts() -> None:
    corridor = prepaid(10.0, default_smsc="DEFAULT")
    corridor.router.everything = NoRoute()
    corridor.submit()
    assert corridor.credit.charges == [[3.0]]


def test_messages_that_are_refused_before_are_not_charged() -> None:
    corridor = prepaid(10.0)
    corridor.submit(submit_sm(b""))
    assert corridor.credit.charges == []
    corridor.router.everything = NoRoute()
    corridor.submit()
    assert corridor.credit.charges == []


@pytest.mark.parametrize("nack", [1, 2, 77])
def test_what_the_bearerbox_refuses_is_given_back(nack: int) -> None:
    corridor = prepaid(10.0)
    corridor.submit(submit_sm(), submit_sm())
    assert corridor.credit.credit == 8.0
    corridor.gateway.settle(nack)
    corridor.conclude()
    assert corridor.credit.refunds == [2.0]
    assert corridor.credit.credit == 10.0


@pytest.mark.parametrize("ack", [0, 3])
def test_what_the_bearerbox_accepts_stays_paid(ack: int) -> None:
    corridor = prepaid(10.0)
    corridor.submit()
    corridor.gateway.settle(ack)
    corridor.conclude()
    assert corridor.credit.refunds == []


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_stored_stays_paid_and_what_isnt_is_given_back(at_once: bool) -> None:
    for failure, credit in ((None, 9.0), (DatabaseUnavailable("gone"), 10.0)):
        corridor = prepaid(10.0)
        corridor.gateway.online = not at_once
        corridor.store.failure = failure
        corridor.submit()
        corridor.gateway.settle(SubmitResult.NO_BEARERBOX)
        corridor.conclude()
        assert corridor.credit.credit == credit


def test_a_refund_that_fails_is_told_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    corridor = prepaid(10.0)
    corridor.submit()
    corridor.credit.down = True
    corridor.gateway.settle(1)
    assert statuses(corridor.conclude()) == [0x45]
    assert "could not refund 1.0" in caplog.text


def test_free_messages_need_no_refund() -> None:
    corridor = prepaid(0.0, 0.0)
    corridor.submit()
    assert corridor.credit.charges == [[0.0]]
    corridor.gateway.settle(1)
    corridor.conclude()
    assert corridor.credit.refunds == []
