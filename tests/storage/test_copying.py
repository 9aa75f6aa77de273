"""Copies between databases of each kind: every value, the ids, and what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ksmppd_py.config import KsmppdGroup, Sqlite3Connection
from ksmppd_py.kannel.messages import SMS_FIELDS, Kind, Sms
from ksmppd_py.storage.copying import CopyRefused, copy_tables
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.routes import DatabaseRoutes
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.storage.store import DatabaseStore
from ksmppd_py.storage.upgrade import describe, prepare
from ksmppd_py.storage.users import DatabaseAuthenticator
from tests.parts.mariadb import MariaDB
from tests.parts.postgresql import PostgreSQL
from tests.storage.conftest import SERVERS, Place, open_server

OpenPlace = Callable[..., Place]
KINDS = ("sqlite3", "mysql", "pgsql")


@pytest.fixture
def open_kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenPlace]:
    """Opens an empty database of a kind; `prepared` with our tables."""
    numbers = itertools.count()
    with ExitStack() as at_end:

        def open_it(kind: str, prepared: bool = True) -> Place:
            database: Database
            if kind == "sqlite3":
                path = str(tmp_path / f"{next(numbers)}.sqlite")
                database = SQLiteDatabase(Sqlite3Connection(id="db", database=path))
            else:
                server: MariaDB | PostgreSQL = request.getfixturevalue(
                    {"mysql": "mariadb", "pgsql": "postgresql"}[kind]
                )
                name = server.create_database()
                at_end.callback(server.drop_database, name)
                database = open_server(server, name)
            at_end.callback(database.close)
            database.start()
            layout = (prepare if prepared else describe)(database, KsmppdGroup())
            return Place(database, layout)

        yield open_it


def every_octet() -> Sms:
    sms = Sms(sms_type=0, id=b"6e9e1f4c-5a7f-4f0c-9a55-0c5b7f3a2d11")
    for number, (name, kind) in enumerate(SMS_FIELDS):
        if kind is Kind.STRING:
            setattr(sms, name, bytes(range(number, 256)) + bytes(range(number)))
        elif kind is Kind.INTEGER:
            setattr(sms, name, -(2**31) + number if number % 2 else 2**31 - 1 - number)
    return sms


def copied(source: Place, target: Place, dry_run: bool = False) -> dict[str, int]:
    """Copy, and return the numbers of rows."""
    places = (source.database, source.layout), (target.database, target.layout)
    return {table.name: table.rows for table in copy_tables(*places, dry_run)}


PAIRS = [
    pytest.param(source, target, marks=SERVERS if {source, target} != {"sqlite3"} else [])
    for source, target in itertools.product(KINDS, KINDS)
    if (source, target)
    in {("sqlite3", "sqlite3"), ("mysql", "pgsql"), ("sqlite3", "pgsql"), ("pgsql", "mysql")}
]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_all_is_there_afterwards(open_kind: OpenPlace, source: str, target: str) -> None:
    old = open_kind(source)
    old.run("ALTER TABLE smpp_user ADD COLUMN alt_charset VARCHAR(20)")
    old.run("ALTER TABLE smpp_user ADD COLUMN of_another INTEGER")
    old = Place(old.database, describe(old.database, KsmppdGroup()))
    old.add_user("acme", credit=12.345678, alt_charset="UTF-8", connect_allow_ip="127.0.0.1")
    old.add_route(1, "^[+]46", "acme", cost=0.25, priority=3)
    old.add_route(2, None, None)
    store = DatabaseStore(old.database, old.layout)
    sms = every_octet()
    store.save([Sms(sms_type=9)])
    store.delete([row.global_id for row in store.page(9, 0, 1)])  # the ids that follow don't begin at 1
    store.save([sms, Sms(sms_type=3, service=b"acme")])
    store.save_pdus("acme", [b"\0\xff'\\"])
    new = open_kind(target, prepared=False)
    dry = copied(old, new, dry_run=True)
    assert describe(new.database, KsmppdGroup()).columns(new.layout.tables.user) == frozenset()
    new = Place(new.database, prepare(new.database, KsmppdGroup()))
    assert copied(old, new) == dry == {
        "smpp_user": 1, "smpp_route": 2, "smpp_store": 2, "smpp_queued_pdu": 1
    }  # fmt: skip
    new = Place(new.database, prepare(new.database, KsmppdGroup()))
    authenticators = [DatabaseAuthenticator(place.database, place.layout) for place in (old, new)]
    accounts = [each.authenticate(b"ACME", b"userA", "") for each in authenticators]
    assert accounts[0] == accounts[1]
    assert accounts[1] is not None
    assert accounts[1].alt_charset == "UTF-8"
    routes = [list(DatabaseRoutes(place.database, place.layout).everything()) for place in (old, new)]
    assert routes[0] == routes[1]
    stores = [DatabaseStore(place.database, place.layout) for place in (old, new)]
    for kind in (sms.sms_type, 3):
        assert stores[0].page(kind, 0, 10) == stores[1].page(kind, 0, 10)
    assert stores[0].page_pdus("acme", 0, 10) == stores[1].page_pdus("acme", 0, 10)
    last = stores[1].page(3, 0, 10)[-1].global_id
    assert stores[1].save([Sms(sms_type=3)])[0] > last
    for authenticator in authenticators:
        authenticator.close()


def test_what_is_refused(open_kind: OpenPlace) -> None:
    old, new = open_kind("sqlite3"), open_kind("sqlite3")
    old.add_user("one")
    new.add_user("two")
    with pytest.raises(CopyRefused, match="smpp_user has rows already"):
        copied(old, new)
    assert new.run("SELECT system_id FROM smpp_user") == [("two",)]


@pytest.mark.integration
@pytest.mark.database
def test_a_value_that_has_no_room_is_named(open_kind: OpenPlace) -> None:
    old, new = open_kind("sqlite3"), open_kind("pgsql")
    old.add_user("n" * 20)
    with pytest.raises(CopyRefused, match=r"smpp_user, the 1 rows from system_id n+ on: value too long"):
        copied(old, new)
