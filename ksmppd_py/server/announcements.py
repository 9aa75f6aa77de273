"""Applies rows that operators changed to the running server."""

from __future__ import annotations

import logging
from collections.abc import Collection

from ksmppd_py.errors import TemporaryError
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.model.ports import Router, UserRows
from ksmppd_py.storage.router import DatabaseRouter

logger = logging.getLogger(__name__)


class LocalAnnouncements:
    """Implements management.ports.Announcements for this process.

    With `rows` None accounts come from an HTTP server or a plugin; a router that isn't the database's has no rows:
    changed rows then mean nothing to it.
    """

    def __init__(self, registry: EsmeRegistry, rows: UserRows | None, router: Router) -> None:
        self._registry = registry
        self._rows = rows
        self._router = router

    def account_changed(self, system_id: str) -> None:
        """See Announcements."""
        if self._rows is None:
            return
        self._registry.note_change(system_id)
        try:
            row = self._rows.row(system_id)
        except TemporaryError as error:
            logger.warning("SMPP[%s] keeps the settings of before: %s", system_id, error)
            return
        if row is None or row.is_suspended:
            if self._registry.unbind(system_id, None):
                reason = "has no account any more" if row is None else "is suspended"
                logger.warning("SMPP[%s] %s, unbinding", system_id, reason)
        else:
            self._registry.refresh(row.account)

    def routes_changed(self, system_ids: Collection[str], inbound: bool) -> None:
        """See Announcements."""
        if not isinstance(self._router, DatabaseRouter):
            return
        try:
            self._router.reload(system_ids)
            if inbound:
                self._router.refresh()
        except TemporaryError as error:
            logger.warning("Routes stay as they were: %s", error)
