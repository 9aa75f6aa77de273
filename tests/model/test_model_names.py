"""Names as octets, and addresses as people write them."""

from __future__ import annotations

import pytest

from ksmppd_py.model.names import place, to_name, to_octets


@pytest.mark.parametrize(
    ("name", "octets"), [("acme", b"acme"), ("caf\xe9", b"caf\xe9"), ("\u20ac", b"\xe2\x82\xac"), ("", b"")]
)
def test_octets(name: str, octets: bytes) -> None:
    assert to_octets(name) == octets


def test_each_octet_is_a_character() -> None:
    octets = bytes(range(256))
    assert to_octets(to_name(octets)) == octets


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("", "*:2345"),
        ("0.0.0.0", "*:2345"),
        ("::", "*:2345"),
        ("10.0.0.1", "10.0.0.1:2345"),
        ("localhost", "localhost:2345"),
        ("2001:db8::1", "[2001:db8::1]:2345"),
    ],
)
def test_place(host: str, text: str) -> None:
    assert place(host, 2345) == text
