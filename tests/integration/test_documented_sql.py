"""The SQL statements of the documentation do what the text beside them says, on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ksmppd_py.config import KsmppdGroup, MysqlConnection, PgsqlConnection
from ksmppd_py.model.routes import RouteTable
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.postgresql import PostgreSQLDatabase
from ksmppd_py.storage.routes import DatabaseRoutes
from ksmppd_py.storage.upgrade import prepare
from ksmppd_py.storage.users import DatabaseAuthenticator
from tests.parts.mariadb import MariaDB
from tests.parts.postgresql import PostgreSQL

pytestmark = [pytest.mark.integration, pytest.mark.database]

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str) -> list[str]:
    """The SQL blocks of a page, in order, without indentation."""
    found = re.findall(
        r"^( *)```sql\n(.*?)^ *```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def statements(block: str) -> list[str]:
    """The statements of a block, without comments."""
    text = re.sub(r"^--.*$", "", block, flags=re.MULTILINE)
    return [statement.strip() for statement in text.split(";") if statement.strip()]


@pytest.fixture
def database(mariadb: MariaDB) -> Iterator[Database]:
    """Made by the page's own CREATE DATABASE, reached by the user of its own GRANT, who comes over TCP here."""
    (made,) = blocks("maintenance.md")
    for statement in statements(made.replace("'localhost'", "'%'")):
        mariadb.query(statement)
    opened = MySQLDatabase(
        MysqlConnection(
            id="db",
            database="ksmppd",
            host=mariadb.host,
            port=mariadb.port,
            username="ksmppd",
            password="a-password-of-yours",
        )
    )
    try:
        opened.start()
        yield opened
    finally:
        opened.close()
        mariadb.drop_database("ksmppd")
        mariadb.query("DROP USER 'ksmppd'@'%'")


@pytest.fixture
def layout(database: Database) -> Layout:
    """Our tables, made with the rights that the page grants."""
    return prepare(database, KsmppdGroup())


def test_every_statement_of_accounts(mariadb: MariaDB, database: Database, layout: Layout) -> None:
    authenticator = DatabaseAuthenticator(database, layout)

    def may_bind(password: bytes) -> bool:
        return authenticator.authenticate(b"acme", password, "127.0.0.1") is not None

    def credit() -> float:
        return float(mariadb.query("SELECT credit FROM smpp_user WHERE system_id = 'acme'", "ksmppd")[0][0])

    columns, changes = blocks("accounts.md")
    new, another, suspend, resume, prepaid, top_up, *removals = statements(changes)
    mariadb.query(columns, "ksmppd")
    mariadb.query(new, "ksmppd")
    assert may_bind(b"secret")
    mariadb.query(another, "ksmppd")
    assert may_bind(b"secret2")
    assert not may_bind(b"secret")
    for _ in range(2):  # twice suspended is suspended, and comes back by one step
        mariadb.query(suspend, "ksmppd")
        assert not may_bind(b"secret2")
    mariadb.query(resume, "ksmppd")
    assert may_bind(b"secret2")
    mariadb.query(prepaid, "ksmppd")
    mariadb.query(top_up, "ksmppd")
    assert credit() == 100
    for statement in removals:
        mariadb.query(statement, "ksmppd")
    assert not may_bind(b"secret2")


def test_routes_of_the_page_decide_as_it_says(mariadb: MariaDB, database: Database, layout: Layout) -> None:
    (rows,) = blocks("routes.md")
    mariadb.query(rows, "ksmppd")
    table = RouteTable(DatabaseRoutes(database, layout).outbound("acme"))
    assert table.match(b"+4670123", b"ACME").smsc_id == "sweden"
    assert table.match(b"+4970123", b"12345").smsc_id == "abroad"


@pytest.mark.parametrize("page", ["getting-started.md", "moving-from-ksmppd.md"])
def test_statements_of_the_first_steps(
    mariadb: MariaDB, database: Database, layout: Layout, page: str
) -> None:
    for block in blocks(page):
        for statement in statements(block):
            mariadb.query(statement, "ksmppd")
    assert mariadb.query("SELECT COUNT(*) FROM smpp_user", "ksmppd")[0][0] == 1
    assert mariadb.query("SELECT COUNT(*) FROM smpp_route WHERE direction = 1", "ksmppd")[0][0] == 1


def test_postgresql(postgresql: PostgreSQL) -> None:
    """Each statement of its page in order, by whom the page says; the account binds, and its route is found."""
    create, grant, sql = (statements(block) for block in blocks("postgresql.md"))
    for statement in create:
        postgresql.query(statement)
    database = PostgreSQLDatabase(
        PgsqlConnection(
            id="db",
            database="ksmppd",
            host=postgresql.host,
            port=postgresql.port,
            username="ksmppd",
            password="a-password-of-yours",
        )
    )
    try:
        database.start()
        layout = prepare(database, KsmppdGroup())
        for statement in grant:
            postgresql.query(statement, "ksmppd")
        authenticator = DatabaseAuthenticator(database, layout)
        account, route, suspend, resume, look = sql
        for statement in (account, route):
            postgresql.query(statement, "ksmppd")
        found = authenticator.authenticate(b"ACME", b"secret", "")
        assert found is not None
        assert found.throughput == 50
        assert [each.regex for each in DatabaseRoutes(database, layout).outbound("acme")] == [""]
        postgresql.query(suspend, "ksmppd")
        assert authenticator.authenticate(b"acme", b"secret", "") is None
        postgresql.query(resume, "ksmppd")
        assert authenticator.authenticate(b"acme", b"secret", "") is not None
        assert postgresql.query(look, "ksmppd") == ()
        authenticator.close()
    finally:
        database.close()
        postgresql.drop_database("ksmppd")
        postgresql.query("DROP ROLE ksmppd")
