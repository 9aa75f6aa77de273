"""Addresses with too many failed binds: the rules, and which events count (spec smpp-session 2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.esme import blocklist as blocklist_module
from ksmppd_py.esme.blocklist import BlockList
from tests.esme.conftest import PASSWORD, Bed, StartBed, wait_until
from tests.fakes import smpp_wire as wire

IP = "10.0.0.1"


def test_five_failures_with_no_gap_above_the_time() -> None:
    blocklist = BlockList(5, 300)
    for n in range(4):
        blocklist.failed(IP, 300.0 * n)
        assert not blocklist.blocks(IP, 300.0 * n)
    blocklist.failed(IP, 1200.0)
    assert blocklist.blocks(IP, 1200.0)
    assert blocklist.blocks(IP, 1500.0)
    assert not blocklist.blocks(IP, 1500.1)
    assert len(blocklist) == 0


def test_a_gap_starts_the_count_again() -> None:
    blocklist = BlockList(2, 300)
    blocklist.failed(IP, 0.0)
    blocklist.failed(IP, 300.1)
    assert not blocklist.blocks(IP, 300.1)
    blocklist.failed(IP, 301.0)
    assert blocklist.blocks(IP, 301.0)


def test_a_blocked_attempt_changes_nothing() -> None:
    blocklist = BlockList(1, 300)
    blocklist.failed(IP, 0.0)
    assert all(blocklist.blocks(IP, float(now)) for now in range(301))
    assert not blocklist.blocks(IP, 301.0)


def test_success_forgives() -> None:
    blocklist = BlockList(2, 300)
    blocklist.failed(IP, 0.0)
    blocklist.succeeded(IP)
    blocklist.failed(IP, 1.0)
    assert not blocklist.blocks(IP, 1.0)


@pytest.mark.parametrize("attempts", [0, -1])
def test_no_attempts_switch_it_off(attempts: int) -> None:
    blocklist = BlockList(attempts, 300)
    for _ in range(10):
        blocklist.failed(IP, 0.0)
    assert not blocklist.blocks(IP, 0.0)


@pytest.mark.parametrize(
    ("exempt", "blocked"),
    [("10.0.0.1", False), ("10.0.0.12", True), ("1.1.1.1;10.0.0.1", False), ("10.0.*.*, 1.1.1.1", False)],
)
def test_exempt_addresses_are_compared_whole(exempt: str, blocked: bool) -> None:
    blocklist = BlockList(1, 300, exempt)
    blocklist.failed(IP, 0.0)
    assert blocklist.blocks(IP, 0.0) is blocked


def test_addresses_dont_share_a_record() -> None:
    blocklist = BlockList(1, 300)
    blocklist.failed(IP, 0.0)
    assert not blocklist.blocks("10.0.0.2", 0.0)


def test_old_records_are_forgotten() -> None:
    blocklist = BlockList(5, 300)
    blocklist.failed(IP, 0.0)
    blocklist.failed("10.0.0.2", 100.0)
    blocklist.failed(IP, 200.0)
    blocklist.forget_old(401.0)
    assert len(blocklist) == 1
    blocklist.forget_old(501.0)
    assert len(blocklist) == 0


def test_so_many_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocklist_module, "MOST_ADDRESSES", 2)
    blocklist = BlockList(1, 300)
    for n in (1, 2, 1, 3):
        blocklist.failed(f"10.0.0.{n}", float(n))
    assert [blocklist.blocks(f"10.0.0.{n}", 3.0) for n in (1, 2, 3)] == [True, False, True]


# -- which events count --------------------------------------------------------------------------------------------


def refused(bed: Bed, password: str = PASSWORD) -> None:
    esme = bed.connect()
    assert esme.bind("esme", password).command_status
    esme.wait_closed()


def wrong_credentials(bed: Bed) -> None:
    refused(bed, "wrong")


def wrong_address(bed: Bed) -> None:
    bed.account(connect_allow_ip="10.0.0.1")
    refused(bed)
    bed.account(connect_allow_ip=None)


def too_many_binds(bed: Bed) -> None:
    refused(bed)


def database_down(bed: Bed) -> None:
    bed.accounts.failure = DatabaseUnavailable("gone")
    refused(bed)
    bed.accounts.failure = None


def health_check(bed: Bed) -> None:
    bed.connect().close()


def closed_after_octets(bed: Bed) -> None:
    esme = bed.connect()
    esme.enquire_link()
    esme.close()


def garbage(bed: Bed) -> None:
    esme = bed.connect()
    for _ in range(10):
        esme.send_request(0x00000099)
    esme.wait_closed()


def broken_framing(bed: Bed) -> None:
    esme = bed.connect()
    esme.send_octets(b"GET / HTTP/1.1\r\n\r\n")
    esme.wait_closed()


def nothing_sent_in_time(bed: Bed) -> None:
    esme = bed.connect()
    esme.wait_closed()


def after_a_bind(bed: Bed) -> None:
    bed.account(max_binds=0)
    esme = bed.bind()
    for _ in range(10):
        esme.send_request(0x00000099)
    esme.wait_closed()


@pytest.mark.parametrize(
    ("event", "counts"),
    [
        (wrong_credentials, True),
        (wrong_address, True),
        (too_many_binds, False),
        (database_down, False),
        (health_check, False),
        (closed_after_octets, True),
        (garbage, True),
        (broken_framing, True),
        (nothing_sent_in_time, False),
        (after_a_bind, False),
    ],
)
def test_what_counts_as_a_failure(start: StartBed, event: Callable[[Bed], None], counts: bool) -> None:
    timeout = 0.05 if event is nothing_sent_in_time else 60.0
    bed = start(attempts=1, session_init_timeout=timeout)
    if event is too_many_binds:
        bed.account(max_binds=1)
        first = bed.connect(source_ip="127.0.0.2")
        assert first.bind("esme", PASSWORD).command_status == 0
    event(bed)
    wait_until(lambda: len(bed.listener) == (event is too_many_binds))
    assert len(bed.blocklist) == counts
    again = bed.connect()
    if counts:
        again.wait_closed()
        assert not again.responses
        assert bed.connect(source_ip="127.0.0.9").enquire_link().command_status == 0
    else:
        assert again.enquire_link().command_status == 0


def test_a_blocked_connection_gets_no_bind_id(start: StartBed) -> None:
    bed = start(attempts=1, block_time=0.1)
    wrong_credentials(bed)
    wait_until(lambda: len(bed.blocklist))
    blocked = bed.connect()
    blocked.wait_closed()
    wait_until(lambda: not len(bed.blocklist))  # housekeeping forgets it when its time is over
    bed.bind()
    assert [bind.bind_id for bind in bed.binds] == [1]


def test_a_successful_bind_forgives_at_once(start: StartBed) -> None:
    """spec smpp-session 2 step 5: reset on success, not at the end of that session."""
    bed = start(attempts=2)
    wrong_credentials(bed)
    wait_until(lambda: len(bed.blocklist))
    bed.bind()
    wrong_credentials(bed)
    wait_until(lambda: len(bed.listener) == 1)
    assert bed.connect().enquire_link().command_status == wire.ROK
