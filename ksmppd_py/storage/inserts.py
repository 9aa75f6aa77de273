"""Inserts rows into a table, many in one INSERT statement and transaction.

For servers the statement's text is put together here. SQLAlchemy's and PyMySQL's handling of each parameter of each row
costs some 150 microseconds a message; a renderer compiled once from the field table some 10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, Protocol, TypeAlias

from sqlalchemy import Table

from ksmppd_py.errors import MessageTooLong
from ksmppd_py.kannel.messages import Field, Kind, Sms
from ksmppd_py.storage.database import Database, Statement, Transaction
from ksmppd_py.storage.limits import ColumnLimit
from ksmppd_py.storage.schema import NAME_COLUMNS
from ksmppd_py.storage.values import Value, name

Row: TypeAlias = "str | Mapping[str, Value]"
"""A row to be inserted: SQL, `(...)`, or SQLite's parameters."""
RenderSms: TypeAlias = Callable[[Sms], Row]

_SEVERAL_MASTERS = "SHOW VARIABLES WHERE Variable_name IN ('auto_increment_increment', 'wsrep_on')"
_STATEMENT_SIZE = 512 * 1024
"""Octets of an INSERT; servers refuse more than max_allowed_packet, which was 1 MiB in the oldest ones."""


class TooLongForColumn(MessageTooLong):
    """A value doesn't fit into `column`; `index` is the position of its message in the batch."""

    def __init__(self, column: str, index: int = 0) -> None:
        super().__init__(f"column {column} can't hold the value")
        self.column = column
        self.index = index


class Inserter(Protocol):
    """Inserts rows into one table."""

    def insert(self, rows: Sequence[Any]) -> Sequence[int]:
        """Insert and commit, return the rows' global_ids. Raises DatabaseUnavailable. May yield."""


class MySQLInserter:
    """Inserts with one statement for many rows."""

    def __init__(self, database: Database, table: Table, columns: Sequence[str]) -> None:
        self._database = database
        name = database.dialect.identifier_preparer.format_table(table)
        self._head = f"INSERT INTO {name} ({','.join(f'`{column}`' for column in columns)}) VALUES "
        self._consecutive: bool | None = None

    def insert(self, rows: Sequence[str]) -> Sequence[int]:
        """See Inserter. InnoDB gives the rows of one such statement consecutive ids in every lock mode."""
        texts = list(_statement_sized(rows)) if self._ids_are_consecutive() else [[row] for row in rows]
        statements = [Statement(self._head + ",".join(some)) for some in texts]
        if len(statements) == 1:
            replies = [self._database.execute(statements[0], repeatable=False)]
        else:
            replies = self._database.transaction(
                lambda transaction: [transaction.execute(statement) for statement in statements]
            )
        return [
            reply.first_id + index
            for reply, some in zip(replies, texts, strict=True)
            for index in range(len(some))
        ]

    def _ids_are_consecutive(self) -> bool:
        """Whether they are: not with several masters; Galera even changes the step while running. May yield."""
        if self._consecutive is None:
            reply = self._database.execute(Statement(_SEVERAL_MASTERS), repeatable=True)
            self._consecutive = all(name(value) in ("1", "OFF") for _, value in reply.rows)
        return self._consecutive


class PostgreSQLInserter:
    """Inserts with one statement for many rows, which returns their ids."""

    def __init__(self, database: Database, table: Table, columns: Sequence[str]) -> None:
        self._database = database
        preparer = database.dialect.identifier_preparer
        names = ",".join(preparer.quote_identifier(column) for column in columns)
        self._head = f"INSERT INTO {preparer.format_table(table)} ({names}) VALUES "
        self._tail = f" RETURNING {table.c.global_id.name}"

    def insert(self, rows: Sequence[str]) -> Sequence[int]:
        """See Inserter."""
        statements = [
            Statement(f"{self._head}{','.join(some)}{self._tail}") for some in _statement_sized(rows)
        ]
        if len(statements) == 1:
            results = [self._database.execute(statements[0], repeatable=False)]
        else:
            results = self._database.transaction(
                lambda transaction: [transaction.execute(statement) for statement in statements]
            )
        return [row[0] for result in results for row in result.rows]


class SQLiteInserter:
    """Inserts with one prepared statement for all rows."""

    def __init__(self, database: Database, table: Table, columns: Sequence[str]) -> None:
        self._database = database
        chosen = table.insert().values(dict.fromkeys(columns))
        compiled = chosen.compile(dialect=database.dialect, column_keys=list(columns))
        self._statement = Statement(str(compiled))

    def insert(self, rows: Sequence[Mapping[str, Value]]) -> Sequence[int]:
        """See Inserter. SQLite has one writer at a time, so the ids of a transaction are consecutive."""

        def all_of_them(transaction: Transaction) -> int:
            transaction.execute_many(self._statement, rows)
            return int(transaction.execute(Statement("SELECT last_insert_rowid()")).rows[0][0])

        last = self._database.transaction(all_of_them)
        return range(last - len(rows) + 1, last + 1)


_INSERTERS: Mapping[str, Callable[[Database, Table, Sequence[str]], Inserter]] = {
    "mysql": MySQLInserter,
    "postgresql": PostgreSQLInserter,
    "sqlite": SQLiteInserter,
}


def make_inserter(database: Database, table: Table, columns: Sequence[str]) -> Inserter:
    """Return the inserter for this kind of database."""
    return _INSERTERS[database.dialect.name](database, table, columns)


def _statement_sized(rows: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for position, row in enumerate(rows):
        if size + len(row) > _STATEMENT_SIZE and position > start:
            yield rows[start:position]
            start, size = position, 0
        size += len(row)
    yield rows[start:]


def render_pdu(database: Database, system_id: str, octets: bytes) -> Row:
    """Return a row of the PDU table; time 0 = written to no client yet."""
    if database.dialect.name == "sqlite":
        return {"system_id": system_id, "time": 0, "pdu": octets}
    return f"({database.literal(system_id)},0,{database.literal(octets)})"


def sms_renderer(database: Database, fields: Sequence[Field], limits: Mapping[str, ColumnLimit]) -> RenderSms:
    """Return a function that makes a Row of an Sms, and raises TooLongForColumn."""
    if database.dialect.name == "mysql":
        return _compile_renderer(database, limits, [_mysql_expression(field, limits) for field in fields])
    if database.dialect.name == "postgresql":
        return _compile_renderer(database, limits, [_postgresql_expression(field) for field in fields])
    return _sqlite_renderer(fields)


def _sqlite_renderer(fields: Sequence[Field]) -> RenderSms:
    names = [field.name for field in fields]

    def render(sms: Sms) -> Row:
        row: dict[str, Value] = {name: getattr(sms, name) for name in names}
        # Columns that are compared are text there, one character an octet as in MySQL's latin1.
        row["id"] = sms.id.decode("latin-1")
        row["service"] = None if sms.service is None else sms.service.decode("latin-1")
        return row

    return render


def _compile_renderer(
    database: Database, limits: Mapping[str, ColumnLimit], expressions: Sequence[str]
) -> RenderSms:
    """Compile `render(sms)` for exactly these columns: one expression without loops, with hardly any calls."""
    literal = database.literal

    def look_closer(column: str, value: bytes) -> str:
        return literal(value) if limits[column].holds(value) else too_long(column)

    def text(value: bytes) -> str:
        return literal(value.decode("latin-1"))

    def too_long(column: str) -> NoReturn:
        raise TooLongForColumn(column)

    template = ",".join(["%s"] * len(expressions))
    source = f"lambda sms: '({template})' % ({','.join(expressions)},)"
    known = {"look_closer": look_closer, "text": text}
    render: RenderSms = eval(source, known)  # names are of the field table only
    return render


def _mysql_expression(field: Field, limits: Mapping[str, ColumnLimit]) -> str:
    if field.kind is Kind.INTEGER:
        return f"sms.{field.name}"
    limit = limits.get(field.name)
    hexadecimal = '''"_latin1 x'" + value.hex() + "'"'''
    if limit is not None:
        hexadecimal += f" if len(value) <= {limit.always_fits} else look_closer({field.name!r}, value)"
    return f'"NULL" if (value := sms.{field.name}) is None else {hexadecimal}'


def _postgresql_expression(field: Field) -> str:
    if field.kind is Kind.INTEGER:
        return f"sms.{field.name}"
    if field.name in NAME_COLUMNS:
        return f'"NULL" if (value := sms.{field.name}) is None else text(value)'
    return f"""\"NULL\" if (value := sms.{field.name}) is None else "E'\\\\\\\\x" + value.hex() + "'\""""
