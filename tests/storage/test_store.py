"""The queue tables, on both databases."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from ksmppd_py.config import KsmppdGroup, Sqlite3Connection
from ksmppd_py.errors import MessageTooLong
from ksmppd_py.kannel.messages import SMS_FIELDS, Kind, Sms, SmsType
from ksmppd_py.model.queue_limits import QueueLimit
from ksmppd_py.model.store import StoredMessage
from ksmppd_py.storage.database import Statement
from ksmppd_py.storage.inserts import TooLongForColumn
from ksmppd_py.storage.queue_limits import QueueLimitColumns
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.storage.store import DatabaseStore
from ksmppd_py.storage.upgrade import describe, prepare
from tests.parts.mariadb import MariaDB
from tests.storage.conftest import Place

EVERY_OCTET = bytes(range(256))
ID = b"0b1c2d3e-0000-4000-8000-00000000000"


def make_sms(number: int = 0, sms_type: int = SmsType.MT_PUSH, **others: Any) -> Sms:
    known: dict[str, Any] = {
        "sender": b"1234",
        "receiver": b"+46700000000",
        "msgdata": b"hello %d" % number,
        "service": b"smppusera",
        "id": ID + b"%d" % (number % 10),
    }
    return Sms(sms_type=sms_type, **{**known, **others})


@pytest.fixture
def store(place: Place) -> Iterator[DatabaseStore]:
    opened = DatabaseStore(place.database, place.layout)
    yield opened
    opened.flush()  # or it would go on when the database is gone, in the log of another test


def stored(rows: list[StoredMessage]) -> list[Sms | None]:
    return [row.sms for row in rows]


def count(place: Place, table: str = "smpp_store") -> int:
    name = place.database.dialect.identifier_preparer.quote_identifier(table)
    return int(place.run(f"SELECT count(*) FROM {name}")[0][0])


def test_every_field_with_every_octet(store: DatabaseStore) -> None:
    sms = Sms(id=ID + b"7")
    for number, (name, kind) in enumerate(SMS_FIELDS):
        if kind is Kind.STRING:
            setattr(sms, name, EVERY_OCTET[number:] + EVERY_OCTET[:number])
        elif kind is Kind.INTEGER:
            setattr(sms, name, -(2**31) + number if number % 2 else 2**31 - 1 - number)
    store.save([sms])
    assert stored(store.page(sms.sms_type, 0, 10)) == [sms]


def test_absent_isnt_empty(store: DatabaseStore) -> None:
    absent = Sms(sms_type=0, id=ID + b"1")
    empty = Sms(sms_type=0, id=ID + b"2")
    for name, kind in SMS_FIELDS:
        if kind is Kind.STRING:
            setattr(empty, name, b"")
    store.save([absent, empty])
    assert stored(store.page(0, 0, 10)) == [absent, empty]


def test_pages(store: DatabaseStore) -> None:
    batch = [make_sms(number) for number in range(5)]
    store.save([*batch, make_sms(sms_type=SmsType.MO), make_sms(service=b"other")])
    first = store.page(SmsType.MT_PUSH, 0, 3)
    assert stored(first) == batch[:3]
    second = store.page(SmsType.MT_PUSH, first[-1].global_id, 3, service="SMPPUserA")
    assert stored(second) == batch[3:]
    assert store.page(SmsType.MT_PUSH, second[-1].global_id, 3, service="smppusera") == []


def test_last_surplus(store: DatabaseStore) -> None:
    kinds = [SmsType.MO, SmsType.REPORT_MO, SmsType.MT_PUSH, SmsType.MO, SmsType.REPORT_MO]
    ids = store.save([make_sms(number, sms_type=kind) for number, kind in enumerate(kinds)])
    store.save([make_sms(sms_type=SmsType.MO, service=b"other")])
    expected = {0: ids[4], 1: ids[3], 2: ids[1], 3: ids[0], 4: 0, 100: 0}
    assert {keep: store.last_surplus("smppusera", keep) for keep in expected} == expected
    assert store.last_surplus("nobody", 0) == 0


def test_limits_of_accounts(place: Place) -> None:
    default = QueueLimit(60, 10)
    layout = place.layout
    assert QueueLimitColumns(place.database, layout).read(default) == {}
    place.run("ALTER TABLE smpp_user ADD COLUMN queue_max_rows INTEGER")
    place.add_user(system_id="UserA", queue_max_rows=5)
    place.add_user(system_id="userb")
    columns = QueueLimitColumns(place.database, describe(place.database, KsmppdGroup()))
    assert columns.read(default) == {"usera": QueueLimit(60, 5)}


def test_expired_mts(store: DatabaseStore) -> None:
    validities = [99, 100, 0, -1, 1, 50]
    batch = [make_sms(number, validity=validity) for number, validity in enumerate(validities)]
    store.save([*batch, make_sms(sms_type=SmsType.MO, validity=1)])
    found = store.expired_mts(100, 0, 2)
    assert stored(found) == [batch[0], batch[4]]
    store.remove([found[1].global_id])
    assert stored(store.expired_mts(100, 0, 10)) == [batch[0], batch[5]]
    assert stored(store.expired_mts(100, found[1].global_id, 10)) == [batch[5]]


def test_removed_rows_leave_the_page_at_once_and_the_table_soon(place: Place, store: DatabaseStore) -> None:
    store.save([make_sms(number) for number in range(6)])
    rows = store.page(SmsType.MT_PUSH, 0, 10)
    store.remove([row.global_id for row in rows[:4]])
    assert store.page(SmsType.MT_PUSH, 0, 2) == rows[4:]
    assert store.has_mts()
    with gevent.Timeout(5):
        while count(place) > 2:
            gevent.sleep(0.01)
    store.remove([row.global_id for row in rows[4:]])
    assert not store.has_mts()
    assert store.flush()
    assert count(place) == 0


@pytest.mark.parametrize("removed_while_reading", [False, True])
def test_a_row_that_is_deleted_while_a_page_is_read_isnt_in_it(
    place: Place, store: DatabaseStore, monkeypatch: pytest.MonkeyPatch, removed_while_reading: bool
) -> None:
    """The statement sees the row, then the row is deleted and forgotten, then the answer comes."""
    store.save([make_sms(number) for number in range(3)])
    store.save_pdus("usera", [b"\0\0\0\5", b"\0\0\0\5"])
    first, *others = [row.global_id for row in store.page(SmsType.MT_PUSH, 0, 10)]
    first_pdu, other_pdu = [row.global_id for row in store.page_pdus("usera", 0, 10)]
    execute = type(place.database).execute

    removals = [lambda: store.remove([first]), lambda: store.remove_pdus([first_pdu])]

    def slow(self: object, statement: Any, values: Any = None, *, repeatable: bool) -> Any:
        reply = execute(self, statement, values, repeatable=repeatable)
        if "SELECT" in statement.text:
            monkeypatch.undo()
            if removed_while_reading:
                removals.pop(0)()
            assert store.flush()
        return reply

    def read(page: Callable[[], list[Any]]) -> list[int]:
        monkeypatch.setattr(type(place.database), "execute", slow)
        if not removed_while_reading:
            removals.pop(0)()
        return [row.global_id for row in page()]

    assert read(lambda: store.page(SmsType.MT_PUSH, 0, 10)) == others
    assert read(lambda: store.page_pdus("usera", 0, 10)) == [other_pdu]


def test_receivers_with_rows(store: DatabaseStore) -> None:
    everyone = ["usera", "userb", "userc", "userd", "usere"]
    assert store.receivers_with_rows(everyone) == set()
    store.save(
        [
            make_sms(sms_type=SmsType.MO, service=b"UserA"),
            make_sms(sms_type=SmsType.REPORT_MO, service=b"userb"),
            make_sms(sms_type=SmsType.REPORT_MO, service=None),
            make_sms(sms_type=SmsType.MT_PUSH, service=b"userc"),
        ]
    )
    store.save_pdus("userd", [b"\0\0\0\5"])
    assert store.receivers_with_rows(everyone) == {"usera", "userb", "userd"}
    assert store.receivers_with_rows(["userb", "userc"]) == {"userb"}


def test_pdus(place: Place, store: DatabaseStore) -> None:
    pdus = [b"\0\0\0\5" + EVERY_OCTET, b"\0\0\0\5second"]
    store.save_pdus("smppusera", pdus)
    store.save_pdus("other", [b"\0\0\0\5third"])
    rows = store.page_pdus("smppusera", 0, 10)
    assert [(row.system_id, row.octets) for row in rows] == [("smppusera", pdu) for pdu in pdus]
    assert store.page_pdus("smppusera", rows[0].global_id, 10) == rows[1:]
    store.remove_pdus([rows[0].global_id])
    assert store.page_pdus("smppusera", 0, 10) == rows[1:]
    assert store.flush()
    assert count(place, "smpp_queued_pdu") == 2


def test_pdu_with_its_length_in_front(store: DatabaseStore) -> None:
    store.save_pdus("usera", [b"\0\0\0\x0c\0\0\0\5rest"])
    assert store.page_pdus("usera", 0, 1)[0].octets == b"\0\0\0\5rest"


def test_rows_of_others(place: Place, store: DatabaseStore) -> None:
    """A row as the C daemon or a person writes it: NULLs, an id that is none, a number out of range."""
    numbers = {name: -1 for name, kind in SMS_FIELDS if kind is Kind.INTEGER}
    place.insert("smpp_store", **{**numbers, "sms_type": 0, "id": "none"})
    place.insert(
        "smpp_store", **{**numbers, "sms_type": 0, "msgdata": "text", "id": ID.decode().upper() + "F"}
    )
    place.insert("smpp_store", **{**numbers, "sms_type": 0, "coding": 2**40})
    unset, typed, broken = store.page(0, 0, 10)
    assert unset.sms is not None
    assert unset.sms == Sms(sms_type=0, id=unset.sms.id)
    assert len(unset.sms.id) == 36
    assert store.page(0, 0, 1)[0].sms == unset.sms  # the same id again
    assert typed.sms is not None
    assert (typed.sms.msgdata, typed.sms.id) == (b"text", ID + b"f")
    assert broken.sms is None
    assert "coding" in broken.problem


def test_saves_meanwhile_share_a_transaction(
    place: Place, store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions: list[str] = []
    for name in ("execute", "transaction"):
        original: Callable[..., Any] = getattr(place.database, name)

        def counted(*arguments: Any, original: Callable[..., Any] = original, **keywords: Any) -> Any:
            transactions.append("")
            return original(*arguments, **keywords)

        monkeypatch.setattr(place.database, name, counted)
    saving = [gevent.spawn(store.save, [make_sms(number)]) for number in range(200)]
    gevent.joinall(saving, raise_error=True)
    assert len(transactions) <= 3
    assert count(place) == 200


def test_told_after_the_commit(place: Place, store: DatabaseStore) -> None:
    """After `save` has returned, another connection finds the row."""
    other = DatabaseStore(place.database, place.layout)
    dice = random.Random(2)

    def save_and_look(number: int) -> None:
        gevent.sleep(dice.random() / 50)
        store.save([make_sms(number, service=b"s%d" % number)])
        assert len(other.page(SmsType.MT_PUSH, 0, 5, service=f"s{number}")) == 1

    gevent.joinall([gevent.spawn(save_and_look, number) for number in range(40)], raise_error=True)


def test_other_table_names(place: Place) -> None:
    names = KsmppdGroup(database_store_table="my_store$2", database_pdu_table="MyPdus")
    store = DatabaseStore(place.database, prepare(place.database, names))
    store.save([make_sms()])
    store.save_pdus("usera", [b"x"])
    assert count(place, "my_store$2") == 1
    assert count(place, "MyPdus") == 1
    assert store.page(SmsType.MT_PUSH, 0, 1)[0].sms == make_sms()


def test_big_batches_in_several_statements(place: Place, store: DatabaseStore) -> None:
    batch = [make_sms(number, msgdata=b"\xff" * 60_000) for number in range(12)]
    store.save(batch)
    assert stored(store.page(SmsType.MT_PUSH, 0, 20)) == batch


@pytest.mark.integration
@pytest.mark.database
class TestLimits:
    """Values that only MySQL's columns refuse."""

    def test_too_long(self, mysql_place: Callable[[], Place]) -> None:
        place = mysql_place()
        store = DatabaseStore(place.database, place.layout)
        fits = make_sms(1, msgdata=b"\x80" * 65_535)
        with pytest.raises(MessageTooLong) as caught:
            store.save([fits, make_sms(2, meta_data=b"x" * 65_536)])
        assert isinstance(caught.value, TooLongForColumn)
        assert (caught.value.index, caught.value.column) == (1, "meta_data")
        assert count(place) == 0
        store.save([fits])
        assert stored(store.page(SmsType.MT_PUSH, 0, 2)) == [fits]


@pytest.mark.integration
@pytest.mark.database
def test_ids_where_several_masters_share_the_table(
    mysql_place: Callable[[], Place], mariadb: MariaDB
) -> None:
    mariadb.query("SET GLOBAL auto_increment_increment = 3")
    try:
        place = mysql_place()
        store = DatabaseStore(place.database, place.layout)
        ids = store.save([make_sms(number) for number in range(4)])
    finally:
        mariadb.query("SET GLOBAL auto_increment_increment = 1")
    assert [row.global_id for row in store.page(SmsType.MT_PUSH, 0, 10)] == list(ids)
    assert ids[1] - ids[0] == 3


def test_ids_of_saved_messages(store: DatabaseStore) -> None:
    """Each caller gets the ids of its own rows, in order."""
    batches = [[make_sms(10 * number + index) for index in range(1 + number % 4)] for number in range(30)]
    batches.append([make_sms(900 + index, msgdata=b"%d" % index * 20_000) for index in range(30)])
    saving = [gevent.spawn(store.save, batch) for batch in batches]
    gevent.joinall(saving, raise_error=True)
    kept = {row.global_id: row.sms for row in store.page(SmsType.MT_PUSH, 0, 1000)}
    for each, batch in zip(saving, batches, strict=True):
        assert [kept[global_id] for global_id in each.value] == batch
    assert store.save([]) == ()


def test_rows_of_nobody(place: Place, store: DatabaseStore) -> None:
    kinds = (SmsType.MO, SmsType.REPORT_MO)
    mine = [
        make_sms(sms_type=kind, service=service) for kind in kinds for service in (None, b"", b"smppusera")
    ]
    rows = store.save([*mine, make_sms(sms_type=SmsType.MT_PUSH, service=None)])
    nobodys = [rows[index] for index in (0, 1, 3, 4)]
    assert [row.global_id for row in store.unaddressed(0, 10)] == nobodys
    assert [row.global_id for row in store.unaddressed(nobodys[1], 1)] == nobodys[2:3]
    store.remove(nobodys[3:])
    store.set_account(nobodys[0], "smppuserb")
    store.set_account(nobodys[2], "jos\xe9")
    assert [row.global_id for row in store.unaddressed(0, 10)] == nobodys[1:2]
    assert [row.global_id for row in store.page(SmsType.MO, 0, 10, "smppuserb")] == nobodys[:1]
    [given] = store.page(SmsType.REPORT_MO, 0, 10, "jos\xe9")
    assert given.sms is not None
    assert given.sms.service == b"jos\xe9"


@pytest.mark.parametrize("damage", ["mclass = 9e999", "mclass = '1e999'", "msgdata = CAST(x'ff41' AS TEXT)"])
def test_a_row_of_another_hand_keeps_no_page_from_being_read(tmp_path: Path, damage: str) -> None:
    """SQLite's columns hold anything."""
    database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(tmp_path / "ksmppd.sqlite")))
    database.start()
    store = DatabaseStore(database, prepare(database, KsmppdGroup()))
    odd, good = store.save([make_sms(1, sms_type=0), make_sms(2, sms_type=0)])
    database.execute(Statement(f"UPDATE smpp_store SET {damage} WHERE global_id = {odd}"), repeatable=False)
    rows = store.page(0, 0, 10, "smppusera")
    assert [row.global_id for row in rows] == [odd, good]
    assert rows[1].sms is not None
    if rows[0].sms is not None and damage.startswith("msgdata"):
        assert rows[0].sms.msgdata == b"\xffA"
    database.close()
