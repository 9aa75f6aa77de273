"""The access log's file: when lines reach it, rotation, and what goes wrong with it; with a scribe and without."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gevent
import pytest
from test_access_log_lines import sms, submission, submitter

from ksmppd_py.accesslog import log as log_module
from ksmppd_py.accesslog import writer as writer_module
from ksmppd_py.accesslog.log import AccessLog, AccessLogSettings
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.work import Delivery, Submission
from tests.accesslog.conftest import start

Open = Callable[..., AccessLog]


@pytest.fixture(params=["here", "scribe"])
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens an access log, by default on `access.log`; it is stopped at the end."""
    made: list[AccessLog] = []

    def open_log(path: Path | str = tmp_path / "access.log", **settings: bool) -> AccessLog:
        log = AccessLog(AccessLogSettings(str(path), **settings))
        made.append(log)
        if request.param == "scribe" and log.on:
            start(log)
        return log

    with gevent.Timeout(20):
        yield open_log
        for log in made:
            log.stop()


def note(log: AccessLog, receiver: bytes = b"+491700") -> None:
    """One accepted submit, of a turn of its own."""
    log.submitted([submission(sms(receiver=receiver))], submitter())
    gevent.sleep(0)


def receivers(path: Path) -> list[str]:
    return [line.partition(" [to:")[2].partition("]")[0] for line in path.read_text().splitlines()]


def wait_for_lines(path: Path, count: int) -> None:
    while not path.exists() or len(receivers(path)) < count:
        gevent.sleep(0.01)


def test_without_a_path_it_is_off(opened: Open) -> None:
    assert not opened("").on


def test_lines_reach_the_file_by_themselves_and_in_order(opened: Open, tmp_path: Path) -> None:
    log = opened()
    if not log.scribe_pid:
        log.start()
    delivery = Delivery(_Nowhere(), Sms(sender=b"1", receiver=b"3", sms_type=0))
    for number in (b"1", b"2"):
        note(log, number)
    log.delivered(delivery, 7, 0, 0.1)
    log.unanswered(delivery, 7, 0.1)
    wait_for_lines(tmp_path / "access.log", 4)
    assert receivers(tmp_path / "access.log") == ["1", "2", "3", "3"]


class _Nowhere:
    def put(self, item: Submission) -> None:
        """Take it."""


def test_many_lines_are_written_before_their_time(opened: Open, tmp_path: Path) -> None:
    log = opened()
    assert log_module.MOST_LINES * 180 * 3 > writer_module.MOST_OCTETS  # octets of lines
    for _ in range(3):
        log.submitted([submission(sms())] * log_module.MOST_LINES, submitter())
        gevent.sleep(0)
    wait_for_lines(tmp_path / "access.log", 3 * log_module.MOST_LINES)


def test_stopping_writes_what_is_there(opened: Open, tmp_path: Path) -> None:
    log = opened()
    log.submitted([submission(sms())], submitter())
    log.stop()
    assert receivers(tmp_path / "access.log") == ["+491700"]
    assert not log.on


def test_rotation_loses_nothing(opened: Open, tmp_path: Path) -> None:
    log, path = opened(), tmp_path / "access.log"
    note(log, b"1")
    path.rename(tmp_path / "access.log.1")
    log.submitted([submission(sms(receiver=b"2"))], submitter())  # not even formatted yet
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


def test_of_a_disk_that_fills_up_the_whole_rest_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AccessLog(AccessLogSettings(str(tmp_path / "access.log")))

    def take_some(descriptor: int, pieces: Sequence[bytes]) -> int:
        return os.pwrite(descriptor, b"".join(pieces)[:3], 0)

    def take_no_more(descriptor: int, octets: bytes) -> int:
        raise OSError(28, "No space left on device")

    note(log)
    note(log)
    with monkeypatch.context() as full:
        full.setattr(writer_module.os, "writev", take_some)
        full.setattr(writer_module.os, "write", take_no_more)
        log.stop()
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage().startswith("2 line(s) of the access log are lost")


def test_changing_path_and_format(opened: Open, tmp_path: Path) -> None:
    log = opened()
    note(log)
    other = tmp_path / "other.log"
    log.change(AccessLogSettings(str(other), json=True, text=True))
    note(log)
    log.change(AccessLogSettings())
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
        made = submission(sms(receiver=receiver + b"4"))
        made.received_at = damaged
        log.submitted([made], submitter())
        log.delivered(Delivery(_Nowhere(), None), 7, 0, 0.1)  # neither a message nor a PDU
        gevent.sleep(0)
    log.stop()
    assert receivers(tmp_path / "access.log") == ["14", "3", "3", "24", "3"]
    assert sum("can't be formatted" in record.message for record in caplog.records) == 4
