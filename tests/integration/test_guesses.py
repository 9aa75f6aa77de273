"""Many bind requests at once: guesses at passwords, and accounts whose passwords are slow to check."""

from __future__ import annotations

import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import bcrypt
import pytest

from tests.fakes import smpp_wire as wire
from tests.integration.bed import StartBed, mt

pytestmark = pytest.mark.integration

ATTACKER = "127.0.0.88"
STORM = 1000


@contextmanager
def connections(port: int, count: int, source_ip: str) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 10, (source_ip, 0)))
            for _ in range(count)
        ]


def bind_all(sockets: Sequence[socket.socket], credentials: Sequence[tuple[str, str]]) -> list[int | None]:
    """Send all bind requests and then read the answers: command_status, None = closed without one."""
    for each, (system_id, password) in zip(sockets, credentials, strict=True):
        body = wire.pack_bind(system_id, password)
        each.sendall(struct.pack(">IIII", 16 + len(body), wire.BIND_TRANSCEIVER, 0, 1) + body)
    found: list[int | None] = []
    for each in sockets:
        try:
            head = each.recv(16, socket.MSG_WAITALL)
        except OSError:
            head = b""
        found.append(struct.unpack(">IIII", head)[2] if len(head) == 16 else None)
    return found


@pytest.mark.parametrize("position", [0, 150, 299])
def test_connections_that_were_opened_first_get_no_more_guesses(start_bed: StartBed, position: int) -> None:
    bed = start_bed(ksmppd={"ip-blocklist-attempts": 5})
    customer = bed.customer()
    other = bed.customer()
    guesses = [(customer.system_id, f"wrong{number}") for number in range(300)]
    guesses[position] = (other.system_id, other.password)  # a good bind of one's own doesn't help
    with connections(bed.daemon.smpp_port, len(guesses), ATTACKER) as sockets:
        statuses = Counter(bind_all(sockets, guesses))
    assert statuses[wire.ROK] <= 1
    assert statuses[wire.ROK] + statuses[wire.RBINDFAIL] == len(guesses)
    log = bed.daemon.log()
    assert log.count(f"bind from {ATTACKER} refused: credentials") == 5
    assert log.count(f"WARNING: {ATTACKER} is blocked for 300 s: 5 refused binds") == 1
    blocked = bed.connect(source_ip=ATTACKER)
    blocked.wait_closed()
    assert not blocked.responses
    bed.esme(customer)


def test_a_storm_of_binds_with_bcrypt_stops_nobody(start_bed: StartBed) -> None:
    bed = start_bed(ksmppd={"ip-blocklist-attempts": 5, "max-unbound-connections": 2 * STORM})
    neighbour = bed.customer()
    customers = [bed.customer() for _ in range(4)]
    for customer in customers:
        hashed = bcrypt.hashpw(customer.password.encode(), bcrypt.gensalt(10)).decode()
        bed.daemon.database.execute(
            "UPDATE smpp_user SET password = ? WHERE system_id = ?", [hashed, customer.system_id]
        )
    esme = bed.esme(neighbour)
    credentials = [(each.system_id, each.password) for each in customers] * (STORM // len(customers))
    with connections(bed.daemon.smpp_port, STORM, ATTACKER) as sockets:
        began = time.monotonic()
        assert Counter(bind_all(sockets, credentials)) == {wire.ROK: STORM}
        assert time.monotonic() - began < 10
        assert esme.submit(mt()).command_status == wire.ROK
    wrong = bed.connect(source_ip="127.0.0.89")
    assert wrong.bind(customers[0].system_id, "wrong").command_status == wire.RBINDFAIL
    assert customers[0].password not in bed.daemon.log()
