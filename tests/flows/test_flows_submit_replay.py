"""Stored MTs on their way to the bearerboxes (docs/rules/flows.md 5.1)."""

from __future__ import annotations

from typing import Any

import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.flows import row_cursor
from ksmppd_py.flows.row_cursor import PAGE
from ksmppd_py.flows.submit_replay import MOST_IN_FLIGHT, SubmitReplay
from ksmppd_py.kannel.messages import DlrMask, Sms, SmsType
from ksmppd_py.model.esme import DropReason
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.work import Submit
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.receipts import state_of, to_deliver_sm
from tests.flows.memory import NOW, Clock, MemoryGateway, MemoryOrigin, MemoryStore, make_ids, make_meters


class Bed:
    """A SubmitReplay over ports in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.gateway = MemoryGateway()
        self.wakeups = MemoryOrigin()
        self.accounts = MemoryOrigin()
        self.clock = Clock()
        self.history = MessageHistory(100)
        self.meters = make_meters()
        self.replay = SubmitReplay(
            self.store,
            self.gateway,
            self.wakeups,
            self.accounts,
            make_ids(),
            self.clock,
            self.history,
            self.meters,
        )

    def stored(self, *texts: bytes, dlr_mask: int = 0) -> list[Sms]:
        messages = [mt(text, dlr_mask) for text in texts]
        self.store.save(messages)
        return messages

    @property
    def texts(self) -> list[bytes | None]:
        return [submit.sms.msgdata for submit in self.gateway.sent if submit.sms]


def mt(text: bytes, dlr_mask: int = 0) -> Sms:
    id_ = make_ids().next()
    return Sms(
        sender=b"12345",
        receiver=b"491700",
        msgdata=text,
        time=NOW - 60,
        service=b"esme",
        id=id_,
        sms_type=int(SmsType.MT_PUSH),
        dlr_mask=dlr_mask,
        dlr_url=b"esme|%d|%b" % (NOW - 60, id_),
    )


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_first_stored_goes_first_and_nothing_is_changed(bed: Bed) -> None:
    messages = bed.stored(b"1", b"2", b"3")
    bed.replay.advance()
    assert [submit.sms for submit in bed.gateway.sent] == messages
    assert bed.store.saved == messages  # not before the ack
    bed.replay.advance()
    assert len(bed.gateway.sent) == 3


@pytest.mark.parametrize("ack", [0, 3])
def test_what_is_accepted_is_removed(bed: Bed, ack: int) -> None:
    bed.stored(b"1", b"2")
    bed.replay.advance()
    bed.gateway.settle(ack)
    assert bed.store.messages == {}
    assert not bed.replay.due()


def test_new_rows_follow(bed: Bed) -> None:
    bed.stored(b"1")
    bed.replay.advance()
    bed.stored(b"2")
    bed.replay.advance()
    assert bed.texts == [b"1", b"2"]


def test_without_a_bearerbox_nothing_is_read(bed: Bed) -> None:
    bed.stored(b"1")
    bed.gateway.online = False
    bed.replay.advance()
    assert bed.store.pages == 0
    assert not bed.replay.rescan()


@pytest.mark.parametrize("nack", [2, 9])
def test_a_temporary_refusal_is_tried_again_after_its_delay(bed: Bed, nack: int) -> None:
    bed.stored(b"1")
    bed.replay.advance()
    bed.gateway.settle(nack)
    assert bed.wakeups.take() == [""]
    bed.replay.advance()
    assert bed.gateway.sent == []
    assert not bed.replay.due()
    bed.clock.now += 30
    assert bed.replay.due()
    bed.replay.advance()
    assert bed.texts == [b"1"]


def test_a_refused_row_doesnt_hold_up_the_others(bed: Bed) -> None:
    bed.stored(b"1", b"2")
    bed.replay.advance()
    bed.gateway.settle(2, 1)
    bed.gateway.settle(0)
    bed.stored(b"3")
    bed.replay.advance()
    assert bed.texts == [b"3"]
    assert [sms.msgdata for sms in bed.store.saved] == [b"1", b"3"]


def test_a_lost_one_is_tried_again_at_once(bed: Bed) -> None:
    bed.stored(b"1")
    bed.replay.advance()
    bed.gateway.settle(SubmitResult.NO_BEARERBOX)
    bed.replay.advance()
    assert bed.texts == [b"1"]


@pytest.mark.parametrize(
    ("dlr_mask", "reported"), [(0, False), (1, False), (-1, False), (19, True), (2, True), (16, True)]
)
def test_a_refusal_for_good_removes_it_and_reports_it_if_asked(
    bed: Bed, dlr_mask: int, reported: bool
) -> None:
    """docs/rules/flows.md 5.1: an UNDELIV report for dlr_mask bits 2 or 16."""
    [message] = bed.stored(b"1", dlr_mask=dlr_mask)
    bed.replay.advance()
    bed.gateway.settle(1)
    bed.replay.advance()
    assert bed.accounts.take() == ["esme"] * reported  # it is sent now, not at the next look at the tables
    if not reported:
        assert bed.store.messages == {}
        return
    [report] = bed.store.saved
    assert (report.sms_type, report.dlr_mask) == (SmsType.REPORT_MO, DlrMask.FAIL)
    assert (report.service, report.dlr_url, report.time) == (b"esme", message.dlr_url, NOW)
    assert (report.sender, report.receiver) == (message.sender, message.receiver)
    assert report.id not in (message.id, Sms().id)


def test_a_report_that_cannot_be_stored_keeps_the_row(bed: Bed) -> None:
    messages = bed.stored(b"1", dlr_mask=19)
    bed.replay.advance()
    bed.gateway.settle(1)
    bed.store.failure = DatabaseUnavailable("gone")
    with pytest.raises(DatabaseUnavailable):
        bed.replay.advance()
    assert bed.store.saved == messages
    bed.store.failure = None
    bed.clock.now += 30
    bed.replay.advance()
    assert bed.texts == [b"1"]


def test_an_unreadable_row_is_told_once_and_blocks_nothing(
    bed: Bed, caplog: pytest.LogCaptureFixture
) -> None:
    bed.stored(b"1")
    row = bed.store.add_unreadable()
    bed.stored(b"2")
    for _ in range(3):
        bed.replay.start_over()
        bed.replay.advance()
    assert bed.texts == [b"1", b"2"]
    assert row in bed.store.messages
    assert [record.getMessage() for record in caplog.records].count(
        f"Stored message {row} can't be read and is left where it is: column coding holds 2147483648"
    ) == 1


def test_a_gateway_that_takes_no_more(bed: Bed) -> None:
    bed.stored(b"1", b"2", b"3")
    bed.gateway.room = 1
    bed.replay.advance()
    assert bed.texts == [b"1"]
    bed.gateway.room = 5
    bed.replay.advance()
    assert bed.texts == [b"1", b"2", b"3"]


def test_only_so_many_are_in_flight(bed: Bed) -> None:
    bed.stored(*[b"%d" % n for n in range(2 * MOST_IN_FLIGHT)])
    bed.replay.advance()
    assert MOST_IN_FLIGHT // 2 < len(bed.gateway.sent) <= MOST_IN_FLIGHT
    assert bed.wakeups.items == []
    woken = 0
    while bed.store.messages:
        bed.gateway.settle(0, 100)
        woken += len(bed.wakeups.items)
        if bed.wakeups.take():
            bed.replay.advance()
    assert woken == pytest.approx(2 * MOST_IN_FLIGHT / PAGE, abs=2)


def test_when_a_bearerbox_comes_back_it_starts_over(bed: Bed) -> None:
    bed.stored(b"1", b"2")
    bed.replay.advance()
    bed.gateway.settle(2, 1)
    bed.replay.start_over()
    bed.replay.advance()
    assert bed.texts == [b"2"]  # "1" waits for its delay, "2" is in flight


def test_rows_that_were_passed_are_found_by_looking(bed: Bed) -> None:
    """Another process may commit a row whose number is lower than that of one that we have read."""
    assert not bed.replay.rescan()
    bed.stored(b"late", b"1")
    late = bed.store.messages.pop(1)
    bed.replay.advance()
    bed.store.messages[1] = late
    bed.replay.advance()
    assert bed.texts == [b"1"]
    assert bed.replay.rescan()  # although one is in flight
    bed.replay.advance()
    assert bed.texts == [b"1", b"late"]


def test_the_database_goes_and_comes_back(bed: Bed) -> None:
    bed.stored(b"1")
    bed.store.failure = DatabaseUnavailable("gone")
    with pytest.raises(DatabaseUnavailable):
        bed.replay.advance()
    bed.store.failure = None
    bed.replay.advance()
    assert bed.texts == [b"1"]


def test_a_row_that_meets_a_defect_is_set_aside(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with its id in the log; those behind it go on."""
    bed.stored(b"poison", b"good")
    send = bed.gateway.send

    def fail(submit: Submit) -> bool:
        assert submit.sms is not None
        if submit.sms.msgdata == b"poison":
            raise RuntimeError("a defect")
        return send(submit)

    monkeypatch.setattr(bed.gateway, "send", fail)
    for _ in range(2):
        bed.replay.start_over()
        bed.replay.advance()
    assert bed.texts == [b"good"]
    assert caplog.text.count("failed unexpectedly") == 1
    assert len(bed.store.messages) == 2
    assert bed.replay.unusable == 1


def test_with_too_many_refused_for_now_no_new_ones_are_tried(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_cursor, "MOST_WAITING", 3)
    bed.stored(*[b"%d" % number for number in range(10)])
    bed.gateway.online = True
    for _ in range(4):
        bed.replay.advance()
        for submit in [each for each in bed.gateway.sent if each.result is None]:
            submit.result = SubmitResult.REFUSED_TEMPORARILY
            bed.replay.settled(submit)
        bed.replay.start_over()
    tried = len(bed.gateway.sent)
    assert tried == 10  # in flight before any was refused
    bed.replay.advance()
    assert len(bed.gateway.sent) == tried


def test_rows_that_an_operator_deleted_stop_no_walk(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_cursor, "MOST_WAITING", 3)
    bed.stored(b"1", b"2", b"3")
    bed.replay.advance()
    bed.gateway.settle(2)
    bed.replay.advance()
    bed.store.messages.clear()
    bed.stored(b"4")
    bed.replay.start_over()
    bed.replay.advance()
    assert bed.texts == [b"4"]


def test_a_walk_that_starts_over_while_a_page_is_read(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bearerbox comes back in the middle: the rows that it missed are read, too."""
    bed.stored(b"1", b"2")
    bed.replay.advance()
    bed.gateway.settle(2)
    bed.stored(b"3")
    page = bed.store.page

    def start_over_first(*arguments: Any) -> Any:
        monkeypatch.setattr(bed.store, "page", page)
        rows = page(*arguments)
        bed.clock.now += 30
        bed.replay.start_over()
        return rows

    monkeypatch.setattr(bed.store, "page", start_over_first)
    bed.replay.advance()
    assert bed.texts == [b"1", b"2", b"3"]


def test_a_defect_while_one_is_refused_holds_no_other(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bed.stored(b"1", b"2", dlr_mask=2)
    bed.replay.advance()
    bed.gateway.settle(1, 1)
    bed.gateway.settle(2, 1)
    monkeypatch.setattr(bed.store, "refuses", lambda sms: 1 / 0)
    bed.replay.advance()
    assert "failed unexpectedly" in caplog.text
    monkeypatch.setattr(bed.store, "refuses", lambda sms: None)
    bed.clock.now += 30
    bed.replay.advance()
    assert bed.texts == [b"1", b"2"]


def expiring(bed: Bed, *validities: int, dlr_mask: int = 18) -> list[Sms]:
    messages = [mt(b"%d" % number, dlr_mask) for number in range(len(validities))]
    for sms, validity in zip(messages, validities, strict=True):
        sms.validity = validity
    bed.store.save(messages)
    return messages


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize(("dlr_mask", "reported"), [(0, False), (1, False), (2, True), (19, True)])
def test_expired_messages_are_reported_instead_of_sent(
    bed: Bed, online: bool, dlr_mask: int, reported: bool
) -> None:
    """Also while no bearerbox is there; 0 and -1 are no validity."""
    bed.gateway.online = online
    expired, *others = expiring(bed, NOW - 1, NOW + 1, 0, -1, dlr_mask=dlr_mask)
    if online:
        bed.replay.advance()
        assert bed.texts == [sms.msgdata for sms in others]
    else:
        bed.replay.expire()
    mts = [sms for sms in bed.store.saved if sms.sms_type == SmsType.MT_PUSH]
    assert mts == others
    reports = [sms for sms in bed.store.saved if sms.sms_type == SmsType.REPORT_MO]
    assert [(sms.dlr_url, sms.service) for sms in reports] == [(expired.dlr_url, b"esme")] * reported
    assert bed.accounts.items == ["esme"] * reported
    assert bed.meters.dropped == {DropReason.EXPIRED: 1, DropReason.AGE: 0, DropReason.ROWS: 0}
    known = bed.history.find("esme", expired.id)
    assert known is not None  # query_sm
    assert known.report is not None
    assert state_of(known.report.dlr_mask, b"EXPIRED", {}).stat == b"EXPIRED"
    for report in reports:
        (pdu,) = to_deliver_sm(report, BindOptions())
        assert b"stat:EXPIRED err:000" in pdu.short_message


def test_expired_messages_wait_until_their_reports_are_stored(
    bed: Bed, caplog: pytest.LogCaptureFixture
) -> None:
    expiring(bed, NOW - 1, NOW - 1)
    for failure in (DatabaseUnavailable("down"), ZeroDivisionError()):
        bed.store.refuses = raising(failure)
        bed.replay.advance()
        bed.clock.now += 60
        assert len(bed.store.messages) == 2
    assert "can't be stored now" in caplog.text
    assert "failed unexpectedly" in caplog.text
    bed.store.refuses = lambda sms: None
    bed.replay.advance()
    assert [sms.sms_type for sms in bed.store.saved] == [SmsType.REPORT_MO] * 2
    assert bed.gateway.sent == []


def raising(error: Exception) -> Any:
    def refuse(_sms: Sms) -> None:
        raise error

    return refuse


def test_what_is_being_sent_or_cancelled_doesnt_expire(bed: Bed) -> None:
    expiring(bed, NOW + 1, NOW + 1)
    bed.gateway.room = 1
    bed.replay.advance()
    assert bed.replay.withdraw(2)
    bed.clock.now += 60
    bed.replay.expire()
    assert len(bed.store.messages) == 2
    bed.replay.put_back(2)
    bed.replay.expire()
    assert sorted(bed.store.messages) == [1, 3]


def test_many_expire_at_once(bed: Bed) -> None:
    expiring(bed, *[NOW - 1] * (PAGE * 2 + 1), dlr_mask=0)
    bed.store.add_unreadable()
    bed.replay.expire()
    assert len(bed.store.messages) == 1
