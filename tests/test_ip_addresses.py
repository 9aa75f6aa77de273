"""Addresses in every form, and the patterns of allow lists."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.ip_addresses import is_pattern, matches, plain, source_of


@pytest.mark.parametrize(
    ("patterns", "ip", "expected"),
    [
        ("*.*.*.*", "203.0.113.9", True),
        ("10.0.*.*", "10.0.7.200", True),
        ("10.0.*.*", "10.1.7.200", False),
        ("10.*", "10.0.0.1", False),  # one star never crosses a dot
        ("192.168.1.1*", "192.168.1.10", True),
        ("192.168.1.1*", "192.168.1.1", False),
        ("1*2.0.0.1", "192.0.0.1", False),  # a star takes the whole rest of its octet
        ("*2.0.0.1", "192.0.0.1", False),
        ("1*.0.0.1", "192.0.0.1", True),
        ("10.0.0.1", "10.0.0.12", False),
        ("10.0.0.12", "10.0.0.1", False),
        ("1.1.1.1;2.2.2.2", "2.2.2.2", True),
        (" 1.1.1.1 , 2.2.2.2 ", "2.2.2.2", True),
        (";;2.2.2.2;", "2.2.2.2", True),
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.5/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/33", "10.0.0.1", False),
        ("fd00::/8", "10.0.0.1", False),
        ("fd00::/8", "fd00::1", True),
        ("10.0.0.0/8", "no address", False),
        ("10.0.0.1+", "10.0.0.11", False),  # no regular expression
        ("1000001", "1000001", True),
        ("10x0y0z1", "10.0.0.1", False),
        ("", "10.0.0.1", False),
        ("::1", "::1", True),
        ("::1", "::2", False),
        ("::1", "127.0.0.1", False),
        ("2001:DB8:0:0::1", "2001:db8::1", True),  # any way to write it
        ("2001:db8::1", "2001:0db8:0000:0000:0000:0000:0000:0001", True),
        ("2001:db8::1", "2001:db8::10", False),
        ("2001:db8::/32", "2001:db8:ffff::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("2001:db8::1/64", "2001:db8::ffff", True),
        ("::/0", "2001:db8::1", True),
        ("::/0", "10.0.0.1", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("2001:db8:*", "2001:db8:1:2:3:4:5:6", True),
        ("2001:db8:*", "2001:db8::", True),
        ("2001:db8:*", "2001:db80::", False),
        ("2001:db8:*", "2001:db9::1", False),
        ("2001:db8:1*", "2001:db8:1::", False),  # neither eight groups nor a prefix
        ("2001:db8:0:0:0:0:0:1*", "2001:db8::12", True),
        ("2001:db8:0:0:0:0:0:1*", "2001:db8::1", False),
        ("2001:db8::*", "2001:db8::7", True),  # `::` is zeros
        ("2001:db8::*", "2001:db8:1::7", False),
        ("2001:db8:*:*:*:*:*:1", "2001:db8:a:b:c:d:e:1", True),
        ("2001:db8:*:*:*:*:*:1", "2001:db8:a:b:c:d:e:2", False),
        ("*:*:*:*:*:*:*:*", "fe80::1", True),
        ("*:*", "fe80::1", True),
        ("*:*", "10.0.0.1", False),
        ("*.*.*.*", "fe80::1", False),
        ("*", "::1", False),
        ("*", "10.0.0.1", False),
        ("fe80::1", "fe80::1%eth0", True),  # the zone is ours, not the peer's
        ("fe80::/10", "fe80::1%2", True),
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("10.0.0.*", "::ffff:10.0.0.7", True),
        ("10.0.0.0/8", "::ffff:10.0.0.7", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:a00:1", "10.0.0.1", True),
        ("::ffff:10.0.0.0/104", "10.200.0.1", True),
        ("::ffff:10.0.0.0/104", "11.0.0.1", False),
        ("2001:db8::1;10.0.0.1", "10.0.0.1", True),
        ("1::2::3", "1::2:3", False),
        (":::", "::", False),
        ("2001:db8::12345", "2001:db8::1234", False),
        ("2001:db8::/129", "2001:db8::", False),
        ("::1", "", False),
    ],
)
def test_patterns(patterns: str, ip: str, expected: bool) -> None:
    assert matches(patterns, ip) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("10.0.0.1", True),
        ("10.0.*.*", True),
        ("192.168.1.1*", True),
        ("10.0.0.0/8", True),
        ("::1", True),
        ("2001:db8:*", True),
        ("2001:db8::/32", True),
        ("2001:db8::*", True),
        ("10.*", False),
        ("*", False),
        ("10.0.0.0/33", False),
        ("2001:db8::/129", False),
        ("2001:db8:1", False),
        ("2001:db8:1*", False),
        ("g::1", False),
        ("[::1]", False),
        ("example.com", False),
    ],
)
def test_what_is_a_pattern(pattern: str, expected: bool) -> None:
    assert is_pattern(pattern) is expected


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::FFFF:a00:1", "10.0.0.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::1", "::1"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_the_usual_form(ip: str, expected: str) -> None:
    assert plain(ip) == expected


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("somewhere", "somewhere"),
    ],
)
def test_who_is_counted(ip: str, expected: str) -> None:
    assert source_of(ip) == expected


@given(st.ip_addresses())
def test_every_address_matches_itself_its_network_and_its_prefix(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    usual = plain(str(address))
    for form in (str(address), address.exploded, str(address).upper()):
        assert is_pattern(form)
        assert matches(form, usual)
        assert matches(usual, form)
    if ":" in usual or address.version == 4:
        assert matches(f"{address}/{address.max_prefixlen // 2}", usual)
    groups = address.exploded.split(":")
    if len(groups) == 8 and ":" in usual:
        assert matches(":".join(groups[:3]) + ":*", usual)
