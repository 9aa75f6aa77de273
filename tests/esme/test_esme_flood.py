"""More connections without a bind than are let wait."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event

from ksmppd_py.model.account import Account
from tests.esme.conftest import PASSWORD, Bed, StartBed, wait_until
from tests.fakes.esme import Esme

MOST = 4


@pytest.fixture
def go_on() -> Event:
    """Until it is set nobody is authenticated."""
    return Event()


@pytest.fixture
def bed(start: StartBed, go_on: Event, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bed]:
    bed = start(max_unbound=MOST)
    authenticate = bed.accounts.authenticate

    def slowly(system_id: bytes, password: bytes, peer_ip: str) -> Account | None:
        found = authenticate(system_id, password, peer_ip)
        go_on.wait()
        return found

    monkeypatch.setattr(bed.accounts, "authenticate", slowly)
    yield bed
    go_on.set()


def binding(bed: Bed, count: int) -> list[tuple[Esme, gevent.Greenlet]]:
    """ESMEs whose bind waits for the back end."""
    found = []
    for _ in range(count):
        esme = bed.connect()
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
