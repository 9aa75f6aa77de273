"""Batch queues: batches, order, one wake-up a batch, and what happens to a taker that is killed."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest
from gevent import Greenlet
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.transport.batch_queue import BatchQueue


@pytest.fixture
def taken() -> list[list[int]]:
    return []


@pytest.fixture
def queue() -> BatchQueue[int]:
    return BatchQueue()


@pytest.fixture
def taker(queue: BatchQueue[int], taken: list[list[int]]) -> Iterator[Greenlet]:
    """Takes until the queue is closed; the last batch is an empty one."""

    def take() -> None:
        while True:
            batch = queue.take()
            taken.append(batch)
            if not batch:
                return

    greenlet = gevent.spawn(take)
    gevent.sleep(0)
    yield greenlet
    greenlet.kill()


def test_what_lies_there_is_taken_at_once_and_in_order(queue: BatchQueue[int]) -> None:
    for number in range(3):
        queue.put(number)
    assert len(queue) == 3
    assert queue.take() == [0, 1, 2]
    assert len(queue) == 0


def test_all_of_one_turn_comes_as_one_batch(
    queue: BatchQueue[int], taker: Greenlet, taken: list[list[int]]
) -> None:
    for number in range(100):
        queue.put(number)
    assert taken == []  # put doesn't switch to the taker
    gevent.sleep(0)
    assert taken == [list(range(100))]


def test_each_turn_wakes_the_taker_once(
    queue: BatchQueue[int], taker: Greenlet, taken: list[list[int]]
) -> None:
    for turn in range(5):
        queue.put(turn)
        queue.put(turn)
        gevent.sleep(0)
        gevent.sleep(0)
    assert taken == [[turn, turn] for turn in range(5)]


def test_putting_from_within_the_taker(queue: BatchQueue[int]) -> None:
    taken: list[list[int]] = []

    def take() -> None:
        while len(taken) < 3:
            taken.append(queue.take())
            queue.put(len(taken))

    greenlet = gevent.spawn(take)
    gevent.sleep(0)
    queue.put(0)
    greenlet.join(5)
    assert taken == [[0], [1], [2]]


def test_a_closed_desk_gives_what_is_left_and_then_nothing(queue: BatchQueue[int]) -> None:
    queue.put(1)
    queue.close()
    assert queue.closed
    assert queue.take() == [1]
    assert queue.take() == []
    assert queue.take() == []


def test_closing_wakes_the_taker(queue: BatchQueue[int], taker: Greenlet, taken: list[list[int]]) -> None:
    queue.close()
    taker.join(5)
    assert taken == [[]]


def test_closing_right_after_putting(queue: BatchQueue[int], taker: Greenlet, taken: list[list[int]]) -> None:
    queue.put(1)
    queue.close()
    taker.join(5)
    assert taken == [[1], []]


def test_a_taker_killed_while_it_waits_takes_nothing_along(
    queue: BatchQueue[int], taker: Greenlet, taken: list[list[int]]
) -> None:
    taker.kill()
    queue.put(1)
    gevent.sleep(0)
    assert taken == []
    assert queue.take() == [1]


def test_a_taker_killed_after_it_was_woken_loses_nothing(
    queue: BatchQueue[int], taker: Greenlet, taken: list[list[int]]
) -> None:
    queue.put(1)
    taker.kill(block=False)
    queue.put(2)
    taker.join(5)
    gevent.sleep(0)
    assert sum(taken, queue.take() if len(queue) else []) == [1, 2]


def test_a_killed_taker_has_a_successor(queue: BatchQueue[int], taker: Greenlet) -> None:
    taker.kill()
    successor = gevent.spawn(queue.take)
    gevent.sleep(0)
    queue.put(1)
    assert successor.get(timeout=5) == [1]


@given(st.lists(st.lists(st.integers(), max_size=5), max_size=30))
def test_nothing_is_lost_doubled_or_out_of_order(turns: list[list[int]]) -> None:
    queue: BatchQueue[int] = BatchQueue()
    taken: list[int] = []

    def take() -> None:
        while batch := queue.take():
            taken.extend(batch)

    greenlet = gevent.spawn(take)
    for turn in turns:
        for number in turn:
            queue.put(number)
        gevent.sleep(0)
    queue.close()
    greenlet.join(5)
    assert greenlet.dead
    assert taken == [number for turn in turns for number in turn]
