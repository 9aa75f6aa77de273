"""The choice of the bind that gets the next deliver_sm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ksmppd_py.esme.registry import CANDIDATES, NO_ROOM, Bound, EsmeRegistry
from ksmppd_py.model.account import Account
from ksmppd_py.model.esme import BindSnapshot, ServerMeters
from tests.flows.memory import Clock


class Bind:
    """Only its load counts here."""

    def __init__(self, bind_id: int, load: int = 0) -> None:
        self.bind_id = bind_id
        self.bind_type = 3
        self.load = load

    def snapshot(self, _now: float) -> BindSnapshot:
        """Nothing but zeros."""
        return BindSnapshot(self.bind_id, "10.0.0.1", *[0] * 15)


def bound(loads: Sequence[int]) -> tuple[EsmeRegistry, list[Bind]]:
    registry = EsmeRegistry(ServerMeters(0), Clock(0.0))
    registry.esme_of(Account("esme"))
    binds = [Bind(number, load) for number, load in enumerate(loads)]
    for bind in binds:
        registry.add("esme", cast(Bound, bind))
    return registry, binds


def chosen(registry: EsmeRegistry, times: int) -> list[int]:
    """The binds that get one message after the other, each of which stays open."""
    found = []
    for _ in range(times):
        bind = cast(Bind, registry.best("esme"))
        bind.load += 1
        found.append(bind.bind_id)
    return found


def test_of_equals_each_has_its_turn() -> None:
    registry, _ = bound([0, 0, 0])
    assert chosen(registry, 7) == [0, 1, 2, 0, 1, 2, 0]


def test_the_least_loaded_is_filled_first() -> None:
    registry, _ = bound([5, 2, 5, 0])
    assert chosen(registry, 2) == [3, 3]
    assert sorted(chosen(registry, 2)) == [1, 3]


def test_one_without_room_gets_nothing() -> None:
    registry, binds = bound([NO_ROOM, 7, NO_ROOM])
    assert chosen(registry, 3) == [1, 1, 1]
    binds[1].load = NO_ROOM
    assert registry.best("esme") is None
    assert registry.best("nobody") is None


def test_a_bind_with_room_is_found_behind_any_number_without() -> None:
    registry, _ = bound([NO_ROOM] * (3 * CANDIDATES) + [0])
    assert chosen(registry, 2) == [3 * CANDIDATES] * 2


def test_a_thousand_binds_are_loaded_alike() -> None:
    registry, binds = bound([0] * 1000)
    chosen(registry, 10_000)
    assert {bind.load for bind in binds} == {10}


def test_many_binds_even_out() -> None:
    registry, binds = bound([100 if number % 2 else 0 for number in range(100)])
    chosen(registry, 5_000)
    assert max(bind.load for bind in binds) <= 101
    assert min(bind.load for bind in binds) >= 99
