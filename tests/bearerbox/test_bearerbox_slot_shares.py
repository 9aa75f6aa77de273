"""Without a store no account is left all slots of a bearerbox (docs/rules/flows.md 2)."""

from __future__ import annotations

from collections.abc import Sized

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.bearerbox.slot_shares import SlotShares
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import Delivery
from tests.bearerbox.conftest import IDS, Bed, StartBed
from tests.flows.memory import MemoryOrigin, MemoryReceiver, MemoryReceivers, MemoryRouter
from tests.parts.waiting import wait_until


class Table:
    """SlotShares of a window, some accounts with a receiver each, and what wasn't sent at once."""

    def __init__(self, window: int, held: Sized = (), **receivers: MemoryReceiver) -> None:
        self.receivers = receivers
        self.shares = SlotShares(window, DeliveryFlow(MemoryRouter(), MemoryReceivers(**receivers)), held)
        self.origin = MemoryOrigin()

    def send(self, system_id: str, count: int = 1, text: str = "") -> list[Outcome | None]:
        return [self._send(system_id, text or str(number)) for number in range(count)]

    def _send(self, system_id: str, text: str) -> Outcome | None:
        sms = Sms(sender=b"1", receiver=b"2", msgdata=text.encode(), id=IDS.next(), sms_type=0, coding=0)
        delivery = Delivery(self.origin, sms)
        delivery.system_id = system_id
        return self.shares.dispatch(delivery)

    def open(self, system_id: str) -> int:
        return len(self.receivers[system_id].open)

    def answer(self, system_id: str) -> None:
        """As the bearerbox's room does: the next one goes when one has ended."""
        self.receivers[system_id].answer()
        self.shares.ended(system_id)
        delivery = self.shares.next(system_id)
        if delivery is not None:
            assert self.shares.take(delivery, True) is None


def test_one_account_gets_half() -> None:
    table = Table(100, a=MemoryReceiver())
    assert table.send("a", 80) == [None] * 80
    assert table.open("a") == 50


def test_two_get_a_third_each_and_a_third_stays_free() -> None:
    table = Table(99, a=MemoryReceiver(), b=MemoryReceiver())
    for _ in range(80):
        table.send("a")
        table.send("b")
    assert (table.open("a"), table.open("b")) == (33, 33)


def test_the_first_message_of_an_account_is_always_sent() -> None:
    names = [f"n{number}" for number in range(20)]
    table = Table(4, **{name: MemoryReceiver() for name in names})
    for name in names:
        table.send(name, 3)
    assert [table.open(name) for name in names[3:]] == [1] * 17


def test_refused_messages_count_among_the_slots() -> None:
    table = Table(100, held=[None] * 20, a=MemoryReceiver())
    table.send("a", 80)
    assert table.open("a") == 40


def test_what_waits_goes_in_order_with_each_answer() -> None:
    table = Table(4, a=MemoryReceiver())
    table.send("a", 6)
    assert table.receivers["a"].texts == [b"0", b"1"]
    for _ in range(4):
        table.answer("a")
    assert table.receivers["a"].texts == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert table.shares.waiting == []


def test_a_full_window_of_the_esme_waits_for_its_answer() -> None:
    table = Table(100, a=MemoryReceiver(window=1))
    assert table.send("a", 3) == [None] * 3
    assert table.shares.waiting == ["a"]
    table.answer("a")
    assert table.receivers["a"].texts == [b"0", b"1"]


def test_without_a_bind_nothing_waits() -> None:
    table = Table(100, a=MemoryReceiver(window=0))
    assert table.send("a", 2) == [Outcome.NO_RECEIVER] * 2
    assert table.shares.waiting == []


def test_a_larger_window_shows_by_being_used() -> None:
    table = Table(100, a=MemoryReceiver())
    assert not table.shares.is_crowded(75)
    assert table.shares.is_crowded(76)
    assert table.shares.is_crowded(400)
    assert not table.shares.is_crowded(300)
    table.send("a", 300)
    assert table.open("a") == 200


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=300))
def test_no_slot_is_lost_and_none_is_taken_twice(steps: list[tuple[str, bool]]) -> None:
    table = Table(12, a=MemoryReceiver(3), b=MemoryReceiver(), c=MemoryReceiver())
    sent = dict.fromkeys("abc", 0)
    for name, is_answer in steps:
        if not is_answer:
            table.send(name, text=str(sent[name]))
            sent[name] += 1
        elif table.open(name):
            table.answer(name)
        assert sum(table.open(each) for each in "abc") < 12 + 3
    for name in "abc":
        while table.open(name):
            table.answer(name)
        assert table.receivers[name].texts == [b"%d" % number for number in range(sent[name])]


# -- with a bearerbox ----------------------------------------------------------------------------------------------


def start_two(start: StartBed, **changes: float) -> Bed:
    """Without a queue; MOs for 1… are for the account `esme`, for 2… for `other`."""
    bed = start(queue=False, **changes)
    bed.receivers.binds["other"] = MemoryReceiver()
    bed.router.everything = None
    bed.router.answers = {b"1": Route(system_id="esme"), b"2": Route(system_id="other")}
    return bed


@pytest.fixture
def two(start: StartBed) -> Bed:
    return start_two(start)


def test_a_silent_esme_leaves_slots_to_others(two: Bed) -> None:
    ids = [two.box.send_mo("9", "1", f"{number}") for number in range(100)]
    wait_until(lambda: len(two.box.acks) == 50)  # what it isn't sent is given back
    assert {ack.nack for ack in two.box.acks} == {2}
    assert two.receiver.texts == [b"%d" % number for number in range(50)]
    for _ in range(50):
        other = two.box.send_mo("9", "2", "hello")
        wait_until(lambda: two.receivers.binds["other"].open)
        two.receivers.binds["other"].answer()
        assert two.box.wait_for_ack(other).nack == 0
    two.receiver.answer(count=50)
    assert [two.box.wait_for_ack(each).nack for each in ids[:50]] == [0] * 50


def test_an_esme_that_answers_keeps_its_order_and_nothing_is_given_back(two: Bed) -> None:
    ids = [two.box.send_mo("9", "1", f"{number}") for number in range(100)]
    wait_until(lambda: len(two.pool.connections[0].inbound) == 100)
    for each in ids:
        two.receiver.answer()
        assert two.box.wait_for_ack(each).nack == 0
    assert two.receiver.texts == [b"%d" % number for number in range(100)]


def test_one_that_answers_again_is_served_again(start: StartBed) -> None:
    two = start_two(start, slow_for=60.0)
    for number in range(100):
        two.box.send_mo("9", "1", f"{number}")
    wait_until(lambda: len(two.box.acks) == 50)
    two.receiver.answer(count=50)
    more = [two.box.send_mo("9", "1", f"more {number}") for number in range(100)]
    wait_until(lambda: len(two.receiver.open) == 50)
    for each in more:
        two.receiver.answer()
        assert two.box.wait_for_ack(each).nack == 0


def test_what_waits_for_a_share_is_held_back_when_the_esme_goes(two: Bed) -> None:
    ids = [two.box.send_mo("9", "1", f"{number}") for number in range(70)]
    wait_until(lambda: len(two.pool.connections[0].inbound) == 70)
    gone = two.receivers.binds.pop("esme")
    assert isinstance(gone, MemoryReceiver)
    gone.answer(Outcome.GONE, 50)
    assert {two.box.wait_for_ack(each).nack for each in ids} == {2}


def test_stopping_gives_back_what_waits_for_a_share(two: Bed) -> None:
    ids = [two.box.send_mo("9", "1", f"{number}") for number in range(70)]
    wait_until(lambda: len(two.pool.connections[0].inbound) == 70)
    two.pool.connections[0].inbound.finish(0.01)
    assert {two.box.wait_for_ack(each).nack for each in ids[50:]} == {2}
