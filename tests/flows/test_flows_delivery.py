"""MO and DLR on their way to an ESME (docs/rules/flows.md 2 to 4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ksmppd_py.errors import BackendUnavailable, KsmppdError, NoRoute, RouteRefused, SenderRefused
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import Delivery
from ksmppd_py.smpp.pdus import DeliverSm
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_profile import KANNEL
from tests.flows.memory import (
    NOW,
    MemoryOrigin,
    MemoryReceiver,
    MemoryReceivers,
    MemoryRouter,
    make_ids,
    mo,
    report,
)


class Bed:
    """A DeliveryFlow, one account `esme`."""

    def __init__(self, receiver: MemoryReceiver) -> None:
        self.router = MemoryRouter({b"7777": Route(system_id="esme")})
        self.receivers = MemoryReceivers(esme=receiver)
        self.flow = DeliveryFlow(self.router, self.receivers)
        self.origin = MemoryOrigin()

    def accept(self, sms: Sms) -> tuple[Delivery, Outcome | None]:
        delivery = Delivery(self.origin, sms)
        outcome = self.flow.route(delivery)
        return delivery, self.flow.dispatch(delivery) if outcome is None else outcome


@pytest.fixture
def receiver() -> MemoryReceiver:
    return MemoryReceiver()


@pytest.fixture
def bed(receiver: MemoryReceiver) -> Bed:
    return Bed(receiver)


def test_a_message_finds_its_account(bed: Bed, receiver: MemoryReceiver) -> None:
    delivery, outcome = bed.accept(mo(b"ping"))
    assert outcome is None
    assert (delivery.system_id, delivery.left) == ("esme", 1)
    assert delivery.sms is not None
    assert delivery.sms.service == b"esme"
    assert receiver.texts == [b"ping"]
    receiver.answer()
    assert bed.origin.take() == [delivery]
    assert delivery.outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NoRoute(), Outcome.PERMANENT),
        (SenderRefused(), Outcome.PERMANENT),
        (RouteRefused(0x0B), Outcome.PERMANENT),
        (BackendUnavailable("down"), Outcome.TEMPORARY),  # docs/rules/flows.md 9, row 11
        (Route(), Outcome.PERMANENT),  # an answer without an account
    ],
)
def test_routing_that_finds_nobody(bed: Bed, error: KsmppdError | Route, outcome: Outcome) -> None:
    bed.router.everything = error
    assert bed.accept(mo())[1] is outcome


def test_a_refusal_tells_where_the_message_would_go(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    bed.router.everything = NoRoute("no route takes this receiver")
    message = mo()
    bed.accept(message)
    assert message.id is not None
    assert caplog.messages == [
        f"Message {message.id.decode()} from the bearerbox refused: no route takes this receiver; "
        "from 491700 to 7777, SMSC FAKE"
    ]


def test_an_account_without_receivers(bed: Bed) -> None:
    bed.router.everything = Route(system_id="other")
    delivery, outcome = bed.accept(mo())
    assert outcome is Outcome.NO_RECEIVER
    assert delivery.system_id == "other"
    assert delivery.sms is not None
    assert delivery.sms.service == b"other"  # it can be stored as it is


def test_a_full_window_is_no_receiver() -> None:
    receiver = MemoryReceiver(window=1)
    bed = Bed(receiver)
    assert bed.accept(mo())[1] is None
    assert bed.accept(mo())[1] is Outcome.NO_RECEIVER
    receiver.answer()
    assert bed.accept(mo())[1] is None


@pytest.mark.parametrize(
    ("sender", "receiver_address"), [(b"1" * 21, b"7777"), (b"4917", b""), (b"4917", b"7" * 21)]
)
def test_what_deliver_sm_cannot_express(
    bed: Bed, receiver: MemoryReceiver, sender: bytes, receiver_address: bytes
) -> None:
    """docs/rules/flows.md 9, row 7."""
    bed.router.everything = Route(system_id="esme")
    sms = mo(receiver=receiver_address)
    sms.sender = sender
    assert bed.accept(sms)[1] is Outcome.PERMANENT
    assert receiver.pdus == []


@pytest.mark.parametrize("sms_type", [SmsType.MT_REPLY, SmsType.MT_PUSH, SmsType.REPORT_MT, 9])
def test_other_messages_are_for_nobody(bed: Bed, sms_type: int) -> None:
    """docs/rules/flows.md 3."""
    sms = mo()
    sms.sms_type = int(sms_type)
    assert bed.accept(sms)[1] is Outcome.PERMANENT


def test_a_report_needs_no_route(bed: Bed, receiver: MemoryReceiver) -> None:
    bed.router.everything = NoRoute()
    delivery, outcome = bed.accept(report())
    assert outcome is None
    assert delivery.system_id == "esme"
    assert b"stat:DELIVRD" in receiver.texts[0]


def test_a_reports_account_has_no_case(bed: Bed) -> None:
    delivery, outcome = bed.accept(report(b"ESME"))
    assert outcome is None
    assert delivery.system_id == "esme"


@pytest.mark.parametrize(
    "dlr_url",
    [None, b"", b"esme", b"esme|1", b"esme|1|_", b"a|b|c|d" + b"x" * 40, b"http://host/?" + b"x" * 40],
)
def test_reports_that_are_not_ours(bed: Bed, dlr_url: bytes | None) -> None:
    assert bed.accept(report(dlr_url=dlr_url))[1] is Outcome.PERMANENT


def test_a_report_on_several_ids_is_several_pdus(bed: Bed, receiver: MemoryReceiver) -> None:
    ids = make_ids()
    first, second = ids.next(), ids.next()
    bed.accept(report(dlr_url=b"esme|%d|%b;%b" % (NOW, first, second)))
    assert [text[3:39] for text in receiver.texts] == [first, second]


def test_a_ready_pdu_goes_as_it_is(bed: Bed, receiver: MemoryReceiver) -> None:
    ready = DeliverSm(short_message=b"ready", tlvs={0x0427: b"\2"})
    delivery = Delivery(bed.origin, None, 5, ready)
    delivery.system_id = "esme"
    assert bed.flow.dispatch(delivery) is None
    assert receiver.pdus == [ready]


def test_a_ready_pdu_loses_its_tlvs_for_an_old_bind(bed: Bed, receiver: MemoryReceiver) -> None:
    """C-071."""
    receiver.options = BindOptions(interface_version=0x33)
    delivery = Delivery(bed.origin, None, 5, DeliverSm(short_message=b"ready", tlvs={0x0427: b"\2"}))
    delivery.system_id = "esme"
    assert bed.flow.dispatch(delivery) is None
    assert receiver.pdus == [DeliverSm(short_message=b"ready")]


def test_a_name_of_other_octets_than_ascii(bed: Bed, receiver: MemoryReceiver) -> None:
    bed.receivers.binds["caf\xe9"] = receiver
    delivery, outcome = bed.accept(report(b"caf\xe9"))
    assert outcome is None
    assert delivery.system_id == "caf\xe9"
    assert delivery.sms is not None
    assert delivery.sms.service == b"caf\xe9"


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        ([Outcome.DONE] * 3, Outcome.DONE),
        ([Outcome.DONE, Outcome.PERMANENT, Outcome.DONE], Outcome.PERMANENT),
        ([Outcome.PERMANENT, Outcome.TEMPORARY, Outcome.DONE], Outcome.TEMPORARY),
        ([Outcome.DONE, Outcome.TIMEOUT, Outcome.GONE], Outcome.GONE),
    ],
)
def test_several_parts_settle_once_with_the_worst(
    bed: Bed, receiver: MemoryReceiver, outcomes: list[Outcome], worst: Outcome
) -> None:
    """docs/rules/flows.md 4."""
    delivery, _ = bed.accept(mo(b"x" * 400))
    assert delivery.left == 3
    for outcome in outcomes:
        assert bed.origin.items == []
        receiver.answer(outcome)
    assert bed.origin.take() == [delivery]
    assert delivery.outcome is worst


def test_a_second_try_starts_afresh(bed: Bed, receiver: MemoryReceiver) -> None:
    delivery, _ = bed.accept(mo(b"x" * 300))
    receiver.answer(Outcome.GONE)
    receiver.answer(Outcome.DONE)
    assert bed.origin.take() == [delivery]
    assert bed.flow.dispatch(delivery) is None
    receiver.answer(Outcome.DONE, 2)
    assert bed.origin.take() == [delivery]
    assert delivery.outcome is Outcome.DONE


def test_the_parts_of_each_message_have_their_own_reference(bed: Bed, receiver: MemoryReceiver) -> None:
    for _ in range(2):
        bed.accept(mo(b"x" * 300))
    headers = [pdu.short_message[:6] for pdu in receiver.pdus]
    assert [header[3] for header in headers] == [0, 0, 1, 1]
    assert [header[5] for header in headers] == [1, 2, 1, 2]


def test_the_binds_options_count(bed: Bed, receiver: MemoryReceiver) -> None:
    receiver.options = BindOptions(interface_version=0x33)
    bed.accept(report())
    receiver.options = BindOptions(interface_version=0x34, profile=replace(KANNEL, exchanged=True))
    bed.accept(report())
    old, new = receiver.pdus
    assert (bool(old.tlvs), old.source_addr) == (False, b"12345")
    assert (bool(new.tlvs), new.source_addr) == (True, b"491700")


@pytest.mark.parametrize("waits", [True, False])
def test_whether_it_waits_is_the_routers_matter(waits: bool) -> None:
    assert DeliveryFlow(MemoryRouter(waits=waits), MemoryReceivers()).waits is waits
