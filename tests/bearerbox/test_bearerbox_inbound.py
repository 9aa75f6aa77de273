"""MOs and DLRs from bearerboxes: one ack each, when their next hop has them (docs/rules/flows.md 2)."""

from __future__ import annotations

import time

import pytest

from ksmppd_py.bearerbox.inbound import MOST_ATTEMPTS
from ksmppd_py.errors import BackendUnavailable, DatabaseUnavailable, MessageTooLong, NoRoute
from ksmppd_py.model.outcomes import Outcome, SubmitResult
from tests.bearerbox.conftest import Bed, StartBed, make_mt
from tests.fakes import box_wire
from tests.fakes.bearerbox import NEVER, always
from tests.flows.memory import MemoryReceiver
from tests.parts.waiting import wait_until

FOR_NOW = SubmitResult.REFUSED_TEMPORARILY


def mo(bed: Bed, text: bytes = b"ping", **fields: object) -> bytes:
    return bed.box.send_mo("491700", "7777", text, **fields)


def sent_mt(bed: Bed, nack: int | str = 0) -> box_wire.Sms:
    """An MT of ours that the bearerbox got, so that it can report on it."""
    bed.box.policy = always(nack)
    before = len(bed.box.submits)
    bed.send(b"mt")
    return bed.box.wait_for_sms(before + 1)[-1]


def acked(bed: Bed, message_id: bytes) -> int:
    return bed.box.wait_for_ack(message_id).nack


def test_the_ack_comes_with_the_esmes_answer(bed: Bed) -> None:
    message_id = mo(bed)
    wait_until(lambda: bed.receiver.open)
    assert bed.box.acks == []
    bed.receiver.answer()
    ack = bed.box.wait_for_ack(message_id)
    assert ack.nack == 0
    assert abs(ack.time - time.time()) < 5
    assert bed.receiver.texts == [b"ping"]


def test_all_parts_are_one_ack(bed: Bed) -> None:
    message_id = mo(bed, b"x" * 400)
    wait_until(lambda: len(bed.receiver.open) == 3)
    bed.receiver.answer(count=2)
    bed.receiver.answer(Outcome.PERMANENT)
    assert acked(bed, message_id) == 1
    assert len(bed.box.acks) == 1


@pytest.mark.parametrize(("outcome", "nack"), [(Outcome.DONE, 0), (Outcome.PERMANENT, 1)])
def test_final_answers(bed: Bed, outcome: Outcome, nack: int) -> None:
    message_id = mo(bed)
    wait_until(lambda: bed.receiver.open)
    bed.receiver.answer(outcome)
    assert acked(bed, message_id) == nack
    assert bed.store.messages == {}


def test_no_route_is_final(bed: Bed) -> None:
    bed.router.everything = NoRoute()
    assert acked(bed, mo(bed)) == 1


def test_messages_for_nobody_are_refused(bed: Bed) -> None:
    """docs/rules/flows.md 3: report_mo without dlr_url, mt_*, report_mt."""
    for fields in ({"sms_type": 2}, {"sms_type": 1}, {"sms_type": 4}, {"sms_type": 3}):
        assert acked(bed, mo(bed, **fields)) == 1


def test_no_receiver_and_stored(bed: Bed) -> None:
    bed.receivers.binds = {}
    assert acked(bed, mo(bed, b"keep")) == 0
    [sms] = bed.store.saved
    assert (sms.msgdata, sms.service) == (b"keep", b"esme")
    mt = sent_mt(bed)
    assert acked(bed, bed.box.send_dlr(mt)) == 0
    assert [each.sms_type for each in bed.store.saved] == [0, 3]
    assert bed.handover.accounts == ["esme", "esme"]


@pytest.mark.parametrize("outcome", [Outcome.TEMPORARY, Outcome.GONE, Outcome.TIMEOUT])
def test_what_the_esme_cant_take_now_is_stored(bed: Bed, outcome: Outcome) -> None:
    """docs/rules/flows.md 4: other binds first, then the store."""
    message_id = mo(bed)
    wait_until(lambda: bed.receiver.open)
    bed.receivers.binds = {}
    bed.receiver.answer(outcome)
    assert acked(bed, message_id) == 0
    assert len(bed.store.saved) == 1
    assert bed.handover.expected == set()
    later = outcome is Outcome.TEMPORARY  # refused by the ESME: not to be sent to it again at once
    assert [row for _, row in bed.handover.to_retry] == ([1] if later else [])
    assert bed.handover.accounts == ([] if later else ["esme"])


def test_another_bind_of_the_account_gets_it_at_once(bed: Bed) -> None:
    message_id = mo(bed)
    wait_until(lambda: bed.receiver.open)
    other = bed.receivers.binds["esme"] = MemoryReceiver()
    bed.receiver.answer(Outcome.GONE)
    wait_until(lambda: other.open)
    other.answer()
    assert acked(bed, message_id) == 0
    assert bed.store.saved == []


def test_after_some_binds_it_is_stored(bed: Bed) -> None:
    message_id = mo(bed)
    for _ in range(1 + MOST_ATTEMPTS):
        wait_until(lambda: bed.receiver.open)
        bed.receiver.answer(Outcome.GONE)
    assert acked(bed, message_id) == 0
    assert len(bed.store.saved) == 1


def test_a_message_that_no_column_holds_is_refused_alone(bed: Bed) -> None:
    bed.receivers.binds = {}
    bed.store.refuses = lambda sms: MessageTooLong() if sms.msgdata == b"huge" else None
    ids = [mo(bed, text) for text in (b"1", b"huge", b"2")]
    assert [acked(bed, message_id) for message_id in ids] == [0, 1, 0]


# -- temporary nacks -----------------------------------------------------------------------------------------------


def test_a_temporary_nack_is_delayed_and_the_delay_doubles(start: StartBed) -> None:
    """docs/rules/flows.md 2: no hot loop."""
    bed = start(queue=False)
    bed.receivers.binds = {}
    delays = []
    for _ in range(4):
        began = time.monotonic()
        assert acked(bed, mo(bed)) == 2
        delays.append(time.monotonic() - began)
    assert delays[0] > 0.04
    assert delays[1] > 0.09
    assert delays[2] > 0.19
    assert delays[3] < 0.4  # LAST_DELAY


def test_a_receiver_that_comes_in_time_gets_it(start: StartBed) -> None:
    bed = start(queue=False)
    bed.receivers.binds = {}
    message_id = mo(bed)
    wait_until(lambda: len(bed.pool.connections[0].inbound) == 1)
    bed.receivers.binds = {"esme": bed.receiver}
    wait_until(lambda: bed.receiver.open)
    bed.receiver.answer()
    assert acked(bed, message_id) == 0


def test_success_ends_the_delays(start: StartBed) -> None:
    bed = start(queue=False)
    for _ in range(2):
        bed.receivers.binds = {}
        began = time.monotonic()
        assert acked(bed, mo(bed)) == 2
        assert time.monotonic() - began < 0.09
        bed.receivers.binds = {"esme": bed.receiver}
        message_id = mo(bed)
        wait_until(lambda: bed.receiver.open)
        bed.receiver.answer()
        assert acked(bed, message_id) == 0


def test_only_half_of_the_window_is_held(start: StartBed) -> None:
    bed = start(queue=False, first_nack_delay=60.0, last_nack_delay=60.0, most_delayed=0.03)
    bed.receivers.binds = {}
    ids = [mo(bed) for _ in range(5)]
    assert [acked(bed, message_id) for message_id in ids[:2]] == [2, 2]
    assert len(bed.pool.connections[0].inbound) == 3


@pytest.mark.parametrize("what", ["routing", "store"])
def test_a_back_end_that_is_away_is_temporary(bed: Bed, what: str) -> None:
    """docs/rules/flows.md 9 rows 9 and 11."""
    if what == "routing":
        bed.router.everything = BackendUnavailable("router down")
    else:
        bed.receivers.binds = {}
        bed.store.failure = DatabaseUnavailable("gone")
    began = time.monotonic()
    assert acked(bed, mo(bed)) == 2
    assert time.monotonic() - began > 0.04


def test_a_router_that_waits_doesnt_hold_up_the_acks(bed: Bed) -> None:
    bed.router.waits = True
    message_id = mo(bed)
    wait_until(lambda: bed.receiver.open)
    bed.receiver.answer()
    assert acked(bed, message_id) == 0


# -- repetition, loss ----------------------------------------------------------------------------------------------


def test_a_repetition_of_a_message_in_flight_is_covered(bed: Bed) -> None:
    message_id = mo(bed)
    mo(bed, id=message_id)
    mo(bed, b"next")
    wait_until(lambda: len(bed.receiver.open) == 2)
    assert bed.receiver.texts == [b"ping", b"next"]
    bed.receiver.answer(count=2)
    assert acked(bed, message_id) == 0
    wait_until(lambda: len(bed.box.acks) == 2)
    assert len(bed.box.acks_of(message_id)) == 1


def test_a_connection_that_breaks_meanwhile(bed: Bed) -> None:
    """The bearerbox repeats what it got no ack for; it is still in flight, so the ESME sees it once."""
    message_id = mo(bed)
    wait_until(lambda: bed.receiver.open)
    bed.box.wait_for_box()[0].close()
    bed.box.wait_for(lambda: bed.box.connections == 2)
    bed.wait_online()
    mo(bed, id=message_id)
    mt = sent_mt(bed)  # behind the repetition on the same connection
    assert mt.msgdata == b"mt"
    bed.receiver.answer()
    assert acked(bed, message_id) == 0
    assert bed.receiver.texts == [b"ping"]


# -- reports and their MTs -----------------------------------------------------------------------------------------


def test_a_report_that_overtakes_its_ack_waits_for_it(bed: Bed) -> None:
    mt = sent_mt(bed, NEVER)
    report_id = bed.box.send_dlr(mt)
    marker = mo(bed, b"marker")
    wait_until(lambda: bed.receiver.open)
    assert bed.receiver.texts == [b"marker"]
    bed.box.ack(bed.box.submits[0])
    wait_until(lambda: len(bed.receiver.open) == 2)
    assert bed.origin.items  # the submit was answered before
    bed.receiver.answer(count=2)
    assert [acked(bed, each) for each in (marker, report_id)] == [0, 0]


def test_a_report_on_an_mt_that_is_never_acked_is_let_go(start: StartBed) -> None:
    """Otherwise it would occupy one of the bearerbox's slots until the connection ends."""
    bed = start(ack_timeout=0.05)
    mt = sent_mt(bed, NEVER)
    report_id = bed.box.send_dlr(mt)
    assert bed.wait_results() == [FOR_NOW]
    wait_until(lambda: bed.receiver.open)
    bed.receiver.answer()
    assert acked(bed, report_id) == 0


@pytest.mark.parametrize("before_the_ack", [True, False])
def test_the_report_on_a_refused_mt_is_swallowed(bed: Bed, before_the_ack: bool) -> None:
    """docs/rules/box-protocol.md 6.1: the ESME has had its answer and never saw the id."""
    mt = sent_mt(bed, NEVER)
    if before_the_ack:
        report_id = bed.box.send_dlr(mt, 16, b"NACK/no SMSC")
        bed.box.ack(bed.box.submits[0], 1)
    else:
        bed.box.ack(bed.box.submits[0], 1)
        bed.wait_results()
        report_id = bed.box.send_dlr(mt, 16, b"NACK/no SMSC")
    assert acked(bed, report_id) == 0
    assert bed.receiver.pdus == []
    again = bed.box.send_dlr(mt, 16)  # only that one
    wait_until(lambda: bed.receiver.open)
    bed.receiver.answer()
    assert acked(bed, again) == 0


@pytest.mark.parametrize(("nack", "mask"), [(0, 16), (2, 16), (1, 1)])
def test_other_reports_are_delivered(bed: Bed, nack: int, mask: int) -> None:
    mt = sent_mt(bed, nack)
    bed.wait_results()
    bed.box.send_dlr(mt, mask)
    wait_until(lambda: bed.receiver.open)


def test_reports_on_messages_of_before_the_start(bed: Bed) -> None:
    mt = box_wire.Sms(sender=b"1", receiver=b"2", dlr_url=make_mt().dlr_url, dlr_mask=19)
    bed.box.send_dlr(mt)
    wait_until(lambda: bed.receiver.open)


# -- slow ESMEs ----------------------------------------------------------------------------------------------------


def test_messages_of_a_slow_esme_are_moved_to_the_store(start: StartBed) -> None:
    """docs/rules/flows.md 2: one slow ESME must not hold all of the bearerbox's slots."""
    bed = start(busy=0.03)
    ids = [mo(bed, b"%d" % n) for n in range(5)]
    assert [acked(bed, message_id) for message_id in ids] == [0] * 5
    assert len(bed.store.saved) == 5
    assert len(bed.receiver.open) == 5  # they stay open with the ESME
    assert len(bed.handover.rows) == 5
    assert bed.handover.expected == set()


def test_a_slow_esme_is_forgiven(start: StartBed) -> None:
    """An ESME stops being slow when all of its messages were moved and its answers go to the rows."""
    bed = start(busy=0.03, slow_for=0.05)
    ids = [mo(bed, b"%d" % n) for n in range(5)]
    assert [acked(bed, message_id) for message_id in ids] == [0] * 5
    for delivery, _ in bed.handover.rows:
        delivery.origin = bed.origin
    bed.receiver.answer(count=5)

    def delivered_live() -> bool:
        mo(bed, b"live")
        return b"live" in bed.receiver.texts

    wait_until(delivered_live)


def test_stopping_lets_go_of_what_is_held(start: StartBed) -> None:
    bed = start(queue=False, first_nack_delay=60.0)
    bed.receivers.binds = {}
    message_id = mo(bed)
    wait_until(lambda: len(bed.pool.connections[0].inbound) == 1)
    bed.pool.stop(0.2)
    assert acked(bed, message_id) == 2
