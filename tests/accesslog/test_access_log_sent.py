"""Submits from the moment when a bearerbox is sent them until it acks them: each that it takes has one line."""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
import pytest
from test_access_log_file import receivers, wait_for_lines
from test_access_log_lines import sms, submission, submitter
from test_access_log_scribe import freeze, lost, wait_until

from ksmppd_py.accesslog import process
from ksmppd_py.accesslog.log import AccessLog, AccessLogSettings
from ksmppd_py.accesslog.pages import PAGE_OCTETS
from ksmppd_py.kannel.codec import pack_acks, pack_all
from ksmppd_py.model.work import Submission, Submitter

numbers = count(1)
READ_AT = 99.5


def of(by: Submitter | None, receiver: str, cost: float = 0.0, read_at: float = READ_AT) -> Submission:
    message_id = b"0a1b2c3d-0000-4000-8000-%012d" % next(numbers)
    made = submission(sms(receiver=receiver.encode(), id=message_id), result=None, cost=cost, by=by)
    made.received_at = read_at
    return made


def bind(number: int = 7) -> Submitter:
    made = submitter()
    made.bind_id = number
    return made


def send(log: AccessLog, *batch: Submission, link: int = 1, mixed: bool = False) -> None:
    """As the connection to a bearerbox does."""
    now = monotonic()
    for each in batch:
        each.sent_at = now
    messages = [each.sms or sms() for each in batch]
    frames, are_alike = pack_all(messages)
    log.sending(link, batch, b"".join(frames), mixed, are_alike)


def ack(log: AccessLog, *batch: Submission, nack: int = 0, link: int = 1) -> None:
    """As the connection and the door of each do."""
    for each in batch:
        each.result = nack
        if nack in (0, 3):
            each.command_status = 0
        else:
            each.command_status = 0x45
        by = each.desk.submitter
        if by is not None and (each.command_status or each.sent_at < log.since):
            log.submitted((each,), by)
    log.acked(link, pack_acks(nack, [each.sms.id for each in batch if each.sms is not None]), monotonic())


def fields(path: Path, name: str) -> list[str]:
    return re.findall(rf"\[{name}:([^\]]*)\]", path.read_text())


def test_a_line_says_who_sent_it_and_what_it_cost(log: AccessLog, path: Path) -> None:
    first, second = bind(3), bind(4)
    second.service = b"other"
    send(log, of(first, "1"), of(first, "2"))
    charged = bind(5)
    charged.esme.account = replace(charged.account, enable_prepaid_billing=True)
    batch = [
        of(first, "1"),
        of(second, "2", read_at=98.0),
        of(second, "3", read_at=98.0),
        of(charged, "4", 0.5),
    ]
    send(log, *batch, mixed=True)
    priced = [of(charged, "5", 0.5), of(charged, "6", 1.5), of(charged, "7", 0.0)]
    send(log, *priced)
    ack(log, *batch, *priced)
    log.stop()
    assert receivers(path) == ["1", "2", "3", "4", "5", "6", "7"]
    assert fields(path, "bind") == ["3", "4", "4", "5", "5", "5", "5"]
    assert fields(path, "SVC") == ["acme", "other", "other", "acme", "acme", "acme", "acme"]
    assert fields(path, "cost") == ["0", "0", "0", "0.5", "0.5", "1.5", "0"]
    latencies = [float(latency) for latency in fields(path, "latency")]
    assert latencies[1] - latencies[0] == pytest.approx(1.5, abs=0.01)


def test_several_reads_of_one_bind(log: AccessLog, path: Path) -> None:
    by = bind()
    first, second = 99.5, 98.5
    batch = [of(by, "1", read_at=first), of(by, "2", read_at=first), of(by, "3", read_at=second)]
    send(log, *batch)
    ack(log, *batch)
    log.stop()
    latencies = [float(latency) for latency in fields(path, "latency")]
    assert latencies[1] == latencies[0]
    assert latencies[2] - latencies[0] == pytest.approx(1.0, abs=0.01)


def test_what_is_refused_has_a_line_that_says_so_and_no_other(log: AccessLog, path: Path) -> None:
    by = bind()
    batch = [of(by, str(number)) for number in range(5)]
    send(log, *batch)
    ack(log, *batch[:2])
    ack(log, batch[2], nack=1)
    ack(log, batch[4], nack=3)
    ack(log, batch[3])
    log.stop()
    lines = path.read_text().splitlines()
    assert sorted(line[20:].split(" SMS ")[0] + line.split("[to:")[1][0] for line in lines) == [
        "FAILED Send2",
        "Sent0",
        "Sent1",
        "Sent3",
        "Sent4",
    ]
    assert [line for line in receivers(path) if line != "2"] == ["0", "1", "4", "3"]


def test_what_was_lost_with_a_connection_has_its_line_when_another_acks_it(
    log: AccessLog, path: Path
) -> None:
    by = bind()
    batch = [of(by, str(number)) for number in range(3)]
    send(log, *batch)
    ack(log, batch[0])
    log.lost(1)
    send(log, *batch[1:], link=2)
    ack(log, *batch[1:], link=2)
    log.stop()
    assert receivers(path) == ["0", "1", "2"]


def test_stored_messages_have_no_line(log: AccessLog, path: Path) -> None:
    by = bind()
    rows = [of(None, "8"), of(None, "9")]
    for number, row in enumerate(rows):
        row.row, row.received_at = number + 1, 0.0
    fresh = [of(by, "1"), of(by, "2")]
    send(log, *rows)
    send(log, fresh[0], rows[0], fresh[1], mixed=True)
    ack(log, *rows, *fresh)
    log.stop()
    assert receivers(path) == ["1", "2"]


def test_a_rotation_between_sending_and_ack(log: AccessLog, path: Path, tmp_path: Path) -> None:
    by = bind()
    batch = [of(by, str(number)) for number in range(4)]
    send(log, *batch)
    ack(log, *batch[:2])
    path.rename(tmp_path / "old")
    log.reopen()
    ack(log, *batch[2:])
    log.stop()
    assert receivers(tmp_path / "old") == ["0", "1"]
    assert receivers(path) == ["2", "3"]


def test_another_style_between_sending_and_ack(log: AccessLog, path: Path) -> None:
    by = bind()
    batch = [of(by, str(number)) for number in range(3)]
    send(log, *batch)
    ack(log, batch[0])
    log.change(AccessLogSettings(str(path), json=True, text=True))
    later = of(by, "3")
    send(log, later)
    ack(log, *batch[1:], later)
    log.stop()
    first, *others = path.read_text().splitlines()
    assert "[to:0]" in first
    told = sorted((json.loads(line)["to"], json.loads(line)["text"]) for line in others)
    assert told == [("1", "secret"), ("2", "secret"), ("3", "secret")]


def test_an_access_log_that_comes_between_sending_and_ack(path: Path) -> None:
    by = bind()
    log = AccessLog(AccessLogSettings())
    with gevent.Timeout(30):
        log.start()
        before = [of(by, "1"), of(by, "2"), of(by, "3")]
        assert log.since == 0.0
        for each in before:
            each.sent_at = monotonic()
        log.change(AccessLogSettings(str(path)))
        ack(log, before[0])
        wait_until(lambda: log.scribe_pid)
        ack(log, before[1])
        after = of(by, "4")
        send(log, after)
        ack(log, after, before[2])
        log.stop()
    assert sorted(receivers(path)) == ["1", "2", "3", "4"]


def test_one_that_is_killed_between_sending_and_ack(
    log: AccessLog, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    by, pid = bind(), log.scribe_pid
    batch = [of(by, str(number)) for number in range(3)]
    send(log, *batch)
    ack(log, batch[0])
    wait_for_lines(path, 1)
    wait_until(lambda: log._scribe is not None and not log._scribe.on_the_way)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: log.scribe_pid != pid)
    ack(log, batch[1])
    wait_until(lambda: log.scribe_pid)
    ack(log, batch[2])
    log.stop()
    assert receivers(path) == ["0", "1", "2"]
    assert lost(caplog) == 0


@pytest.mark.parametrize(("handed_over", "left"), [(False, ["0", "3", "4"]), (True, ["0", "4"])])
def test_acks_that_only_the_killed_one_could_place_are_told(
    log: AccessLog, path: Path, caplog: pytest.LogCaptureFixture, handed_over: bool, left: list[str]
) -> None:
    by, pid = bind(), log.scribe_pid
    batch = [of(by, str(number)) for number in range(5)]
    send(log, *batch[:3])
    ack(log, batch[0])
    wait_for_lines(path, 1)
    wait_until(lambda: log._scribe is not None and not log._scribe.on_the_way)
    freeze(pid)
    ack(log, batch[1], batch[2])
    send(log, *batch[3:])
    ack(log, batch[3])
    if handed_over:
        log._turn_over()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: log.scribe_pid != pid)
    ack(log, batch[4])
    log.stop()
    assert receivers(path) == left
    assert lost(caplog) == 5 - len(left)


def test_a_stalled_one_is_told_nothing_more_and_then_again(
    log: AccessLog, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "MOST_QUEUED", 300_000)
    by = bind()
    freeze(log.scribe_pid)
    wanted: list[str] = []
    unanswered: list[Submission] = []
    seen = set()
    for _ in range(200):
        batch = [of(by, str(number)) for number in range(len(wanted), len(wanted) + 400)]
        wanted += [str(number) for number in range(len(wanted), len(wanted) + 400)]
        send(log, *batch)
        ack(log, *unanswered, *batch[:300])
        unanswered = batch[300:]
        log._turn_over()
        seen.add(log.since < float("inf"))
        assert log._scribe is not None
        assert log._scribe.queued < 300_000 + 2 * PAGE_OCTETS
    assert seen == {True, False}
    os.kill(log.scribe_pid, signal.SIGCONT)
    wait_until(lambda: log._scribe is not None and not log._scribe.queued)
    log.submitted([of(by, "0")], by)
    wanted.append("0")
    log._turn_over()
    assert log.since < float("inf")
    batch = [of(by, str(number)) for number in range(100)]
    wanted += [str(number) for number in range(100)]
    send(log, *batch)
    ack(log, *unanswered, *batch)
    log.stop(20.0)
    assert sorted(receivers(path)) == sorted(wanted)
    assert not caplog.records


def test_more_than_fits_into_a_page(log: AccessLog, path: Path) -> None:
    by = bind()
    wanted: list[str] = []
    for _ in range(30):
        batch = [of(by, str(number)) for number in range(len(wanted), len(wanted) + 500)]
        wanted += [str(number) for number in range(len(wanted), len(wanted) + 500)]
        send(log, *batch)
        ack(log, *batch)
    log.stop(10.0)
    assert receivers(path) == wanted


def test_a_defect_costs_only_its_own_lines(
    log: AccessLog, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    by, damaged = bind(), bind()
    odd: Any = object()
    batch = [of(by, "1"), of(damaged, "2", read_at=odd), of(by, "3")]
    send(log, *batch, mixed=True)
    ack(log, *batch)
    log.stop()
    assert receivers(path) == ["1", "3"]
    assert sum("can't be formatted" in record.getMessage() for record in caplog.records) == 1


def test_one_that_is_gone_is_told_nothing_more(
    log: AccessLog, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The daemon learns of it by a write that fails, before it sees the end of the connection."""
    by, pid = bind(), log.scribe_pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    sent = of(by, "1")
    send(log, sent)
    log._turn_over()
    assert log.since == float("inf")
    ack(log, sent)
    wait_until(lambda: log.scribe_pid != pid)
    log.stop()
    assert receivers(path) == ["1"]
    assert lost(caplog) == 0
