"""The writer makes lines of all that can be read, and tells what became of every one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from test_access_log_lines import EPOCH, Nowhere, sms

from ksmppd_py.accesslog.batch import Batch
from ksmppd_py.accesslog.frames import PackedRun, count_lines
from ksmppd_py.accesslog.notes import note_deliveries
from ksmppd_py.accesslog.writer import Fate, Opening, Writer
from ksmppd_py.kannel.codec import pack_sms
from ksmppd_py.model.work import Delivery

RUN = (3, b"acme", 7, 99.5, 0, 0, 0.0)


def add_turn(batch: Batch, frame: bytes, run: PackedRun = RUN) -> None:
    delivered = (Delivery(Nowhere(), sms(sms_type=0, receiver=b"4")), 7, 0, 99.75)
    batch.add(EPOCH, 100.0, [run], [frame] * 3, *note_deliveries([delivered]))


def written(batch: Batch, path: Path) -> tuple[list[bytes], Fate | None, int]:
    """The lines, what became of them, and how often others had their turn."""
    steps: list[int] = []
    writer = Writer(between_turns=lambda: steps.append(1))
    writer.open(Opening(os.open(path, os.O_WRONLY | os.O_CREAT), json=False, mask=True))
    writer.take(batch.turns, batch.lines, batch.get)
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
    assert batch.lines == sum(map(count_lines, batch.turns)) == 12
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
