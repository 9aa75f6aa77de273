"""ksmppd-copy-database: copies accounts, routes and the queue from one database to another, of any kind.

Exit status: 0 when all was copied, 1 when not (one line on stderr says why), 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ksmppd_py.config import Config, ConfigProblems, load
from ksmppd_py.errors import KsmppdError
from ksmppd_py.storage.claim import open_claim
from ksmppd_py.storage.copying import CopyRefused, copy_tables
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.opening import database_of
from ksmppd_py.storage.upgrade import describe, prepare

PROGRAM = "ksmppd-copy-database"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; `argv` without its name. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Copy accounts, routes and the queue between databases. No ksmppd may run on either.",
    )
    parser.add_argument("source", help="ksmppd.conf with the database that is read")
    parser.add_argument("target", help="ksmppd.conf with the database that is written to")
    parser.add_argument("--dry-run", action="store_true", help="read and count all, write nothing")
    arguments = parser.parse_args(argv)
    databases: list[Database] = []
    try:
        configs = [_load(path) for path in (arguments.source, arguments.target)]
        for config in configs:
            databases.append(database_of(config.database))
            databases[-1].start(within=0.0)
        _copy(databases, configs, arguments.dry_run)
    except ConfigProblems as problems:
        print(f"{PROGRAM}: {problems}", file=sys.stderr)
        return 1
    except (KsmppdError, CopyRefused) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    finally:
        for database in databases:
            database.close()
    return 0


def _load(path: str) -> Config:
    config = load(path)
    if config.database is None:
        raise CopyRefused(f"{path} names no database")
    return config


def _copy(databases: Sequence[Database], configs: Sequence[Config], dry_run: bool) -> None:
    source, target = databases
    claims = [
        open_claim(database, config.ksmppd.database_store_table)
        for database, config in zip(databases, configs, strict=True)
    ]
    try:
        for claim, path in zip(claims, ("the source", "the target"), strict=True):
            if not claim.claim():
                raise CopyRefused(f"a ksmppd runs on {path}; stop it first")
        layout = describe if dry_run else prepare
        places = (source, describe(source, configs[0].ksmppd)), (target, layout(target, configs[1].ksmppd))
        for table in copy_tables(*places, dry_run):
            left = f"; columns that stay behind: {', '.join(table.left_out)}" if table.left_out else ""
            print(f"{table.name}: {table.rows} rows {'read' if dry_run else 'copied'}{left}", flush=True)
    finally:
        for claim in claims:
            claim.release()


if __name__ == "__main__":
    sys.exit(main())
