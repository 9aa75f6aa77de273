"""BatchResults: one greenlet waits for the results that others set."""

from __future__ import annotations

import time

import gevent
import pytest

from ksmppd_py.transport.batch_results import MISSING, BatchResults


def test_results_come_in_the_order_of_the_items() -> None:
    batch: BatchResults[int | None] = BatchResults(2)
    gevent.spawn(lambda: (batch.settle(1, None), batch.settle(0, 5)))
    batch.wait(5.0)
    assert batch.results == [5, None]


def test_the_first_result_counts() -> None:
    batch: BatchResults[str] = BatchResults(1)
    assert batch.settle(0, "first")
    assert not batch.settle(0, "second")
    assert batch.results == ["first"]


@pytest.mark.parametrize("count", [0, 1])
def test_no_wait_when_all_are_there(count: int) -> None:
    batch: BatchResults[str] = BatchResults(count)
    if count:
        batch.settle(0, "there")
    began = time.monotonic()
    batch.wait(5.0)
    assert time.monotonic() - began < 1.0


def test_a_wait_ends_in_time_and_later_results_are_kept() -> None:
    batch: BatchResults[str] = BatchResults(2)
    batch.settle(1, "there")
    batch.wait(0.01)
    assert batch.results == [MISSING, "there"]
    assert batch.settle(0, "late")
    assert batch.results == ["late", "there"]


def test_the_timeout_of_the_caller_passes_through() -> None:
    batch: BatchResults[str] = BatchResults(1)
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.01):
        batch.wait(5.0)
    assert batch.settle(0, "late")  # and wakes nothing
    gevent.sleep(0)
