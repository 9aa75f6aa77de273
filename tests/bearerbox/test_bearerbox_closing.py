"""Tests of how a connection to a bearerbox ends, and of the cost of an error between its acks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
import pytest

from ksmppd_py.bearerbox.pool import AT_ONCE, BearerboxPool
from ksmppd_py.config import BearerboxConnection
from ksmppd_py.kannel.messages import AdminCommand
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.work import Submit
from ksmppd_py.transport.framed import FramedSocket
from tests.bearerbox.conftest import StartBed, make_mt, make_pool
from tests.fakes import box_wire
from tests.fakes.bearerbox import NEVER, always
from tests.flows.memory import MemoryOrigin
from tests.parts.waiting import wait_until

ACCEPTED = SubmitResult.ACCEPTED

UNREAD = box_wire.pack_heartbeat(0) * 50_000


@contextmanager
def server() -> Iterator[tuple[BearerboxPool, socket.socket]]:
    """A pool, and the bearerbox's end of its one connection."""
    with gevent.Timeout(10), socket.create_server(("127.0.0.1", 0)) as listening:
        settings = BearerboxConnection(host="127.0.0.1", port=listening.getsockname()[1], id="KSMPPD")
        pool = make_pool([settings])
        pool.start()
        box, _ = listening.accept()
        with box:
            yield pool, box
        pool.stop(0.1)


def send_in_background(box: socket.socket, octets: bytes) -> None:
    def send() -> None:
        try:
            box.sendall(octets)
        except OSError:
            return

    gevent.spawn(send)


@pytest.mark.parametrize("reason", ["stop", "taken out", "shutdown", "no box protocol"])
def test_a_bearerbox_reads_our_last_octet_though_its_own_are_unread(reason: str) -> None:
    with server() as (pool, box):
        wait_until(lambda: pool.online)
        if reason == "shutdown":
            box.sendall(box_wire.pack_admin(int(AdminCommand.SHUTDOWN)))
        elif reason == "no box protocol":
            box.sendall(b"\x7f" * 100)
        send_in_background(box, UNREAD)
        if reason == "stop":
            gevent.spawn(pool.stop, 0.1)
        elif reason == "taken out":
            pool.reconfigure([])
        octets = b""
        while more := box.recv(65536):  # a reset would be an error
            octets += more
        assert b"KSMPPD" in octets


def test_a_bearerbox_on_ipv6() -> None:
    with gevent.Timeout(10), socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
        settings = BearerboxConnection(host="::1", port=listening.getsockname()[1], id="KSMPPD")
        pool = make_pool([settings])
        pool.start()
        box, _ = listening.accept()
        with box:
            assert b"KSMPPD" in box.recv(100)
        pool.stop(0.01)


class Faulty:
    """An origin that fails at one submit."""

    bind = None

    def __init__(self) -> None:
        self.taken: list[Submit] = []
        self.bad: Submit | None = None

    def settled(self, submit: Submit) -> None:
        if submit is self.bad:
            raise MemoryError
        self.taken.append(submit)


def test_an_error_at_one_ack_sends_no_other_message_twice(start: StartBed) -> None:
    bed = start()
    origin = Faulty()
    bed.box.policy = always(NEVER)
    submits = [bed.submit(b"%d" % number) for number in range(5)]
    origin.bad = submits[1]
    for submit in submits:
        submit.origin = origin
    assert bed.pool.send_all(submits) == []
    bed.box.wait_for_sms(5)
    for sent in bed.box.submits:
        bed.box.ack(sent)
    wait_until(lambda: len(origin.taken) == 4)
    assert bed.box.connections == 1
    assert len(bed.box.submits) == 5


def test_without_memory_for_a_batch_it_goes_with_the_connection(
    start: StartBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it has left, so the next connection is its first."""
    bed = start(reconnect_timeout=10.0)
    real = FramedSocket.write
    failures = [MemoryError()]

    def fail_once(framed: FramedSocket, octets: bytes) -> None:
        if failures:
            raise failures.pop()
        real(framed, octets)

    monkeypatch.setattr(FramedSocket, "write", fail_once)
    texts = [b"one", b"two", b"three"]
    assert bed.pool.send_all([bed.submit(text) for text in texts]) == []
    assert bed.wait_results(3) == [ACCEPTED, ACCEPTED, ACCEPTED]
    assert [submit.sms.msgdata for submit in bed.box.submits] == texts
    assert bed.box.connections == 2


def test_a_bearerbox_that_reads_nothing_is_given_no_more() -> None:
    """MTs for a bearerbox that doesn't read wait as messages, not as frames, and follow as it reads."""
    with server() as (pool, box):
        wait_until(lambda: pool.online)
        origin = MemoryOrigin()
        batch = []
        for _ in range(900):
            submit = Submit(origin, 1, None, 1)
            submit.sms = make_mt(b"x" * 60_000)
            batch.append(submit)
        assert pool.send_all(batch) == []
        [connection] = pool.connections
        wait_until(lambda: connection.is_clogged)
        assert len(connection.open) <= AT_ONCE
        assert pool.status().waiting == 900 - len(connection.open)

        def read() -> None:
            while box.recv(1_000_000):
                pass

        gevent.spawn(read)
        wait_until(lambda: len(connection.open) == 900)
