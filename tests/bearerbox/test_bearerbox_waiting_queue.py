"""MTs that wait for room: higher priority first, then first come (docs/rules/flows.md 1.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.bearerbox.waiting_queue import WaitingQueue
from ksmppd_py.model.work import Submit
from tests.bearerbox.conftest import make_mt
from tests.flows.memory import MemoryOrigin


def waiting(since: float, priority: int = 0) -> Submit:
    submit = Submit(MemoryOrigin(), 1, None, 1)
    submit.sms = make_mt(priority=priority)
    submit.sent_at = submit.waits_since = since
    return submit


def empty(line: WaitingQueue) -> list[Submit]:
    return [line.pop() for _ in range(len(line))]


def test_priority_then_first_come() -> None:
    line = WaitingQueue()
    low, high, lower, higher = waiting(1.0), waiting(2.0, 3), waiting(3.0), waiting(4.0, 3)
    for each in (low, high, lower, higher):
        line.add(each)
    assert len(line) == 4
    assert empty(line) == [high, higher, low, lower]
    with pytest.raises(IndexError):
        line.pop()


def test_what_comes_back_goes_ahead_of_what_came_later() -> None:
    line = WaitingQueue()
    first, second, third, fourth = (waiting(float(number)) for number in range(4))
    line.add(first)
    line.add(fourth)
    line.put_back([second, third])
    assert empty(line) == [first, second, third, fourth]


def test_those_that_wait_too_long_are_taken_out() -> None:
    line = WaitingQueue()
    old, older, young = waiting(5.0, 1), waiting(1.0), waiting(6.0)
    for each in (older, old, young):
        line.add(each)
    assert line.take_older(5.0) == [old, older]
    assert line.take_older(5.0) == []
    assert len(line) == 1
    assert empty(line) == [young]


@given(st.lists(st.one_of(st.none(), st.integers(-1, 3))))
def test_as_a_sorted_list(steps: list[int | None]) -> None:
    """None takes one out, a number adds one of that priority."""
    line = WaitingQueue()
    model: list[tuple[int, int, Submit]] = []
    for number, priority in enumerate(steps):
        if priority is not None:
            each = waiting(float(number), priority)
            line.add(each)
            model.append((-priority, number, each))
        elif model:
            model.sort(key=lambda entry: entry[:2])
            assert line.pop() is model.pop(0)[2]
        assert len(line) == len(model)
