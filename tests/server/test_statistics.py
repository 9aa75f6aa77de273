"""The lines of SIGQUIT."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import gevent
import pytest

from ksmppd_py.server import statistics


@pytest.fixture
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_thawed")
def test_greenlets_of_the_start_count_until_they_end() -> None:
    before = statistics._greenlets()
    early = [gevent.spawn(gevent.sleep, 60) for _ in range(5)]
    gevent.sleep(0)
    statistics.remember_greenlets()
    gc.freeze()
    late = [gevent.spawn(gevent.sleep, 60) for _ in range(3)]
    gevent.sleep(0)
    assert statistics._greenlets() == before + 8
    gevent.killall([*early[:2], late[0]])
    assert statistics._greenlets() == before + 5
    gevent.killall([*early, *late])
    assert statistics._greenlets() == before
