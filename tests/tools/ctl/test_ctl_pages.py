"""Lists are read page by page, as far as they are wanted."""

from __future__ import annotations

from typing import Any

import pytest

from ksmppd_py.tools.ctl.api_client import PAGE, Answer, ApiClient, path_of
from ksmppd_py.tools.ctl.target import Target


@pytest.mark.parametrize(
    ("there", "most", "asked"),
    [
        (0, None, [PAGE]),
        (PAGE, None, [PAGE]),
        (PAGE + 1, None, [PAGE, PAGE]),
        (2 * PAGE + 7, PAGE + 3, [PAGE, 3]),
        (20, 5, [5]),
        (3, 5, [5]),
    ],
)
def test_pages(there: int, most: int | None, asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    client = ApiClient(Target("http://127.0.0.1:1", "admin", "pw"))
    limits = []

    def get(path: str, limit: int, after: str | None, **query: Any) -> Answer:
        assert (path, query) == ("/binds", {"system_id": "acme"})
        limits.append(limit)
        start = int(after or 0)
        items = list(range(start, min(start + limit, there)))
        following = str(start + limit) if start + limit < there else None
        return Answer({"items": items, "next": following})

    monkeypatch.setattr(client, "get", get)
    found = list(client.items("/binds", most, system_id="acme"))
    assert found == list(range(there if most is None else min(there, most)))
    assert limits == asked


def test_names_in_paths_are_escaped() -> None:
    assert path_of("accounts", "a/b?c %") == "/accounts/a%2Fb%3Fc%20%25"
