"""Faults that must not end a connection, keep messages for ever, or turn into a loop at full speed."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from gevent.server import StreamServer

from ksmppd_py.config import BearerboxConnection
from ksmppd_py.errors import MessageTooLong
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.outcomes import Outcome, SubmitResult
from ksmppd_py.model.work import Submit
from tests.bearerbox.conftest import Bed, StartBed, make_mt, make_pool
from tests.fakes import bearerbox as fake
from tests.flows.memory import MemoryOrigin
from tests.parts.waiting import wait_until

ACCEPTED = SubmitResult.ACCEPTED
FOR_NOW = SubmitResult.REFUSED_TEMPORARILY
NO_BEARERBOX = SubmitResult.NO_BEARERBOX


def test_what_waits_behind_a_silent_bearerbox_goes_back(start: StartBed) -> None:
    bed = start(window=2, longest_wait=0.1)
    bed.box.policy = fake.always(fake.NEVER)
    bed.wait_online()
    submits = bed.send(b"1", b"2", b"3", b"4")
    assert bed.wait_results(2) == [NO_BEARERBOX, NO_BEARERBOX]
    assert [each.result for each in submits] == [None, None, NO_BEARERBOX, NO_BEARERBOX]


def test_at_a_stop_everything_goes_back(start: StartBed) -> None:
    bed = start(window=1)
    bed.box.policy = fake.always(fake.NEVER)
    bed.wait_online()
    bed.send(b"1", b"2")
    bed.box.wait_for_sms(1)
    bed.pool.give_up()
    assert bed.wait_results(2) == [NO_BEARERBOX, FOR_NOW]


def test_a_message_that_meets_a_defect_is_held_back(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection and the messages behind it go on."""
    bed.wait_online()
    dispatch = bed.flow.dispatch

    def fail_once(delivery: Any) -> Any:
        if delivery.sms.msgdata == b"poison":
            raise RuntimeError("a defect")
        return dispatch(delivery)

    monkeypatch.setattr(bed.flow, "dispatch", fail_once)
    poison = bed.box.send_mo("1", "2", "poison")
    good = bed.box.send_mo("1", "2", "good")
    wait_until(lambda: bed.receiver.open)
    bed.receiver.answer()
    assert bed.box.wait_for_ack(good).nack == 0
    assert bed.box.wait_for_ack(poison).nack == 2
    assert "failed unexpectedly" in caplog.text
    assert bed.box.connections == 1


def test_one_too_long_keeps_no_other_out_of_the_store(
    start: StartBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = start(busy=0.02)
    save = bed.store.save

    def refuse_long_ones(batch: list[Sms]) -> Any:
        if any(len(sms.msgdata or b"") > 10 for sms in batch):
            raise MessageTooLong("too long")
        return save(batch)

    monkeypatch.setattr(bed.store, "save", refuse_long_ones)
    bed.wait_online()
    bed.box.send_mo("1", "2", "x" * 11)
    others = [bed.box.send_mo("1", "2", f"short {number}") for number in range(3)]
    for other in others:
        assert bed.box.wait_for_ack(other).nack == 0
    assert len(bed.handover.rows) == 3


def test_many_refusals_are_no_loop_at_full_speed(start: StartBed) -> None:
    """Delayed refusals above half of the window are sent at each round, not as soon as another one comes."""
    bed = start(
        queue=False, most_delayed=0.03, first_nack_delay=5.0, last_nack_delay=5.0, relief_interval=0.3
    )
    bed.receivers.binds.clear()
    for number in range(6):
        bed.box.send_mo("1", "2", f"{number}")
    wait_until(lambda: len(bed.pool.connections[0].inbound) == 6)
    assert bed.box.acks == []
    wait_until(lambda: len(bed.box.acks) == 3)
    assert {ack.nack for ack in bed.box.acks} == {2}


def _broken(*_arguments: Any) -> Any:
    raise RuntimeError("a defect")


def _only_poison(function: Any) -> Any:
    """`function`, which fails for a batch or a delivery with the text `poison`."""

    def guarded(what: Any, *arguments: Any) -> Any:
        texts = [sms.msgdata for sms in what] if isinstance(what, list) else [what.sms.msgdata]
        return _broken() if b"poison" in texts else function(what, *arguments)

    return guarded


def test_a_defect_at_a_second_try_ends_no_settler(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bind of both is gone; what happens to one is no matter of the other."""
    flow = bed.flow
    poison, good = bed.box.send_mo("1", "2", "poison"), bed.box.send_mo("1", "2", "good")
    wait_until(lambda: len(bed.receiver.open) == 2)
    monkeypatch.setattr(flow, "dispatch", _only_poison(flow.dispatch))
    bed.receiver.answer(Outcome.GONE, 2)
    assert bed.box.wait_for_ack(poison).nack == 2
    wait_until(lambda: bed.receiver.open)
    bed.receiver.answer()
    assert bed.box.wait_for_ack(good).nack == 0
    later = bed.box.send_mo("1", "2", "later")
    wait_until(lambda: bed.receiver.open)
    bed.receiver.answer(Outcome.PERMANENT)
    assert bed.box.wait_for_ack(later).nack == 1


def test_a_defect_of_the_store_ends_no_storer(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    bed.receivers.binds.clear()
    monkeypatch.setattr(bed.store, "save", _only_poison(bed.store.save))
    poison = bed.box.send_mo("1", "2", "poison")
    assert bed.box.wait_for_ack(poison).nack == 2
    good = bed.box.send_mo("1", "2", "good")
    assert bed.box.wait_for_ack(good).nack == 0
    assert bed.handover.expected == set()


def test_a_defect_at_the_last_try_costs_nobody_else(start: StartBed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delayed refusals are acked; heartbeats and other refusals go on."""
    bed = start(queue=False)
    bed.receivers.binds.clear()
    flow = bed.flow
    poison = bed.box.send_mo("1", "2", "poison")
    other = bed.box.send_mo("1", "2", "other")
    wait_until(lambda: len(bed.pool.connections[0].inbound) == 2)
    monkeypatch.setattr(flow, "dispatch", _only_poison(flow.dispatch))
    assert bed.box.wait_for_ack(poison).nack == 2
    assert bed.box.wait_for_ack(other).nack == 2


def test_a_defect_of_a_router_that_waits_keeps_no_slot(
    start: StartBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = start()
    bed.router.waits = True
    flow = bed.flow
    monkeypatch.setattr(flow, "route", _broken)
    assert bed.box.wait_for_ack(bed.box.send_mo("1", "2", "poison")).nack == 2
    wait_until(lambda: len(bed.pool.connections[0].inbound) == 0)


def test_a_defect_while_slow_messages_are_moved_keeps_no_slot(
    start: StartBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = start(busy=0.01)
    failed = []

    def fail(batch: list[Sms]) -> Any:
        failed.append(len(batch))
        raise RuntimeError("a defect")

    monkeypatch.setattr(bed.store, "save", fail)
    sent = [bed.box.send_mo("1", "2", f"{number}") for number in range(3)]
    wait_until(lambda: failed)
    bed.receiver.answer(count=3)
    for each in sent:
        assert bed.box.wait_for_ack(each).nack == 0
    assert bed.handover.expected == set()


def test_what_cant_be_packed_goes_back(bed: Bed) -> None:
    """Its sender gets a temporary failure; messages behind it are sent."""
    poison, good = bed.submit(b"poison"), bed.submit(b"good")
    assert poison.sms is not None
    poison.sms.id = b"no UUID"
    for submit in (poison, good):
        assert bed.pool.send(submit)
    assert bed.wait_results(2) == [FOR_NOW, ACCEPTED]
    assert bed.box.connections == 1


def test_what_cant_be_packed_ends_no_connection_when_its_turn_comes(start: StartBed) -> None:
    bed = start(window=1)
    poison = bed.submit(b"poison")
    assert poison.sms is not None
    poison.sms.id = b"no UUID"
    first, last = bed.submit(b"first"), bed.submit(b"last")
    for submit in (first, poison, last):
        assert bed.pool.send(submit)
    bed.wait_results(3)
    assert [first.result, poison.result, last.result] == [ACCEPTED, FOR_NOW, ACCEPTED]
    assert bed.box.connections == 1


def test_two_of_one_id_dont_shadow_each_other(bed: Bed) -> None:
    """A copied row: the second waits for another time, instead of taking the ack of the first."""
    bed.box.policy = fake.always(fake.NEVER)
    first, second = bed.submit(b"first"), bed.submit(b"second")
    assert first.sms is not None
    assert second.sms is not None
    second.sms.id = first.sms.id
    assert bed.pool.send(first)
    assert bed.pool.send(second)
    assert bed.wait_results(1) == [FOR_NOW]
    bed.pool.connections[0].refuse_for_now(float("inf"))
    assert bed.wait_results(1) == [FOR_NOW]
    assert first.result == second.result == FOR_NOW


def test_a_name_that_no_resolver_takes_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = BearerboxConnection(host=f"{'a' * 64}.example", port=13001)
    pool = make_pool([settings])
    attempts = []
    connect = pool.connections[0]._connect
    monkeypatch.setattr(pool.connections[0], "_connect", lambda: (attempts.append(1), connect()))
    pool.start()
    wait_until(lambda: len(attempts) >= 3)
    pool.stop(0.01)


def test_a_port_that_only_accepts_is_no_bearerbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy before a bearerbox that is away, or box-deny-ip: waiting submits are refused in time."""
    connections = []

    def take_and_hang_up(peer: socket.socket, _address: object) -> None:
        connections.append(peer)
        octets = b""
        while octets.count(b"hello") < 1 and len(connections) < 1000:
            more = peer.recv(4096)
            octets += more
            if not more:
                break
        peer.close()

    server = StreamServer(("127.0.0.1", 0), take_and_hang_up)
    server.start()
    settings = [BearerboxConnection(host="127.0.0.1", port=server.server_port)]
    pool = make_pool(settings)
    pool.start()
    wait_until(lambda: pool.online)
    origin = MemoryOrigin()
    submit = Submit(origin, 1, None, 2)
    submit.sms = make_mt()
    assert pool.send(submit)
    wait_until(lambda: origin.items)
    assert submit.result == NO_BEARERBOX
    wait_until(lambda: len(connections) > 1, "another attempt")
    pool.stop(0.01)
    server.stop()
