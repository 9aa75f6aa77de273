"""The tables as the C daemon creates them (docs/rules/database.md 2); the store's columns are Kannel's.

`python -m ksmppd_py.storage.schema mysql|pgsql|sqlite` prints the DDL that database-schemas/ ships.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, MetaData, String, Table, text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import quoted_name
from sqlalchemy.types import TypeEngine

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.kannel.messages import SMS_FIELDS, Kind

VERSION = 4
"""The schema version that the C daemon writes since January 2017."""
COMPONENT = "ksmppd"
QUEUE_MAX_AGE, QUEUE_MAX_ROWS = "queue_max_age", "queue_max_rows"
SECOND_PASSWORD, SECOND_PASSWORD_UNTIL = "second_password", "second_password_until"
OPTIONAL_USER_COLUMNS: Mapping[str, TypeEngine[Any]] = {
    "alt_charset": String(64),
    "switch_dlr_addr": Integer(),
    "max_open_acks": Integer(),
    "simulate_dlr_fail": Integer(),
    "dlr_err_length": Integer(),
    "dlr_profile": String(64),
    QUEUE_MAX_AGE: Integer(),
    QUEUE_MAX_ROWS: Integer(),
    SECOND_PASSWORD: String(255),
    SECOND_PASSWORD_UNTIL: BigInteger(),
}
"""Columns that the user table may have for this server; read if present, added only when an operator asks for it.

The last two are the hash of a former password, and until when it matches (epoch seconds).
"""

NAME_COLUMNS = ("service", "id")
"""String columns of the store that are compared, or always text; the others are blobs on SQLite."""


def _text(length: int | None = None, longer: int | None = None) -> TypeEngine[Any]:
    """Return a column of text; with `longer` PostgreSQL's, of which no table is older, has more room."""
    on_mysql: TypeEngine[Any] = mysql.VARCHAR(length) if length else mysql.TEXT()
    on_postgresql: TypeEngine[Any] = postgresql.VARCHAR(longer or length) if length else postgresql.TEXT()
    return _variants(on_mysql, sqlite.TEXT(collation="NOCASE"), on_postgresql)


def _octets(on_mysql: TypeEngine[Any]) -> TypeEngine[Any]:
    return _variants(on_mysql, sqlite.BLOB(), postgresql.BYTEA())


def _integer(
    on_mysql: TypeEngine[Any], on_postgresql: type[TypeEngine[Any]] = postgresql.INTEGER
) -> TypeEngine[Any]:
    return _variants(on_mysql, sqlite.INTEGER(), on_postgresql())


def _bigint(unsigned: bool = False) -> TypeEngine[Any]:
    return _integer(mysql.BIGINT(unsigned=unsigned), postgresql.BIGINT)


def _unsigned() -> TypeEngine[Any]:
    return _integer(mysql.INTEGER(display_width=10, unsigned=True), postgresql.BIGINT)


def _variants(
    on_mysql: TypeEngine[Any], on_sqlite: TypeEngine[Any], on_postgresql: TypeEngine[Any]
) -> TypeEngine[Any]:
    return on_mysql.with_variant(on_sqlite, "sqlite").with_variant(on_postgresql, "postgresql")


def _double(precision: int | None = None, scale: int | None = None) -> TypeEngine[Any]:
    on_mysql: TypeEngine[Any] = mysql.DOUBLE(precision, scale, asdecimal=False)
    return _variants(on_mysql, sqlite.REAL(), postgresql.DOUBLE_PRECISION())


def _column(
    column: str, kind: TypeEngine[Any], default: str | None = None, *, null: bool = False
) -> Column[Any]:
    return Column(
        quoted_name(column, quote=True),
        kind,
        nullable=null,
        server_default=None if default is None else text(default),
    )


def _id(column: str) -> Column[Any]:
    return Column(
        quoted_name(column, quote=True),
        _bigint(unsigned=True),
        Identity(),
        primary_key=True,
        autoincrement=True,
    )


@dataclass(frozen=True, slots=True)
class Tables:
    """The five tables under the operator's names."""

    user: Table
    route: Table
    store: Table
    pdu: Table
    version: Table

    def all(self) -> tuple[Table, ...]:
        """Every table, in the order of creation."""
        return (self.user, self.route, self.store, self.pdu, self.version)


def define(ksmppd: KsmppdGroup) -> Tables:
    """Define the tables. Those that hold octets are latin1, where every octet is a character."""
    metadata = MetaData()

    def table(use: str, name: str, *columns: Column[Any], latin1: bool) -> Table:
        schema, _, last = name.rpartition(".")
        options: dict[str, Any] = {
            "mysql_engine": "InnoDB",
            "sqlite_autoincrement": True,
            "info": {"use": use},
        }
        if latin1:
            options["mysql_default_charset"] = "latin1"
        return Table(
            quoted_name(last, quote=True),
            metadata,
            *columns,
            schema=quoted_name(schema, quote=True) if schema else None,
            **options,
        )

    return Tables(
        user=table("user", ksmppd.database_user_table, *_user_columns(), latin1=False),
        route=_with_indexes(
            table("route", ksmppd.database_route_table, *_route_columns(), latin1=True),
            direction=None,
            system_id=None,
            smsc_id=None,
        ),
        store=_with_indexes(
            table("store", ksmppd.database_store_table, _id("global_id"), *_sms_columns(), latin1=True),
            service=16,
            sms_type=None,
        ),
        pdu=_with_indexes(
            table("pdu", ksmppd.database_pdu_table, *_pdu_columns(), latin1=True), system_id=None
        ),
        version=table("version", ksmppd.database_version_table, *_version_columns(), latin1=False),
    )


_POSTGRESQL_INDEXES = {
    "user": (("name", "UNIQUE", "(lower(system_id))"),),
    "route": (("account", "", "(direction, lower(system_id))"),),
    "store": (
        ("account", "", "(lower(service), sms_type, global_id)"),
        ("sms_type", "", "(sms_type, global_id)"),
        ("unaddressed", "", "(global_id) WHERE service IS NULL OR service = ''"),
    ),
    "pdu": (("account", "", "(lower(system_id), global_id)"),),
}
"""The indexes on PostgreSQL, where one on an expression ignores case, and one of several columns gives their order."""
_POSTGRESQL_QUEUES = ("store", "pdu")
_VACUUM = "WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)"
"""Rows of a queue come and go: their space is to be used again although they are few among those that were."""


def _user_columns() -> list[Column[Any]]:
    system_id = _column("system_id", _text(15))
    system_id.primary_key = True
    return [
        system_id,
        _column("password", _text(64, longer=255)),
        _column(
            "throughput",
            _double(10, 5),
            "'0.00000'",
        ),
        _column("default_smsc", _text(64), null=True),
        _column("default_cost", _double()),
        _column("enable_prepaid_billing", _unsigned(), "'0'"),
        _column("credit", _double(), "'0'"),
        _column("callback_url", _text(255), null=True),
        _column("simulate", _integer(mysql.TINYINT(display_width=1), postgresql.SMALLINT), "'0'"),
        _column("simulate_deliver_every", _unsigned()),
        _column("simulate_permanent_failure_every", _unsigned()),
        _column("simulate_temporary_failure_every", _unsigned()),
        _column("simulate_mo_every", _unsigned()),
        _column("max_binds", _unsigned(), "'0'"),
        _column("connect_allow_ip", _text(), null=True),
    ]


def _route_columns() -> list[Column[Any]]:
    return [
        _id("route_id"),
        _column("direction", _integer(mysql.INTEGER())),
        _column("regex", _text(), null=True),
        _column("cost", _double(), null=True),
        _column("system_id", _text(64), null=True),
        _column("smsc_id", _text(64), null=True),
        _column("source_regex", _text(), null=True),
        _column("priority", _integer(mysql.INTEGER()), "'0'", null=True),
    ]


def _sms_columns() -> list[Column[Any]]:
    columns = []
    for name, kind in SMS_FIELDS:
        if kind is Kind.INTEGER:
            columns.append(_column(name, _bigint()))
        elif kind is Kind.UUID:
            columns.append(_column(name, _text(128), null=True))
        else:
            columns.append(
                _column(name, _text() if name in NAME_COLUMNS else _octets(mysql.TEXT()), null=True)
            )
    return columns


def _pdu_columns() -> list[Column[Any]]:
    return [
        _id("global_id"),
        _column("system_id", _text(64)),
        _column("time", _bigint(), null=True),
        _column("pdu", _octets(mysql.BLOB()), null=True),
    ]


def _version_columns() -> list[Column[Any]]:
    component = _column("component", _text(54))
    component.primary_key = True
    return [component, _column("version", _integer(mysql.INTEGER(unsigned=True)))]


def _with_indexes(table: Table, **lengths: int | None) -> Table:
    """Index columns under their names, as the C daemon does; in SQLite a name must be unique in the database."""
    for column, length in lengths.items():
        Index(
            quoted_name(column, quote=True),
            table.c[column],
            mysql_length=length,
            info={"sqlite_name": f"{table.name}_{column}"},
        )
    return table


def create_statements(table: Table, dialect: Dialect) -> list[str]:
    """Return the statements that create one table and its indexes unless they exist."""
    create = str(CreateTable(table, if_not_exists=True).compile(dialect=dialect)).strip()
    if dialect.name == "postgresql":
        return [_postgresql_table(table, create), *_postgresql_indexes(table, dialect)]
    indexes = sorted(table.indexes, key=lambda index: list(table.c).index(index.columns[0]))
    if dialect.name == "sqlite":
        return [create, *(_sqlite_index(table, index, dialect) for index in indexes)]
    keys = ",".join(f"\n\t{_mysql_key(index)}" for index in indexes)
    return [create if not keys else _insert_keys(create, keys)]


def _postgresql_table(table: Table, create: str) -> str:
    return f"{create} {_VACUUM}" if table.info["use"] in _POSTGRESQL_QUEUES else create


def _postgresql_indexes(table: Table, dialect: Dialect) -> list[str]:
    preparer = dialect.identifier_preparer
    name = preparer.format_table(table)
    return [
        f"CREATE {unique + ' ' if unique else ''}INDEX IF NOT EXISTS "
        f"{preparer.quote_identifier(f'{table.name}_{suffix}')} ON {name} {definition}"
        for suffix, unique, definition in _POSTGRESQL_INDEXES.get(table.info["use"], ())
    ]


def _mysql_key(index: Index) -> str:
    """Return an index for CREATE TABLE, so that one statement makes the whole table or nothing."""
    length = index.dialect_options["mysql"]["length"]
    column = index.columns[0].name
    return f"KEY `{index.name}` (`{column}`{f'({length})' if length else ''})"


def _insert_keys(create: str, keys: str) -> str:
    head, closing, tail = create.rpartition("\n)")
    return f"{head.rstrip()},{keys}{closing}{tail}"


def _sqlite_index(table: Table, index: Index, dialect: Dialect) -> str:
    renamed = Index(quoted_name(index.info["sqlite_name"], quote=True), *index.columns, _table=table)
    statement = str(CreateIndex(renamed, if_not_exists=True).compile(dialect=dialect)).strip()
    table.indexes.discard(renamed)
    return statement


def render(dialect: Dialect) -> str:
    """Return the DDL of all tables under their default names, as a script."""
    statements = [
        statement for table in define(KsmppdGroup()).all() for statement in create_statements(table, dialect)
    ]
    lines = [line.rstrip().replace("\t", "  ") for line in ";\n\n".join(statements).splitlines()]
    return "\n".join(lines) + ";\n"


DIALECTS: dict[str, Dialect] = {
    "mysql": mysql.dialect(),
    "pgsql": postgresql.dialect(),  # type: ignore[no-untyped-call]
    "sqlite": sqlite.dialect(),
}
"""Those for which database-schemas/ has tables, by its folders."""


def main() -> None:
    """Print the DDL for the dialect named on the command line."""
    if len(sys.argv) != 2 or sys.argv[1] not in DIALECTS:
        sys.exit(f"usage: python -m ksmppd_py.storage.schema {'|'.join(DIALECTS)}")
    print(render(DIALECTS[sys.argv[1]]), end="")


if __name__ == "__main__":
    main()
