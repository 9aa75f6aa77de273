"""What the operator says about the database: where it is, and what our tables are called there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields

from ksmppd_py.errors import StartError

_TABLE_NAME = re.compile(r"[A-Za-z0-9_$]{1,64}(\.[A-Za-z0-9_$]{1,64})?")


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """One Kannel connection group (docs/rules/config.md 7).

    `id` names the group in messages to the operator. `database` is a database's name, or the path of an
    SQLite file. `port` 0 = 3306. `lock_timeout` is milliseconds that an SQLite statement waits for another
    process, 0 = as long as any operation may take.
    """

    id: str
    database: str
    host: str = "localhost"
    port: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    max_connections: int = 1
    lock_timeout: int = 0


@dataclass(frozen=True, slots=True)
class TableNames:
    """Names of our tables, each `table` or `database.table` (docs/rules/database.md 1).

    Raises StartError for a name that holds anything but letters, digits, `_` and `$`.
    """

    user: str = "smpp_user"
    route: str = "smpp_route"
    store: str = "smpp_store"
    pdu: str = "smpp_queued_pdu"
    version: str = "smpp_version"

    def __post_init__(self) -> None:
        for key in fields(self):
            name = getattr(self, key.name)
            if not _TABLE_NAME.fullmatch(name):
                raise StartError(f"database-{key.name}-table: `{name}' is no table name")
