"""The database is frozen, gone, killed or full: sessions live, and what needs no database flows.

Requests that need it get ESME_RSYSERR within 5 s.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.smpp_wire import Message, Pdu
from tests.faults.customer import Customer
from tests.faults.lane import PASSWORD, Lane
from tests.parts.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.integration, pytest.mark.slow]

SERVERS = [pytest.param(kind, marks=pytest.mark.database) for kind in ("mariadb", "pgsql")]
KINDS = ["sqlite", *SERVERS]
SLACK = 1.5
"""Seconds beyond the 5 that an answer may take on a busy machine."""


@pytest.fixture(params=KINDS)
def lane(request: pytest.FixtureRequest) -> Iterator[Lane]:
    """A daemon whose constants are those of production, but for what a stay of the bearerbox costs."""
    keys = {"wait-ack-timeout": 60, "default-max-open-acks": 100, "ip-blocklist-attempts": 2}
    quick = {"ksmppd_py.bearerbox.timings:BoxTimings.first_pause": 0.1}
    with Lane(request.param, keys=keys, constants=quick).opened() as lane:
        wait_until(lambda: lane.box.connection is not None, "the bearerbox connection")
        yield lane


class SubmitClient:
    """Submits one by one and keeps how long each answer took."""

    def __init__(self, lane: Lane) -> None:
        self.answers: dict[int, tuple[int, float]] = {}
        self._sent: dict[int, float] = {}
        self.customer = Customer(lane.daemon.smpp_port, "faulta", PASSWORD, lambda message: (0, 0.0))
        self.customer.answered = self._answered
        self.customer.start()
        assert self.customer.bound.wait(10)

    def _answered(self, session: int, number: int, pdu: Pdu) -> None:
        self.answers[number] = (pdu.command_status, time.monotonic() - self._sent[number])

    def send(self, text: str = "x") -> int:
        message = Message(source_addr=b"1", destination_addr=b"49170", short_message=text.encode())
        number = self.customer.send(wire.SUBMIT_SM, wire.pack_message(message))
        self._sent[number] = time.monotonic()
        return number

    def wait(self, numbers: list[int], timeout: float = 10) -> list[tuple[int, float]]:
        wait_until(
            lambda: all(number in self.answers for number in numbers), f"answers: {self.answers}", timeout
        )
        return [self.answers[number] for number in numbers]


@contextmanager
def enquiring(customer: Customer) -> Iterator[None]:
    """Inside, an enquire_link each 100 ms; each is answered within a second, beside what we ourselves are late."""
    late = [0.0]

    def ask() -> None:
        while True:
            customer.enquire()
            asked = time.monotonic()
            gevent.sleep(0.1)
            late.append(time.monotonic() - asked - 0.1)

    asking = gevent.spawn(ask)
    try:
        yield
    finally:
        asking.kill()
    session = customer.session
    wait_until(lambda: not customer.enquired, "the last enquire_link_resp", 5)
    assert customer.slowest_enquire_link < 1 + max(late)
    assert session
    assert customer.session == session


def test_frozen(lane: Lane) -> None:
    """A server stopped with SIGSTOP, SQLite locked by another process, for longer than any operation may take."""
    submitter = SubmitClient(lane)
    submitter.wait([submitter.send()])  # its routes are known now
    with enquiring(submitter.customer):
        with lane.frozen_database():
            rebuilt = lane.daemon.admin("/rebuild-routes")
            assert rebuilt.status == (500 if lane.server is not None else 200)
            with_box = [submitter.send() for _ in range(20)]
            assert {status for status, _ in submitter.wait(with_box, 4)} == {
                0
            }  # none waited for the database
            lane.lose_box()
            without_box = []
            for _ in range(50):
                without_box.append(submitter.send())
                gevent.sleep(0.1)
            answers = submitter.wait(without_box, 20)
            assert {status for status, _ in answers} == {wire.RSYSERR}
            assert max(took for _, took in answers) < 5 + SLACK
            stranger = Customer(lane.daemon.smpp_port, "faultb", PASSWORD, lambda message: (0, 0.0)).start()
            if lane.server is not None:  # a locked SQLite can still be read
                wait_until(lambda: stranger.refused_binds, "a bind to be refused", 20)
                assert set(stranger.refused_binds) == {wire.RSYSERR}
        recovered = time.monotonic()
        wait_until(lambda: submitter.wait([submitter.send()])[0][0] == 0, "the database to be used again", 20)
        assert time.monotonic() - recovered < 5 + SLACK
        assert stranger.bound.wait(10)  # not banned
        stranger.stop()
    lane.box.start()
    wait_until(lambda: lane.stored() == 0, "an empty store", 30)
    submitter.customer.stop()


@pytest.mark.parametrize("kind", SERVERS)
def test_stopped_killed_and_connections_killed(kind: str) -> None:
    keys = {"wait-ack-timeout": 60, "default-max-open-acks": 100}
    with Lane(kind, keys=keys, constants={}).opened() as lane:
        submitter = SubmitClient(lane)
        submitter.wait([submitter.send()])
        lane.lose_box()
        assert submitter.wait([submitter.send()])[0][0] == 0
        assert lane.server is not None
        deeds: list[Callable[[], None]] = [lane.server.stop, lane.server.kill]
        with enquiring(submitter.customer):
            for end in deeds:
                end()
                answers = submitter.wait([submitter.send() for _ in range(5)])
                assert {status for status, _ in answers} == {wire.RSYSERR}
                assert max(took for _, took in answers) < 5 + SLACK
                lane.server.start()
                wait_until(lambda: submitter.wait([submitter.send()], 7)[0][0] == 0, "recovery", 10)
            gevent.sleep(1.1)  # connections that rested are looked at before they are used
            lane.kill_connections()
            assert submitter.wait([submitter.send()])[0][0] == 0
        accepted = sum(status == 0 for status, _ in submitter.answers.values())
        assert lane.stored() >= accepted - 1
        submitter.customer.stop()


def test_disk_full_sqlite() -> None:
    """The file can't grow: submits that must be stored are answered 0x08, and 0 once there is room again."""
    with Lane("sqlite", constants={}).opened() as lane:
        submitter = SubmitClient(lane)
        submitter.wait([submitter.send()])
        lane.lose_box()
        pid = lane.daemon.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        with enquiring(submitter.customer):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
            statuses = []
            for _ in range(10):
                numbers = [submitter.send("y" * 150) for _ in range(50)]
                statuses += [status for status, _ in submitter.wait(numbers)]
                gevent.sleep(0.2)
            assert set(statuses) <= {0, wire.RSYSERR}
            assert wire.RSYSERR in statuses
            stored = lane.stored()
            assert stored == statuses.count(0)
            submitter.send("z" * 150)
            stranger = Customer(lane.daemon.smpp_port, "faultb", PASSWORD, lambda message: (0, 0.0)).start()
            assert stranger.bound.wait(5)  # it can still be read
            assert not stranger.refused_binds
            stranger.stop()
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
            wait_until(lambda: submitter.wait([submitter.send()], 7)[0][0] == 0, "room to be noticed", 10)
        lane.box.start()
        wait_until(lambda: lane.stored() == 0, "an empty store", 20)
        submitter.customer.stop()


@pytest.mark.database
def test_disk_full_mariadb() -> None:
    """The tablespace may not grow."""
    options = ("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:20M")
    with Lane("mariadb", constants={}, server_options=options).opened() as lane:
        submitter = SubmitClient(lane)
        submitter.wait([submitter.send()])
        lane.lose_box()
        with enquiring(submitter.customer):
            statuses: list[int] = []
            for _ in range(200):
                numbers = [submitter.send("z" * 250) for _ in range(200)]
                statuses += [status for status, _ in submitter.wait(numbers)]
                if wire.RSYSERR in statuses:
                    break
            assert set(statuses) == {0, wire.RSYSERR}
            assert lane.stored() == statuses.count(0)
        lane.box.start()
        wait_until(lambda: lane.stored() == 0, "an empty store", 30)
        lane.lose_box()
        assert submitter.wait([submitter.send()])[0][0] == 0
        submitter.customer.stop()


@pytest.mark.database
def test_disk_full_postgresql() -> None:
    """No file of the server may have more than 4 MB."""
    with Lane("pgsql", constants={}, largest_file=4).opened() as lane:
        submitter = SubmitClient(lane)
        submitter.wait([submitter.send()])
        lane.lose_box()
        with enquiring(submitter.customer):
            statuses: list[int] = []
            for _ in range(200):
                numbers = [submitter.send("z" * 250) for _ in range(200)]
                statuses += [status for status, _ in submitter.wait(numbers)]
                if wire.RSYSERR in statuses:
                    break
            assert set(statuses) == {0, wire.RSYSERR}
            assert lane.stored() == statuses.count(0)
        lane.box.start()
        wait_until(lambda: lane.stored() == 0, "an empty store", 30)
        submitter.customer.stop()
