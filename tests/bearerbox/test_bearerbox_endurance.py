"""What would end a connection, keep messages for ever, or turn into a loop at full speed."""

from __future__ import annotations

from typing import Any

import pytest

from ksmppd_py.bearerbox import incoming as incoming_module
from ksmppd_py.bearerbox import pool as pool_module
from ksmppd_py.errors import MessageTooLong
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.work import LOST
from tests.bearerbox.conftest import Bed, StartBed, wait_until
from tests.fakes import bearerbox as fake


def test_what_waits_behind_a_silent_bearerbox_goes_back(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "WINDOW", 2)
    monkeypatch.setattr(pool_module, "LONGEST_WAIT", 0.1)
    bed.box.policy = fake.always(fake.NEVER)
    bed.wait_online()
    submissions = bed.send(b"1", b"2", b"3", b"4")
    assert bed.wait_results(2) == [LOST, LOST]
    assert [each.result for each in submissions] == [None, None, LOST, LOST]


def test_at_a_stop_everything_goes_back(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "WINDOW", 1)
    bed.box.policy = fake.always(fake.NEVER)
    bed.wait_online()
    bed.send(b"1", b"2")
    bed.box.wait_for_sms(1)
    bed.pool.give_up()
    assert bed.wait_results(2) == [LOST, 2]


def test_a_message_that_meets_a_defect_is_held_back(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection and the messages behind it go on."""
    bed.wait_online()
    accept = bed.pool.connections[0].incoming._flow.accept

    def fail_once(delivery: Any, slow: Any) -> Any:
        if delivery.sms.msgdata == b"poison":
            raise RuntimeError("a defect")
        return accept(delivery, slow)

    monkeypatch.setattr(bed.pool.connections[0].incoming._flow, "accept", fail_once)
    poison = bed.box.send_mo("1", "2", "poison")
    good = bed.box.send_mo("1", "2", "good")
    wait_until(lambda: bed.receiver.open)
    bed.receiver.answer()
    assert bed.box.wait_for_ack(good).nack == 0
    assert bed.box.wait_for_ack(poison).nack == 2
    assert "failed unexpectedly" in caplog.text
    assert bed.box.connections == 1


def test_one_too_long_keeps_no_other_out_of_the_store(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming_module, "BUSY", 2)
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
    assert len(bed.adopted.rows) == 3


def test_many_refusals_are_no_loop_at_full_speed(start: StartBed, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is above half of the window is let go at each round, not the moment that another one comes."""
    monkeypatch.setattr(incoming_module, "MOST_HELD", 3)
    monkeypatch.setattr(incoming_module, "FIRST_DELAY", 5.0)
    monkeypatch.setattr(incoming_module, "LAST_DELAY", 5.0)
    monkeypatch.setattr(pool_module, "RELIEF_INTERVAL", 0.3)
    bed = start(queue=False)
    bed.receivers.binds.clear()
    for number in range(6):
        bed.box.send_mo("1", "2", f"{number}")
    wait_until(lambda: len(bed.pool.connections[0].incoming) == 6)
    assert bed.box.acks == []
    wait_until(lambda: len(bed.box.acks) == 3)
    assert {ack.nack for ack in bed.box.acks} == {2}
