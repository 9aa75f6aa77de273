"""Fixtures of the operator's room."""

from __future__ import annotations

import pytest
from admin_fakes import FakeOperations


@pytest.fixture
def operations() -> FakeOperations:
    """Two accounts, nothing asked yet."""
    return FakeOperations()
