"""What the access log costs the daemon's own process, a message: the least of many rounds.

    python -m benchmarks.access_log

Each message is collected, and what was collected is handed over to a scribe at work, as in the daemon. A report's
share in reading it (keeping the octets that it came in) is counted, the scribe's own time isn't.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent

from ksmppd_py.accesslog.log import AccessLog, AccessLogSettings
from ksmppd_py.kannel.codec import BoxLink, pack_acks, pack_sms
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account
from ksmppd_py.model.esme import Counters, Esme
from ksmppd_py.model.meters import BIND_INTERVALS, Load
from ksmppd_py.model.work import Delivery, Submission, Submitter
from ksmppd_py.smpp.pdus import SubmitSm
from ksmppd_py.translate.dialect import Dialect

MESSAGES, ROUNDS, BINDS = 256, 1000, 4
"""So many messages that each round hands over once."""
_ID = b"0a1b2c3d-0000-4000-8000-%012d"


class _Nowhere:
    def __init__(self, submitter: Submitter | None = None) -> None:
        self.submitter = submitter

    def put(self, item: Any) -> None:
        """Take it."""


def _sms(number: int, **fields: Any) -> Sms:
    told: dict[str, Any] = {
        "receiver": b"+49170%07d" % number,
        "sender": b"12345",
        "msgdata": b"hello world, this is a text of a usual length",
        "smsc_id": b"smsc1",
        "service": b"acme",
        "id": _ID % number,
        "sms_type": 2,
        "coding": 0,
        "dlr_mask": 19,
        "dlr_url": b"acme|1700000000|" + _ID % number,
    }
    return Sms(**{**told, **fields})


def _submitter(bind_id: int) -> Submitter:
    account = Account("acme")
    load = Load(BIND_INTERVALS, 0)
    return Submitter(
        Esme(account, 0, 0.0), account, Dialect(), b"acme", Counters(), load, bind_type=3, bind_id=bind_id
    )


def _submission(number: int, desk: _Nowhere, read_at: float) -> Submission:
    submission = Submission(desk, 1, SubmitSm(), 1)
    submission.sms = _sms(number)
    submission.received_at = read_at
    return submission


def _submits(log: AccessLog, turn: int) -> Callable[[], None]:
    binds = [_Nowhere(_submitter(number)) for number in range(BINDS)]
    reads = []
    for number, start in enumerate(range(0, MESSAGES, turn)):
        read_at = float(number)
        batch = [_submission(each, binds[number % BINDS], read_at) for each in range(start, start + turn)]
        messages = [submission.sms for submission in batch if submission.sms is not None]
        acks = pack_acks(0, [sms.id for sms in messages])
        reads.append((batch, b"".join(map(pack_sms, messages)), acks))
    now = time.monotonic()

    def once() -> None:
        for batch, octets, acks in reads:
            log.sending(1, batch, octets, mixed=False, alike=True)
            log.acked(1, acks, now)

    return once


def _reports(log: AccessLog, turn: int) -> Callable[[], None]:
    frames = b"".join(
        pack_sms(_sms(number, sms_type=3, msgdata=b"id:1 stat:DELIVRD")) for number in range(MESSAGES)
    )
    link = BoxLink()
    link.keeps = True
    deliveries = []
    for sms in link.receive(frames):
        delivery = Delivery(_Nowhere(), sms)  # type: ignore[arg-type]  # only Sms were packed
        delivery.system_id, delivery.left = "acme", 1
        deliveries.append(delivery)
    now = time.monotonic()

    def once() -> None:
        delivered = log.delivered
        for start in range(0, MESSAGES, turn):
            for delivery in deliveries[start : start + turn]:
                delivered(delivery, 7, 0, now)
            log._turn_ends()

    return once


def _keeping() -> float:
    """Microseconds that it takes more to read a report and keep its octets."""
    frames = b"".join(pack_sms(_sms(number, sms_type=3)) for number in range(MESSAGES))
    least = {True: float("inf"), False: float("inf")}
    for _ in range(ROUNDS):
        for keeps in (True, False):
            link = BoxLink()
            link.keeps = keeps
            began = time.perf_counter()
            link.receive(frames)
            least[keeps] = min(least[keeps], time.perf_counter() - began)
    return (least[True] - least[False]) / MESSAGES * 1e6


def _least(once: Callable[[], None]) -> float:
    """Microseconds a message; the scribe is let catch up after each second round."""
    least = float("inf")
    for number in range(ROUNDS):
        began = time.perf_counter()
        once()
        least = min(least, time.perf_counter() - began)
        if number % 2:
            gevent.sleep(0.006)
    return least / MESSAGES * 1e6


def main() -> None:
    """Print a line for each style and size of a turn."""
    keeping = _keeping()
    print(f"keeping the octets of a report: {keeping:.2f} µs")
    with tempfile.TemporaryDirectory() as directory:
        for json in (False, True):
            log = AccessLog(AccessLogSettings(str(Path(directory) / "access.log"), json))
            log.start()
            gevent.sleep(0.5)
            log._schedule = lambda: None  # type: ignore[method-assign]  # the rounds below end their turns themselves
            for turn in (256, 32, 8):
                submits, reports = _least(_submits(log, turn)), _least(_reports(log, turn))
                style = "json" if json else "kannel"
                print(f"{style}, {turn} a turn: submit {submits:.2f} µs, report {reports + keeping:.2f} µs")
            log.stop(10.0)


if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()
    main()
