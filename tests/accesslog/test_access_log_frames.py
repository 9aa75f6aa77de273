"""Frames of the access log: a line is the same whether it was made at once or by way of a frame."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_access_log_lines import (
    EPOCH,
    MO,
    REPORT,
    Nowhere,
    accepted_batch,
    batch_of,
    lines_of,
    sms,
    submission,
    submitter,
)

from ksmppd_py.accesslog.batch import Batch
from ksmppd_py.accesslog.frames import HEAD_OCTETS, NO_ANSWER, turn_of, unpack
from ksmppd_py.accesslog.lines import JsonStyle, KannelStyle, Style, Who
from ksmppd_py.accesslog.notes import Answered, note_deliveries
from ksmppd_py.accesslog.pages import Pages
from ksmppd_py.kannel.codec import BoxLink, pack_sms
from ksmppd_py.kannel.messages import SMS_FIELDS, Kind, Sms, SmsType
from ksmppd_py.model.work import Delivery, Submission, Submitter
from ksmppd_py.smpp.constants import CommandStatus

STYLES = [KannelStyle(mask=True), KannelStyle(mask=False), JsonStyle(mask=True), JsonStyle(mask=False)]
IDS = st.integers(1, 10**12 - 1).map(lambda number: b"0a1b2c3d-0000-4000-8000-%012d" % number)
STRINGS = st.none() | st.binary(max_size=6) | st.sampled_from([b"+491700", b"a]b\n", b"x" * 80])
OF_KIND = {Kind.INTEGER: st.integers(-1, 40) | st.just(2**31 - 1), Kind.STRING: STRINGS, Kind.UUID: IDS}
MESSAGES = st.fixed_dictionaries({name: OF_KIND[kind] for name, kind in SMS_FIELDS}).map(
    lambda told: Sms(**told)
)
TIMES = st.floats(0, 100)


@st.composite
def submissions(draw: Any) -> Submission:
    made = submission(
        draw(MESSAGES),
        draw(st.sampled_from([None, 0, 1, 2, 3])),
        draw(st.sampled_from([0, 0, 0x58, CommandStatus.RTHROTTLED])),
    )
    made.cost, made.received_at = draw(st.sampled_from([0.0, 0.5, 3, 1234567.0])), draw(TIMES)
    return made


@st.composite
def deliveries(draw: Any) -> tuple[Delivery, int, int, float]:
    message = draw(MESSAGES)
    if draw(st.booleans()):
        message.octets = pack_sms(message)
    delivery = Delivery(Nowhere(), message)
    delivery.system_id = draw(st.sampled_from(["acme", "zoë", ""]))
    return (
        delivery,
        draw(st.integers(0, 2**40)),
        draw(st.sampled_from([0, 0x14, CommandStatus.RX_T_APPN, NO_ANSWER])),
        draw(TIMES),
    )


def bind(number: int) -> Submitter:
    made = submitter()
    made.bind_id, made.service = number, b"acme%d" % number
    return made


def directly(
    style: Style, submits: list[tuple[Submission, Submitter]], delivered: list[Answered]
) -> list[bytes]:
    """Lines without a frame."""
    stamp = style._stamp_of(EPOCH)
    lines = []
    for made, by in submits:
        message, status = made.sms, made.command_status or 0
        assert message is not None
        event = b"FAILED Send SMS" if status else b"Sent SMS" if made.result in (0, 3) else b"Queued SMS"
        who = Who(stamp, event, by.service, by.bind_id)
        row, latency = style._row(message, message.id), b"%.3f" % (100.0 - made.received_at)
        lines.append(style._line(who, message, row, 0.0 if status else made.cost, status, latency))
    for delivery, bind_id, status, sent_at in delivered:
        message = delivery.sms
        assert message is not None
        is_report = message.sms_type == SmsType.REPORT_MO
        event = (b"FAILED " if status else b"") + (b"DLR SMS" if is_report else b"Receive SMS")
        who = Who(stamp, event, delivery.system_id.encode(), bind_id)
        own = message.dlr_url[-36:] if is_report and message.dlr_url else message.id
        lines.append(
            style._line(who, message, style._row(message, own), 0.0, status, b"%.3f" % (100.0 - sent_at))
        )
    return lines


@given(
    st.lists(st.tuples(submissions(), st.integers(1, 3).map(bind)), max_size=4),
    st.lists(deliveries(), max_size=4),
)
def test_lines_are_the_same_by_way_of_a_frame(
    submits: list[tuple[Submission, Submitter]], delivered: list[tuple[Delivery, int, int, float]]
) -> None:
    for style in STYLES:
        assert lines_of(style, batch_of(*submits, deliveries=delivered)) == directly(
            style, submits, delivered
        )


@pytest.mark.parametrize("style", STYLES)
def test_what_the_bearerbox_took_is_told_in_the_same_words(style: Style) -> None:
    messages = [sms(receiver=b"%d" % number, msgdata=b"x" * number) for number in range(1, 90)]
    singly = batch_of(*[(submission(message), submitter()) for message in messages])
    assert lines_of(style, accepted_batch(*messages)) == lines_of(style, singly)


def test_turns_keep_their_times_and_their_octets() -> None:
    batch = Batch(Pages())
    for number in range(3):
        delivered = [(Delivery(Nowhere(), sms(sms_type=MO, receiver=b"%d" % number)), 7, 0, 1.0)] * number
        batch.add(1000 + number, 1.5 + number, [], [], *note_deliveries(delivered))
    _, _, steps = unpack(batch.frame()[HEAD_OCTETS:])
    found = [turn_of(packed, batch.get) for packed in steps]
    assert [turn[:2] for turn in found] == [(1000, 1.5), (1001, 2.5), (1002, 3.5)]
    assert [[one[0].receiver for one in turn.deliveries] for turn in found] == [[], [b"1"], [b"2", b"2"]]


@pytest.mark.parametrize("odd_id", [b"", b"17", b"not a uuid" * 9])
def test_a_stored_message_may_have_any_id(odd_id: bytes) -> None:
    [line] = lines_of(
        KannelStyle(mask=True), batch_of((submission(sms(id=odd_id), result=None), submitter()))
    )
    assert b" Queued SMS " in line
    assert b"[id:]" in line


def test_a_link_keeps_octets_of_messages_when_asked() -> None:
    frames = [pack_sms(sms(sms_type=REPORT, receiver=receiver)) for receiver in (b"1", b"22")]
    link = BoxLink()
    [plain] = link.receive(frames[0])
    assert not hasattr(plain, "octets")
    link.keeps = True
    kept = link.receive(frames[0] + frames[1][:50]) + link.receive(frames[1][50:])
    assert [message.octets for message in kept] == frames  # type: ignore[union-attr]  # only Sms were packed
    assert kept[0] == plain


def test_an_mo_is_told_as_it_was_delivered() -> None:
    """Whoever routes it may have changed it since it was read."""
    link = BoxLink()
    link.keeps = True
    [message] = link.receive(pack_sms(sms(sms_type=MO, receiver=b"7777")))
    assert isinstance(message, Sms)
    message.receiver = b"8888"
    found = batch_of(deliveries=[(Delivery(Nowhere(), message), 7, 0, 1.0)])
    [line] = lines_of(KannelStyle(mask=True), found)
    assert b"[to:8888]" in line


def test_a_frame_with_nonsense_is_refused() -> None:
    nonsense = b"\0\0\0\x08\0\0\0\x02\0\0\0\0"
    turn, sent = Batch(None), Batch(None)
    turn.add(EPOCH, 100.0, [(1, b"acme", 7, 99.5, 0, 0, 0.0)], [nonsense], None, [])
    sent.sent(1, [(1, b"acme", 7, 99.5, 0, 0, 0.0)], nonsense)
    for batch in (turn, sent):
        with pytest.raises((ValueError, IndexError)):
            lines_of(KannelStyle(mask=True), batch)
