"""The line about greenlets, memory and descriptors."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator

import gevent
import pytest

from ksmppd_py.server.process import count_greenlets, process_line, remember_greenlets


@pytest.fixture
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_thawed")
def test_greenlets_of_the_start_count_until_they_end() -> None:
    before = count_greenlets()
    early = [gevent.spawn(gevent.sleep, 60) for _ in range(5)]
    gevent.sleep(0)
    remember_greenlets()
    gc.freeze()
    late = [gevent.spawn(gevent.sleep, 60) for _ in range(3)]
    gevent.sleep(0)
    assert count_greenlets() == before + 8
    gevent.killall([*early[:2], late[0]])
    assert count_greenlets() == before + 5
    gevent.killall([*early, *late])
    assert count_greenlets() == before


def test_the_line() -> None:
    line = r"[1-9]\d* greenlets, [1-9]\d*\.\d MiB of memory, [1-9]\d* open files and connections"
    assert re.fullmatch(line, process_line())
