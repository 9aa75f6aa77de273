"""Keys of other programs: those of a fork of the C daemon, and those of Kannel's groups that are unused here."""

from __future__ import annotations

OF_FORKS: dict[str, dict[str, str]] = {
    "ksmppd": {
        "database-store-primary": "messages go to a bearerbox, none is left in the store for another program",
        "database-dlr-table": "delivery reports come from bearerboxes, no table is looked at for them",
        "database-dlr-delete-processed": "delivery reports come from bearerboxes, no table is looked at for them",
        "database-queue-store-table": "all queued messages are in one table, 'database-store-table'",
        "database-queue-type": "the queue is in the database, none is in Redis",
        "database-queue-config": "the queue is in the database, none is in Redis",
        "database-queue-inflight-table": "the queue is in the database, none is in Redis",
    }
}
"""Keys of the C daemon's fork by diviky, by group, with the reason why they do nothing here, for warnings."""

# Kannel's connection groups that are unused here: their keys are checked, their values aren't.
_SERVER = frozenset(["id", "host", "port", "username", "password", "database", "max-connections"])
FOREIGN_KEYS: dict[str, frozenset[str]] = {
    "redis-connection": _SERVER - {"username"} | {"idle-timeout"},
    "mssql-connection": frozenset(["id", "username", "password", "server", "database", "max-connections"]),
    "oracle-connection": frozenset(["id", "username", "password", "tnsname", "max-connections"]),
    "cassandra-connection": _SERVER | {"idle-timeout"},
}
