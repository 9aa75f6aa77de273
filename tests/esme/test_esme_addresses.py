"""Patterns of connect_allow_ip (spec smpp-session 5.3)."""

from __future__ import annotations

import pytest

from ksmppd_py.esme.addresses import matches


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
    ],
)
def test_patterns(patterns: str, ip: str, expected: bool) -> None:
    assert matches(patterns, ip) is expected
