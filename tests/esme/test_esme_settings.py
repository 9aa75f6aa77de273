"""Settings that are computed from the values of the configuration."""

from __future__ import annotations

import pytest

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.esme.settings import proxies, server_id, timers, tls_context
from ksmppd_py.smpp.timers import TimerSettings


@pytest.mark.parametrize(
    ("configured", "sent"),
    [("", b""), ("KSMPPD", b"KSMPPD"), ("0123456789abcdefg", b"0123456789abcde"), ("\udce9", b"\xe9")],
)
def test_server_id(configured: str, sent: bytes) -> None:
    assert server_id(KsmppdGroup(id=configured)) == sent


def test_timers() -> None:
    settings = KsmppdGroup(session_init_timeout=1, enquire_link_interval=2, inactivity_timeout=3)
    assert timers(settings) == TimerSettings(session_init=1, enquire_link=2, inactivity=3)


@pytest.mark.parametrize(("switched_on", "patterns"), [(True, "10.0.0.1 10.1.*.*"), (False, "")])
def test_proxies(switched_on: bool, patterns: str) -> None:
    addresses = ("10.0.0.1", "10.1.*.*")
    settings = KsmppdGroup(smpp_proxy_protocol=switched_on, smpp_proxy_allow_ip=addresses)
    assert proxies(settings) == patterns


def test_no_context_without_a_port() -> None:
    assert tls_context(KsmppdGroup(smpp_tls_cert_file="/nonexistent")) is None
