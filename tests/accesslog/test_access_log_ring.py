"""The memory that the daemon and its scribe share."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.accesslog import ring as ring_module
from ksmppd_py.accesslog.ring import Ring, RingView

SIZE = 100


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ring]:
    monkeypatch.setattr(ring_module, "RING_OCTETS", SIZE)
    made = Ring()
    yield made
    made.close_descriptor()
    made.close()


def test_the_other_side_reads_what_was_put(ring: Ring) -> None:
    view = RingView(ring.descriptor)
    assert ring.put(b"one") == (0, 3)
    assert ring.put(b"three") == (3, 5)
    assert (view.get(3, 5), ring.get(0, 3)) == (b"three", b"one")


def test_octets_stay_together_at_the_end(ring: Ring) -> None:
    ring.put(b"x" * 60)
    ring.put(b"w" * 10)
    ring.release(60)
    assert ring.put(b"y" * 50) == (0, 30 + 50)
    assert ring.put(b"z" * 11) is None
    assert ring.put(b"z" * 10) == (50, 10)


def test_an_empty_ring_begins_anew(ring: Ring) -> None:
    ring.put(b"x" * 60)
    ring.release(60)
    assert ring.put(b"y" * SIZE) == (0, SIZE)


def test_what_is_larger_than_the_ring_finds_no_room(ring: Ring) -> None:
    assert ring.put(b"x" * (SIZE + 1)) is None
    assert ring.put(b"x" * SIZE) == (0, SIZE)
    assert ring.put(b"x") is None


@given(st.lists(st.tuples(st.sampled_from("prt"), st.integers(1, SIZE)), max_size=60))
def test_nothing_is_overwritten_that_is_still_needed(steps: list[tuple[str, int]]) -> None:
    with pytest.MonkeyPatch.context() as small:
        small.setattr(ring_module, "RING_OCTETS", SIZE)
        ring = Ring()
    kept: deque[tuple[int, int, bytes]] = deque()
    for number, (step, size) in enumerate(steps):
        if step == "p":
            octets = bytes([number]) * size
            put = ring.put(octets)
            if put is not None:
                kept.append((*put, octets))
            else:
                assert kept or size > SIZE
        elif step == "r" and kept:
            ring.release(kept.popleft()[1])
        elif step == "t" and kept:
            ring.take_back(kept.pop()[1])
        for start, _, octets in kept:
            assert ring.get(start, len(octets)) == octets
    ring.close_descriptor()
    ring.close()


def test_no_descriptor_is_left_when_there_is_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(ring_module, "RING_OCTETS", -1)
    with pytest.raises((OSError, ValueError)):
        Ring()
    assert os.listdir("/proc/self/fd") == before
