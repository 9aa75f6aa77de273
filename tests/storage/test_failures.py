"""A database that is frozen, gone, killed or busy: callers get an answer in time and nothing else stops."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import gevent
import pymysql
import pytest
from gevent.server import StreamServer

from ksmppd_py.config import KsmppdGroup, MysqlConnection, Sqlite3Connection
from ksmppd_py.errors import DatabaseUnavailable, StartError
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.storage import writer
from ksmppd_py.storage.claim import ServerClaim, open_claim
from ksmppd_py.storage.database import Statement, StatementRefused
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.router import DatabaseRouter
from ksmppd_py.storage.routes import DatabaseRoutes
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.storage.store import DatabaseStore
from ksmppd_py.storage.upgrade import prepare
from ksmppd_py.storage.users import DatabaseAuthenticator, DatabaseCredit
from tests.parts.mariadb import MariaDB
from tests.parts.routing import route_one
from tests.storage.conftest import Place, mysql_settings

SMS = Sms(sms_type=SmsType.MT_PUSH, receiver=b"1", service=b"smppusera")
needs_mariadb = [pytest.mark.integration, pytest.mark.database]


@contextmanager
def loop_keeps_ticking(longest: float = 0.25) -> Iterator[None]:
    """Inside, no turn of the event loop takes longer than `longest` seconds."""
    gaps: list[float] = []

    def tick() -> None:
        last = time.monotonic()
        while True:
            gevent.sleep(0.01)
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    ticker = gevent.spawn(tick)
    gevent.sleep(0)
    try:
        yield
    finally:
        ticker.kill()
    assert gaps
    assert max(gaps) < longest


def everything(place: Place) -> dict[str, Callable[[], Any]]:
    """Each kind of call."""
    store = DatabaseStore(place.database, place.layout)
    credit = DatabaseCredit(place.database, place.layout)
    authenticator = DatabaseAuthenticator(place.database, place.layout)
    router = DatabaseRouter(DatabaseRoutes(place.database, place.layout))
    return {
        "authenticate": lambda: authenticator.authenticate(b"smppusera", b"userA", ""),
        "charge": lambda: credit.charge("smppusera", [1.0]),
        "refund": lambda: credit.refund("smppusera", 1.0),
        "route": lambda: route_one(router, "smppusera", SMS),
        "rebuild": router.rebuild,
        "save": lambda: store.save([SMS]),
        "page": lambda: store.page(SmsType.MT_PUSH, 0, 10),
        "save PDU": lambda: store.save_pdus("smppusera", [b"x"]),
        "page PDUs": lambda: store.page_pdus("smppusera", 0, 10),
        "receivers": lambda: store.receivers_with_rows(["smppusera"]),
        "submits": store.has_mts,
    }


@pytest.mark.parametrize(
    "greeting",
    [b"", b"\0\0\0\0", b"\5\0\0\0\x0aabcd", b"\2\0\0\0\x0a\0", b"HTTP/1.1 400 Bad Request\r\n\r\n"],
)
def test_a_server_that_isnt_mysqls(greeting: bytes) -> None:
    """An answer of a proxy or of another program counts as an outage."""

    def answer(peer: socket.socket, _address: object) -> None:
        peer.sendall(greeting)
        peer.close()

    server = StreamServer(("127.0.0.1", 0), answer)
    server.start()
    settings = MysqlConnection(
        id="db", database="ksmppd", host="127.0.0.1", port=server.server_port, username="", password=""
    )
    database = MySQLDatabase(settings, timeout=1)
    with pytest.raises(DatabaseUnavailable):
        database.execute(Statement("SELECT 1"), repeatable=True)
    with pytest.raises(StartError, match="no connections"):
        database.start(within=0.1)
    claim = open_claim(database, "smpp_store")
    assert isinstance(claim, ServerClaim)
    assert claim.claim() is None
    server.stop()


def test_a_defect_at_the_database_ends_no_remover(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "BACK_OFF", 0.05)
    store = DatabaseStore(place.database, place.layout)
    ids = store.save([SMS, SMS])
    execute = place.database.execute
    failures: list[Statement] = []

    def fail_at_first(statement: Statement, *arguments: Any, **options: Any) -> Any:
        if statement.text.startswith("DELETE") and len(failures) < 2:
            failures.append(statement)
            raise RuntimeError("a defect")
        return execute(statement, *arguments, **options)

    monkeypatch.setattr(place.database, "execute", fail_at_first)
    store.remove(ids)
    assert store.flush()
    assert place.run("SELECT count(*) FROM smpp_store") == [(0,)]
    assert len(failures) == 2
    assert "can't be deleted" in caplog.text


@pytest.mark.integration
@pytest.mark.database
class TestMariaDB:
    @pytest.mark.slow
    def test_frozen(self, mysql_place: Callable[[], Place], mariadb: MariaDB) -> None:
        place = mysql_place()
        place.add_user(credit=10)
        calls = everything(place)

        def timed(call: Callable[[], Any]) -> float:
            start = time.monotonic()
            with pytest.raises(DatabaseUnavailable):
                call()
            return time.monotonic() - start

        with mariadb.frozen(), loop_keeps_ticking():
            first = [gevent.spawn(timed, call) for call in calls.values()]
            gevent.joinall(first, raise_error=True)
            assert max(each.value for each in first) < 6
            # Within the back-off a call costs nothing.
            assert max(timed(call) for call in calls.values()) < 0.5
        gevent.sleep(1.1)
        place.add_route(1, "", "smppusera")
        for call in calls.values():
            call()

    def test_one_caller_at_a_time_tries_a_frozen_server(
        self, mysql_place: Callable[[], Place], mariadb: MariaDB
    ) -> None:
        place = mysql_place()
        quick = MySQLDatabase(mysql_settings(mariadb, "mysql"), timeout=0.4, back_off=0.2)
        quick.start()

        def ask() -> float:
            start = time.monotonic()
            with pytest.raises(DatabaseUnavailable):
                quick.execute(Statement("SELECT 1"), repeatable=True)
            return time.monotonic() - start

        with mariadb.frozen():
            assert ask() == pytest.approx(0.4, abs=0.2)
            gevent.sleep(0.25)
            trying = [gevent.spawn(ask) for _ in range(20)]
            gevent.joinall(trying, raise_error=True)
            assert sum(each.value > 0.3 for each in trying) == 1
        gevent.sleep(0.25)
        assert quick.execute(Statement("SELECT 1"), repeatable=True).rows
        quick.close()
        assert place.run("SELECT 1") == [(1,)]

    def test_what_can_only_be_read_is_read(self, mysql_place: Callable[[], Place], mariadb: MariaDB) -> None:
        """Changes hang, as on a disk without room for the binary log: binds and routes don't wait for them."""
        place = mysql_place()
        place.add_user(credit=10)
        place.add_route(1, "", "smppusera")
        settings = mysql_settings(mariadb, place_name(place), max_connections=2)
        quick = MySQLDatabase(settings, timeout=1.0, back_off=0.2)
        quick.start()
        calls = everything(Place(quick, place.layout))
        with closing(
            mariadb.connect(None)
        ) as lock:  # or a failure here would keep the next tests waiting for ever
            lock.query("FLUSH TABLES WITH READ LOCK")
            for _ in range(3):
                change = gevent.spawn(calls["charge"])
                gevent.sleep(0.05)
                assert calls["authenticate"]() is not None
                with pytest.raises(DatabaseUnavailable):
                    change.get()
                began = time.monotonic()
                for name in ("authenticate", "route", "rebuild", "page", "receivers", "submits"):
                    calls[name]()
                assert time.monotonic() - began < 0.9
                assert quick.meter.available
                gevent.sleep(0.2)
        gevent.sleep(0.25)
        assert calls["charge"]() == 1
        quick.close()

    @pytest.mark.parametrize(
        ("number", "takes_changes"),
        [
            (1021, False),
            (1026, False),
            (1114, False),
            (1290, False),
            (1792, False),
            (1836, False),
            (1062, True),
            (1146, True),
            (1406, True),
        ],
    )
    def test_a_server_that_may_only_be_read_is_told_of(
        self, mysql_place: Callable[[], Place], number: int, takes_changes: bool
    ) -> None:
        """Each statement is refused with the server's own message, and no other is delayed."""
        database = mysql_place().database
        refusing = Statement(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'words'")
        for _ in range(2):
            with pytest.raises(StatementRefused, match="words") as caught:
                database.execute(refusing, repeatable=True)
            assert caught.value.number == number
        assert list(database.execute(Statement("SELECT 1"), repeatable=True).rows) == [(1,)]
        assert (database.meter.available, database.meter.takes_changes) == (True, takes_changes)
        database.execute(Statement("DO 1"), repeatable=True)
        assert database.meter.takes_changes

    def test_a_long_answer_where_no_more_connections_are_granted(
        self, mysql_place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It comes over one of the pool's, which is there."""
        place = mysql_place()
        for regex in ("1", "2"):
            place.add_route(1, regex, "a")
        refused = []

        def refuse(**_: object) -> None:
            refused.append(1)
            raise pymysql.err.OperationalError(1040, "Too many connections")

        monkeypatch.setattr(pymysql, "connect", refuse)
        for _ in range(2):
            [portion] = DatabaseRoutes(place.database, place.layout).everything()
            assert [row.route.regex for row in portion] == ["1", "2"]
        assert len(refused) == 2
        assert place.database.meter.failures == 0

    def test_killed_connections(self, mysql_place: Callable[[], Place], mariadb: MariaDB) -> None:
        """Repeatable statements don't notice; others do only within a second after the last use."""
        place = mysql_place()
        place.add_user(credit=10)
        place.add_route(1, "", "smppusera")
        calls = everything(place)
        calls["save"]()
        kill_connections(mariadb)
        for name in ("authenticate", "route", "page", "page PDUs", "receivers", "submits"):
            calls[name]()
            kill_connections(mariadb)
        calls["page"]()
        gevent.sleep(1.05)
        kill_connections(mariadb)
        calls["charge"]()
        gevent.sleep(1.05)
        kill_connections(mariadb)
        calls["save"]()
        assert mariadb_count(place, "smpp_store") == 2

    def test_transactions_survive_a_killed_connection(
        self, mysql_place: Callable[[], Place], mariadb: MariaDB
    ) -> None:
        """Nothing was committed, so all of it is done again."""
        place = mysql_place()
        place.add_user(credit=0)
        attempts = []

        def work(transaction: Any) -> int:
            attempts.append(1)
            transaction.execute(Statement("UPDATE smpp_user SET credit = credit + 1"))
            if len(attempts) == 1:
                kill_connections(mariadb)
            return int(transaction.execute(Statement("UPDATE smpp_user SET credit = credit + 1")).matched)

        assert place.database.transaction(work) == 1
        assert len(attempts) == 2
        assert place.run("SELECT credit FROM smpp_user") == [(2.0,)]

    def test_deadlock_is_tried_again(self, mysql_place: Callable[[], Place]) -> None:
        place = mysql_place()
        place.add_user("a", credit=0)
        place.add_user("b", credit=0)
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

    def test_a_caller_that_is_killed_leaves_no_half_read_connection(
        self, mysql_place: Callable[[], Place]
    ) -> None:
        place = mysql_place()
        for _ in range(8):  # more than there are connections
            asking = gevent.spawn(place.run, "SELECT SLEEP(3)")
            gevent.sleep(0.03)
            asking.kill()
            assert place.run("SELECT 42") == [(42,)]

    def test_no_free_connection(self, mariadb: MariaDB) -> None:
        database = MySQLDatabase(mysql_settings(mariadb, "mysql", max_connections=1), timeout=0.5)
        database.start()
        busy = gevent.spawn(lambda: database.execute(Statement("SELECT SLEEP(0.2)"), repeatable=True))
        gevent.sleep(0.05)
        assert database.execute(Statement("SELECT 1"), repeatable=True).rows == ((1,),)
        busy.get()
        database.close()

    def test_server_that_stops_and_starts(self) -> None:
        server = MariaDB()
        try:
            server.start()
            name = server.create_database()
            database = MySQLDatabase(mysql_settings(server, name), back_off=0.1)
            database.start()
            server.kill()
            with pytest.raises(DatabaseUnavailable):
                database.execute(Statement("SELECT 1"), repeatable=True)
            starting = gevent.spawn(database.start, 30)
            server.start()
            starting.get()
            database.close()
        finally:
            server.remove()

    def test_removals_wait_for_the_database(
        self, mysql_place: Callable[[], Place], mariadb: MariaDB, caplog: pytest.LogCaptureFixture
    ) -> None:
        place = mysql_place()
        store = DatabaseStore(place.database, place.layout)
        store.save([SMS, SMS])
        ids = [row.global_id for row in store.page(SmsType.MT_PUSH, 0, 10)]
        mariadb.query("RENAME TABLE smpp_store TO away", place_name(place))
        store.remove(ids)
        gevent.sleep(0.2)
        mariadb.query("RENAME TABLE away TO smpp_store", place_name(place))
        assert store.page(SmsType.MT_PUSH, 0, 10) == []
        assert store.flush()
        assert mariadb_count(place, "smpp_store") == 0
        assert "can't be deleted yet" in caplog.text

    def test_one_batch_that_the_server_refuses_spoils_no_other(
        self, mysql_place: Callable[[], Place], mariadb: MariaDB
    ) -> None:
        place = mysql_place()
        store = DatabaseStore(place.database, place.layout)
        mariadb.query(
            "CREATE TRIGGER no_x BEFORE INSERT ON smpp_store FOR EACH ROW IF NEW.sender = 'x' THEN"
            " SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1644; END IF",
            place_name(place),
        )
        good = [gevent.spawn(store.save, [SMS]) for _ in range(5)]
        bad = gevent.spawn(store.save, [Sms(sms_type=0, sender=b"x")])
        gevent.joinall(good, raise_error=True)
        with pytest.raises(DatabaseUnavailable):
            bad.get()
        assert mariadb_count(place, "smpp_store") == 5

    def test_wrong_password(self, mariadb: MariaDB) -> None:
        database = MySQLDatabase(mysql_settings(mariadb, "mysql", username="nobody", password="wrong"))
        with pytest.raises(
            StartError, match=r"database pool has no connections! \(mysql-connection `db': .*denied"
        ):
            database.start(within=0)
        database.close()

    def test_localhost_means_the_socket(self, mariadb: MariaDB, tmp_path: Path) -> None:
        stale = str(tmp_path / "stale.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(stale)
        paths = [str(tmp_path / "none.sock"), stale, mariadb.socket_path]
        for found, expected in ((paths, "Localhost"), (paths[:2], "127.0.0.1")):
            settings = mysql_settings(mariadb, "mysql")
            settings = MysqlConnection(
                id="db",
                database="mysql",
                host="LocalHost",
                port=settings.port,
                username=settings.username,
                password="",
            )
            database = MySQLDatabase(settings, socket_paths=found)
            database.start()
            host = database.execute(
                Statement("SELECT host FROM information_schema.processlist WHERE id = connection_id()"),
                repeatable=True,
            ).rows[0][0]
            assert host.decode().startswith(expected.lower())
            database.close()


def kill_connections(server: MariaDB) -> None:
    """End everyone else's connections."""
    rows = server.query(
        "SELECT id FROM information_schema.processlist WHERE command <> 'Daemon' AND id <> connection_id()"
    )
    for (number,) in rows:
        server.query(f"KILL {number}")


def place_name(place: Place) -> str:
    return bytes(place.run("SELECT DATABASE()")[0][0]).decode()


def mariadb_count(place: Place, table: str) -> int:
    return int(place.run(f"SELECT count(*) FROM {table}")[0][0])


def open_sqlite(path: str, **settings: int) -> Place:
    database = SQLiteDatabase(Sqlite3Connection(id="db", database=path, **settings))
    database.start()
    return Place(database, prepare(database, KsmppdGroup()))


class TestSQLite:
    @pytest.fixture
    def path(self, tmp_path: Path) -> str:
        return str(tmp_path / "db.sqlite")

    def test_commits_dont_stop_the_loop(self, path: str) -> None:
        """A slow statement and many commits run while everyone else goes on."""
        database = SQLiteDatabase(Sqlite3Connection(id="db", database=path))
        database.start()
        database.execute(Statement("CREATE TABLE t (x)"), repeatable=False)
        slow = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000000) SELECT max(n) FROM c"
        with loop_keeps_ticking(0.1):
            assert database.execute(Statement(slow), repeatable=True).rows == [(2_000_000,)]
            for _ in range(50):
                database.execute(Statement("INSERT INTO t VALUES (1)"), repeatable=False)
        database.close()

    def test_locked_by_another_process(self, path: str) -> None:
        database = SQLiteDatabase(Sqlite3Connection(id="db", database=path, lock_timeout=200), back_off=0.1)
        database.start()
        database.execute(Statement("CREATE TABLE t (x)"), repeatable=False)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            start = time.monotonic()
            with loop_keeps_ticking(0.1), pytest.raises(DatabaseUnavailable, match="locked"):
                database.execute(Statement("INSERT INTO t VALUES (1)"), repeatable=False)
            assert 0.15 < time.monotonic() - start < 2
            other.execute("COMMIT")
        gevent.sleep(0.11)
        assert database.execute(Statement("SELECT * FROM t"), repeatable=True).rows == []
        database.execute(Statement("INSERT INTO t VALUES (1)"), repeatable=False)
        database.close()

    def test_a_full_disk_can_be_read(self, path: str) -> None:
        """Binds and routing only read."""
        place = open_sqlite(path)
        place.add_user()
        place.add_route(1, "", "smppusera")
        calls = everything(place)
        pages = int(place.run("PRAGMA page_count")[0][0])
        place.run(f"PRAGMA max_page_count = {pages + 2}")
        refused = 0
        for _ in range(20):
            try:
                calls["save PDU"]()
                place.run(f"INSERT INTO smpp_queued_pdu (system_id, pdu) VALUES ('x', zeroblob({64 * 1024}))")
            except DatabaseUnavailable:
                refused += 1
            for name in ("authenticate", "route", "rebuild", "page", "receivers", "submits"):
                calls[name]()
        assert refused > 10
        place.run("SELECT 1")
        gevent.sleep(1.01)
        place.run("PRAGMA max_page_count = 100000")
        calls["save PDU"]()
        place.database.close()

    def test_what_another_process_has_locked_can_be_read(self, path: str) -> None:
        place = open_sqlite(path, lock_timeout=100)
        place.add_user()
        calls = everything(place)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for name in ("save", "charge", "save PDU"):
                with pytest.raises(DatabaseUnavailable, match="locked"):
                    calls[name]()
                assert calls["authenticate"]() is not None
                calls["page"]()
            other.execute("COMMIT")
        place.database.close()

    def test_who_waited_too_long_inside_the_thread_never_runs_later(self, path: str) -> None:
        """gevent's pool takes one task more than it has threads."""
        database = SQLiteDatabase(Sqlite3Connection(id="db", database=path), timeout=0.2, back_off=0.1)
        database.start()
        database.execute(Statement("CREATE TABLE t (x)"), repeatable=False)
        go_on = gevent.monkey.get_original("threading", "Event")()
        busy = database._thread.spawn(go_on.wait, 5)
        with pytest.raises(DatabaseUnavailable):
            database.execute(Statement("INSERT INTO t VALUES (1)"), repeatable=False)
        go_on.set()
        assert busy.get()
        gevent.sleep(0.1)  # the back-off
        assert database.execute(Statement("SELECT count(*) FROM t"), repeatable=True).rows == [(0,)]
        database.close()

    def test_a_caller_that_gave_up_never_runs_later(self, path: str) -> None:
        database = SQLiteDatabase(Sqlite3Connection(id="db", database=path), timeout=1.0, back_off=0.1)
        database.start()
        database.execute(Statement("CREATE TABLE t (x)"), repeatable=False)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            insert = [
                gevent.spawn(
                    lambda: database.execute(Statement("INSERT INTO t VALUES (1)"), repeatable=False)
                )
                for _ in range(10)
            ]
            gevent.joinall(insert)
            other.execute("ROLLBACK")
        assert all(isinstance(each.exception, DatabaseUnavailable) for each in insert)
        gevent.sleep(0.2)
        assert database.execute(Statement("SELECT count(*) FROM t"), repeatable=True).rows == [(0,)]
        database.close()

    def test_failed_work_is_rolled_back(self, path: str) -> None:
        database = SQLiteDatabase(Sqlite3Connection(id="db", database=path))
        database.start()
        database.execute(Statement("CREATE TABLE t (x UNIQUE)"), repeatable=False)

        def twice(transaction: Any) -> None:
            transaction.execute(Statement("INSERT INTO t VALUES (1)"))
            transaction.execute(Statement("INSERT INTO t VALUES (1)"))

        with pytest.raises(DatabaseUnavailable, match="UNIQUE"):
            database.transaction(twice)
        assert database.execute(Statement("SELECT * FROM t"), repeatable=True).rows == []
        database.close()

    def test_no_such_directory(self, tmp_path: Path) -> None:
        database = SQLiteDatabase(Sqlite3Connection(id="mine", database=str(tmp_path / "none" / "db")))
        with pytest.raises(StartError, match="sqlite3-connection `mine'"):
            database.start(within=0)
        database.close()

    @pytest.mark.slow
    def test_what_was_committed_survives_a_kill(self, path: str) -> None:
        """A process that is killed after it printed a number has that row in its file."""
        program = """
from gevent import monkey; monkey.patch_all()
import sys, os, signal
from ksmppd_py.storage import writer
from ksmppd_py.storage.claim import ServerClaim, open_claim
from ksmppd_py.storage.database import Statement
from ksmppd_py.config import KsmppdGroup, MysqlConnection, Sqlite3Connection
from ksmppd_py.storage.sqlite import SQLiteDatabase
database = SQLiteDatabase(Sqlite3Connection(id="db", database=sys.argv[1]))
database.start()
database.execute(Statement("CREATE TABLE t (x)"), repeatable=False)
for number in range(100):
    database.execute(Statement(f"INSERT INTO t VALUES ({number})"), repeatable=False)
    print(number, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
        done = subprocess.run(
            [sys.executable, "-c", program, path], stdout=subprocess.PIPE, check=False, timeout=60
        )
        assert done.returncode == -9
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM t").fetchall() == [(len(done.stdout.split()),)]
            assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_nobody_else_reads_a_new_sqlite_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = tmp_path / "new.db"
        database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(path)))
        database.start(within=0)
        database.execute(Statement("CREATE TABLE x (y)"), repeatable=False)
    finally:
        os.umask(before)
    found = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    database.close()
    assert found == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}


def test_a_sqlite_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    path.touch(mode=0o660)
    path.chmod(0o660)
    database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(path)))
    database.start(within=0)
    database.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
