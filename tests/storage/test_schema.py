"""The tables: what we ship, what we create, and every database that the C daemon left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.errors import MessageTooLong
from ksmppd_py.kannel.messages import SMS_FIELDS, Kind, Sms, SmsType
from ksmppd_py.storage import own_tables
from ksmppd_py.storage.routes import DatabaseRoutes
from ksmppd_py.storage.schema import DIALECTS, render
from ksmppd_py.storage.store import DatabaseStore
from ksmppd_py.storage.upgrade import prepare
from ksmppd_py.storage.users import DatabaseAuthenticator, DatabaseCredit
from tests.parts.mariadb import MariaDB
from tests.storage.conftest import Place

SCHEMAS = Path(__file__).parents[2] / "database-schemas"
OpenMySQL = Callable[..., Place]


@pytest.mark.parametrize("folder", DIALECTS)
def test_shipped_tables(folder: str) -> None:
    assert (SCHEMAS / folder / "tables.sql").read_text() == render(DIALECTS[folder])
    assert (SCHEMAS / folder / "management.sql").read_text() == own_tables.render(DIALECTS[folder])


def columns(place: Place, table: str) -> list[str]:
    if place.database.dialect.name == "sqlite":
        return [row[1] for row in place.run(f"PRAGMA table_info({table})")]
    if place.database.dialect.name == "postgresql":
        names = f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 ORDER BY attnum"
        return [row[0].decode() for row in place.run(names)]
    return [row[0].decode() for row in place.run(f"SHOW COLUMNS FROM {table}")]


def version(place: Place) -> int:
    return int(place.run("SELECT version FROM smpp_version WHERE component = 'ksmppd'")[0][0])


def test_columns_of_the_store_are_kannels(place: Place) -> None:
    assert columns(place, "smpp_store") == ["global_id", *(field.name for field in SMS_FIELDS)]
    assert version(place) == 4


def test_preparing_again_changes_nothing(open_place: Callable[[], Place]) -> None:
    open_place().run("UPDATE smpp_version SET version = 7")
    assert version(open_place()) == 7


FIRST_USER = """CREATE TABLE smpp_user (
  system_id varchar(15) NOT NULL, password varchar(64) NOT NULL, throughput double(10,5) NOT NULL DEFAULT '0.00000',
  default_smsc varchar(64) DEFAULT NULL, default_cost double NOT NULL,
  enable_prepaid_billing int(10) unsigned NOT NULL DEFAULT '0', credit double NOT NULL DEFAULT '0',
  callback_url varchar(255) DEFAULT NULL, simulate tinyint(1) NOT NULL DEFAULT '0',
  simulate_deliver_every int(10) unsigned NOT NULL, simulate_permanent_failure_every int(10) unsigned NOT NULL,
  simulate_temporary_failure_every int(10) unsigned NOT NULL, simulate_mo_every int(10) unsigned NOT NULL,
  max_binds int(10) unsigned NOT NULL DEFAULT '0', {user} PRIMARY KEY (system_id)) ENGINE=InnoDB;
"""
FIRST_ROUTE = """CREATE TABLE smpp_route (
  route_id bigint(20) unsigned NOT NULL AUTO_INCREMENT, direction int(11) NOT NULL, regex text,
  cost double DEFAULT NULL,
  system_id varchar(64) DEFAULT NULL, smsc_id varchar(64) DEFAULT NULL, {route} PRIMARY KEY (route_id),
  KEY direction (direction), KEY system_id (system_id), KEY smsc_id (smsc_id)) ENGINE=InnoDB {charset};
"""
_SMS_COLUMNS = ", ".join(
    f"`{field.name}` {'bigint(20) NOT NULL' if field.kind is Kind.INTEGER else 'text'}"
    if field.kind is not Kind.UUID
    else "id varchar(128) DEFAULT NULL"
    for field in SMS_FIELDS
)
FIRST_STORE = f"""CREATE TABLE smpp_store (global_id bigint(20) unsigned NOT NULL AUTO_INCREMENT, {_SMS_COLUMNS},
  PRIMARY KEY (global_id), KEY service (service(16)), KEY sms_type (sms_type)) ENGINE=InnoDB {{charset}};
"""
FIRST_PDU = """CREATE TABLE smpp_queued_pdu (global_id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  system_id varchar(64) NOT NULL, time bigint(20) DEFAULT NULL, pdu blob, PRIMARY KEY (global_id),
  KEY system_id (system_id)) ENGINE=InnoDB {charset};
"""
VERSION = """CREATE TABLE smpp_version (component varchar(54) NOT NULL PRIMARY KEY, version int unsigned NOT NULL);
INSERT INTO smpp_version VALUES ('ksmppd', {version});
"""
ALLOW = "connect_allow_ip text,"
SOURCE = "source_regex text,"
PRIORITY = "priority int DEFAULT '0',"
ORIGINS = {
    "first release": ("", "", None),
    "version 1, column missing": ("", "", 1),
    "version 1, column present": (ALLOW, "", 1),
    "version 2": (ALLOW, "", 2),
    "version 3": (ALLOW, SOURCE, 3),
    "version 4": (ALLOW, SOURCE + PRIORITY, 4),
    "tables.sql only": (ALLOW, SOURCE, None),
    "later": (ALLOW, SOURCE + PRIORITY, 5),
    "hand-made": (
        "note varchar(9) NOT NULL DEFAULT 'x'," + ALLOW,
        PRIORITY + "comment text, KEY p (priority),",
        2,
    ),
}


def origin(user: str, route: str, number: int | None, charset: str = "DEFAULT CHARSET=latin1") -> str:
    script = (FIRST_USER + FIRST_ROUTE + FIRST_STORE + FIRST_PDU).format(
        user=user, route=route, charset=charset
    )
    return script + (VERSION.format(version=number) if number else "")


def use_everything(place: Place) -> None:
    """Read and write each table."""
    place.add_user(credit=5)
    place.add_route(1, "^1", "smppusera", cost=2)
    place.add_route(2, "^2", "smppusera")
    account = DatabaseAuthenticator(place.database, place.layout).authenticate(b"SmppUserA", b"userA", "")
    assert account is not None
    assert DatabaseCredit(place.database, place.layout).charge("SMPPusera", [2.0, 2.0, 2.0]) == 2
    routes = DatabaseRoutes(place.database, place.layout)
    assert [route.cost for route in routes.outbound("smppusera")] == [2.0]
    assert [len(portion) for portion in routes.everything()] == [2]
    store = DatabaseStore(place.database, place.layout)
    octets = bytes(range(256))
    sms = Sms(sms_type=SmsType.MO, service=b"smppusera", msgdata=octets, udhdata=octets, id=b"%036d" % 1)
    store.save([sms])
    (row,) = store.page(SmsType.MO, 0, 10, service="SMPPUSERA")
    assert row.sms is not None
    assert (row.sms.msgdata, row.sms.udhdata) == (octets, octets)
    store.save_pdus("smppusera", [b"\0\0\0\5" + octets])
    (pdu,) = store.page_pdus("SMPPUSERA", 0, 10)
    assert pdu.octets == b"\0\0\0\5" + octets
    assert store.receivers_with_rows(["smppusera"]) == {"smppusera"}
    store.remove([row.global_id])
    store.remove_pdus([pdu.global_id])
    assert store.flush()
    assert store.receivers_with_rows(["smppusera"]) == set()


@pytest.mark.integration
@pytest.mark.database
@pytest.mark.parametrize("name", ORIGINS)
def test_origins(mysql_place: OpenMySQL, name: str) -> None:
    user, route, number = ORIGINS[name]
    place = mysql_place(before=origin(user, route, number))
    assert "connect_allow_ip" in columns(place, "smpp_user")
    assert {"source_regex", "priority"} <= set(columns(place, "smpp_route"))
    assert version(place) == max(4, number or 0)
    use_everything(place)


@pytest.mark.integration
@pytest.mark.database
@pytest.mark.parametrize("name", ORIGINS)
def test_without_the_right_to_change_tables(
    mysql_place: OpenMySQL, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    user, route, number = ORIGINS[name]
    place = mysql_place(before=origin(user, route, number), account="SELECT, INSERT, UPDATE, DELETE")
    complete = ALLOW in user and SOURCE in route and PRIORITY in route
    warned = [record.getMessage() for record in caplog.records if "running without it" in record.getMessage()]
    assert bool(warned) is not complete
    if number:  # with 4 the C daemon wouldn't try to add what is missing, and fail at every bind
        assert version(place) == (max(4, number) if complete else number)
    assert ("source_regex" in columns(place, "smpp_route")) is (SOURCE in route)
    use_everything(place)


CHARSETS = [
    "latin1",
    "utf8mb3",
    "utf8mb4",
    "latin1 COLLATE latin1_bin",
    "utf8mb4 COLLATE utf8mb4_bin",
    "binary",
]


@pytest.mark.integration
@pytest.mark.database
@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize(
    "sql_mode", ["", "STRICT_ALL_TABLES,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT"]
)
def test_charsets_of_columns(mysql_place: OpenMySQL, mariadb: MariaDB, charset: str, sql_mode: str) -> None:
    before = origin(ALLOW, SOURCE + PRIORITY, 4, f"DEFAULT CHARSET={charset.replace('COLLATE ', 'COLLATE=')}")
    mariadb.query(f"SET GLOBAL sql_mode = '{sql_mode}'")
    try:
        place = mysql_place(charset=charset, before=before)
        use_everything(place)
    finally:
        mariadb.query("SET GLOBAL sql_mode = DEFAULT")


@pytest.mark.integration
@pytest.mark.database
@pytest.mark.parametrize("charset", ["latin1", "utf8mb4", "binary"])
@pytest.mark.parametrize("octet", [0x80, 0x81, 0x83, 0x88, 0x9D, 0xA0, 0xFF])
def test_limits_are_the_servers(mysql_place: OpenMySQL, charset: str, octet: int) -> None:
    """The server keeps a value as long as our limit, and would cut one octet more (it isn't strict here)."""
    place = mysql_place(before=origin(ALLOW, SOURCE + PRIORITY, 4, f"DEFAULT CHARSET={charset}"))
    limit = place.layout.limits(place.layout.tables.store)["msgdata"]
    most = next(65_535 // size for size in (1, 2, 3) if limit.holds(bytes([octet]) * (65_535 // size)))
    store = DatabaseStore(place.database, place.layout)
    fits = Sms(sms_type=0, msgdata=bytes([octet]) * most)
    store.save([fits])
    with pytest.raises(MessageTooLong, match="column msgdata"):
        store.save([Sms(msgdata=bytes([octet]) * (most + 1))])
    (row,) = store.page(0, 0, 1)
    assert row.sms is not None
    assert row.sms.msgdata == fits.msgdata
    place.run("SET SESSION sql_mode = ''")
    place.run("UPDATE smpp_store SET msgdata = CONCAT(msgdata, LEFT(msgdata, 1))")
    (row,) = store.page(0, 0, 1)
    assert row.sms is not None
    assert row.sms.msgdata == fits.msgdata


@pytest.mark.integration
@pytest.mark.database
def test_sample_data(mysql_place: OpenMySQL) -> None:
    scripts = "".join(
        (SCHEMAS / "mysql" / f"{name}.sql").read_text() for name in ("tables", "users", "routes")
    )
    place = mysql_place(before=scripts)
    authenticator = DatabaseAuthenticator(place.database, place.layout)
    for letter in "ABC":
        account = authenticator.authenticate(f"smppuser{letter}".encode(), f"user{letter}".encode(), "")
        assert account is not None
    assert len(DatabaseRoutes(place.database, place.layout).outbound("smppusera")) == 2
    assert columns(place, "smpp_store") == ["global_id", *(field.name for field in SMS_FIELDS)]


@pytest.mark.integration
@pytest.mark.database
def test_tables_of_another_database(mysql_place: OpenMySQL, mariadb: MariaDB) -> None:
    place = mysql_place()
    other = mariadb.create_database("latin1")
    try:
        layout = prepare(
            place.database,
            KsmppdGroup(database_store_table=f"{other}.store", database_user_table=f"{other}.user"),
        )
        DatabaseStore(place.database, layout).save([Sms(sms_type=0)])
        assert mariadb.query("SELECT count(*) FROM store", other) == ((1,),)
    finally:
        mariadb.drop_database(other)
