"""More connections without a bind than are let wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import gevent
import pytest
from gevent.event import Event

from ksmppd_py.esme import listener as listener_module
from ksmppd_py.esme.dlr_profiles import DlrProfiles
from ksmppd_py.esme.preamble import busiest_source
from ksmppd_py.model.account import Account
from ksmppd_py.translate.tlvs import TlvTables
from tests.esme.conftest import PASSWORD, Bed, StartBed
from tests.fakes.esme import Esme
from tests.parts.waiting import wait_until

MOST = 4


@pytest.fixture
def go_on() -> Event:
    """No bind is authenticated until it is set."""
    return Event()


@pytest.fixture
def bed(start: StartBed, go_on: Event, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bed]:
    bed = start(max_unbound_connections=MOST)
    authenticate = bed.accounts.authenticate

    def slowly(system_id: bytes, password: bytes, peer_ip: str) -> Account | None:
        found = authenticate(system_id, password, peer_ip)
        go_on.wait()
        return found

    monkeypatch.setattr(bed.accounts, "authenticate", slowly)
    yield bed
    go_on.set()


def binding(bed: Bed, count: int, source_ip: str = "127.0.0.1") -> list[tuple[Esme, gevent.Greenlet]]:
    """ESMEs whose bind waits for the back end."""
    found = []
    for _ in range(count):
        esme = bed.connect(source_ip=source_ip)
        found.append((esme, gevent.spawn(esme.bind, "esme", PASSWORD)))
    wait_until(lambda: len(bed.accounts.asked) >= count)
    return found


def test_the_oldest_silent_one_makes_room(bed: Bed, go_on: Event) -> None:
    waiting = binding(bed, MOST - 1)
    silent = bed.connect()
    wait_until(lambda: len(bed.listener) == MOST)
    newest = bed.connect()
    silent.wait_closed()
    go_on.set()
    assert [job.get().command_status for _, job in waiting] == [0] * (MOST - 1)
    assert newest.bind("esme", PASSWORD).command_status == 0


def test_who_waits_for_authentication_keeps_its_place(bed: Bed, go_on: Event) -> None:
    waiting = binding(bed, MOST)
    bed.connect().wait_closed()
    go_on.set()
    assert [job.get().command_status for _, job in waiting] == [0] * MOST


CROWD, ALONE = "127.0.0.2", "127.0.0.3"


def test_a_crowd_at_a_slow_authenticator_shuts_nobody_out(start: StartBed, go_on: Event, bed: Bed) -> None:
    """Of the connections that wait one goes that stands in line, the newest; what was asked is asked."""
    bed.listener.reconfigure(
        replace(bed.settings, max_unbound_connections=20), TlvTables(), None, DlrProfiles()
    )
    waiting = [bed.connect(source_ip=CROWD) for _ in range(20)]
    jobs = [gevent.spawn(esme.bind, "esme", PASSWORD) for esme in waiting[:8]]
    wait_until(lambda: len(bed.accounts.asked) == 8)
    jobs += [gevent.spawn(esme.bind, "esme", PASSWORD) for esme in waiting[8:]]
    wait_until(lambda: all(session.attempt for session in bed.listener._sessions.values()))
    assert len(bed.accounts.asked) == 8  # the share of one address
    alone = bed.connect(source_ip=ALONE)
    job = gevent.spawn(alone.bind, "esme", PASSWORD)
    wait_until(lambda: len(bed.accounts.asked) == 9)
    waiting[-1].wait_closed()
    bed.connect(source_ip=CROWD).wait_closed()  # one more of them has no place
    go_on.set()
    assert job.get().command_status == 0
    assert [each.get().command_status for each in jobs[:-1]] == [0] * 19
    jobs[-1].kill()


@pytest.mark.parametrize(
    ("addresses", "closed"),
    [
        (["a"] * 5, 0),
        (["b", "a", "a", "a", "a"], 1),
        (["a", "a", "a", "a", "b"], 0),
        (["a", "b", "c", "d", "e"], 0),
        (["c", "a", "b", "a", "b", "a"], 1),
    ],
)
def test_whose_silent_connection_makes_room(
    start: StartBed, addresses: list[str], closed: int, go_on: Event
) -> None:
    bed = start(max_unbound_connections=len(addresses) - 1)
    ips = {name: f"127.0.1.{ord(name)}" for name in "abcde"}
    esmes = []
    for number, name in enumerate(addresses):
        esmes.append(bed.connect(source_ip=ips[name]))
        wait_until(lambda: len(bed.listener) >= min(number + 1, len(addresses) - 1))  # noqa: B023
    esmes[closed].wait_closed()
    wait_until(lambda: len(bed.listener) == len(addresses) - 1)
    for number, esme in enumerate(esmes):
        if number != closed:
            assert esme.enquire_link().command_status == 0


@pytest.mark.parametrize(
    ("addresses", "most", "crowd"),
    [
        ("aaaab", 4, "a"),
        ("abcde", 4, None),
        ("aab", 2, "a"),
        ("a", 1, None),
        ("aa", 1, "a"),
        ("a" * 26 + "b" * 75, 100, "b"),
        ("".join(chr(0x100 + number) for number in range(101)), 100, None),
        ("a" * 25 + "".join(chr(0x100 + number) for number in range(76)), 100, None),
        ("a" * 26 + "".join(chr(0x100 + number) for number in range(75)), 100, "a"),
    ],
)
def test_busiest_source(addresses: str, most: int, crowd: str | None) -> None:
    assert busiest_source(addresses, most) == crowd


def test_a_stop_waits_for_nobody_who_stands_in_line(bed: Bed) -> None:
    bed.listener.reconfigure(
        replace(bed.settings, max_unbound_connections=20), TlvTables(), None, DlrProfiles()
    )
    jobs = [job for _, job in binding(bed, 8)]
    late = bed.connect()
    jobs.append(gevent.spawn(late.bind, "esme", PASSWORD))
    wait_until(
        lambda: any(session.attempt and session.attempt.waits for session in bed.listener._sessions.values())
    )
    bed.listener.stop_accepting()
    gevent.spawn(bed.listener.unbind_all, 0.1)
    late.wait_closed(5)
    gevent.killall(jobs)


def test_memory_is_given_back_after_a_rush(start: StartBed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, and not again within a minute."""
    given: list[float] = []
    monkeypatch.setattr(listener_module, "give_back", lambda: given.append(time.monotonic()))
    bed = start()
    bed.set_bounds(rush=5)
    for _ in range(2):
        esmes = [bed.connect() for _ in range(6)]
        wait_until(lambda: len(bed.listener) == 6)
        wait_until(lambda: bed.listener._busiest >= 6)
        assert len(given) <= 1
        for esme in esmes:
            esme.close()
        wait_until(lambda: not len(bed.listener))
        wait_until(lambda: given)
    gevent.sleep(0.05)
    assert len(given) == 1
