"""100,000 routes of one account: found in microseconds, made while others have their turns."""

from __future__ import annotations

import contextlib
import random
from time import process_time

import pytest

from ksmppd_py.errors import NoRoute
from ksmppd_py.model.routes import Route, RouteTable

COUNT = 100_000
MESSAGES = 2_000


def seconds_a_message(table: RouteTable, receivers: list[bytes]) -> float:
    def match_all() -> float:
        began = process_time()
        for receiver in receivers:
            with contextlib.suppress(NoRoute):
                table.match(receiver, b"sender")
        return process_time() - began

    match_all()  # the automaton's states are made as they are needed
    return min(match_all() for _ in range(3)) / len(receivers)


@pytest.mark.slow
def test_many_routes() -> None:
    chance = random.Random(4)
    routes = [Route(regex=rf"^\+?{number:06}[[:digit:]]*$", route_id=number) for number in range(COUNT)]
    pauses = 0

    def pause() -> None:
        nonlocal pauses
        pauses += 1

    table = RouteTable(routes, pause=pause)
    assert pauses >= 100
    assert (len(table), table.problems) == (COUNT, [])
    for number in (0, 99_999, 4711):
        assert table.match(b"+%06d123" % number, b"").route_id == number
    with pytest.raises(NoRoute):
        table.match(b"+100000", b"")
    receivers = [b"+%012d" % chance.randrange(10**12) for _ in range(MESSAGES)]
    many = seconds_a_message(table, receivers)
    few = seconds_a_message(RouteTable(routes[:100]), receivers)
    assert many < 20 * few + 50e-6
