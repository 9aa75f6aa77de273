"""SIGTERM settles what is in flight within 15 s; kill -9 loses nothing that was acknowledged."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import gevent
import pytest

from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.box_wire import Sms
from tests.fakes.smpp_wire import Message, Pdu
from tests.faults.customer import Customer
from tests.faults.lane import PASSWORD, Lane
from tests.parts.process import accepts
from tests.parts.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.integration, pytest.mark.slow]

SERVERS = [pytest.param(kind, marks=pytest.mark.database) for kind in ("mariadb", "pgsql")]
KINDS = ["sqlite", *SERVERS]
NO_DATABASE = pytest.mark.parametrize("lane", ["sqlite"], indirect=True)
"""For tests in which no statement runs: one kind of database will do."""
LONGEST = 15.0
"""Seconds that a stop may take."""


@pytest.fixture(params=KINDS)
def lane(request: pytest.FixtureRequest) -> Iterator[Lane]:
    """A daemon with the constants of production."""
    with Lane(
        request.param, keys={"wait-ack-timeout": 60, "default-max-open-acks": 100}, constants={}
    ).opened() as lane:
        wait_until(lambda: lane.box.connection is not None, "the bearerbox connection")
        yield lane


def submit(customer: Customer, count: int) -> dict[int, int]:
    """Submit so many; the answers by sequence number as they come."""
    answers: dict[int, int] = {}

    def answered(session: int, number: int, pdu: Pdu) -> None:
        assert number not in answers, "answered twice"
        answers[number] = pdu.command_status

    customer.answered = answered
    for number in range(count):
        text = b"number %d" % number
        message = Message(source_addr=b"1", destination_addr=b"49170", short_message=text)
        assert customer.send(wire.SUBMIT_SM, wire.pack_message(message))
    return answers


def mo(number: int) -> Sms:
    return Sms(
        sender=b"49170", receiver=b"4001", msgdata=b"mo %d" % number, time=1, smsc_id=b"FAKE",
        sms_type=box_wire.MO, coding=0,
    )  # fmt: skip


def bound(lane: Lane, customer: Customer) -> Customer:
    customer.start()
    assert customer.bound.wait(10)
    return customer


def terminate(lane: Lane) -> float:
    began = time.monotonic()
    lane.daemon.stop()
    return time.monotonic() - began


def test_everything_in_flight_is_settled(lane: Lane) -> None:
    """Acks that come in time are answered to the ESME; deliver_sm without answer are stored; unbind is sent."""
    taken: list[bytes] = []
    silent = Customer(lane.daemon.smpp_port, "faulta", PASSWORD, lambda message: (None, 0.0))
    bound(lane, silent)
    acks: list[int] = []
    lane.box.acked = lambda sms, nack: acks.append(nack)
    for number in range(30):
        lane.box.send(mo(number))
    lane.box.decide = lambda sms: (taken.append(sms.msgdata or b"") or 0, 2.0)
    answers = submit(silent, 50)
    wait_until(lambda: len(taken) == 50, "the MTs at the bearerbox")
    assert terminate(lane) < LONGEST
    assert list(answers.values()) == [0] * 50
    assert silent.unbinds == 1
    assert set(acks) == {0}
    assert lane.stored() == len(acks) + len(lane.box.queue) == 30
    silent.stop()
    lane.daemon.start()
    got: list[bytes] = []
    taker = Customer(
        lane.daemon.smpp_port,
        "faulta",
        PASSWORD,
        lambda message: (got.append(message.short_message) or 0, 0.0),
    )
    bound(lane, taker)
    wait_until(lambda: len(got) == 30 and lane.stored() == 0, "the stored messages", 15)
    assert sorted(got) == sorted(b"mo %d" % number for number in range(30))
    taker.stop()


@NO_DATABASE
def test_a_silent_bearerbox(lane: Lane) -> None:
    """A submit without an ack is answered with ESME_RSYSERR before the unbind."""
    taken: list[bytes] = []
    lane.box.decide = lambda sms: (taken.append(sms.id), 0.0)
    customer = bound(lane, Customer(lane.daemon.smpp_port, "faulta", PASSWORD, lambda message: (0, 0.0)))
    answers = submit(customer, 20)
    wait_until(lambda: len(taken) == 20, "the MTs at the bearerbox")
    assert terminate(lane) < LONGEST
    assert set(answers.values()) == {wire.RSYSERR}
    assert len(answers) == 20
    assert customer.unbinds == 1
    customer.stop()


@NO_DATABASE
def test_new_submits_are_refused_while_it_stops(lane: Lane) -> None:
    taken: list[Sms] = []
    lane.box.decide = lambda sms: (taken.append(sms), 0.0)
    customer = bound(lane, Customer(lane.daemon.smpp_port, "faulta", PASSWORD, lambda message: (0, 0.0)))
    first = submit(customer, 1)
    wait_until(lambda: taken, "the MT at the bearerbox")
    port = lane.daemon.smpp_port
    stopping = gevent.spawn(terminate, lane)
    wait_until(lambda: not accepts(port), "the port to be closed")
    assert not first
    late = submit(customer, 3)
    wait_until(lambda: len(late) == 3, "answers to the late ones")
    assert list(late.values()) == [wire.RSYSERR] * 3
    assert lane.box.connection is not None
    lane.box.connection.write(box_wire.pack_ack(0, taken[0].id, taken[0].time))
    assert stopping.get() < LONGEST
    wait_until(lambda: len(late) == 4, "the answer to the first")
    assert list(late.values()) == [wire.RSYSERR] * 3 + [0]
    customer.stop()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_frozen_database_doesnt_keep_it(kind: str) -> None:
    with Lane(kind, constants={}).opened() as lane:
        assert lane.server is not None
        customer = bound(lane, Customer(lane.daemon.smpp_port, "faulta", PASSWORD, lambda message: (0, 0.0)))
        lane.lose_box()
        with lane.server.frozen():
            answers = submit(customer, 5)
            gevent.sleep(0.2)
            assert terminate(lane) < LONGEST
        assert list(answers.values()) == [wire.RSYSERR] * 5
        customer.stop()


@pytest.mark.parametrize("kind", SERVERS)
def test_everybody_is_silent_at_once(kind: str) -> None:
    """A database, a bearerbox, an ESME and an operator's browser that all keep us waiting don't add up."""
    with Lane(kind, keys={"wait-ack-timeout": 60}, constants={}).opened() as lane:
        assert lane.server is not None
        wait_until(lambda: lane.box.connection is not None, "the bearerbox connection")
        taken: list[bytes] = []
        lane.box.decide = lambda sms: (taken.append(sms.id), 0.0)
        customer = bound(
            lane, Customer(lane.daemon.smpp_port, "faulta", PASSWORD, lambda message: (None, 0.0))
        )
        submit(customer, 20)
        for number in range(20):
            lane.box.send(mo(number))
        wait_until(lambda: lane.box.connection and len(lane.box.connection.unacked) == 20, "the MOs' arrival")
        wait_until(lambda: len(taken) == 20, "the MTs at the bearerbox")
        with socket.create_connection(("127.0.0.1", lane.daemon.config.admin_port)) as browser:
            browser.sendall(b"GET /esme-status HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
            customer.deafen(60)
            lane.box.freeze(60)
            with lane.server.frozen():
                assert terminate(lane) < LONGEST
        lane.box.freeze(0)
        customer.stop()


def test_killed_while_it_stores(lane: Lane) -> None:
    """kill -9 in the middle of a stream of submits: what was answered 0 arrives, with its id."""
    customer = bound(lane, Customer(lane.daemon.smpp_port, "faulta", PASSWORD, lambda message: (0, 0.0)))
    lane.lose_box()
    answers = submit(customer, 2000)
    wait_until(lambda: len(answers) > 300, "some answers")
    lane.daemon.kill()
    customer.stop()
    arrived: set[bytes] = set()
    lane.box.decide = lambda sms: (arrived.add(sms.id) or 0, 0.0)
    lane.box.start()
    lane.daemon.start()
    wait_until(lambda: lane.stored() == 0, "an empty store", 20)
    assert len(arrived) >= sum(status == 0 for status in answers.values())
