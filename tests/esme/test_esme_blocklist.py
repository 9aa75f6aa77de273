"""Addresses with too many refused binds: the rules, and which events count (D-29)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ksmppd_py.errors import BackendUnavailable, DatabaseUnavailable
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.model.account import Account
from tests.esme.conftest import PASSWORD, Bed, StartBed, blocking
from tests.fakes import smpp_wire as wire
from tests.parts.waiting import wait_until

IP = "10.0.0.1"


def test_five_failures_with_no_gap_above_the_time() -> None:
    blocklist = BlockList(blocking(5, 300))
    for n in range(4):
        blocklist.failed(IP, "esme", 300.0 * n)
        assert not blocklist.blocks(IP, 300.0 * n)
    blocklist.failed(IP, "esme", 1200.0)
    assert blocklist.blocks(IP, 1200.0)
    assert blocklist.blocks(IP, 1500.0)
    assert not blocklist.blocks(IP, 1500.1)
    assert len(blocklist) == 0


def test_a_gap_starts_the_count_again() -> None:
    blocklist = BlockList(blocking(2, 300))
    blocklist.failed(IP, "esme", 0.0)
    blocklist.failed(IP, "esme", 300.1)
    assert not blocklist.blocks(IP, 300.1)
    blocklist.failed(IP, "esme", 301.0)
    assert blocklist.blocks(IP, 301.0)


def test_a_blocked_attempt_changes_nothing() -> None:
    blocklist = BlockList(blocking(1, 300))
    blocklist.failed(IP, "esme", 0.0)
    assert all(blocklist.blocks(IP, float(now)) for now in range(301))
    assert not blocklist.blocks(IP, 301.0)


@pytest.mark.parametrize(
    ("failures", "success", "left"),
    [
        (["esme", "esme"], "esme", 5),
        (["esme", "esme"], "other", 3),
        (["victim", "victim", "esme"], "esme", 3),
        (["victim", "victim", "victim", "victim"], "esme", 1),
        (["esme", "victim", "esme", "victim"], "victim", 3),
        ([], "esme", 5),
        (["", "esme"], "", 4),
    ],
)
def test_a_success_forgives_its_own_failures(failures: list[str], success: str, left: int) -> None:
    """Otherwise a good account of one's own would buy any number of guesses at others."""
    blocklist = BlockList(blocking(5, 300))
    for now, name in enumerate(failures):
        blocklist.failed(IP, name, float(now))
    blocklist.succeeded(IP, success)
    assert blocklist.failures_left(IP, 10.0) == left
    assert blocklist.failures_left("10.0.0.2", 10.0) == 5


def test_names_at_an_address_are_bounded() -> None:
    blocklist = BlockList(blocking(10, 300), names=2)
    for name in ("a", "b", "c", "c"):
        blocklist.failed(IP, name, 0.0)
    for name in ("a", "b", "c"):
        blocklist.succeeded(IP, name)
    assert blocklist.failures_left(IP, 0.0) == 8  # those of c can't be forgiven


def test_guesses_that_are_left() -> None:
    blocklist = BlockList(blocking(3, 300, "10.0.0.9"))
    assert [blocklist.failures_left(ip, 0.0) for ip in (IP, "10.0.0.9")] == [3, None]
    left = []
    for _ in range(4):
        blocklist.failed(IP, "esme", 0.0)
        left.append(blocklist.failures_left(IP, 0.0))
    assert left == [2, 1, 0, 0]
    assert blocklist.failures_left(IP, 300.1) == 3
    assert BlockList(blocking(0, 300)).failures_left(IP, 0.0) is None


@pytest.mark.parametrize(
    ("attempts", "time", "exempt", "blocks"),
    [
        (2, 300.0, "", True),
        (3, 300.0, "", False),
        (1, 300.0, "", True),
        (2, 50.0, "", False),
        (2, 300.0, "10.0.0.*", False),
        (2, 300.0, "10.0.1.*", True),
        (0, 300.0, "", False),
        (-1, 300.0, "", False),
    ],
)
def test_changed_settings_hold_for_those_that_failed_before(
    attempts: int, time: float, exempt: str, blocks: bool
) -> None:
    blocklist = BlockList(blocking(2, 300))
    for _ in range(2):
        blocklist.failed(IP, "esme", 0.0)
    blocklist.reconfigure(blocking(attempts, time, exempt))
    assert [each.ip for each in blocklist.blocked(100.0)] == [IP] * blocks
    assert blocklist.blocks(IP, 100.0) is blocks
    assert (blocklist.failures_left(IP, 100.0) == 0) is blocks


def test_a_blocked_address_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    blocklist = BlockList(blocking(3, 60))
    for now in (0.0, 1.0, 2.0, 3.0):  # the last one was under way already
        blocklist.failed(IP, "esme", now)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "10.0.0.1 is blocked for 60 s: 3 refused binds")
    ]
    assert caplog.records[0].__dict__["each"]  # never left out, for fail2ban
    for now in (100.0, 101.0, 102.0):
        blocklist.failed(IP, "esme", now)
    assert len(caplog.records) == 2


@pytest.mark.parametrize("attempts", [0, -1])
def test_no_attempts_switch_it_off(attempts: int) -> None:
    blocklist = BlockList(blocking(attempts, 300))
    for _ in range(10):
        blocklist.failed(IP, "esme", 0.0)
    assert not blocklist.blocks(IP, 0.0)


@pytest.mark.parametrize(
    ("exempt", "blocked"),
    [("10.0.0.1", False), ("10.0.0.12", True), ("1.1.1.1;10.0.0.1", False), ("10.0.*.*, 1.1.1.1", False)],
)
def test_exempt_addresses_are_compared_whole(exempt: str, blocked: bool) -> None:
    blocklist = BlockList(blocking(1, 300, exempt))
    blocklist.failed(IP, "esme", 0.0)
    assert blocklist.blocks(IP, 0.0) is blocked


def test_addresses_dont_share_a_record() -> None:
    blocklist = BlockList(blocking(1, 300))
    blocklist.failed(IP, "esme", 0.0)
    assert not blocklist.blocks("10.0.0.2", 0.0)


def test_old_records_are_forgotten() -> None:
    blocklist = BlockList(blocking(5, 300))
    blocklist.failed(IP, "esme", 0.0)
    blocklist.failed("10.0.0.2", "esme", 100.0)
    blocklist.failed(IP, "esme", 200.0)
    blocklist.forget_old(401.0)
    assert len(blocklist) == 1
    blocklist.forget_old(501.0)
    assert len(blocklist) == 0


def test_so_many_addresses_are_remembered() -> None:
    blocklist = BlockList(blocking(1, 300), addresses=2)
    for n in (1, 2, 1, 3):
        blocklist.failed(f"10.0.0.{n}", "esme", float(n))
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


def control_characters(bed: Bed) -> None:
    esme = bed.connect()
    assert esme.bind("esme", "a\rb").command_status
    esme.wait_closed()


def unreachable_server(bed: Bed) -> None:
    bed.accounts.failure = BackendUnavailable("no answer within 10 s")
    refused(bed)
    bed.accounts.failure = None


def octets(bed: Bed, sent: bytes) -> None:
    esme = bed.connect()
    esme.send_octets(sent)
    wait_until(lambda: len(bed.listener))
    esme.close()


def one_octet(bed: Bed) -> None:
    octets(bed, b"\n")


def half_a_bind(bed: Bed) -> None:
    octets(bed, bytes.fromhex("00000025 00000009 00000000 00000001") + b"esme\0")


def http_request(bed: Bed) -> None:
    octets(bed, b"GET / HTTP/1.0\r\n\r\n")


def tls_hello(bed: Bed) -> None:
    octets(bed, bytes.fromhex("16030100c8010000c40303") + bytes(194))


def unbound_submit(bed: Bed) -> None:
    esme = bed.connect()
    assert esme.submit(wire.Message(destination_addr=b"1", short_message=b"x")).command_status == 4
    esme.close()


def unbound(bed: Bed) -> None:
    esme = bed.connect()
    assert esme.unbind().command_status == 0
    esme.wait_closed()


def long_system_id(bed: Bed) -> None:
    esme = bed.connect()
    assert esme.bind("e" * 17, PASSWORD).command_status == 0x0F
    esme.close()


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
        (control_characters, True),
        (unreachable_server, False),
        (closed_after_octets, False),
        (one_octet, False),
        (half_a_bind, False),
        (http_request, False),
        (tls_hello, False),
        (unbound_submit, False),
        (unbound, False),
        (garbage, False),
        (broken_framing, False),
        (long_system_id, False),
        (nothing_sent_in_time, False),
        (after_a_bind, False),
    ],
)
def test_what_counts_as_a_failure(start: StartBed, event: Callable[[Bed], None], counts: bool) -> None:
    timeout = 0.05 if event is nothing_sent_in_time else 60.0
    bed = start(ip_blocklist_attempts=1, session_init_timeout=timeout)
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
    bed = start(ip_blocklist_attempts=1, ip_blocklist_time=0.1)
    wrong_credentials(bed)
    wait_until(lambda: len(bed.blocklist))
    blocked = bed.connect()
    blocked.wait_closed()
    wait_until(lambda: not len(bed.blocklist))  # housekeeping forgets it when its time is over
    bed.bind()
    assert [bind.bind_id for bind in bed.binds] == [1]


def test_a_successful_bind_forgives_at_once(start: StartBed) -> None:
    """Not at the end of that session."""
    bed = start(ip_blocklist_attempts=2)
    wrong_credentials(bed)
    bed.bind()
    wrong_credentials(bed)
    assert bed.connect().enquire_link().command_status == wire.ROK


def test_a_bind_of_another_account_forgives_nothing(start: StartBed) -> None:
    bed = start(ip_blocklist_attempts=3)
    bed.accounts.accounts["own"] = Account("own")
    for _ in range(2):
        wrong_credentials(bed)
        own = bed.connect()
        assert own.bind("own", PASSWORD).command_status == wire.ROK
        own.close()
    wrong_credentials(bed)
    again = bed.connect()
    again.wait_closed()
    assert not again.responses


def test_a_failure_counts_before_its_answer_leaves(start: StartBed) -> None:
    """Three fast failures at a limit of three let no fourth one in."""
    for _ in range(20):
        bed = start(ip_blocklist_attempts=3)
        for _ in range(3):
            esme = bed.connect()
            assert esme.bind("esme", "wrong").command_status == wire.RBINDFAIL
        late = bed.connect()
        late.wait_closed()
        assert not late.responses


@pytest.mark.parametrize(
    ("failing", "other", "blocked"),
    [
        ("2001:db8::1", "2001:db8::1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),  # one /64 network
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("::1", "127.0.0.1", False),
    ],
)
def test_who_is_blocked_with_whom(failing: str, other: str, blocked: bool) -> None:
    blocklist = BlockList(blocking(2, 300))
    blocklist.failed(failing, "a", 0)
    assert blocklist.failures_left(other, 0) == (1 if blocked else 2)
    blocklist.failed(failing, "a", 0)
    assert blocklist.blocks(other, 1) is blocked
    [shown] = blocklist.blocked(1)
    assert blocklist.clear(shown.ip, 1) == 1
    assert not blocklist.blocks(failing, 1)


def test_addresses_of_one_network_are_exempt_one_by_one() -> None:
    blocklist = BlockList(blocking(1, 300, "2001:db8::7"))
    blocklist.failed("2001:db8::7", "a", 0)
    assert not blocklist.blocks("2001:db8::7", 1)
    blocklist.failed("2001:db8::8", "a", 0)
    assert blocklist.blocks("2001:db8::9", 1)
    assert not blocklist.blocks("2001:db8::7", 1)


@pytest.mark.parametrize("given", ["2001:db8::1", "2001:db8::5", "2001:db8::/64", "2001:DB8:0:0::"])
def test_a_network_is_forgiven_by_any_of_its_addresses(given: str) -> None:
    blocklist = BlockList(blocking(1, 300))
    blocklist.failed("2001:db8::1", "a", 0)
    assert blocklist.clear(given, 1) == 1


def test_a_success_forgives_its_name_in_the_network() -> None:
    blocklist = BlockList(blocking(1, 300))
    blocklist.failed("2001:db8::1", "a", 0)
    blocklist.succeeded("2001:db8::2", "a")
    assert not blocklist.blocks("2001:db8::1", 1)
