"""Memory bound of submits in flight, for all kinds of submits and states of the bearerbox."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes import smpp_wire as wire
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import Account, Database, RouteRow
from tests.parts.process import free_port

pytestmark = pytest.mark.integration

MOST = 200_000_000
"""Octets by which the process may grow."""
ACCOUNT = Account("many", "octets")


class Box:
    """A bearerbox that acks nothing: "silent" reads, "deaf" doesn't, "away" isn't there."""

    def __init__(self, kind: str) -> None:
        self.port = free_port()
        self._kind = kind
        self._server = socket.create_server(("127.0.0.1", self.port)) if kind != "away" else None
        self._peers: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while self._server is not None:
                peer, _ = self._server.accept()
                self._peers.append(peer)
                while self._kind == "silent" and peer.recv(65536):
                    pass

    def close(self) -> None:
        for each in (self._server, *self._peers):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()


def tlv(payload: bytes) -> bytes:
    """A message_payload. Octet 5 is a letter of two octets in UTF-8, so each message has a text of its own."""
    return struct.pack(">HH", 0x0424, len(payload)) + payload


def multi(octets: int, destinations: int = 254) -> bytes:
    """A submit_multi with a message_payload of so many octets."""
    addresses = b"".join(b"\x01\x01\x01%d\0" % (491700000000 + number) for number in range(destinations))
    head = b"\0\x01\x01" + b"12345\0" + bytes([destinations]) + addresses
    return wire.pack(0x21, 0, 2, head + b"\0\0\0" + b"\0\0" + b"\0\0\0\0\0" + tlv(b"\x05" * octets))


def single(octets: int) -> bytes:
    head = b"\0\x01\x01" + b"12345\0" + b"\x01\x01" + b"491700000000\0"
    return wire.pack(wire.SUBMIT_SM, 0, 2, head + b"\0\0\0" + b"\0\0" + b"\0\0\0\0\0" + tlv(b"\x05" * octets))


def small_tlvs(count: int) -> bytes:
    """A submit_sm with so many TLVs of two octets each."""
    head = b"\0\x01\x01" + b"12345\0" + b"\x01\x01" + b"491700000000\0"
    tlvs = b"".join(struct.pack(">HHH", 0x2000 + number, 2, number) for number in range(count))
    return wire.pack(wire.SUBMIT_SM, 0, 2, head + b"\0\0\0" + b"\0\0" + b"\0\0\0\0\x01x" + tlvs)


def status_of(daemon: Daemon, field: str) -> int:
    """VmRSS or VmHWM of the daemon, in octets."""
    [line] = [
        line
        for line in Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines()
        if line.startswith(field)
    ]
    return int(line.split()[1]) * 1024


def send(port: int, octets: bytes) -> socket.socket:
    """Bind, and send as much as the daemon takes, in the background; answers are read and dropped."""
    esme = socket.create_connection(("127.0.0.1", port), 10)
    esme.settimeout(None)
    esme.sendall(wire.pack(wire.BIND_TRANSCEIVER, 0, 1, wire.pack_bind(ACCOUNT.system_id, ACCOUNT.password)))
    assert esme.recv(100)[4:12] == b"\x80\0\0\x09\0\0\0\0"

    def write() -> None:
        with contextlib.suppress(OSError):
            esme.sendall(octets)

    def read() -> None:
        with contextlib.suppress(OSError):
            while esme.recv(65536):
                pass

    for each in (write, read):
        threading.Thread(target=each, daemon=True).start()
    return esme


def wait_until_it_grows_no_more(daemon: Daemon) -> int:
    peak, since = 0, time.monotonic()
    while time.monotonic() - since < 1:
        now = status_of(daemon, "VmHWM")
        if now > peak + 1_000_000:
            peak, since = now, time.monotonic()
        time.sleep(0.05)
    return peak


@pytest.fixture
def start(tmp_path: Path, sqlite_factory: Callable[[], Database]) -> Iterator[Callable[[str, bool], Daemon]]:
    opened: list[Daemon | Box] = []

    def start(kind: str, queue: bool, database: Database | None = None) -> Daemon:
        box = Box(kind)
        config = DaemonConfig([("KSMPPD", box.port)], queue=queue, ksmppd={"log-level": 2})
        daemon = Daemon(tmp_path, config, database if database is not None else sqlite_factory()).start()
        opened.extend((box, daemon))
        daemon.add_accounts(ACCOUNT)
        daemon.add_routes(RouteRow(1, "", ACCOUNT.system_id))
        return daemon

    yield start
    for each in opened:
        if isinstance(each, Box):
            each.close()
        else:
            each.kill()


@pytest.mark.parametrize(
    ("box", "queue", "binds", "pdu", "count"),
    [
        ("silent", True, 1, multi(30_000), 60),
        ("deaf", False, 1, multi(30_000), 60),
        ("away", True, 1, multi(30_000), 60),
        ("deaf", True, 1, single(30_000), 4000),
        ("silent", False, 20, single(30_000), 300),
        ("silent", True, 30, multi(30_000), 20),
        ("silent", False, 4, small_tlvs(10_800), 200),
    ],
    ids=["silent", "deaf", "away", "deaf-single", "silent-many-binds", "silent-many-multi", "small-tlvs"],
)
def test_growth(
    start: Callable[[str, bool], Daemon], box: str, queue: bool, binds: int, pdu: bytes, count: int
) -> None:
    daemon = start(box, queue)
    before = status_of(daemon, "VmRSS")
    esmes = [send(daemon.smpp_port, pdu * count) for _ in range(binds)]
    peak = wait_until_it_grows_no_more(daemon)
    print(f"GROWTH box={box} queue={queue} binds={binds} count={count}: {(peak - before) / 1e6:.0f} MB")
    for esme in esmes:
        esme.close()
    assert peak - before < MOST
