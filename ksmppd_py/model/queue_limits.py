"""Limits of the MOs and reports that wait for one account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """The greatest age in seconds and the most rows of one account; 0 = no limit."""

    max_age: int = 0
    max_rows: int = 0


class AccountLimits(Protocol):
    """The limits that accounts have of their own."""

    def read(self, default: QueueLimit) -> Mapping[str, QueueLimit]:
        """Return the limits by lower-case system_id, without accounts that have none of their own.

        Values that an account doesn't set are those of `default`. Raises DatabaseUnavailable. May yield.
        """
