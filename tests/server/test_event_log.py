"""The event log: a JSON object a line, changes of the file, and files that can't be opened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from ksmppd_py.model.events import EventKind, EventStream
from ksmppd_py.server.event_log import EventLog


@pytest.fixture
def events() -> EventStream:
    """An empty stream."""
    return EventStream()


@pytest.fixture
def log(events: EventStream, tmp_path: Path) -> Iterator[EventLog]:
    """A log of `events` on events.log, which is stopped at the end."""
    log = EventLog(events, str(tmp_path / "events.log"))
    with gevent.Timeout(20):
        yield log
        log.stop(2.0)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_an_event_is_a_line(log: EventLog, events: EventStream, tmp_path: Path) -> None:
    events.add(EventKind.BIND, "\xe9 <b>\n", 1_700_000_000.25, {"bind_id": 7, "ip": "::1"})
    log.stop(2.0)
    [line] = lines(tmp_path / "events.log")
    assert line["event_id"] == 1_700_000_000_250
    assert line["time"].startswith("2023-11-1")
    assert line["time"][19:23] == ".250"
    assert (line["kind"], line["text"]) == ("bind", "\xe9 <b>\n")
    assert line["fields"] == {"bind_id": 7, "ip": "::1"}


def test_octets_that_are_no_text_spoil_no_line(log: EventLog, events: EventStream, tmp_path: Path) -> None:
    events.add(EventKind.BIND, "\udce9", 1.0, {"x": "\ud800"})
    log.stop(2.0)
    assert lines(tmp_path / "events.log")[0]["text"] == "?"


def test_rotation_and_another_file(log: EventLog, events: EventStream, tmp_path: Path) -> None:
    events.add(EventKind.BIND, "1", 1.0)
    (tmp_path / "events.log").rename(tmp_path / "events.log.1")
    log.reopen()
    events.add(EventKind.BIND, "2", 1.0)
    log.reconfigure(str(tmp_path / "other.log"))
    events.add(EventKind.BIND, "3", 1.0)
    log.reconfigure("")
    events.add(EventKind.BIND, "4", 1.0)
    log.stop(2.0)
    files = ("events.log.1", "events.log", "other.log")
    assert [[line["text"] for line in lines(tmp_path / name)] for name in files] == [["1"], ["2"], ["3"]]


def test_a_file_that_cant_be_opened(
    log: EventLog, events: EventStream, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log.reconfigure(str(tmp_path / "no" / "events.log"))
    events.add(EventKind.BIND, "1", 1.0)  # goes to the file of before
    log.stop(2.0)
    [record] = caplog.records
    assert record.getMessage().endswith("/no/events.log can't be opened: No such file or directory")
    assert [line["text"] for line in lines(tmp_path / "events.log")] == ["1"]


def test_without_a_file_nothing_listens(events: EventStream) -> None:
    log = EventLog(events, "")
    assert events.listener is None
    log.reopen()
    log.stop(0.1)


def test_a_first_file_that_cant_be_opened(
    events: EventStream, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = EventLog(events, str(tmp_path / "no" / "events.log"))
    assert events.listener is None
    assert len(caplog.records) == 1
    log.stop(0.1)
