"""Headers of the PROXY protocol, octet by octet, and how much of a stream a reader of them takes."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from ksmppd_py.transport.proxy import (
    LONGEST_LINE,
    MOST_ADDITIONS,
    SIGNATURE,
    NoProxyHeader,
    octets_wanted,
    source_of,
)


def version_2(
    command: int = 0x21, family: int = 0x11, addresses: bytes | None = None, additions: bytes = b""
) -> bytes:
    if addresses is None:
        addresses = socket.inet_aton("203.0.113.9") + socket.inet_aton("10.0.0.1") + b"\x12\x34\x09\x29"
    rest = addresses + additions
    return SIGNATURE + bytes((command, family)) + len(rest).to_bytes(2, "big") + rest


IPV6 = ipaddress.ip_address("2001:db8::7").packed + ipaddress.ip_address("::1").packed + b"\0\1\0\2"
MAPPED = ipaddress.ip_address("::ffff:203.0.113.9").packed + ipaddress.ip_address("::1").packed + b"\0\1\0\2"

GOOD = [
    (b"PROXY TCP4 203.0.113.9 10.0.0.1 4660 2345\r\n", "203.0.113.9"),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255"),
    (b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n", "2001:db8::7"),
    (b"PROXY TCP6 ::ffff:203.0.113.9 ::1 1 2\r\n", "203.0.113.9"),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f:f:f:f:f:f:f ffff:f:f:f:f:f:f:f 65535 65535\r\n", None),
    (version_2(), "203.0.113.9"),
    (version_2(additions=b"\x04\0\x10" + b"x" * 16), "203.0.113.9"),
    (version_2(family=0x21, addresses=IPV6), "2001:db8::7"),
    (version_2(family=0x21, addresses=MAPPED), "203.0.113.9"),
    (version_2(command=0x20), None),
    (version_2(command=0x20, family=0, addresses=b""), None),
    (version_2(family=0, addresses=b""), None),
    (version_2(family=0x31, addresses=b"x" * 216), None),
]


@pytest.mark.parametrize(("header", "source"), GOOD)
def test_good_headers(header: bytes, source: str | None) -> None:
    assert octets_wanted(header) == 0
    assert source_of(header) == source


@pytest.mark.parametrize("header", [header for header, _ in GOOD])
def test_a_reader_takes_the_header_and_nothing_behind_it(header: bytes) -> None:
    stream, taken = header + b"\0\0\0\x10\0\0\0\x09 a bind", b""
    while wanted := octets_wanted(taken):
        taken += stream[len(taken) : len(taken) + wanted]
    assert taken == header


@pytest.mark.parametrize(
    "octets",
    [
        b"\0\0\0\x2f\0\0\0\x09\0\0\0\0\0\0\0\1",  # a bind without a header
        b"GET / HTTP/1.1\r\n",
        b"PROXY TCP4 203.0.113.9 10.0.0.1 4660 2345\n",
        b"PROXY " + b"x" * LONGEST_LINE,
        b"\r\n\r\n\0\r\nQUIT!",
        SIGNATURE + b"\x21\x11" + (MOST_ADDITIONS + 1).to_bytes(2, "big"),
    ],
)
def test_what_is_no_header_is_known_early(octets: bytes) -> None:
    def read() -> None:
        taken = b""
        while wanted := octets_wanted(taken):
            assert len(taken) < len(octets), "it would wait for more"
            taken += octets[len(taken) : len(taken) + wanted]
        raise AssertionError("it took that for a header")

    with pytest.raises(NoProxyHeader):
        read()


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 203.0.113.9 10.0.0.1 4660\r\n",
        b"PROXY TCP4 203.0.113 10.0.0.1 4660 2345\r\n",
        b"PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
        b"PROXY TCP6 203.0.113.9 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 \xff\xfe 10.0.0.1 1 2\r\n",
        b"PROXY TCP4  10.0.0.1 1 2 3\r\n",
        b"PROXY SCTP 203.0.113.9 10.0.0.1 1 2\r\n",
        b"PROXY         \r\n",
        version_2(command=0x11),
        version_2(command=0x22),
        version_2(addresses=b"short"),
        version_2(family=0x21, addresses=b"x" * 35),
    ],
)
def test_headers_that_say_nonsense(header: bytes) -> None:
    assert octets_wanted(header) == 0
    with pytest.raises(NoProxyHeader):
        source_of(header)
