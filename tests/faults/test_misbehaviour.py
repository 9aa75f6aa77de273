"""One ESME that never answers, or never reads, beside twenty healthy ones, through a bearerbox that waits for acks.

The bearerbox sends nothing more while 100 messages are unacked (smsbox-max-pending), so a silent ESME could stop
all others. Messages for the healthy ones are paced, and measured with and without the misbehaving one.
"""

from __future__ import annotations

import socket
import statistics
import time
from dataclasses import dataclass

import gevent
import pytest

from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.box_wire import Sms
from tests.fakes.smpp_wire import Message
from tests.faults.customer import Customer
from tests.faults.lane import PASSWORD, Lane
from tests.parts.database import Account, RouteRow, insert_account, insert_route

pytestmark = [pytest.mark.faults, pytest.mark.integration, pytest.mark.slow]

HEALTHY = 20
BURST = 300
"""Messages for the misbehaving one that the bearerbox has before all others: thrice what it leaves unacked."""
RATE = 20.0
"""Messages a second for each account."""
SECONDS = 3.0
LONGEST = 3.0
"""Seconds within which every message of a healthy ESME arrives, with any behaviour of the others."""


@dataclass
class Measured:
    """The messages and delays of the healthy ESMEs."""

    offered: int
    in_time: int
    latencies: list[float]

    def __str__(self) -> str:
        ordered = sorted(self.latencies)
        return (
            f"{self.in_time} of {self.offered} in time, median {statistics.median(ordered) * 1000:.0f} ms, "
            f"99 % below {ordered[int(len(ordered) * 0.99)] * 1000:.0f} ms, longest {ordered[-1] * 1000:.0f} ms"
        )


class Party:
    """Twenty healthy ESMEs, and one more that is as `other` says."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.sent: dict[bytes, float] = {}
        self.latencies: list[float] = []
        for number in range(HEALTHY + 1):
            insert_account(lane.database, Account(f"party{number}", PASSWORD))
            insert_route(lane.database, RouteRow(2, f"^5{number:03d}$", f"party{number}"))
        lane.daemon.admin("/rebuild-routes")
        self.healthy = [
            Customer(lane.daemon.smpp_port, f"party{number}", PASSWORD, self._take).start()
            for number in range(HEALTHY)
        ]
        for customer in self.healthy:
            assert customer.bound.wait(20)

    def _take(self, message: Message) -> tuple[int | None, float]:
        sent = self.sent.pop(message.short_message, None)
        if sent is not None:
            self.latencies.append(time.monotonic() - sent)
        return 0, 0.0

    def measure(self, name: str, accounts: int) -> Measured:
        """Offer traffic to the first `accounts` for SECONDS."""
        self.sent.clear()
        self.latencies = []
        senders = [gevent.spawn(self._offer, name, number) for number in range(accounts)]
        gevent.joinall(senders, raise_error=True)
        end = time.monotonic() + LONGEST
        while self.sent and time.monotonic() < end:
            gevent.sleep(0.05)
        return Measured(len(self.sent) + len(self.latencies), len(self.latencies), self.latencies)

    def _offer(self, name: str, account: int) -> None:
        began = time.monotonic()
        for number in range(int(RATE * SECONDS)):
            pause = began + number / RATE - time.monotonic()
            if pause > 0:
                gevent.sleep(pause)
            text = f"{name} {account} {number}".encode()
            if account < HEALTHY:
                self.sent[text] = time.monotonic()
            self._send(account, text)

    def _send(self, account: int, text: bytes) -> None:
        self.lane.box.send(Sms(
            sender=b"49170", receiver=b"5%03d" % account, msgdata=text, time=1, smsc_id=b"FAKE",
            sms_type=box_wire.MO, coding=0,
        ))  # fmt: skip

    def burst(self) -> None:
        """Everything at once for the one beside the healthy ones."""
        for number in range(BURST):
            self._send(HEALTHY, f"burst {number}".encode())

    def leave(self) -> None:
        for customer in self.healthy:
            customer.stop()


@pytest.mark.parametrize(
    ("kind", "queue", "database"),
    [
        ("never answers", True, "sqlite"),
        ("never answers", False, "sqlite"),
        ("never reads", True, "sqlite"),
        ("never reads", False, "sqlite"),
        pytest.param("never answers", True, "mariadb", marks=pytest.mark.database),
        pytest.param("never answers", True, "pgsql", marks=pytest.mark.database),
    ],
)
def test_the_others_hardly_notice(kind: str, queue: bool, database: str) -> None:
    keys = {"wait-ack-timeout": 60, "default-max-open-acks": 500}
    with Lane(database, queue=queue, keys=keys, constants={}).opened() as lane:
        party = Party(lane)
        alone = party.measure("alone", HEALTHY)
        if kind == "never answers":
            other = Customer(
                lane.daemon.smpp_port, f"party{HEALTHY}", PASSWORD, lambda message: (None, 0.0)
            ).start()
            assert other.bound.wait(10)
        else:
            deaf = socket.create_connection(("127.0.0.1", lane.daemon.smpp_port))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(wire.pack(wire.BIND_TRANSCEIVER, 0, 1, wire.pack_bind(f"party{HEALTHY}", PASSWORD)))
            deaf.recv(100)
        party.burst()
        beside = party.measure("beside", HEALTHY + 1)
        report = f"\nalone: {alone}\nbeside one that {kind}: {beside}"
        print(report)
        assert alone.offered == beside.offered == HEALTHY * RATE * SECONDS
        assert alone.in_time >= 0.8 * alone.offered, f"this machine is too busy to tell{report}"
        assert beside.in_time >= 0.95 * alone.in_time, report
        slow = sum(latency > 0.5 for latency in beside.latencies)
        assert slow < 0.05 * beside.offered + sum(latency > 0.5 for latency in alone.latencies), report
        party.leave()
        if kind == "never answers":
            other.stop()
        else:
            deaf.close()
