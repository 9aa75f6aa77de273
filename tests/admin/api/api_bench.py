"""The API on a real administration server and real tables; announcements are recorded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from time import time
from typing import Any

from admin_fakes import FakeOperations, PlainHashChecks

from ksmppd_py.admin.server import AdminServer, AdminSettings
from ksmppd_py.config import KsmppdGroup
from ksmppd_py.management.service import Management
from ksmppd_py.storage.database import Database, Statement
from ksmppd_py.storage.management import management_stores
from ksmppd_py.storage.upgrade import prepare
from tests.parts.api import ApiClient

PASSWORD = "s3cret"


@dataclass
class RecordedAnnouncements:
    """Implements Announcements."""

    accounts: list[str] = field(default_factory=list)
    routes: list[tuple[set[str], bool]] = field(default_factory=list)

    def account_changed(self, system_id: str) -> None:
        self.accounts.append(system_id)

    def routes_changed(self, system_ids: Collection[str], inbound: bool) -> None:
        self.routes.append((set(system_ids), inbound))


class ApiBench:
    """One server on one database; `options` are of AdminSettings."""

    def __init__(self, database: Database, **options: Any) -> None:
        self.database = database
        self.announcements = RecordedAnnouncements()
        self.operations = FakeOperations()
        layout = prepare(database, KsmppdGroup())
        self.management = Management(management_stores(database, layout), self.announcements, time)
        settings = AdminSettings(port=0, password=PASSWORD, interface="127.0.0.1", **options)
        self.server = AdminServer(self.operations, settings, PlainHashChecks(), management=self.management)
        self.server.start()
        self.api = ApiClient(self.server.port, PASSWORD)

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL without parameters."""
        return list(self.database.execute(Statement(sql), repeatable=False).rows)

    def close(self) -> None:
        self.server.stop(timeout=0)
