"""The operator's tables as management/ports.py sees them."""

from __future__ import annotations

from ksmppd_py.management.ports import Stores
from ksmppd_py.storage.account_changes import AccountChanges
from ksmppd_py.storage.account_queue import AccountQueue
from ksmppd_py.storage.audit import AuditTable
from ksmppd_py.storage.credit_log import CreditLog
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.optional_columns import OptionalColumns
from ksmppd_py.storage.own_tables import OwnTables
from ksmppd_py.storage.route_changes import RouteChanges


def credit_log(database: Database, layout: Layout) -> CreditLog:
    """Return the ledger alone; no statement is sent. Doesn't yield."""
    tables = OwnTables(database)
    return CreditLog(database, layout, tables, AuditTable(database, tables))


def management_stores(database: Database, layout: Layout) -> Stores:
    """Return the stores; no statement is sent. Doesn't yield."""
    tables = OwnTables(database)
    audit = AuditTable(database, tables)
    credit = CreditLog(database, layout, tables, audit)
    return Stores(
        accounts=AccountChanges(database, layout, audit, credit),
        credit=credit,
        routes=RouteChanges(database, layout, audit),
        queue=AccountQueue(database, layout, audit),
        audit=audit,
        schema=OptionalColumns(database, layout, audit),
    )
