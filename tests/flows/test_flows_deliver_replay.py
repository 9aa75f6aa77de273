"""Stored MOs, reports and PDUs on their way to the ESMEs (docs/rules/flows.md 5.2)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.flows.deliver_replay import DeliverReplay
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.kannel.messages import SmsType
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.store import StoredPdu
from ksmppd_py.model.work import Delivery
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.pdus import DeliverSm, EnquireLink
from tests.flows.memory import (
    Clock,
    MemoryOrigin,
    MemoryReceiver,
    MemoryReceivers,
    MemoryRouter,
    MemoryStore,
    mo,
    report,
)


class Bed:
    """A DeliverReplay, the account `esme` and its receiver."""

    def __init__(self, window: int = 500, queue: bool = True) -> None:
        self.store = MemoryStore()
        self.receiver = MemoryReceiver(window)
        self.receivers = MemoryReceivers(esme=self.receiver)
        self.wakeups = MemoryOrigin()
        self.clock = Clock()
        delivery = DeliveryFlow(MemoryRouter(), self.receivers)
        self.replay = DeliverReplay(self.store, delivery, self.receivers, self.wakeups, self.clock, queue)

    def store_mos(self, *texts: bytes) -> None:
        self.store.save([mo(text, service=b"esme") for text in texts])

    def store_pdus(self, *texts: bytes) -> None:
        pdus = [DeliverSm(destination_addr=b"7777", short_message=text) for text in texts]
        self.store.save_pdus("esme", [codec.pack(pdu, 77)[4:] for pdu in pdus])

    def advance(self) -> None:
        self.replay.advance("esme")

    def answer(self, outcome: Outcome = Outcome.DONE, count: int = 1) -> None:
        self.receiver.answer(outcome, count)

    @property
    def texts(self) -> list[bytes]:
        return self.receiver.texts


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_pdus_come_first_then_reports_then_messages(bed: Bed) -> None:
    bed.store_mos(b"message")
    bed.store.save([report(service=b"esme")])
    bed.store_pdus(b"ready")
    bed.advance()
    assert [text[:3] for text in bed.texts] == [b"rea", b"id:", b"mes"]


def test_first_stored_first_and_each_once(bed: Bed) -> None:
    bed.store_mos(*[b"%d" % n for n in range(20)])
    bed.advance()
    bed.advance()
    assert bed.texts == [b"%d" % n for n in range(20)]
    assert len(bed.store.messages) == 20  # until they are answered
    bed.answer(count=20)
    assert bed.store.messages == {}


def test_only_the_rows_of_the_account(bed: Bed) -> None:
    bed.store.save([mo(b"other", service=b"other"), mo(b"mine", service=b"ESME")])
    bed.store.save_pdus("other", [b"\0\0\0\5" + bytes(8)])
    bed.advance()
    assert bed.texts == [b"mine"]


def test_no_more_than_the_window_takes() -> None:
    """docs/rules/flows.md 9, row 12."""
    bed = Bed(window=3)
    bed.store_mos(*[b"%d" % n for n in range(10)])
    bed.advance()
    assert len(bed.texts) == 3
    bed.answer()
    assert bed.wakeups.items == []
    bed.answer()
    assert bed.wakeups.take() == ["esme"]  # half of what was in flight is answered: there is room again
    bed.advance()
    assert bed.texts == [b"0", b"1", b"2", b"3", b"4"]
    while bed.store.messages:
        bed.answer()
        if bed.wakeups.take():
            bed.advance()
    assert bed.texts == [b"%d" % n for n in range(10)]


def test_without_a_receiver_nothing_is_read_or_lost(bed: Bed) -> None:
    """docs/rules/flows.md 9, row 1."""
    bed.store_mos(b"1")
    bed.store_pdus(b"2")
    bed.receivers.binds = {}
    bed.advance()
    assert bed.store.pages == 0
    assert len(bed.store.messages) == len(bed.store.pdus) == 1


def test_without_the_queue_only_the_pdu_table_is_read() -> None:
    bed = Bed(queue=False)
    bed.store_mos(b"message")
    bed.store_pdus(b"ready")
    bed.advance()
    assert bed.texts == [b"ready"]


@pytest.mark.parametrize("table", ["messages", "pdus"])
@pytest.mark.parametrize(
    ("outcome", "kept", "again_after"),
    [
        (Outcome.DONE, 0, None),
        (Outcome.PERMANENT, 0, None),
        (Outcome.TEMPORARY, 1, 30.0),
        (Outcome.TIMEOUT, 1, 0.0),
        (Outcome.GONE, 1, 0.0),
    ],
)
def test_what_a_result_does(
    bed: Bed, table: str, outcome: Outcome, kept: int, again_after: float | None
) -> None:
    """docs/rules/flows.md 4, the rules for every origin."""
    (bed.store_mos if table == "messages" else bed.store_pdus)(b"row")
    bed.advance()
    bed.answer(outcome)
    assert len(getattr(bed.store, table)) == kept
    if again_after is None:
        assert bed.replay.due() == []
        return
    if again_after:
        assert bed.replay.due() == []
        bed.advance()
        assert bed.texts == [b"row"]
    bed.clock.now += again_after
    assert bed.replay.due() == ["esme"]
    bed.advance()
    assert bed.texts == [b"row", b"row"]


def test_several_parts_are_one_row(bed: Bed) -> None:
    bed.store_mos(b"x" * 400)
    bed.advance()
    bed.answer(count=2)
    assert len(bed.store.messages) == 1
    bed.answer()
    assert bed.store.messages == {}


def test_a_row_that_cannot_be_told_is_removed(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    bed.store.save([report(service=b"esme", dlr_url=b"not ours"), report(service=b"esme")])
    bed.advance()
    assert len(bed.texts) == 1
    assert len(bed.store.messages) == 1
    assert "refused for good" in caplog.text


def test_an_unreadable_message_blocks_nothing(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    row = bed.store.add_unreadable(int(SmsType.MO))
    bed.store_mos(b"after it")
    for _ in range(3):
        bed.replay.rescan("esme")
        bed.advance()
    assert bed.texts == [b"after it"]
    assert row in bed.store.messages
    assert sum(f"Stored message {row} can't be read" in r.getMessage() for r in caplog.records) == 1


def test_more_unreadable_messages_than_a_page_holds() -> None:
    bed = Bed(window=2)
    for _ in range(5):
        bed.store.add_unreadable(int(SmsType.MO))
    bed.store_mos(b"after them")
    bed.advance()
    assert bed.texts == [b"after them"]


@pytest.mark.parametrize(
    "octets",
    [b"", b"\0\0\0\5", codec.pack(EnquireLink(), 1)[4:], codec.pack(DeliverSm(short_message=b"x"), 1)[4:-1]],
)
def test_an_unreadable_pdu_is_told_once_and_removed(
    bed: Bed, octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """docs/rules/flows.md 5."""
    bed.store.save_pdus("esme", [octets])
    bed.store_pdus(b"after it")
    bed.advance()
    assert bed.texts == [b"after it"]
    assert len(bed.store.pdus) == 1
    assert sum("can't be read" in record.getMessage() for record in caplog.records) == 1


def test_a_delivery_taken_over_is_a_row_from_then_on(bed: Bed) -> None:
    """The message of a slow ESME, stored while it is still open there."""
    origin = MemoryOrigin()
    delivery = Delivery(origin, mo(b"slow", service=b"esme"))
    delivery.system_id, delivery.left = "esme", 1
    [row] = bed.store.save([delivery.sms] if delivery.sms else [])
    bed.replay.take_over(delivery, row)
    bed.advance()
    assert bed.texts == []  # it is in flight already
    delivery.part_ended(Outcome.DONE)
    assert bed.store.messages == {}
    assert origin.items == []


@pytest.mark.parametrize(("outcome", "kept"), [(Outcome.DONE, 0), (Outcome.GONE, 1)])
def test_a_delivery_taken_over_may_have_ended_meanwhile(bed: Bed, outcome: Outcome, kept: int) -> None:
    delivery = Delivery(MemoryOrigin(), report(service=b"esme"))
    delivery.system_id, delivery.outcome = "esme", outcome
    [row] = bed.store.save([delivery.sms] if delivery.sms else [])
    bed.replay.take_over(delivery, row)
    assert len(bed.store.messages) == kept
    bed.advance()
    assert len(bed.texts) == kept


def test_what_its_esme_refused_for_now_waits(bed: Bed) -> None:
    """docs/rules/flows.md 4: 30 s, although the row is new."""
    delivery = Delivery(MemoryOrigin(), mo(b"later", service=b"esme"))
    delivery.system_id = "esme"
    [row] = bed.store.save([delivery.sms] if delivery.sms else [])
    bed.replay.retry_later(delivery, row)
    bed.advance()
    assert bed.texts == []
    bed.clock.now += 29
    assert bed.replay.due() == []
    bed.clock.now += 1
    assert bed.replay.due() == ["esme"]
    bed.advance()
    assert bed.texts == [b"later"]


def test_after_the_database_failed_the_account_is_looked_at_again(bed: Bed) -> None:
    bed.store_mos(b"1")
    bed.store.failure = DatabaseUnavailable("gone")
    with pytest.raises(DatabaseUnavailable):
        bed.advance()
    bed.replay.look_later("esme")
    assert bed.replay.due() == []
    bed.clock.now += 2
    assert bed.replay.due() == ["esme"]
    bed.store.failure = None
    bed.advance()
    assert bed.texts == [b"1"]


def test_rows_of_a_name_that_only_the_database_takes_for_ours(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most collations find é = e: those rows are another account's, and hold up none of ours."""
    pdu = codec.pack(DeliverSm(destination_addr=b"7777", short_message=b"pdu of another"), 1)[4:]
    bed.store.pdus[1] = StoredPdu(1, "\xe9sme", pdu)
    bed.store.save([mo(b"of another", service=b"\xe9sme"), mo(b"mine", service=b"Esme ")])
    everything = [*bed.store.messages.values()]
    monkeypatch.setattr(bed.store, "page_pdus", lambda *_: list(bed.store.pdus.values()))
    monkeypatch.setattr(bed.store, "page", lambda kind, after, *_: [
        row for row in everything if row.global_id > after and kind == SmsType.MO
    ])  # fmt: skip
    bed.advance()
    assert bed.texts == [b"mine"]


def test_a_row_that_another_process_commits_late(bed: Bed) -> None:
    """Its number is lower than that of one that is in flight; while there is traffic something always is."""
    bed.store_mos(b"late", b"1")
    late = bed.store.messages.pop(1)
    bed.advance()
    bed.store.messages[1] = late
    bed.replay.rescan("esme")
    bed.advance()
    assert bed.texts == [b"1", b"late"]


def test_rows_stored_while_it_was_away_for_a_moment(bed: Bed) -> None:
    """An ESME that binds again before the next round gets messages that were stored meanwhile at that round."""
    binds, bed.receivers.binds = bed.receivers.binds, {}
    bed.store_mos(b"1")
    bed.replay.rows_added("esme")
    assert bed.wakeups.items == []
    assert bed.replay.due() == []
    bed.receivers.binds = binds
    assert bed.replay.due() == ["esme"]
    bed.advance()
    assert bed.texts == [b"1"]
    assert bed.replay.due() == []


class Replays(RuleBasedStateMachine):
    """Random stores, windows, answers and pauses: each row is out at most once, and in the end none is left."""

    def __init__(self) -> None:
        super().__init__()
        self.bed = Bed(window=4)
        self.stored = 0
        self.retried: set[bytes] = set()

    @rule(count=st.integers(1, 3), pdus=st.booleans())
    def insert(self, count: int, pdus: bool) -> None:
        texts = [b"%d" % (self.stored + n) for n in range(count)]
        self.stored += count
        (self.bed.store_pdus if pdus else self.bed.store_mos)(*texts)
        self.bed.replay.rescan("esme")

    @rule()
    def turn(self) -> None:
        """Do a round of the workers: advance accounts that were woken or are due."""
        for system_id in {*self.bed.wakeups.take(), *self.bed.replay.due()}:
            self.bed.replay.advance(system_id)

    @rule(seconds=st.sampled_from([1.0, 30.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.bed.clock.now += seconds

    @precondition(lambda self: self.bed.receiver.open)
    @rule(outcome=st.sampled_from([o for o in Outcome if o is not Outcome.NO_RECEIVER]), data=st.data())
    def answer(self, outcome: Outcome, data: st.DataObject) -> None:
        position = data.draw(st.integers(0, len(self.bed.receiver.open) - 1))
        self.bed.receiver.open.pop(position).part_ended(outcome)

    @rule(window=st.integers(0, 4))
    def change_window(self, window: int) -> None:
        self.bed.receiver.window = window

    @invariant()
    def no_row_is_out_twice(self) -> None:
        out = [(delivery.sms is None, delivery.row) for delivery in self.bed.receiver.open]
        assert len(out) == len(set(out))

    @invariant()
    def what_is_out_is_still_stored(self) -> None:
        for delivery in self.bed.receiver.open:
            table: dict[int, Any] = self.bed.store.pdus if delivery.sms is None else self.bed.store.messages
            assert delivery.row in table

    def teardown(self) -> None:
        """An ESME that answers gets everything, sooner or later."""
        bed = self.bed
        bed.receiver.window = 4
        for _ in range(10 + 2 * self.stored):
            while bed.receiver.open:
                bed.answer()
            bed.clock.now += 700
            bed.replay.rescan("esme")
            self.turn()
        assert bed.store.messages == bed.store.pdus == {}


TestReplays = Replays.TestCase
TestReplays.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
