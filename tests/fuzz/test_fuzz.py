"""Damaged octets: no parser raises what its callers don't expect; no session takes another one with it."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme
from tests.fuzz.mutation import mutate
from tests.fuzz.run import run
from tests.fuzz.targets import MESSAGES, PDUS, Target, targets
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import Account, SqliteDatabase

SEED = 1
CASES = 3_000


@pytest.mark.parametrize("target", [pytest.param(target, id=target.name) for target in targets()])
def test_parsers(target: Target) -> None:
    failures = run(target, SEED, 0, CASES // target.cost)
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("target", [pytest.param(target, id=target.name) for target in targets()])
def test_samples_are_read(target: Target) -> None:
    for sample in target.samples:
        target.read(sample)


@pytest.fixture
def bearerbox() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.mark.integration
@pytest.mark.slow
def test_live_sessions(bearerbox: socket.socket, tmp_path: Path) -> None:
    """Damaged PDUs, bound and not, and damaged frames of a bearerbox: an orderly session beside them goes on."""
    database = SqliteDatabase(tmp_path / "ksmppd.sqlite3")
    config = DaemonConfig([("FUZZ", bearerbox.getsockname()[1])], ksmppd={"log-level": 2})
    with Daemon(tmp_path, config, database) as daemon:
        daemon.add_accounts(Account("orderly", "secret"), Account("fuzzed", "secret"))
        rng = random.Random(SEED)
        with Esme.bound(daemon.smpp_port, "orderly", "secret") as orderly:
            for number in range(150):
                _fuzz_session(daemon.smpp_port, rng, bind=number % 3 > 0)
                if number % 10 == 0:
                    _fuzz_box(bearerbox, rng)
                    began = time.monotonic()
                    assert orderly.enquire_link().command_status == 0
                    assert time.monotonic() - began < 1
            assert orderly.submit(wire.Message(destination_addr=b"1", short_message=b"x")).command_status
            assert not orderly.closed
        assert "unexpected" not in daemon.log().lower()


def _fuzz_session(port: int, rng: random.Random, bind: bool) -> None:
    with socket.create_connection(("127.0.0.1", port), 5) as connected:
        connected.settimeout(0.02)
        try:
            if bind:
                connected.sendall(wire.pack(wire.BIND_TRANSCEIVER, 0, 1, wire.pack_bind("fuzzed", "secret")))
                connected.settimeout(5)
                connected.recv(1000)
                connected.settimeout(0.02)
            connected.sendall(b"".join(_damaged_body(rng) for _ in range(20)) + mutate(rng, PDUS))
            while connected.recv(65536):
                pass
        except OSError:
            return


def _damaged_body(rng: random.Random) -> bytes:
    """A damaged PDU whose length is right, so that the next one is reached."""
    octets = mutate(rng, PDUS).ljust(16, b"\0")
    return len(octets).to_bytes(4, "big") + octets[4:]


def _fuzz_box(listener: socket.socket, rng: random.Random) -> None:
    """Let the daemon connect, send it damaged frames, hang up."""
    listener.settimeout(15)
    connected, _ = listener.accept()
    with connected:
        connected.settimeout(0.05)
        try:
            for _ in range(30):
                connected.sendall(mutate(rng, MESSAGES))
            connected.recv(65536)
        except OSError:
            return
