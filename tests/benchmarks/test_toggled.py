"""The cost of the access log, computed from slices with and without it."""

from __future__ import annotations

import pytest

from benchmarks.toggled import SLICE, Slice, loss_of


def slices(*rates: float, gap_after: int = 99) -> list[Slice]:
    """Slices of a second with so many submits, without and with the access log in turn."""
    return [
        Slice(number % 2 == 1, (number + 20 * (number > gap_after)) * SLICE, int(rate), 1.0, 0.5)
        for number, rate in enumerate(rates)
    ]


def test_a_slice_is_compared_with_those_beside_it() -> None:
    throughput, processor = loss_of(slices(1000, 1080, 1400, 1350, 1600))
    assert throughput == pytest.approx(1 - (1080 / 1200 + 1350 / 1500) / 2)
    assert processor > 0


def test_what_was_interrupted_does_not_count() -> None:
    throughput, _ = loss_of(slices(1000, 900, 1000, 10, 1000, gap_after=3))
    assert throughput == pytest.approx(0.1)
