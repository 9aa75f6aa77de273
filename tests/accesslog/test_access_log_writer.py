"""The writer makes lines of all that can be read, and tells what became of every one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from test_access_log_lines import EPOCH, Nowhere, sms

from ksmppd_py.accesslog.batch import Batch
from ksmppd_py.accesslog.frames import PackedRun, count_lines
from ksmppd_py.accesslog.notes import note_deliveries
from ksmppd_py.accesslog.writer import MOST_AT_ONCE, Fate, Opening, Writer
from ksmppd_py.kannel.codec import pack_acks, pack_sms
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.work import Delivery

RUN = (3, b"acme", 7, 99.5, 0, 0, 0.0)


def add_turn(batch: Batch, frame: bytes, run: PackedRun = RUN) -> None:
    delivered = (Delivery(Nowhere(), sms(sms_type=0, receiver=b"4")), 7, 0, 99.75)
    batch.add(EPOCH, 100.0, [run], [frame] * 3, *note_deliveries([delivered]))


def written(batch: Batch, path: Path) -> tuple[list[bytes], Fate | None, int]:
    """The lines, what became of them, and how often others had their turn."""
    steps: list[int] = []
    writer = Writer(between_steps=lambda: steps.append(1))
    writer.open(Opening(os.open(path, os.O_WRONLY | os.O_CREAT), json=False, mask=True))
    writer.take(batch.steps, batch.lines, batch.get, EPOCH - 100.0)
    writer.close()
    return path.read_bytes().splitlines(), writer.fate(), len(steps)


@pytest.mark.parametrize(
    "damaged",
    [b"", pack_sms(sms())[:-1], b"\0\0\0\x08\0\0\0\x02\0\0\0\0", b"x" * 400],
)
def test_a_damaged_turn_costs_no_other_its_lines(damaged: bytes, tmp_path: Path) -> None:
    batch = Batch(None)
    for frame in (pack_sms(sms(receiver=b"1")), damaged, pack_sms(sms(receiver=b"3"))):
        add_turn(batch, frame)
    assert batch.lines == sum(count_lines(step)[0] for step in batch.steps) == 12
    lines, fate, _ = written(batch, tmp_path / "access.log")
    receivers = [line.split(b"[to:")[1].split(b"]")[0] for line in lines]
    assert receivers == [b"1"] * 3 + [b"4"] + [b"3"] * 3 + [b"4"]
    assert fate is not None
    assert (fate.settled, fate.lost) == (12, 4)
    assert "can't be formatted" in fate.why


def test_others_have_their_turn_between_turns(tmp_path: Path) -> None:
    batch = Batch(None)
    for _ in range(5):
        add_turn(batch, pack_sms(sms()))
    lines, fate, steps = written(batch, tmp_path / "access.log")
    assert len(lines) == 20
    assert fate == (20, 0, "")
    assert steps == 5


@pytest.mark.parametrize("pieces", [1, MOST_AT_ONCE, MOST_AT_ONCE + 1])
def test_any_number_of_pieces_is_written_whole_and_in_order(pieces: int, tmp_path: Path) -> None:
    batch = Batch(None)
    for number in range(pieces):
        batch.add(EPOCH, 100.0, [(1, *RUN[1:])], [pack_sms(sms(receiver=b"%d" % number))], None, [])
    lines, fate, _ = written(batch, tmp_path / "access.log")
    assert [line.split(b"[to:")[1].split(b"]")[0] for line in lines] == [b"%d" % n for n in range(pieces)]
    assert fate == (pieces, 0, "")


def test_what_a_pipe_does_not_take_at_once_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "writev", lambda descriptor, pieces: os.write(descriptor, b"".join(pieces)[:7]))
    batch = Batch(None)
    add_turn(batch, pack_sms(sms()))
    lines, fate, _ = written(batch, tmp_path / "access.log")
    assert len(lines) == 4
    assert lines[0].startswith(b"20")
    assert fate == (4, 0, "")


def acks(*messages: Sms) -> bytes:
    return pack_acks(0, [message.id for message in messages])


def test_what_was_sent_in_a_damaged_frame_is_lost_and_counted(tmp_path: Path) -> None:
    batch = Batch(None)
    batch.sent(1, [RUN], b"x" * 1200)
    batch.acked(1, 100.0, acks(sms(), sms(), sms()))
    batch.sent(1, [(1, *RUN[1:])], pack_sms(sms(receiver=b"5")))
    batch.acked(1, 100.0, acks(sms()))
    lines, fate, _ = written(batch, tmp_path / "access.log")
    assert [b"[to:5]" in line for line in lines] == [True]
    assert fate is not None
    assert (fate.settled, fate.lost) == (4, 3)


def test_another_style_forgets_what_was_sent_and_another_file_does_not(tmp_path: Path) -> None:
    def opening(name: str, json: bool) -> Opening:
        return Opening(os.open(tmp_path / name, os.O_WRONLY | os.O_CREAT), json, mask=True)

    writer, batch, acked = Writer(), Batch(None), Batch(None)
    batch.sent(1, [(1, *RUN[1:])], pack_sms(sms()))
    acked.acked(1, 100.0, acks(sms()))
    writer.open(opening("1", json=False))
    writer.take(batch.steps, 0, batch.get, EPOCH - 100.0)
    writer.open(opening("2", json=False))
    writer.take(acked.steps, 1, batch.get, EPOCH - 100.0)
    writer.take(batch.steps, 0, batch.get, EPOCH - 100.0)
    writer.open(opening("3", json=True))
    writer.take(acked.steps, 1, batch.get, EPOCH - 100.0)
    writer.close()
    assert [(tmp_path / name).read_bytes().count(b"\n") for name in "123"] == [0, 1, 0]
    assert writer.strays == 1
