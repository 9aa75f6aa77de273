"""Operators' changes, as the running server takes them."""

from __future__ import annotations

import time

import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.model.account import Account, AccountRow
from ksmppd_py.server.announcements import LocalAnnouncements
from tests.flows import memory


class Rows:
    """Implements ports.UserRows with one answer."""

    def __init__(self, answer: AccountRow | DatabaseUnavailable | None) -> None:
        self._answer = answer

    def row(self, system_id: str) -> AccountRow | None:
        if isinstance(self._answer, DatabaseUnavailable):
            raise self._answer
        return self._answer


@pytest.mark.parametrize(
    "answer",
    [
        None,
        AccountRow(Account("acme"), True),
        AccountRow(Account("acme"), False),
        DatabaseUnavailable("away"),
    ],
)
def test_binds_that_are_being_authenticated_ask_again(
    answer: AccountRow | DatabaseUnavailable | None,
) -> None:
    registry = EsmeRegistry(memory.make_meters(), time)
    LocalAnnouncements(registry, Rows(answer), memory.MemoryRouter()).account_changed("acme")
    assert registry.has_changed("acme", 0)
    assert not registry.has_changed("other", 0)
