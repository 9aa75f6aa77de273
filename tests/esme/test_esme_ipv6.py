"""ESMEs that come over IPv6: ports, allow lists, the block list, proxies."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ksmppd_py.transport.tls import unverified_client_context
from tests.esme.conftest import PASSWORD, Bed, StartBed
from tests.fakes import smpp_wire as wire
from tests.parts.process import free_port
from tests.parts.waiting import wait_until

CERTIFICATE = str(Path(__file__).parents[1] / "transport" / "certificate.pem")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def connect(bed: Bed, host: str, **options: object) -> int:
    """The command_status of a bind from this address to itself."""
    esme = bed.connect(host=host, source_ip=host, **options)
    return esme.bind("esme", PASSWORD).command_status


@pytest.mark.parametrize("interface", ["", "::"])
@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1")])
def test_both_families_reach_one_port(start: StartBed, interface: str, host: str, shown: str) -> None:
    """An IPv4 address is an IPv4 address, for the authenticator and for who looks."""
    bed = start(interface=interface)
    assert connect(bed, host) == 0
    assert bed.accounts.asked[-1][2] == shown
    assert bed.binds[0].ip == shown


@pytest.mark.parametrize(
    ("allowed", "from_ipv4", "from_ipv6"),
    [
        ("127.0.0.1", True, False),
        ("127.0.*.*", True, False),
        ("::1", False, True),
        ("0:0:0:0:0:0:0:1", False, True),
        ("::/16", False, True),
        ("0:0:*", False, True),
        ("127.0.0.0/8;::1", True, True),
        ("::ffff:127.0.0.1", True, False),
        ("*.*.*.*", True, False),
        ("*:*", False, True),
        ("2001:db8::/32", False, False),
    ],
)
def test_allow_lists(start: StartBed, allowed: str, from_ipv4: bool, from_ipv6: bool) -> None:
    bed = start(interface="")
    bed.account(connect_allow_ip=allowed)
    assert (connect(bed, "127.0.0.1") == 0, connect(bed, "::1") == 0) == (from_ipv4, from_ipv6)


def test_a_failure_over_ipv6_blocks_its_own_address_only(start: StartBed) -> None:
    bed = start(ip_blocklist_attempts=1, interface="")
    esme = bed.connect(host="::1", source_ip="::1")
    assert esme.bind("esme", "wrong").command_status == wire.RBINDFAIL
    esme.wait_closed()
    wait_until(lambda: not len(bed.listener))
    bed.connect(host="::1", source_ip="::1").wait_closed()
    assert connect(bed, "127.0.0.1") == 0


def proxy_1(ip: str) -> bytes:
    return b"PROXY TCP6 " + ip.encode() + b" ::1 4660 2345\r\n"


def proxy_2(ip: str) -> bytes:
    addresses = socket.inet_pton(socket.AF_INET6, ip) + socket.inet_pton(socket.AF_INET6, "::1")
    return SIGNATURE + b"\x21\x21\x00\x24" + addresses + b"\x12\x34\x09\x29"


@pytest.mark.parametrize("preface", [proxy_1, proxy_2])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(
    ("behind", "shown"),
    [("2001:db8::7", "2001:db8::7"), ("2001:DB8:0::7", "2001:db8::7"), ("::ffff:203.0.113.9", "203.0.113.9")],
)
def test_addresses_behind_a_proxy(
    start: StartBed, preface: type[bytes], host: str, behind: str, shown: str
) -> None:
    bed = start(interface="", smpp_proxy_protocol=True, smpp_proxy_allow_ip=("127.0.0.1", "::1"))
    bed.account(connect_allow_ip=shown)
    assert connect(bed, host, preface=preface(behind)) == 0
    assert bed.binds[0].ip == shown


def test_tls_only(start: StartBed) -> None:
    bed = start(
        interface="", smpp_tls_only=True, smpp_tls_port=free_port(), smpp_tls_cert_file=str(CERTIFICATE)
    )
    assert bed.listener.accepting
    assert bed.listener.ports() == [f"SMPP over TLS on *:{bed.settings.smpp_tls_port}"]
    for host in ("127.0.0.1", "::1"):
        plain = socket.create_connection((host, bed.settings.smpp_tls_port), 5)
        with unverified_client_context().wrap_socket(plain, server_hostname="ksmppd.test") as tls:
            tls.sendall(wire.pack(wire.BIND_TRANSCEIVER, 0, 1, wire.pack_bind("esme", PASSWORD)))
            assert tls.recv(100)[4:12] == b"\x80\0\0\x09\0\0\0\0"
    bed.listener.stop_accepting()
    assert not bed.listener.accepting
