"""The access log's file: when lines reach it, rotation, and faults of the disk."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gevent
import gevent.monkey
import pytest

from ksmppd_py.accesslog import file as file_module
from ksmppd_py.accesslog.log import AccessLog, AccessLogSettings
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.work import Delivery, Submit
from tests.accesslog.messages import bind, sms, submit
from tests.parts.waiting import wait_until

Open = Callable[..., AccessLog]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens an access log, by default on `access.log`; it is stopped at the end."""
    made: list[AccessLog] = []

    def open_log(path: Path | str = tmp_path / "access.log", **settings: bool) -> AccessLog:
        log = AccessLog(AccessLogSettings(str(path), **settings))
        made.append(log)
        log.start()
        return log

    with gevent.Timeout(20):
        yield open_log
        for log in made:
            log.stop()


def note(log: AccessLog, receiver: bytes = b"+491700") -> None:
    """One accepted submit, of a turn of its own."""
    log.submitted([submit(sms(receiver=receiver))], bind())
    gevent.sleep(0)


def receivers(path: Path) -> list[str]:
    return [line.partition(" [to:")[2].partition("]")[0] for line in path.read_text().splitlines()]


def wait_for_lines(path: Path, count: int) -> None:
    wait_until(lambda: path.exists() and len(receivers(path)) >= count, f"{count} lines")


def test_without_a_path_it_is_off(opened: Open) -> None:
    assert not opened("").on


def test_lines_reach_the_file_by_themselves_and_in_order(opened: Open, tmp_path: Path) -> None:
    log = opened()
    delivery = Delivery(_Nowhere(), Sms(sender=b"1", receiver=b"3", sms_type=0))
    for number in (b"1", b"2"):
        note(log, number)
    log.delivered(delivery, 7, 0, 0.1)
    log.delivered(delivery, 7, None, 0.1)
    wait_for_lines(tmp_path / "access.log", 4)
    assert receivers(tmp_path / "access.log") == ["1", "2", "3", "3"]


class _Nowhere:
    def settled(self, item: Submit) -> None:
        """Drop the message."""


def test_lines_of_a_bind_are_in_the_order_of_the_answers(opened: Open, tmp_path: Path) -> None:
    log, one, other = opened(), bind(), bind(bind_id=8)
    for its_bind, *numbers in ((one, b"1", b"2"), (other, b"3"), (one, b"4"), (other, b"5")):
        log.submitted([submit(sms(receiver=number)) for number in numbers], its_bind)
    log.stop()
    assert receivers(tmp_path / "access.log") == ["1", "2", "4", "3", "5"]


def test_stopping_writes_what_is_there(opened: Open, tmp_path: Path) -> None:
    log = opened()
    log.submitted([submit(sms())], bind())
    log.stop()
    assert receivers(tmp_path / "access.log") == ["+491700"]
    assert not log.on


def test_rotation_loses_nothing(opened: Open, tmp_path: Path) -> None:
    log, path = opened(), tmp_path / "access.log"
    note(log, b"1")
    path.rename(tmp_path / "access.log.1")
    log.submitted([submit(sms(receiver=b"2"))], bind())  # not even formatted yet
    log.reopen()
    note(log, b"3")
    log.stop()
    assert receivers(tmp_path / "access.log.1") == ["1", "2"]
    assert receivers(path) == ["3"]
    assert path.stat().st_mode & 0o777 & 0o137 == 0


def test_a_file_that_cannot_be_opened_anew_is_kept(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    log = opened(folder / "access.log")
    folder.rename(tmp_path / "elsewhere")
    log.reopen()
    note(log)
    log.stop()
    assert receivers(tmp_path / "elsewhere" / "access.log") == ["+491700"]
    assert any("Couldn't open access log" in record.message for record in caplog.records)


def test_one_that_cannot_be_opened_is_an_error_line_and_can_come_later(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = opened(tmp_path / "not yet" / "access.log")
    assert not log.on
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    (tmp_path / "not yet").mkdir()
    log.reopen()
    assert log.on


def test_a_full_disk_loses_lines_and_tells_how_many(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    log = opened("/dev/full")
    note(log)
    note(log)
    log.stop()
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage().startswith("2 line(s) of the access log are lost: ")
    assert "No space left" in record.getMessage()


@pytest.mark.parametrize(
    ("pieces", "taken", "lost"), [(1, 0, 1), (3, 0, 3), (3, 3, 3), (3, 4, 2), (2000, 4, 1999)]
)
def test_of_a_disk_that_fills_up_the_whole_rest_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int, taken: int, lost: int
) -> None:
    def take_some(descriptor: int, some: Sequence[bytes]) -> int:
        if not taken:
            raise OSError(28, "No space left on device")
        return os.pwrite(descriptor, b"".join(some)[:taken], 0)

    def take_no_more(descriptor: int, octets: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_module.os, "writev", take_some)
    monkeypatch.setattr(file_module.os, "write", take_no_more)
    with (tmp_path / "access.log").open("wb") as file:
        outcome = file_module.write_all(file.fileno(), [b"abc\n"] * pieces, False)
    assert outcome == (lost, "[Errno 28] No space left on device", taken % 4 != 0)


@pytest.mark.parametrize(
    ("room", "later", "lost", "expected"),
    [
        (0, 1000, 3, b"xyz\n"),
        (4, 1000, 2, b"abc\nxyz\n"),
        (6, 1000, 2, b"abc\nab\nxyz\n"),
        (11, 1000, 1, b"abc\nabc\nabc\nxyz\n"),
        (6, 0, 3, b"abc\nab"),
        (6, 1, 3, b"abc\nab\n"),
    ],
)
def test_after_a_full_disk_lines_begin_on_a_line_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, later: int, lost: int, expected: bytes
) -> None:
    left = room

    def take(descriptor: int, octets: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(28, "No space left on device")
        octets, left = octets[:left], max(left - len(octets), 0)
        return os.pwrite(descriptor, octets, os.fstat(descriptor).st_size)

    monkeypatch.setattr(file_module.os, "writev", lambda descriptor, some: take(descriptor, b"".join(some)))
    monkeypatch.setattr(file_module.os, "write", take)
    with (tmp_path / "file").open("wb") as file:
        first = file_module.write_all(file.fileno(), [b"abc\n"] * 3, False)
        left = later
        second = file_module.write_all(file.fileno(), [b"xyz\n"], first[2])
    assert (tmp_path / "file").read_bytes() == expected
    assert first[0] + second[0] == lost


def test_many_pieces_are_written_in_order(tmp_path: Path) -> None:
    pieces = [b"%d\n" % number for number in range(5000)]
    with (tmp_path / "access.log").open("wb") as file:
        assert file_module.write_all(file.fileno(), pieces, False) == (0, "", False)
    assert (tmp_path / "access.log").read_bytes() == b"".join(pieces)


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[gevent.threading.Lock]:
    """A disk that takes nothing as long as this lock of the system's is held."""
    disk = gevent.monkey.get_original("threading", "Lock")()
    write_all = file_module.write_all

    def wait_and_write(descriptor: int, pieces: Sequence[bytes], is_torn: bool) -> tuple[int, str, bool]:
        with disk:
            return write_all(descriptor, pieces, is_torn)

    monkeypatch.setattr(file_module, "write_all", wait_and_write)
    disk.acquire()
    yield disk
    if disk.locked():
        disk.release()


def test_the_loop_does_not_wait_for_the_disk(opened: Open, tmp_path: Path, stalled: Any) -> None:
    log = opened()
    note(log, b"1")
    wait_until(lambda: log._file._written)
    note(log, b"2")
    assert receivers(tmp_path / "access.log") == []
    stalled.release()
    wait_for_lines(tmp_path / "access.log", 2)
    assert receivers(tmp_path / "access.log") == ["1", "2"]


def test_an_unexpected_error_takes_none_of_the_room_for_later_lines(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    log = opened()
    with monkeypatch.context() as broken:
        broken.setattr(file_module, "write_all", fail)
        note(log, b"1")
        while not caplog.records:
            gevent.sleep(0.01)
    assert log._file._waiting == 0
    note(log, b"2")
    wait_for_lines(tmp_path / "access.log", 1)
    assert receivers(tmp_path / "access.log") == ["2"]


def test_lines_above_the_bound_are_lost_and_counted(
    opened: Open,
    tmp_path: Path,
    stalled: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file_module, "MOST_OCTETS", 600)
    log = opened()
    for number in range(5):
        note(log, b"%d" % number)
    stalled.release()
    log.stop()
    found = receivers(tmp_path / "access.log")
    assert found == ["0", "1"]
    assert [record.getMessage() for record in caplog.records] == [
        "3 line(s) of the access log are lost: the disk is too slow"
    ]


def test_a_stop_does_not_wait_for_a_disk_for_ever(
    opened: Open, stalled: Any, caplog: pytest.LogCaptureFixture
) -> None:
    log = opened()
    note(log, b"1")
    wait_until(lambda: log._file._written)
    note(log, b"2")
    log.stop(timeout=0.05)
    assert [record.getMessage() for record in caplog.records] == [
        "2 line(s) of the access log are lost: the disk is too slow"
    ]


def test_changing_path_and_format(opened: Open, tmp_path: Path) -> None:
    log = opened()
    note(log)
    other = tmp_path / "other.log"
    log.reconfigure(AccessLogSettings(str(other), json=True, text=True))
    note(log)
    log.reconfigure(AccessLogSettings())
    assert not log.on
    log.stop()
    assert receivers(tmp_path / "access.log") == ["+491700"]
    assert json.loads(other.read_text())["text"] == "secret"


def test_what_cannot_be_formatted_harms_nobody(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = opened()
    delivery = Delivery(_Nowhere(), Sms(sender=b"1", receiver=b"3", sms_type=0))
    for receiver in (b"1", b"damaged", b"2"):
        damaged: Any = object() if receiver == b"damaged" else 1.0
        log.delivered(delivery, 7, 0, 0.1)
        made = submit(sms(receiver=receiver + b"4"))
        made.received_at = damaged
        log.submitted([made], bind())
        log.delivered(Delivery(_Nowhere(), None), 7, 0, 0.1)  # neither a message nor a PDU
        gevent.sleep(0)
    log.stop()
    assert receivers(tmp_path / "access.log") == ["3", "14", "3", "3", "24"]
    assert sum("can't be formatted" in record.message for record in caplog.records) == 4


def test_a_file_that_opens_slowly_stops_nothing(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines go to the earlier file meanwhile."""
    log, path = opened(), tmp_path / "access.log"
    path.rename(tmp_path / "access.log.1")
    gate = gevent.monkey.get_original("threading", "Lock")()
    gate.acquire()
    open_file = file_module.open_file

    def open_slowly(path: str, blocking: bool) -> int:
        with gate:
            return open_file(path, blocking)

    monkeypatch.setattr(file_module, "open_file", open_slowly)
    reopening = gevent.spawn(log.reopen)
    gevent.sleep(0)
    note(log, b"1")
    wait_for_lines(tmp_path / "access.log.1", 1)
    gate.release()
    reopening.join()
    note(log, b"2")
    log.stop()
    assert receivers(tmp_path / "access.log.1") == ["1"]
    assert receivers(path) == ["2"]
