"""`dlr-always`: every end is known, the ESME gets the reports that it asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ksmppd_py.flows import message_ends
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.message_ends import OTHERS, MessageEnds
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.work import Delivery
from tests.flows.memory import (
    NOW,
    Clock,
    MemoryOrigin,
    MemoryReceiver,
    MemoryReceivers,
    MemoryRouter,
    make_meters,
    report,
)

ID = b"11111111-2222-4333-8444-555555555555"


class Bed:
    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []
        self.access: Any = SimpleNamespace(on=True, delivered=lambda *fields: self.lines.append(fields))
        self.meters = make_meters()
        self.clock = Clock()
        self.ends = MessageEnds(self.meters, self.access, self.clock, on=True)
        self.receiver = MemoryReceiver()
        self.history = MessageHistory(100)
        receivers = MemoryReceivers(esme=self.receiver)
        self.flow = DeliveryFlow(MemoryRouter(), receivers, self.history, ends=self.ends)

    def receive(self, sms: Sms) -> Outcome | None:
        self.delivery = Delivery(MemoryOrigin(), sms)
        return self.flow.route(self.delivery) or self.flow.dispatch(self.delivery)


@pytest.fixture
def bed() -> Bed:
    return Bed()


def about(asked: str, mask: int = 1, **fields: Any) -> Sms:
    return report(mask=mask, dlr_url=b"esme|%d%b|%b" % (NOW, asked.encode(), ID), **fields)


@pytest.mark.parametrize(
    ("asked", "mask", "sent"),
    [
        ("", 1, True),
        ("..0", 1, False),
        ("..0", 2, False),
        ("..18", 1, False),
        ("..18", 2, True),
        (".7.0", 16, False),
    ],
)
def test_ends_are_counted_and_those_asked_for_are_sent(bed: Bed, asked: str, mask: int, sent: bool) -> None:
    sms = about(asked, mask)
    assert bed.receive(sms) is (None if sent else Outcome.DONE)
    assert len(bed.receiver.pdus) == sent
    stat = "DELIVRD" if mask == 1 else "UNDELIV"
    assert bed.meters.ends == {("esme", stat): 1}
    found = bed.history.find("esme", ID)
    assert found is not None
    assert found.report is not None
    assert bed.lines == ([] if sent else [(bed.delivery, 0, 0, NOW)])


def test_no_receiver_is_needed_for_what_isnt_sent(bed: Bed) -> None:
    bed.receiver.window = 0
    assert bed.receive(about("..0")) is Outcome.DONE
    assert bed.receive(about("")) is Outcome.NO_RECEIVER


def test_off_counts_nothing_but_still_sends_nothing_unasked(bed: Bed) -> None:
    bed.ends.on = bed.access.on = False
    assert bed.receive(about("..0")) is Outcome.DONE
    assert bed.lines == [] == bed.receiver.pdus
    assert bed.meters.ends == {}


def test_only_final_reports_are_ends(bed: Bed) -> None:
    bed.receive(about("", 4))
    bed.receive(about("..0", 8))
    assert bed.meters.ends == {}


def test_counts_are_bounded(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_ends, "MOST_COUNTS", 1)
    for system_id in ("a", "b", "c", "a"):
        bed.ends.count(system_id, about(""))
    assert bed.meters.ends == {("a", "DELIVRD"): 2, (OTHERS, "DELIVRD"): 2}
