"""PostgreSQL alone: greenlets that wait, what its errors mean, octets of names, rights, pgbouncer."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent.server import StreamServer

from ksmppd_py.config import KsmppdGroup, PgsqlConnection, SslMode
from ksmppd_py.errors import DatabaseUnavailable, MessageTooLong, StartError
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.storage import claim as claims
from ksmppd_py.storage.claim import open_claim
from ksmppd_py.storage.database import Statement, StatementRefused
from ksmppd_py.storage.postgresql import NotConnected, PostgreSQLDatabase, literal
from ksmppd_py.storage.routes import DatabaseRoutes
from ksmppd_py.storage.store import DatabaseStore
from ksmppd_py.storage.table_check import check_tables, version_of
from ksmppd_py.storage.upgrade import describe, prepare
from ksmppd_py.storage.users import DatabaseAuthenticator
from tests.parts.pgbouncer import PgBouncer
from tests.parts.postgresql import REPLICATED, PostgreSQL
from tests.parts.waiting import wait_until
from tests.storage.conftest import Place, pgsql_settings
from tests.storage.test_failures import everything, loop_keeps_ticking

pytestmark = [pytest.mark.integration, pytest.mark.database]
ONE = Statement("SELECT 1")


@pytest.fixture
def pg(postgresql: PostgreSQL) -> Iterator[Callable[..., Place]]:
    """Opens the database of this test with our tables, as often as wanted."""
    name = postgresql.create_database()
    opened: list[PostgreSQLDatabase] = []

    def open_it(timeout: float = 5.0, back_off: float = 1.0, **settings: Any) -> Place:
        database = PostgreSQLDatabase(
            pgsql_settings(postgresql, name, **settings), timeout=timeout, back_off=back_off
        )
        opened.append(database)
        database.start()
        return Place(database, prepare(database, KsmppdGroup()))

    yield open_it
    for database in opened:
        database.close()
    postgresql.drop_database(name)


def test_two_hundred_greenlets_wait_at_once(pg: Callable[..., Place]) -> None:
    """The server takes half a second for each; all of them take hardly more, and nothing else stops."""
    database = pg(max_connections=200).database
    sleep = Statement("SELECT pg_sleep(0.5)")
    waiting = [gevent.spawn(database.execute, sleep, repeatable=True) for _ in range(200)]
    began = time.monotonic()
    with loop_keeps_ticking(1.0):  # each opens a connection
        gevent.joinall(waiting, raise_error=True)
    assert time.monotonic() - began < 20, "one after the other they take 100 s"


def test_frozen(pg: Callable[..., Place], postgresql: PostgreSQL) -> None:
    place = pg(timeout=0.5, back_off=0.2)
    place.add_user(credit=10)
    calls = everything(place)
    with postgresql.frozen(), loop_keeps_ticking():
        trying = [gevent.spawn(call) for call in calls.values()]
        gevent.joinall(trying)
        assert all(isinstance(each.exception, DatabaseUnavailable) for each in trying)
    gevent.sleep(0.3)
    place.add_route(1, "", "smppusera")
    gevent.sleep(1.1)
    for call in calls.values():
        call()


def test_connections_that_the_server_ends(pg: Callable[..., Place], postgresql: PostgreSQL) -> None:
    """No statement fails, and none is done twice: the server says that it ended the session before it."""
    place = pg()
    place.add_user(credit=10)
    place.add_route(1, "", "smppusera")
    calls = everything(place)
    for name in ("authenticate", "route", "page", "page PDUs", "receivers", "submits", "charge", "save"):
        postgresql.end_connections()
        calls[name]()
    assert place.run("SELECT credit FROM smpp_user") == [(9.0,)]
    assert place.run("SELECT count(*) FROM smpp_store") == [(1,)]


def test_a_transaction_whose_session_ends_is_done_again(
    pg: Callable[..., Place], postgresql: PostgreSQL
) -> None:
    place = pg()
    place.add_user(credit=0)
    attempts = []

    def work(transaction: Any) -> None:
        attempts.append(1)
        for _ in range(2):
            transaction.execute(Statement("UPDATE smpp_user SET credit = credit + 1"))
            if len(attempts) == 1:
                postgresql.end_connections()

    place.database.transaction(work)
    assert len(attempts) == 2
    assert place.run("SELECT credit FROM smpp_user") == [(2.0,)]


def test_an_answer_that_never_came_may_have_been_a_commit(
    pg: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it isn't sent again unless it may be: the connection is cut while the server works."""
    place = pg()
    place.run("CREATE TABLE seen (x int)")
    insert = Statement("INSERT INTO seen SELECT 1 FROM pg_sleep(0.3)")

    connections: list[Any] = []
    begin = place.database._begin  # type: ignore[attr-defined]
    monkeypatch.setattr(
        place.database,
        "_begin",
        lambda connection, *more: connections.append(connection) or begin(connection, *more),
    )
    inserting = gevent.spawn(place.database.execute, insert, repeatable=False)
    gevent.sleep(0.1)
    with socket.socket(fileno=os.dup(connections[0].pgconn.socket)) as other:
        other.shutdown(socket.SHUT_RDWR)
    with pytest.raises(DatabaseUnavailable):
        inserting.get()
    gevent.sleep(1.1)
    wait_until(lambda: place.run("SELECT count(*) FROM seen") == [(1,)], "the row, once")


def test_deadlock_is_tried_again(pg: Callable[..., Place]) -> None:
    place = pg()
    for system_id in ("a", "b"):
        place.add_user(system_id, credit=0)
    attempts = []

    def both(first: str, second: str) -> None:
        def work(transaction: Any) -> None:
            attempts.append(1)
            for system_id in (first, second):
                update = f"UPDATE smpp_user SET credit = credit + 1 WHERE system_id = '{system_id}'"
                transaction.execute(Statement(update))
                gevent.sleep(0.2 if len(attempts) < 3 else 0)

        place.database.transaction(work)

    gevent.joinall([gevent.spawn(both, "a", "b"), gevent.spawn(both, "b", "a")], raise_error=True)
    assert len(attempts) == 3
    assert place.run("SELECT credit FROM smpp_user") == [(2.0,), (2.0,)]


@pytest.mark.parametrize(
    ("code", "takes_changes"), [("53100", False), ("58030", False), ("25006", False), ("23505", True)]
)
def test_a_server_that_changes_nothing_now(pg: Callable[..., Place], code: str, takes_changes: bool) -> None:
    """Each statement is refused with the server's own words, and no other is delayed."""
    database = pg().database
    refusing = Statement(f"DO $$ BEGIN RAISE EXCEPTION 'words' USING ERRCODE = '{code}'; END $$")
    for _ in range(2):
        with pytest.raises(StatementRefused, match="words") as caught:
            database.execute(refusing, repeatable=True)
        assert caught.value.number == code
    assert list(database.execute(ONE, repeatable=True).rows) == [(1,)]
    assert (database.meter.available, database.meter.takes_changes) == (True, takes_changes)
    database.execute(Statement("DO $$ BEGIN END $$"), repeatable=True)
    assert database.meter.takes_changes


def test_a_lock_isnt_waited_for_longer_than_its_caller_waits(pg: Callable[..., Place]) -> None:
    """The server gives the statement up first: one whose caller was told that it failed mustn't succeed later."""
    place = pg(timeout=0.6, back_off=0.1)
    place.add_user(credit=10)
    other = pg().database
    with other._pool.connect() as holding:  # type: ignore[attr-defined]
        holding.execute(b"BEGIN; UPDATE smpp_user SET credit = credit + 0")
        with pytest.raises(DatabaseUnavailable, match="within"):
            everything(place)["charge"]()
        holding.execute(b"ROLLBACK")
    gevent.sleep(0.2)
    assert place.run("SELECT credit FROM smpp_user") == [(10.0,)]


def test_a_caller_that_is_killed_leaves_no_half_read_connection(pg: Callable[..., Place]) -> None:
    place = pg()
    for _ in range(8):  # more than there are connections
        asking = gevent.spawn(place.run, "SELECT pg_sleep(3)")
        gevent.sleep(0.03)
        asking.kill()
        assert place.run("SELECT 42") == [(42,)]


def test_a_long_answer_where_no_more_connections_are_granted(
    pg: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = pg()
    for regex in ("1", "2"):
        place.add_route(1, regex, "a")

    def refuse() -> None:
        raise NotConnected("FATAL: sorry, too many clients already")

    monkeypatch.setattr(place.database, "_connect", refuse)
    [portion] = DatabaseRoutes(place.database, place.layout).everything()
    assert [row.route.regex for row in portion] == ["1", "2"]
    assert place.database.meter.failures == 0


@pytest.mark.parametrize("greeting", [b"", b"\0\0\0\0", b"R\0\0\0\x08\0\0\0\0", b"HTTP/1.1 400 Bad\r\n\r\n"])
def test_a_server_that_isnt_postgresqls(greeting: bytes) -> None:
    """An answer of a proxy or of another program counts as an outage."""

    def answer(peer: socket.socket, _address: object) -> None:
        peer.sendall(greeting)
        peer.close()

    server = StreamServer(("127.0.0.1", 0), answer)
    server.start()
    settings = PgsqlConnection(
        id="db", database="ksmppd", host="127.0.0.1", port=server.server_port, username="x", password=""
    )
    database = PostgreSQLDatabase(settings, timeout=1)
    with pytest.raises(DatabaseUnavailable):
        database.execute(ONE, repeatable=True)
    with pytest.raises(StartError, match=r"no connections! \(pgsql-connection `db'"):
        database.start(within=0.1)
    assert open_claim(database, "smpp_store").claim() is None
    server.stop()


@pytest.mark.parametrize("octets", ["z\xedma".encode(), "\u0437\u0438\u043c\u0430".encode(), b"z\xedma' \\"])
def test_names_and_passwords_are_the_octets_of_the_file(octets: bytes) -> None:
    """They are in the first packet and in the answer to the request for a password."""
    received: list[bytes] = []

    def ask(peer: socket.socket, _address: object) -> None:
        received.append(peer.recv(1000))
        peer.sendall(b"R\0\0\0\x08\0\0\0\x03")  # AuthenticationCleartextPassword
        received.append(peer.recv(1000))
        peer.close()

    server = StreamServer(("127.0.0.1", 0), ask)
    server.start()
    text = octets.decode("utf-8", "surrogateescape")
    settings = PgsqlConnection(
        id="db",
        host="127.0.0.1",
        port=server.server_port,
        username=text,
        password=text,
        database=text,
        sslmode=SslMode.DISABLE,
    )
    database = PostgreSQLDatabase(settings, timeout=2)
    with pytest.raises(StartError):
        database.start(within=0)
    assert received[0].count(octets + b"\0") == 2
    assert received[1][5:] == octets + b"\0"
    server.stop()


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "SQL_ASCII"])
def test_octets_in_each_encoding(postgresql: PostgreSQL, encoding: str) -> None:
    name = postgresql.create_database(encoding)
    database = PostgreSQLDatabase(pgsql_settings(postgresql, name))
    database.start()
    store = DatabaseStore(database, prepare(database, KsmppdGroup()))
    names = bytes(range(1 if encoding == "LATIN1" else 0, 256))  # it has no character for 0
    sms = Sms(sms_type=SmsType.MO, service=names, msgdata=bytes(range(256)))
    store.save([sms])
    if encoding == "LATIN1":
        with pytest.raises(MessageTooLong):
            store.save([Sms(sms_type=SmsType.MO, service=b"\0")])
    (row,) = store.page(SmsType.MO, 0, 10)
    assert row.sms is not None
    assert (row.sms.service, row.sms.msgdata) == (sms.service, sms.msgdata)
    store.flush()
    database.close()
    postgresql.drop_database(name)


def test_characters_beyond_latin1_hide_no_row(pg: Callable[..., Place]) -> None:
    place = pg()
    place.add_user(callback_url="http://\u20ac")
    place.add_user("other", callback_url="x")
    authenticator = DatabaseAuthenticator(place.database, place.layout)
    assert authenticator.authenticate(b"other", b"userA", "") is not None
    assert authenticator.authenticate(b"smppusera", b"userA", "") is not None
    authenticator.close()


@pytest.mark.parametrize("value", ["it's", "a\\'b", "\\", "x%s%(y)s", "\xe9\0"])
def test_literals(pg: Callable[..., Place], value: str) -> None:
    place = pg()
    expected = value.encode("latin-1")
    for setting in ("on", "off"):
        rows = place.database.transaction(
            lambda transaction, setting=setting: [  # type: ignore[misc]
                transaction.execute(Statement(text)).rows
                for text in (
                    f"SET LOCAL standard_conforming_strings = {setting}",
                    f"SELECT {literal(value)}, {literal(expected)}",
                )
            ]
        )
        assert rows[1] == [(expected, expected)]


def test_text_columns_cant_hold_octets(pg: Callable[..., Place]) -> None:
    place = pg()
    place.run("ALTER TABLE smpp_store ALTER COLUMN msgdata TYPE text USING ''")
    with pytest.raises(StartError, match="column msgdata is text, it has to be bytea"):
        prepare(place.database, KsmppdGroup())


def test_two_daemons_create_the_tables_at_once(
    postgresql: PostgreSQL, caplog: pytest.LogCaptureFixture
) -> None:
    name = postgresql.create_database()
    databases = [PostgreSQLDatabase(pgsql_settings(postgresql, name)) for _ in range(4)]
    making = [gevent.spawn(prepare, database, KsmppdGroup()) for database in databases]
    gevent.joinall(making, raise_error=True)
    assert all(each.value.columns(each.value.tables.store) for each in making)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    for database in databases:
        database.close()
    postgresql.drop_database(name)


def test_no_plan_sorts_or_reads_all(pg: Callable[..., Place], monkeypatch: pytest.MonkeyPatch) -> None:
    """EXPLAIN of what is sent for a page of each kind, with many rows of many accounts."""
    place = pg()
    store = DatabaseStore(place.database, place.layout)
    accounts = [b"user%d" % number for number in range(50)]
    store.save([Sms(sms_type=SmsType.MO, service=accounts[number % 50]) for number in range(5000)])
    place.run("ANALYZE smpp_store")
    sent: list[str] = []
    execute = place.database.execute

    def explained(statement: Statement, values: Any = None, **keywords: Any) -> Any:
        if not statement.changes:
            plan = execute(Statement(f"EXPLAIN {statement.text}", statement.defaults), values, **keywords)
            sent.append("\n".join(row[0].decode() for row in plan.rows))
        return execute(statement, values, **keywords)

    monkeypatch.setattr(place.database, "execute", explained)
    assert len(store.page(SmsType.MO, 100, 10, "user7")) == 10
    assert len(store.page(SmsType.MO, 100, 10)) == 10
    assert store.unaddressed(0, 10) == []
    assert store.receivers_with_rows(["user1", "nobody"]) == {"user1"}
    assert len(sent) >= 4
    for plan in sent[:4]:
        assert "Sort" not in plan, plan
        assert "Seq Scan on smpp_store" not in plan, plan


class TestRights:
    def states(self, postgresql: PostgreSQL, place: Place, rights: str) -> list[Any]:
        name = place.database.name  # type: ignore[attr-defined]
        postgresql.query(f"DROP OWNED BY {self.role(postgresql)}", name)
        postgresql.create_user("limited", "secret", name, "USAGE")
        for right in rights.split():
            postgresql.query(f"GRANT {right} ON ALL TABLES IN SCHEMA public TO limited", name)
        database = PostgreSQLDatabase(pgsql_settings(postgresql, name, username="limited"))
        found = list(check_tables(database, describe(database, KsmppdGroup())))
        assert version_of(database).startswith("PostgreSQL 1")
        database.close()
        return found

    def role(self, postgresql: PostgreSQL) -> str:
        if not postgresql.query("SELECT FROM pg_roles WHERE rolname = 'limited'"):
            postgresql.query("CREATE ROLE limited LOGIN")
        return "limited"

    def test_those_of_a_running_server_suffice(
        self, pg: Callable[..., Place], postgresql: PostgreSQL
    ) -> None:
        states = self.states(postgresql, pg(), "SELECT INSERT UPDATE DELETE")
        assert [state.problem for state in states] == [""] * 5

    def test_reading_only(self, pg: Callable[..., Place], postgresql: PostgreSQL) -> None:
        user, route, store, _pdu, _version = self.states(postgresql, pg(), "SELECT")
        assert (route.problem, user.problem) == ("", "permission denied for table smpp_user")
        assert store.problem == "permission denied for table smpp_store"

    def test_a_table_that_may_not_be_created(self, pg: Callable[..., Place], postgresql: PostgreSQL) -> None:
        place = pg()
        place.run("DROP TABLE smpp_store")
        states = self.states(postgresql, place, "SELECT INSERT UPDATE DELETE")
        assert states[2].problem == "isn't there, and this user may not create it"


class TestPgBouncer:
    """Everything but the claim works where each transaction has another session."""

    @pytest.fixture(params=["transaction", "session"])
    def bouncer(self, request: pytest.FixtureRequest, postgresql: PostgreSQL) -> Iterator[PgBouncer]:
        bouncer = PgBouncer(postgresql, request.param)
        bouncer.start()
        yield bouncer
        bouncer.stop()

    def test_statements(self, bouncer: PgBouncer, pg: Callable[..., Place]) -> None:
        place = pg(port=bouncer.port)
        place.add_user(credit=10)
        place.add_route(1, "", "smppusera")
        for _ in range(3):
            for call in everything(place).values():
                call()
        assert place.run("SELECT count(*) FROM smpp_store") == [(3,)]

    def test_the_claim_says_whether_it_can_be_held(
        self,
        bouncer: PgBouncer,
        pg: Callable[..., Place],
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(claims, "INTERVAL", 0.05)
        several = [open_claim(pg(port=bouncer.port).database, "smpp_store") for _ in range(2)]
        for one in several:
            one.start()
        works = bouncer.mode == "session"
        with gevent.Timeout(10):
            while [one.held for one in several].count(True) != (1 if works else 2):
                gevent.sleep(0.02)
        gevent.sleep(0.2)
        for one in several:
            one.stop()
        assert caplog.text.count("can't be held") == (0 if works else 2)


def test_psycopg_speaks_to_a_frozen_server_no_longer_than_the_deadline(
    pg: Callable[..., Place], postgresql: PostgreSQL
) -> None:
    """Closing a connection sends a message, too."""
    place = pg(timeout=0.3, back_off=0.0)
    with postgresql.frozen(), loop_keeps_ticking():
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            place.run("SELECT 1")
        place.database.close()
        assert time.monotonic() - began < 1


def test_a_change_that_no_standby_confirms_isnt_told_as_made() -> None:
    """PostgreSQL itself reports success when its wait for a synchronous standby is cut short."""
    server = PostgreSQL(**REPLICATED)
    try:
        server.start()
        database = PostgreSQLDatabase(pgsql_settings(server, "postgres"), timeout=1.0, back_off=0.1)
        database.start()
        database.execute(Statement("CREATE TABLE seen (x int)"), repeatable=False)
        server.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        server.query("SELECT pg_reload_conf()")
        wait_until(lambda: server.query("SHOW synchronous_standby_names") == (("nobody",),), "the setting")
        insert = Statement("INSERT INTO seen VALUES (1)")
        for change in (
            lambda: database.execute(insert, repeatable=False),
            lambda: database.transaction(lambda transaction: transaction.execute(insert)),
        ):
            with pytest.raises(DatabaseUnavailable):
                change()
            gevent.sleep(0.15)
        assert database.execute(ONE, repeatable=True).rows == [(1,)]
        database.close()
    finally:
        server.remove()
