"""Writes the quickstart's accounts and routes: `python -m ksmppd_py.tools.seed DATABASE`, any number of times.

The daemon creates the tables when it starts; this only fills them. Without gevent.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from ksmppd_py.storage.passwords import password_hash

LOCK_SECONDS = 5.0
USAGE = "usage: python -m ksmppd_py.tools.seed DATABASE"

# Passwords are at most 8 characters: SMPP has no room for more, and many ESMEs cut them off.
ACCOUNTS: tuple[dict[str, str | int], ...] = (
    {"system_id": "demo", "password": "demo", "simulate": 0, "deliver_every": 0, "mo_every": 0},
    {"system_id": "simulated", "password": "simulate", "simulate": 1, "deliver_every": 1, "mo_every": 2},
)

ACCOUNT = """
INSERT INTO smpp_user (system_id, password, default_cost, simulate, simulate_deliver_every, simulate_mo_every,
                       simulate_permanent_failure_every, simulate_temporary_failure_every)
VALUES (:system_id, :password, 0, :simulate, :deliver_every, :mo_every, 0, 0)
ON CONFLICT (system_id) DO UPDATE SET
    password = excluded.password, simulate = excluded.simulate,
    simulate_deliver_every = excluded.simulate_deliver_every, simulate_mo_every = excluded.simulate_mo_every
"""
# direction 1: from the ESME to the bearerbox. The empty expression takes every receiver.
ROUTE = """
INSERT INTO smpp_route (direction, regex, cost, system_id)
SELECT 1, '', 0, :system_id
WHERE NOT EXISTS (SELECT 1 FROM smpp_route WHERE direction = 1 AND system_id = :system_id)
"""


class NoTablesError(Exception):
    """The database doesn't exist yet, or the daemon hasn't created its tables."""


def seed(database: Path) -> None:
    """Write accounts and routes, all or nothing; rows that exist are corrected. Raises NoTablesError."""
    if not database.exists():
        raise NoTablesError(f"{database} doesn't exist: start ksmppd once, it makes the tables")
    with closing(sqlite3.connect(database, timeout=LOCK_SECONDS)) as connection, connection:
        try:
            for account in ACCOUNTS:
                stored = {**account, "password": password_hash(str(account["password"]).encode()).decode()}
                connection.execute(ACCOUNT, stored)
                connection.execute(ROUTE, {"system_id": account["system_id"]})
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            raise NoTablesError(f"{database} has no tables: start ksmppd once, it makes them") from error


def main(arguments: list[str]) -> int:
    """Seed the database named on the command line; return the exit status."""
    if len(arguments) != 1:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        seed(Path(arguments[0]))
    except (NoTablesError, sqlite3.Error) as error:
        print(f"seed: {error}", file=sys.stderr)
        return 1
    names = ", ".join(f"{account['system_id']} (password {account['password']})" for account in ACCOUNTS)
    print(f"accounts in {arguments[0]}: {names}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
