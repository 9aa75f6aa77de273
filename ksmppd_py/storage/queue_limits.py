"""Reads the columns queue_max_age and queue_max_rows of the user table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select

from ksmppd_py.model.queue_limits import QueueLimit
from ksmppd_py.storage.database import Database, compile_statement
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.schema import QUEUE_MAX_AGE, QUEUE_MAX_ROWS
from ksmppd_py.storage.values import integer, name


class QueueLimitColumns:
    """Implements model.queue_limits.AccountLimits. A table without these columns isn't read."""

    def __init__(self, database: Database, layout: Layout) -> None:
        self._database = database
        self._layout = layout
        user = layout.tables.user
        max_age, max_rows = (layout.read(user, column) for column in (QUEUE_MAX_AGE, QUEUE_MAX_ROWS))
        self._select = compile_statement(
            select(user.c.system_id, max_age, max_rows).where(
                or_(max_age.is_not(None), max_rows.is_not(None))
            ),
            database.dialect,
        )

    @property
    def exist(self) -> bool:
        """Whether the user table has one of the columns."""
        user = self._layout.tables.user
        return self._layout.has(user, QUEUE_MAX_AGE) or self._layout.has(user, QUEUE_MAX_ROWS)

    def read(self, default: QueueLimit) -> Mapping[str, QueueLimit]:
        """See AccountLimits."""
        if not self.exist:
            return {}
        rows = self._database.execute(self._select, repeatable=True).rows
        return {
            (name(system_id) or "").lower(): QueueLimit(
                _limit(max_age, default.max_age), _limit(max_rows, default.max_rows)
            )
            for system_id, max_age, max_rows in rows
        }


def _limit(value: Any, default: int) -> int:
    return default if value is None else max(0, integer(value))
