"""Moving rates by the rule of docs/rules/smpp-session.md 6, and the token bucket's two promises."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ksmppd_py.model.meters import BIND_INTERVALS, LIFETIME, SERVER_INTERVALS, Histogram, Load, TokenBucket

LIFE, SECOND, MINUTE, FIVE_MINUTES = range(4)


def test_intervals_stand_in_the_order_that_pages_show() -> None:
    assert SERVER_INTERVALS == (LIFETIME, 1, 60, 300)
    assert BIND_INTERVALS == (1,)


def test_a_new_load_is_zero() -> None:
    load = Load(SERVER_INTERVALS, 1000)
    assert load.rates(1000) == (0.0, 0.0, 0.0)
    assert load.rate(FIVE_MINUTES, 1000) == 0.0


def test_the_value_is_count_by_elapsed_seconds_and_never_by_less_than_one() -> None:
    load = Load(SERVER_INTERVALS, 1000)
    load.add(30, 1000)
    assert load.rates(1000) == (30.0, 30.0, 30.0)
    assert load.rate(LIFE, 1010) == 3.0
    assert load.rate(MINUTE, 1010) == 3.0


def test_a_window_restarts_with_the_add_at_its_end() -> None:
    load = Load((60,), 1000)
    load.add(7, 1059)
    assert load.rate(0, 1059) == 7 / 59
    load.add(5, 1060)
    assert load.rate(0, 1060) == 5.0
    assert load.rate(0, 1062) == 2.5


def test_a_window_restarts_with_the_read_at_its_end() -> None:
    load = Load((60,), 1000)
    load.add(7, 1000)
    assert load.rate(0, 1060) == 0.0
    load.add(4, 1062)
    assert load.rate(0, 1062) == 2.0  # counted from the read, which started the window


def test_the_second_is_the_clock_second() -> None:
    load = Load((1,), 1000)
    load.add(3, 1000)
    load.add(2, 1000)
    assert load.rate(0, 1000) == 5.0
    load.add(1, 1001)
    assert load.rate(0, 1001) == 1.0
    assert load.rate(0, 1002) == 0.0


def test_the_lifetime_never_restarts() -> None:
    load = Load(SERVER_INTERVALS, 0)
    load.add(10, 5)
    load.add(10, 100_000)
    assert load.rate(LIFE, 100_000) == 20 / 100_000


def test_a_clock_that_goes_back_does_no_harm() -> None:
    load = Load(SERVER_INTERVALS, 1000)
    load.add(3, 900)
    assert load.rates(900) == (3.0, 3.0, 3.0)


class NaiveLoad:
    """The rule of the specification, word by word."""

    def __init__(self, interval: int, now: int) -> None:
        self.interval, self.start, self.count = interval, now, 0

    def _look(self, now: int) -> None:
        if self.interval != LIFETIME and now >= self.start + self.interval:
            self.start, self.count = now, 0

    def add(self, count: int, now: int) -> None:
        self._look(now)
        self.count += count

    def rate(self, now: int) -> float:
        self._look(now)
        return self.count / max(1, now - self.start)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 5)), max_size=60))
def test_loads_follow_the_rule(steps: list[tuple[int, int]]) -> None:
    """A step waits some seconds and adds so many; 0 = only reads."""
    now = 1_700_000_000
    load = Load(SERVER_INTERVALS, now)
    naive = [NaiveLoad(interval, now) for interval in SERVER_INTERVALS]
    for pause, count in steps:
        now += pause
        if count:
            load.add(count, now)
            for each in naive:
                each.add(count, now)
        else:
            assert [load.rate(index, now) for index in range(4)] == [each.rate(now) for each in naive]


# -- TokenBucket ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "capacity"), [(0.5, 1), (1, 1), (1.5, 2), (10, 10), (10.01, 11), (0, 1)])
def test_a_burst_of_one_seconds_worth_passes_whole(rate: float, capacity: int) -> None:
    bucket = TokenBucket(rate, 0.0)
    assert bucket.capacity == capacity
    if rate:
        assert bucket.take(1000, 0.0) == capacity
        assert bucket.take(1, 0.0) == 0


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_no_rate_is_no_limit(rate: float) -> None:
    bucket = TokenBucket(rate, 0.0)
    assert bucket.take(1_000_000, 0.0) == 1_000_000
    assert bucket.take(1_000_000, 0.0) == 1_000_000


def test_it_fills_up_again_no_higher_than_its_capacity() -> None:
    bucket = TokenBucket(10, 0.0)
    assert bucket.take(10, 0.0) == 10
    assert bucket.take(10, 0.55) == 5
    assert bucket.take(100, 1000.0) == 10


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(5, 100.0)
    assert bucket.take(5, 100.0) == 5
    assert bucket.take(1, 100.0) == 0
    assert bucket.take(1, 50.0) == 0


def test_a_new_rate_keeps_what_was_saved_up() -> None:
    bucket = TokenBucket(10, 0.0)
    assert bucket.take(8, 0.0) == 8
    bucket.set_rate(100, 0.0)
    assert bucket.take(100, 0.0) == 2
    bucket.set_rate(1, 10.0)
    assert bucket.take(100, 10.0) == 1


def test_the_same_rate_again_is_no_fresh_bucket() -> None:
    """Each further bind of the account sets it: binding again and again must not raise the limit."""
    bucket = TokenBucket(10, 0.0)
    assert bucket.take(10, 0.0) == 10
    bucket.set_rate(10, 0.0)
    assert bucket.take(10, 0.0) == 0


def test_from_no_limit_to_one_starts_full_and_back_again() -> None:
    bucket = TokenBucket(0, 0.0)
    assert bucket.take(50, 0.0) == 50
    bucket.set_rate(10, 1.0)
    assert bucket.take(50, 1.0) == 10
    bucket.set_rate(0, 1.0)
    assert bucket.take(50, 1.0) == 50


rates = st.floats(0.01, 2000, allow_nan=False)
starts = st.floats(0, 1e6, allow_nan=False)


@given(
    rates,
    starts,
    st.lists(st.tuples(st.floats(0, 30, allow_nan=False), st.integers(1, 3000)), min_size=1, max_size=40),
)
def test_no_window_grants_more_than_capacity_and_rate(
    rate: float, start: float, asks: list[tuple[float, int]]
) -> None:
    bucket = TokenBucket(rate, start)
    now = start
    granted: list[tuple[float, int]] = []
    for pause, wanted in asks:
        now += pause
        count = bucket.take(wanted, now)
        assert 0 <= count <= wanted
        granted.append((now, count))
    for first, (began, _) in enumerate(granted):
        total = 0
        for ended, count in granted[first:]:
            total += count
            assert total <= bucket.capacity + rate * (ended - began) + 1e-5


@given(rates, starts, st.integers(1, 300))
def test_steady_traffic_at_exactly_the_rate_always_passes(rate: float, start: float, messages: int) -> None:
    bucket = TokenBucket(rate, start)
    refused = [n for n in range(messages) if bucket.take(1, start + n / rate) != 1]
    assert refused == []


@given(st.floats(1, 2000, allow_nan=False), starts, st.integers(1, 100))
def test_a_seconds_worth_at_a_time_passes_too(rate: float, start: float, seconds: int) -> None:
    bucket = TokenBucket(rate, start)
    worth = math.floor(rate)
    assert all(bucket.take(worth, start + second) == worth for second in range(seconds))


def test_histogram() -> None:
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 1.0, 3.0):
        histogram.observe(seconds)
    assert histogram.counts == [2, 2, 1]
    assert histogram.total == pytest.approx(4.65)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.01, 500, allow_nan=False), starts, st.integers(1, 10), st.integers(1, 12))
def test_sustained_traffic_never_exceeds_the_rate_over_ten_seconds(
    rate: float, start: float, least: int, asks_a_second: int
) -> None:
    """A sender that always has more gets the burst first, and from then on the rate in any 10 seconds."""
    bucket = TokenBucket(rate, start, least)
    times = [start + step / asks_a_second for step in range(25 * asks_a_second)]
    granted = [bucket.take(10_000, now) for now in times]
    assert granted[0] == bucket.capacity
    for first in range(len(times)):
        window = sum(granted[first + 1 : first + 1 + 10 * asks_a_second])
        assert window <= rate * 10 + 1 + 1e-5


@pytest.mark.parametrize(("rate", "least", "capacity"), [(11, 6, 11), (2, 6, 6), (0.5, 6, 6), (6.5, 6, 7)])
def test_a_long_message_passes_whole(rate: float, least: int, capacity: int) -> None:
    bucket = TokenBucket(rate, 0.0, least)
    assert bucket.take(6, 0.0) == 6
    assert bucket.take(100, 0.0) == capacity - 6
    bucket.set_rate(1, 100.0)
    assert bucket.take(100, 1000.0) == max(1, least)
