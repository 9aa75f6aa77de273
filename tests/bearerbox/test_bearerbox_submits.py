"""MTs towards bearerboxes: identify, acks, window, priority, loss (docs/rules/flows.md 1.2)."""

from __future__ import annotations

import time

import gevent
import pytest

from ksmppd_py.bearerbox.timings import BoxLimits, BoxTimings
from ksmppd_py.model.outcomes import SubmitResult
from tests.bearerbox.conftest import SHORT, Bed, StartBed
from tests.fakes import box_wire
from tests.fakes.bearerbox import CLOSE, NEVER, always
from tests.parts.waiting import wait_until

ACCEPTED = SubmitResult.ACCEPTED
REFUSED = SubmitResult.REFUSED
FOR_NOW = SubmitResult.REFUSED_TEMPORARILY
NO_BEARERBOX = SubmitResult.NO_BEARERBOX


def texts(bed: Bed) -> list[bytes | None]:
    return [entry.sms.msgdata for entry in bed.box.submits]


@pytest.mark.parametrize(("boxc_id", "expected"), [("KSMPPD", b"KSMPPD"), (None, None)])
def test_identify(start: StartBed, boxc_id: str | None, expected: bytes | None) -> None:
    bed = start(boxc_id=boxc_id)
    [link] = bed.box.wait_for_box()
    assert link.boxc_id == expected
    assert link.http_port == -1  # Kamex refuses a message without the field
    bed.send(b"hello")
    assert bed.box.wait_for_sms()[0].boxc_id == expected  # so that reports come back to us


def test_what_the_bearerbox_gets(bed: Bed) -> None:
    [submit] = bed.send(b"hello")
    [sms] = bed.box.wait_for_sms()
    assert submit.sms is not None
    assert (sms.id, sms.msgdata, sms.sms_type, sms.service) == (submit.sms.id, b"hello", 2, b"esme")
    assert (sms.dlr_mask, sms.dlr_url) == (19, submit.sms.dlr_url)


@pytest.mark.parametrize(
    ("nack", "result"),
    [(0, ACCEPTED), (1, REFUSED), (2, FOR_NOW), (3, ACCEPTED), (9, FOR_NOW), (-1, FOR_NOW), (-7, FOR_NOW)],
)
def test_acks(bed: Bed, nack: int, result: SubmitResult) -> None:
    """No number of a peer becomes NO_BEARERBOX."""
    bed.box.policy = always(nack)
    [submit] = bed.send(b"hello")
    assert bed.wait_results() == [result]
    assert submit.result is not NO_BEARERBOX


def test_acks_may_come_in_any_order(bed: Bed) -> None:
    bed.box.policy = always(NEVER)
    submits = bed.send(b"1", b"2", b"3")
    bed.box.wait_for_sms(3)
    for position in (2, 0, 1):
        bed.box.ack(bed.box.submits[position])
    wait_until(lambda: len(bed.origin.items) == 3)
    assert bed.origin.take() == [submits[2], submits[0], submits[1]]


def test_an_ack_that_nobody_waits_for(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    bed.send(b"1")
    bed.wait_results()
    bed.box.ack(bed.box.submits[0])
    wait_until(lambda: "isn't waiting" in caplog.text)
    bed.send(b"2")
    assert bed.wait_results() == [ACCEPTED]


def test_heartbeats(start: StartBed) -> None:
    """docs/rules/box-protocol.md 4: load 0."""
    bed = start(heartbeat_interval=0.05)
    [link] = bed.box.wait_for_box()
    bed.box.wait_for(lambda: len(link.heartbeats) >= 2)
    assert set(link.heartbeats) == {0}


def test_of_idle_bearerboxes_each_has_its_turn(start: StartBed) -> None:
    bed = start(count=2)
    for _ in range(6):
        bed.send(b"hello")
        bed.wait_results()
    assert [len(box.submits) for box in bed.boxes] == [3, 3]


def test_the_window_and_the_order_behind_it(start: StartBed) -> None:
    """Higher priority first, then first come (docs/rules/flows.md 1.2)."""
    bed = start(window=3)
    assert BoxLimits().window == 1000
    bed.box.policy = always(NEVER)
    bed.send(b"a", b"b", b"c")
    bed.send(b"low 1", b"low 2", priority=0)
    bed.send(b"high 1", b"high 2", priority=3)
    bed.send(b"undefined", priority=-1)
    bed.box.wait_for_sms(3)
    assert len(bed.pool.connections[0].open) == 3
    position = 0
    while position < 8:
        bed.box.wait_for_sms(position + 1)
        bed.box.ack(bed.box.submits[position])
        position += 1
    assert texts(bed) == [b"a", b"b", b"c", b"high 1", b"high 2", b"low 1", b"low 2", b"undefined"]


def test_only_so_many_wait(start: StartBed) -> None:
    bed = start(window=1, most_waiting=2)
    bed.box.policy = always(NEVER)
    bed.send(b"1", b"2", b"3")
    assert not bed.pool.send(bed.submit(b"4"))


# -- loss ----------------------------------------------------------------------------------------------------------


def test_without_a_bearerbox_nothing_is_taken(start: StartBed) -> None:
    bed = start()
    bed.box.stop()
    wait_until(lambda: not bed.pool.online)
    assert not bed.pool.send(bed.submit())


def test_it_comes_back(bed: Bed) -> None:
    bed.box.stop()
    wait_until(lambda: not bed.pool.online)
    bed.box.start()
    bed.wait_online()
    bed.send(b"again")
    assert bed.wait_results() == [ACCEPTED]


def test_what_was_open_is_sent_again_with_the_same_id(start: StartBed) -> None:
    """docs/rules/flows.md 9, row 13: in the same order, ahead of what came later."""
    bed = start(reconnect_timeout=5.0, window=2)
    bed.box.policy = always(NEVER)
    sent = bed.send(b"1", b"2", b"3")
    bed.box.wait_for_sms(2)
    bed.box.policy = always(0)
    bed.box.wait_for_box()[0].close()
    assert bed.wait_results(3) == [ACCEPTED, ACCEPTED, ACCEPTED]
    assert texts(bed) == [b"1", b"2", b"1", b"2", b"3"]
    ids = [entry.sms.id for entry in bed.box.submits]
    assert ids[:2] == ids[2:4] == [each.sms.id for each in sent[:2] if each.sms]


def test_another_bearerbox_takes_over(start: StartBed) -> None:
    bed = start(count=2)
    for box in bed.boxes:
        box.policy = always(NEVER)
    bed.send(*[b"%d" % n for n in range(6)])
    first, second = bed.boxes
    first.wait_for_sms(3)
    second.wait_for_sms(3)  # spread by who has fewest unanswered
    second.policy = always(0)
    for entry in list(second.submits):
        second.ack(entry)
    first.stop()
    assert bed.wait_results(6) == [ACCEPTED] * 6
    assert len(second.submits) == 6
    assert {entry.sms.id for entry in first.submits} <= {entry.sms.id for entry in second.submits}


def test_a_bearerbox_that_doesnt_come_back(bed: Bed) -> None:
    """Open and waiting ones alike are NO_BEARERBOX, in order, after `reconnect_timeout`."""
    assert SHORT.reconnect_timeout == 0.1 < BoxTimings().reconnect_timeout == 5.0
    bed.send(b"0")
    assert bed.wait_results() == [
        ACCEPTED
    ]  # a connection that never answered doesn't count as one that was there
    bed.box.policy = always(NEVER)
    submits = bed.send(b"1", b"2", b"3")
    bed.box.wait_for_sms(4)
    began = time.monotonic()
    bed.box.stop()
    wait_until(lambda: len(bed.origin.items) == 3)
    assert time.monotonic() - began > 0.09
    assert bed.origin.items == submits
    assert bed.wait_results(3) == [NO_BEARERBOX] * 3


def test_closing_instead_of_an_ack(bed: Bed) -> None:
    answers = iter([CLOSE, 0])
    bed.box.policy = lambda sms: next(answers)
    bed.send(b"hello")
    assert bed.wait_results() == [ACCEPTED]
    assert bed.box.connections == 2


def test_no_ack_in_time(start: StartBed, caplog: pytest.LogCaptureFixture) -> None:
    """docs/rules/flows.md 1.2: a temporary refusal; a late ack is logged and changes nothing."""
    bed = start(ack_timeout=0.05)
    bed.box.policy = always(NEVER)
    bed.send(b"late")
    assert bed.wait_results() == [FOR_NOW]
    bed.box.ack(bed.box.submits[0])
    wait_until(lambda: "isn't waiting" in caplog.text)
    assert bed.origin.items == []


def test_only_those_that_are_overdue(start: StartBed) -> None:
    bed = start(ack_timeout=0.1)
    bed.box.policy = always(NEVER)
    [early] = bed.send(b"early")
    gevent.sleep(0.06)
    [late] = bed.send(b"late")
    assert bed.wait_results() == [FOR_NOW]
    assert (early.result, late.result) == (FOR_NOW, None)
    bed.box.ack(bed.box.wait_for_text(b"late"))
    assert bed.wait_results() == [ACCEPTED]


def test_overdue_ones_make_room_for_those_that_wait(start: StartBed) -> None:
    """A bearerbox that lost its acks must not stop those that came later."""
    bed = start(ack_timeout=0.05, window=1)
    bed.box.policy = always(NEVER)
    bed.send(b"never acked")
    bed.box.wait_for_sms(1)
    bed.box.policy = always(0)
    bed.send(b"behind it")
    assert bed.wait_results(2) == [FOR_NOW, ACCEPTED]


# -- admin ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("http_port", [None, -1, 13021])
@pytest.mark.parametrize("command", [box_wire.SHUTDOWN, box_wire.RESTART])
def test_the_bearerbox_shuts_down(bed: Bed, command: int, http_port: int | None) -> None:
    """docs/rules/box-protocol.md 7: it waits for us to close; we come back later."""
    [link] = bed.box.wait_for_box()
    link.send(box_wire.pack_admin(command, None, http_port))
    bed.box.wait_for(lambda: bed.box.connections == 2)
    bed.wait_online()
    bed.send(b"again")
    assert bed.wait_results() == [ACCEPTED]
    assert bed.box.connections == 2


def test_open_ones_get_a_moment_for_their_acks(bed: Bed) -> None:
    """Nothing new is sent meanwhile; what isn't acked then is sent again."""
    bed.box.policy = always(NEVER)
    bed.send(b"1", b"2")
    bed.box.wait_for_sms(2)
    [link] = bed.box.wait_for_box()
    link.send(box_wire.pack_admin(box_wire.SHUTDOWN))
    wait_until(lambda: not bed.pool.online)
    assert not bed.pool.send(bed.submit(b"3"))
    bed.box.ack(bed.box.submits[0])
    assert bed.wait_results() == [ACCEPTED]
    assert bed.box.links == [link]
    bed.box.policy = always(0)
    assert bed.wait_results() == [ACCEPTED]
    assert texts(bed) == [b"1", b"2", b"2"]


@pytest.mark.parametrize("command", [1, 2, 5])
def test_other_admin_commands_are_ignored(bed: Bed, command: int) -> None:
    bed.box.wait_for_box()[0].send(box_wire.pack_admin(command) + box_wire.pack_heartbeat())
    bed.send(b"hello")
    assert bed.wait_results() == [ACCEPTED]


def test_what_isnt_its_protocol_ends_the_connection(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    bed.box.wait_for_box()[0].send(b"\0\0\0\x08" + b"\0\0\0\x63" + b"oops")
    bed.box.wait_for(lambda: bed.box.connections == 2)
    bed.wait_online()
    assert "isn't its protocol" in caplog.text
    bed.send(b"again")
    assert bed.wait_results() == [ACCEPTED]


def test_stopping_sends_what_is_due(start: StartBed) -> None:
    bed = start()
    bed.box.policy = always(NEVER)
    bed.send(b"last")
    bed.pool.stop(0.2)
    assert bed.box.wait_for_sms()[0].msgdata == b"last"
    bed.box.wait_for(lambda: not bed.box.links)
    assert not bed.pool.online
