"""Counted message ids: no id twice within 10^(L-1) messages of an account, over restarts and several servers."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ksmppd_py.errors import DatabaseUnavailable, TemporaryError
from ksmppd_py.model.counted_ids import MOST_LEASED, CountedIds, CountedIdsOfAccounts
from ksmppd_py.translate.dlr_profile import IdForm

DECIMAL_10 = IdForm(10, 10)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Leases:
    """The database's counters."""

    def __init__(self) -> None:
        self.next: Counter[str] = Counter()
        self.calls = 0
        self.failure: TemporaryError | None = None

    def lease(self, system_id: str, count: int) -> int:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        start = self.next[system_id]
        self.next[system_id] += count
        return start


@pytest.mark.parametrize(
    ("form", "first", "last"),
    [
        (IdForm(10, 8), b"10000000", b"99999999"),
        (DECIMAL_10, b"1000000000", b"9999999999"),
        (IdForm(10, 20), b"1" + b"0" * 19, None),
        (IdForm(16, 8), b"10000000", b"ffffffff"),
        (IdForm(16, 32), b"1" + b"0" * 31, None),
    ],
)
def test_ids_have_their_length_and_no_leading_zero(form: IdForm, first: bytes, last: bytes | None) -> None:
    leases = Leases()
    assert CountedIds("a", form, leases, Clock()).take(2) == [first[:-1] + b"1", first]
    base, length = form
    if last is not None:
        leases.next["a"] = (base - 1) * base ** (length - 1) - 1
        assert CountedIds("a", form, leases, Clock()).take(2) == [first, last]


@pytest.mark.parametrize("killed", [0.0, 0.1, 0.9, 1.0])
@pytest.mark.parametrize("most", [1, 3, 30])
def test_servers_that_are_killed_at_any_time(killed: float, most: int) -> None:
    """Ids of five digits, which come back within the test: 10^4 messages lie between two uses."""
    form, leases, clock = IdForm(10, 5), Leases(), Clock()
    rng = random.Random(f"{killed} {most}")
    servers = [CountedIds("a", form, leases, clock) for _ in range(3)]
    seen: dict[bytes, int] = {}
    messages = 0
    while messages < 30_000:
        clock.now += 0.0001
        number = rng.randrange(3)
        for message_id in reversed(servers[number].take(rng.randint(1, most))):
            assert messages - seen.get(message_id, -10_000) >= 10_000
            seen[message_id] = messages
            messages += 1
        if rng.random() < killed:
            servers[number] = CountedIds("a", form, leases, clock)


def all_different(form: IdForm, count: int) -> None:
    """Take `count` ids from two servers, which are killed from time to time."""
    leases, clock = Leases(), Clock()
    servers = [CountedIds("a", form, leases, clock) for _ in range(2)]
    base = form.base ** (form.length - 1)
    seen = bytearray(8 * count)
    for number in range(count // 1250):
        if number % 97 == 0:
            servers[number % 2] = CountedIds("a", form, leases, clock)
        positions = [int(message_id, form.base) - base for message_id in servers[number % 2].take(1250)]
        assert not any(map(seen.__getitem__, positions))
        for position in positions:
            seen[position] = 1
    assert seen.count(1) == count


@pytest.mark.parametrize("form", [IdForm(10, 8), DECIMAL_10, IdForm(16, 8)])
def test_no_id_comes_twice(form: IdForm) -> None:
    all_different(form, 100_000)


@pytest.mark.slow
def test_ten_million_ids() -> None:
    all_different(IdForm(10, 8), 10_000_000)


def test_a_lease_serves_many_messages() -> None:
    leases = Leases()
    ids = CountedIds("a", DECIMAL_10, leases, Clock())
    for _ in range(100_000):
        ids.take(1)
    assert leases.calls < 20


def test_a_large_batch_has_one_lease() -> None:
    leases = Leases()
    assert len(set(CountedIds("a", DECIMAL_10, leases, Clock()).take(3 * MOST_LEASED))) == 3 * MOST_LEASED
    assert leases.calls == 1


@pytest.mark.parametrize("count", [1, 300])
def test_an_ended_lease_is_not_used(count: int) -> None:
    """Neither ids that are written already nor, of a large lease, those that aren't."""
    leases, clock = Leases(), Clock()
    ids = CountedIds("a", IdForm(10, 8), leases, clock)
    first = ids.take(count)
    assert ids.has(7)
    clock.now = 100.0  # 10^8 positions at a million a second
    assert not ids.has(1)
    assert ids.take(1) != first
    assert leases.calls == 2


def test_a_database_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    leases = Leases()
    ids = CountedIds("a", DECIMAL_10, leases, Clock())
    before = ids.take(1)
    leases.failure = DatabaseUnavailable("gone")
    assert len(ids.take(7)) == 7  # of the lease
    with pytest.raises(DatabaseUnavailable):
        ids.take(1)
    leases.failure = None
    assert before[0] not in ids.take(100)


def test_accounts_and_forms_have_counts_of_their_own() -> None:
    leases = Leases()
    accounts = CountedIdsOfAccounts(leases, Clock())
    ids = accounts.of("a", DECIMAL_10)
    assert accounts.of("a", DECIMAL_10) is ids
    assert accounts.of("b", DECIMAL_10).take(1) == ids.take(1)
    longer = accounts.of("a", IdForm(10, 12))
    assert longer is not ids
    assert len(longer.take(1)[0]) == 12
