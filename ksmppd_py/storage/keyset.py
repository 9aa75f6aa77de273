"""Pages of an ordered list: the rows behind a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, or_
from sqlalchemy.sql import Select

from ksmppd_py.storage.values import Value

Order = Sequence[tuple[ColumnElement[Any], bool]]
"""Expressions without NULLs that order a list, each with whether it is descending; the last one is unique."""


def behind(order: Order) -> ColumnElement[bool]:
    """Return the condition that a row comes behind the key in the parameters `key0`, `key1`, …."""
    alternatives: list[ColumnElement[bool]] = []
    for position, (expression, descending) in enumerate(order):
        equal = [each == bindparam(f"key{index}") for index, (each, _) in enumerate(order[:position])]
        key: ColumnElement[Any] = bindparam(f"key{position}")
        alternatives.append(and_(*equal, expression < key if descending else expression > key))
    return or_(false(), *alternatives)


def page_of(query: Select[Any], order: Order, limit: int, after: Sequence[Any] | None) -> Select[Any]:
    """Return the query for one page; `key_values` has the parameters."""
    if after is not None:
        query = query.where(behind(order))
    return query.order_by(*(each.desc() if descending else each.asc() for each, descending in order)).limit(
        limit
    )


def key_values(after: Sequence[Any] | None) -> dict[str, Value]:
    """Return the parameters of `behind`."""
    return {f"key{position}": value for position, value in enumerate(after or ())}
