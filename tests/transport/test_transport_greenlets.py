"""Greenlets of a group: named, logged when they fail, started again when supervised, ended with their group."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event
from gevent.server import StreamServer

from ksmppd_py.transport.greenlets import GreenletGroup, log_stray_errors


@pytest.fixture
def group() -> Iterator[GreenletGroup]:
    group = GreenletGroup("test")
    yield group
    group.end(5)


def test_a_greenlet_has_its_name_and_arguments(group: GreenletGroup) -> None:
    greenlet = group.spawn("adder", lambda a, b: a + b, 2, 3)
    assert greenlet.name == "adder"
    assert greenlet.get(timeout=5) == 5


def test_a_group_knows_how_many_run(group: GreenletGroup) -> None:
    gate = Event()
    greenlets = [group.spawn("waiter", gate.wait) for _ in range(3)]
    assert len(group) == 3
    gate.set()
    gevent.joinall(greenlets, timeout=5)
    assert len(group) == 0


def test_a_failure_is_logged_with_its_name_and_stays_inside(
    group: GreenletGroup, caplog: pytest.LogCaptureFixture
) -> None:
    greenlet = group.spawn("divider", lambda: 1 / 0)
    greenlet.join(5)
    assert greenlet.successful()
    [record] = caplog.records
    assert "divider" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_end_kills_what_still_runs(group: GreenletGroup, caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []

    def wait_for_ever() -> None:
        try:
            Event().wait()
        finally:
            ended.append("cleaned up")

    group.spawn("waiter", wait_for_ever)
    gevent.sleep(0)
    group.end(5)
    assert len(group) == 0
    assert ended == ["cleaned up"]
    assert caplog.records == []  # being ended is no failure


def test_end_without_greenlets_returns_at_once(group: GreenletGroup) -> None:
    began = time.monotonic()
    group.end(5)
    assert time.monotonic() - began < 1


def test_join_waits_only_so_long(group: GreenletGroup) -> None:
    gate = Event()
    greenlet = group.spawn("waiter", gate.wait)
    group.join(0.01)
    assert not greenlet.dead
    gate.set()
    group.join(5)
    assert greenlet.dead


def test_a_supervised_loop_starts_again_after_a_failure(
    group: GreenletGroup, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    runs: list[int] = []
    thrice = Event()

    def fail() -> None:
        runs.append(1)
        if len(runs) == 3:
            thrice.set()
            Event().wait()
        raise OSError("it broke")

    group.supervise("breaker", fail, 0.001)
    assert thrice.wait(5)
    assert len(caplog.records) == 2
    assert "breaker" in caplog.records[0].getMessage()


def test_a_supervised_loop_starts_again_after_it_returned(group: GreenletGroup) -> None:
    runs: list[int] = []
    thrice = Event()

    def turn() -> None:
        runs.append(1)
        if len(runs) == 3:
            thrice.set()

    group.supervise("turner", turn, 0.001)
    assert thrice.wait(5)


def test_a_supervised_loop_ends_with_its_group(group: GreenletGroup) -> None:
    group.supervise("turner", lambda: None, 0.001)
    gevent.sleep(0)
    group.end(5)
    assert len(group) == 0


def test_what_nobody_catches_is_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = gevent.get_hub()
    monkeypatch.setattr(hub, "print_exception", hub.print_exception)  # put back afterwards
    log_stray_errors()
    caplog.set_level(logging.DEBUG)
    failure = OSError(24, "Too many open files")
    for context in (StreamServer(("127.0.0.1", 7), print), (object(), len), "a callback"):
        hub.handle_error(context, OSError, failure, None)
    assert caplog.messages == [
        "Can't accept connections on port 7: [Errno 24] Too many open files",
        "<built-in function len> in a thread failed: [Errno 24] Too many open files",
        "a callback failed unexpectedly",
    ]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.DEBUG, logging.ERROR]
    assert capsys.readouterr() == ("", "")
