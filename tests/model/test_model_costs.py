"""Texts and numbers that are costs (D-33)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.model import costs
from ksmppd_py.model.routes import Route


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("0", 0.0),
        ("1", 1.0),
        (" 0.25\t", 0.25),
        (".5", 0.5),
        ("5.", 5.0),
        ("-2", -2.0),
        ("+1.50", 1.5),
        ("000.100", 0.1),
        ("1" + "0" * 15, 1e15),
    ],
)
def test_a_plain_decimal_number_is_a_cost(text: str, cost: float) -> None:
    assert costs.read(text) == cost


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", ".", "0,05", "1,000.5", "1.2.3", "1e2", "1.0E-5", "0x10", "5 EUR", "EUR 5", "nan", "NaN", "inf",
     "-Infinity", "1e999", "1_000", "٣", "1" + "0" * 16, "-1" + "0" * 303, "9" * 400, "1\x00", "--1", "1/2", "true"],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    assert costs.read(text) is costs.UNUSABLE


@pytest.mark.parametrize(
    "number", [math.nan, math.inf, -math.inf, 1.8e302, -1.8e302, 1.7e308, 1.1e15, 10**400]
)
def test_numbers_that_cant_be_charged(number: float) -> None:
    assert not costs.is_usable(number)
    assert costs.checked(number) is costs.UNUSABLE


@given(st.text(alphabet="0123456789.,+-eEnaif x", max_size=12))
def test_reading_never_fails(text: str) -> None:
    cost = costs.read(text)
    assert cost is costs.UNUSABLE or cost == float(text)


def test_records_with_an_unusable_cost_are_equal() -> None:
    assert Route(cost=costs.UNUSABLE) == Route(cost=costs.read("free"))
    assert Route(cost=costs.UNUSABLE) != Route(cost=math.nan)
    assert not costs.is_usable(costs.UNUSABLE)
    assert hash(Route(cost=costs.UNUSABLE)) == hash(Route(cost=costs.UNUSABLE))
