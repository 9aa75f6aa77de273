"""What a connection tells the access log: the frames it sends, the acks that come, and which never will."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ksmppd_py.bearerbox import connection as connection_module
from ksmppd_py.kannel.codec import pack_sms, read_acks
from ksmppd_py.model.work import Delivery, Submission
from tests.bearerbox.conftest import Bed, StartBed, wait_until
from tests.fakes import box_wire
from tests.fakes.bearerbox import CLOSE, NEVER, always


class Recorder:
    """An AccessLog that keeps what it is told, in order."""

    since = 0.0

    def __init__(self) -> None:
        self.on = True
        self.told: list[tuple[str, int, Any]] = []
        self.alike: list[bool] = []

    def sending(
        self, link: int, batch: Sequence[Submission], octets: bytes, mixed: bool, alike: bool
    ) -> None:
        assert octets == b"".join(pack_sms(each.sms) for each in batch if each.sms is not None)
        self.alike.append(alike)
        self.told.append(("sent mixed" if mixed else "sent", link, [_text(each) for each in batch]))

    def acked(self, link: int, acks: bytes, now: float) -> None:
        assert now > 0
        self.told.append(("acked", link, list(zip(*read_acks(acks), strict=True))))

    def lost(self, link: int) -> None:
        self.told.append(("lost", link, None))

    def acks(self) -> list[tuple[int, bytes]]:
        return [ack for what, _, acks in self.told if what == "acked" for ack in acks]

    def submitted(self, settled: Sequence[Submission], submitter: Any) -> None:
        raise AssertionError("the door's to tell")

    def delivered(self, delivery: Delivery, bind_id: int, command_status: int, sent_at: float) -> None:
        raise AssertionError("the bind's to tell")

    def unanswered(self, delivery: Delivery, bind_id: int, sent_at: float) -> None:
        raise AssertionError("the bind's to tell")


def _text(submission: Submission) -> bytes | None:
    return submission.sms.msgdata if submission.sms is not None else None


def ids_of(submissions: Sequence[Submission]) -> list[bytes]:
    return [each.sms.id for each in submissions if each.sms is not None]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def bed(start: StartBed, recorder: Recorder) -> Bed:
    return start(access=recorder)


def test_what_is_sent_and_acked(bed: Bed, recorder: Recorder) -> None:
    batch = [bed.submission(b"1"), bed.submission(b"2")]
    assert bed.pool.send_all(batch) == []
    wait_until(lambda: len(recorder.acks()) == 2)
    (what, link, texts), *acked = recorder.told
    assert (what, texts) == ("sent", [b"1", b"2"])
    assert {other for _, other, _ in acked} == {link}
    assert recorder.acks() == [(0, id) for id in ids_of(batch)]
    assert recorder.alike == [True]


def test_what_differs_in_more_than_is_likely_is_not_told_as_alike(bed: Bed, recorder: Recorder) -> None:
    first, second = bed.submission(b"1"), bed.submission(b"2")
    assert second.sms is not None
    second.sms.sender = b"another"
    bed.pool.send_all([first, second])
    bed.pool.send_all([bed.submission(b"alone")])
    bed.wait_results(3)
    assert recorder.alike == [False, False]


def test_while_nobody_keeps_one_nothing_is_told(bed: Bed, recorder: Recorder) -> None:
    recorder.on = False
    bed.send(b"1")
    bed.wait_results()
    assert recorder.told == []


def test_acks_among_other_messages(bed: Bed, recorder: Recorder) -> None:
    """All in one read, or in pieces."""
    bed.box.policy = always(NEVER)
    submissions = bed.send(b"1", b"2", b"3")
    seen = bed.box.wait_for_sms(3)
    first, second, third = (
        box_wire.pack_ack(nack, sms.id) for nack, sms in zip((0, 1, 3), seen, strict=True)
    )
    heartbeat = box_wire.pack_heartbeat()
    bed.box.links[0].send(first + heartbeat + second + third[:20])
    wait_until(lambda: len(recorder.acks()) == 2)
    bed.box.links[0].send(third[20:])
    wait_until(lambda: len(recorder.acks()) == 3)
    assert recorder.acks() == list(zip((0, 1, 3), ids_of(submissions), strict=True))


def test_what_waits_is_told_as_mixed(bed: Bed, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ksmppd_py.bearerbox.pool.WINDOW", 2)
    bed.send(b"1", b"2", b"3", b"4")
    bed.wait_results(4)
    told = [(what, texts) for what, _, texts in recorder.told if what.startswith("sent")]
    assert told[:2] == [("sent", [b"1"]), ("sent", [b"2"])]
    assert {what for what, _ in told[2:]} == {"sent mixed"}
    assert [text for _, texts in told for text in texts] == [b"1", b"2", b"3", b"4"]


def test_one_that_is_sent_twice_is_told_once(bed: Bed, recorder: Recorder) -> None:
    bed.box.policy = always(NEVER)
    first, second, copy = bed.submission(b"1"), bed.submission(b"2"), bed.submission(b"copy")
    copy.sms = first.sms
    bed.pool.send_all([first, copy, second])
    assert [texts for _, _, texts in recorder.told] == [[b"1", b"2"]]


def test_the_loss_of_a_connection_comes_before_what_is_sent_again(bed: Bed, recorder: Recorder) -> None:
    bed.box.policy = always(CLOSE)
    bed.send(b"1")
    bed.box.wait_for_sms(1)
    bed.box.policy = always(0)
    bed.wait_results()
    steps = [(what, link) for what, link, _ in recorder.told]
    (_, old), (_, new) = steps[0], steps[-1]
    assert [what for what, link in steps if link == old][:2] == ["sent", "lost"]
    assert steps.index(("lost", old)) < [what for what, _ in steps].index("acked")
    assert ("acked", new) in steps


def test_one_that_is_not_acked_in_time_is_told_as_refused(
    bed: Bed, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "ACK_TIMEOUT", 0.05)
    bed.box.policy = always(NEVER)
    [submission] = bed.send(b"1")
    assert bed.wait_results() == [2]
    assert recorder.acks() == [(2, id) for id in ids_of([submission])]


def test_two_bearerboxes_get_their_shares_at_once(start: StartBed, recorder: Recorder) -> None:
    bed = start(2, access=recorder)
    batch = [bed.submission(b"%d" % number) for number in range(6)]
    bed.pool.send_all(batch)
    sent = [(link, texts) for what, link, texts in recorder.told if what == "sent"]
    assert len(sent) == len({link for link, _ in sent}) == 2
    assert [len(texts) for _, texts in sent] == [3, 3]
    assert sorted(text for _, texts in sent for text in texts) == [b"%d" % number for number in range(6)]
    for _, texts in sent:
        assert texts == sorted(texts)
    bed.wait_results(6)
