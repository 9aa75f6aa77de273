"""Keys of list pages: a page ends with the key of its last row, and the next one begins behind it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import Field

from ksmppd_py.admin.api.models import Model
from ksmppd_py.admin.api.problems import Problem
from ksmppd_py.management.records import Page

MOST = 500
"""Rows of one page."""
T = TypeVar("T")
_MOST_INTEGER = 2**63 - 1


class PageQuery(Model, strict=False):
    """The size of the wanted page, and the key that it begins behind."""

    limit: int = Field(50, ge=1, le=MOST, description="rows of a page")
    after: str | None = Field(
        None, max_length=1000, description="`next` of the page before; absent for the first"
    )


def page_of(query: PageQuery, *kinds: type) -> Page:
    """Return the wanted page; one row more than `limit` is read, to see whether there is a next page.

    `kinds` are the types of the key's values. Raises Problem.
    """
    if query.after is None:
        return Page(query.limit + 1)
    try:
        key = json.loads(base64.urlsafe_b64decode(query.after.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError):
        key = None
    if not isinstance(key, list) or len(key) != len(kinds) or not all(map(_is_one, key, kinds)):
        raise Problem(422, "is no key of this list; take `next` of the page before", "after")
    return Page(query.limit + 1, key)


def cut(
    rows: Sequence[T], query: PageQuery, key_of: Callable[[T], Sequence[Any]]
) -> tuple[Sequence[T], str | None]:
    """Return the page's rows and `next`, the key that the following page begins behind; None after the last page.

    `rows` are those of `page_of`: one more than `limit` when another page follows. `key_of` returns the key of a row.
    """
    if len(rows) <= query.limit:
        return rows, None
    rows = rows[: query.limit]
    return rows, base64.urlsafe_b64encode(json.dumps(list(key_of(rows[-1]))).encode()).decode()


def _is_one(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return False
    if kind is str:
        return isinstance(value, str) and len(value) <= 100 and all(0 < ord(char) < 256 for char in value)
    if kind is int:
        return isinstance(value, int) and abs(value) <= _MOST_INTEGER
    return isinstance(value, int | float) and abs(value) <= 1e18
