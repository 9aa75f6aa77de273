"""Memory that is free goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("certificate.pem")

PROGRAM = """
import gevent.monkey; gevent.monkey.patch_all()
import ssl, sys
from ksmppd_py.transport.memory import give_back
from ksmppd_py.transport.tls import TlsStream, server_context, unverified_client_context

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

def hello():
    outgoing = ssl.MemoryBIO()
    client = unverified_client_context().wrap_bio(ssl.MemoryBIO(), outgoing)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()

context, octets = server_context(sys.argv[1], ""), hello()
before = resident()
begun, kept = [], []
for number in range(1000):
    begun.append(TlsStream(context, True))
    begun[-1].shake_hands(octets)
    begun[-1].encrypt(b"")
    if number % 100 == 0:
        kept.append(bytes(3000))
peak = resident()
begun.clear()
give_back()
print(peak - before, resident() - before)
"""


def test_handshakes_leave_little_behind() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(CERTIFICATE)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    peak, left = map(int, done.stdout.split())
    assert peak > 20_000_000
    assert left < peak / 3
