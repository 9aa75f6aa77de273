"""Accounts and credit, on both databases."""

from __future__ import annotations

import hashlib
import math
import random
from pathlib import Path
from typing import Any

import gevent
import pytest

from ksmppd_py.config import KsmppdGroup, Sqlite3Connection
from ksmppd_py.model import costs
from ksmppd_py.model.account import Account, Simulation
from ksmppd_py.storage import users
from ksmppd_py.storage.passwords import password_hash
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.storage.upgrade import prepare
from ksmppd_py.storage.users import DatabaseAuthenticator, DatabaseCredit
from tests.storage.conftest import Place


def test_account_settings(place: Place) -> None:
    place.add_user(
        throughput=11,
        default_smsc="ksmppd2",
        default_cost=1.5,
        enable_prepaid_billing=1,
        max_binds=3,
        simulate_deliver_every=2,
        connect_allow_ip="10.0.0.1;10.0.0.2",
    )
    authenticator = DatabaseAuthenticator(place.database, place.layout)
    assert authenticator.authenticate(b"SMPPUserA", b"userA", "127.0.0.1") == Account(
        system_id="smppusera",
        throughput=11.0,
        default_smsc="ksmppd2",
        default_cost=1.5,
        enable_prepaid_billing=True,
        max_binds=3,
        connect_allow_ip="10.0.0.1;10.0.0.2",
    )


def test_simulated_account(place: Place) -> None:
    place.add_user(simulate=1, simulate_deliver_every=1, simulate_mo_every=2)
    account = DatabaseAuthenticator(place.database, place.layout).authenticate(b"smppusera", b"userA", "::1")
    assert account is not None
    assert account.simulation == Simulation(deliver_every=1, mo_every=2)


@pytest.mark.parametrize(
    ("asked", "stored", "is_suspended"),
    [
        ("smppusera", "*CD655601E5571F49CAB1BFBC3335F6EF8D3EEAB6", False),
        ("smppusera", "!*CD655601E5571F49CAB1BFBC3335F6EF8D3EEAB6", True),
        ("smppusera", "!", True),
        ("smppusera", "", False),
        ("smppuser", "", None),
        ("", "", None),
        ("smppuser%", "", None),
        ("' OR 1=1 --", "", None),
        ("smppus\u20acr", "", None),
        ("smppuser\0", "", None),
    ],
)
def test_rows_are_found_without_a_password(
    place: Place, asked: str, stored: str, is_suspended: bool | None
) -> None:
    place.add_user(credit=2.5, max_binds=3)
    place.run(f"UPDATE smpp_user SET password = '{stored}'")
    row = DatabaseAuthenticator(place.database, place.layout).row(asked)
    credit = DatabaseCredit(place.database, place.layout).balance(asked)
    if is_suspended is None:
        assert (row, credit) == (None, None)
    else:
        assert row is not None
        assert (row.is_suspended, row.account.max_binds, credit) == (is_suspended, 3, 2.5)


@pytest.mark.parametrize(
    ("system_id", "password"),
    [
        (b"smppuserA", b"usera"),
        (b"smppuserA", b""),
        (b"nobody", b"userA"),
        (b"", b""),
        (b"smppuser\xc4", b"userA"),
        (b"' OR 1=1 --", b"x"),
        (b"smppuserA\\", b"userA"),
        (b"smppuser%", b"userA"),
    ],
)
def test_refused(place: Place, system_id: bytes, password: bytes) -> None:
    place.add_user()
    assert DatabaseAuthenticator(place.database, place.layout).authenticate(system_id, password, "") is None


BCRYPT = "$2b$04$lcDzygd5eam1EaCTehEeweDxLI4MmVRIaMC9mu0he.bPdmPB2sVCm"  # userA
BCRYPT_OF_NOTHING = "$2b$04$/4YLRyZvOjfIUaA0vMxM/OlA6NkCdg954FYcW1K3qf83roH/ZtNgm"


@pytest.mark.parametrize(
    ("column", "password", "right"),
    [
        (password_hash(b"userA").decode(), b"userA", True),
        (password_hash(b"userA").decode().lower(), b"userA", True),
        (password_hash(bytes(range(256))).decode(), bytes(range(256)), True),
        (hashlib.sha256(b"userA").hexdigest(), b"userA", True),
        (hashlib.sha256(b"userA").hexdigest().upper(), b"userA", True),
        (hashlib.sha256(b"userA").hexdigest(), b"usera", False),
        (BCRYPT, b"userA", True),
        (BCRYPT.replace("$2b$", "$2y$"), b"userA", True),
        (BCRYPT, b"usera", False),
        (BCRYPT, b"", False),
        # The administrator may allow access without a password (SMPP 3.4, 4.1.1), but by a hash of none only.
        (password_hash(b"").decode(), b"", True),
        (BCRYPT_OF_NOTHING, b"", True),
    ],
)
def test_hashes(
    place: Place, column: str, password: bytes, right: bool, caplog: pytest.LogCaptureFixture
) -> None:
    place.add_user()
    place.run(f"UPDATE smpp_user SET password = '{column}'")
    authenticator = DatabaseAuthenticator(place.database, place.layout)
    assert (authenticator.authenticate(b"smppuserA", password, "") is not None) is right
    assert not caplog.records
    authenticator.close()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines about accounts; a store of a test before may still complain that its tables are gone."""
    return [record.getMessage() for record in caplog.records if record.name == users.__name__]


@pytest.mark.parametrize("column", ["", "   ", "*", "userA", BCRYPT[:-1], "6f8c114b58f2ce9e"])
def test_a_column_that_takes_no_password_is_told_once(
    place: Place, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    place.add_user()
    place.run(f"UPDATE smpp_user SET password = '{column}'")
    place.add_user("other")
    authenticator = DatabaseAuthenticator(place.database, place.layout)
    for password in (b"", column.encode(), b"userA", b"*"):
        assert authenticator.authenticate(b"smppuserA", password, "") is None
        assert authenticator.authenticate(b"other", b"wrong", "") is None
    [line] = told(caplog)
    assert line.startswith("SMPP[smppusera] can't bind with any password: its password column ")
    assert "userA" not in line
    place.run(f"UPDATE smpp_user SET password = '{BCRYPT}'")
    assert authenticator.authenticate(b"smppuserA", b"userA", "") is not None
    place.run("UPDATE smpp_user SET password = '-'")
    assert authenticator.authenticate(b"smppuserA", b"userA", "") is None
    assert told(caplog)[1].endswith("holds no hash that is known (1 characters)")
    authenticator.close()


def test_a_column_of_octets_without_a_value(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Hand-made tables allow NULL, and BINARY columns are filled up with NULs."""
    binary = "BYTEA" if place.database.dialect.name == "postgresql" else "VARBINARY(64)"
    place.run("DROP TABLE smpp_user")
    place.run(
        f"CREATE TABLE smpp_user (system_id VARCHAR(15) PRIMARY KEY, password {binary} NULL, throughput REAL,"
        " default_smsc VARCHAR(64), default_cost REAL, enable_prepaid_billing INTEGER, credit REAL,"
        " callback_url VARCHAR(255), simulate INTEGER, simulate_deliver_every INTEGER, simulate_mo_every INTEGER,"
        " simulate_permanent_failure_every INTEGER, simulate_temporary_failure_every INTEGER,"
        " max_binds INTEGER, connect_allow_ip TEXT)"
    )
    hashed = place.database.literal(password_hash(b"userA") + bytes(20))
    place.run(f"INSERT INTO smpp_user (system_id, password) VALUES ('one', {hashed}), ('two', NULL)")
    authenticator = DatabaseAuthenticator(place.database, prepare(place.database, KsmppdGroup()))
    assert authenticator.authenticate(b"one", b"userA", "") is not None
    assert authenticator.authenticate(b"two", b"", "") is None
    assert told(caplog) == ["SMPP[two] can't bind with any password: its password column is empty"]
    authenticator.close()


def test_columns_of_ours(place: Place) -> None:
    integers = ("switch_dlr_addr", "max_open_acks", "dlr_err_length")
    for column in ("alt_charset VARCHAR(20)", *(f"{name} INTEGER" for name in integers)):
        place.run(f"ALTER TABLE smpp_user ADD COLUMN {column}")
    place.add_user(alt_charset="ISO-8859-1", switch_dlr_addr=1, max_open_acks=7, dlr_err_length=0)
    place.add_user("other")
    layout = prepare(place.database, KsmppdGroup())
    authenticator = DatabaseAuthenticator(place.database, layout)
    account = authenticator.authenticate(b"smppuserA", b"userA", "")
    assert account is not None
    assert (account.alt_charset, account.switch_dlr_addr, account.max_open_acks) == ("ISO-8859-1", True, 7)
    assert account.dlr_err_length == 0
    other = authenticator.authenticate(b"other", b"userA", "")
    assert other is not None
    assert (other.alt_charset, other.switch_dlr_addr, other.max_open_acks) == (None, None, None)
    assert other.dlr_err_length is None


def _credit(place: Place) -> float:
    return float(place.run("SELECT credit FROM smpp_user WHERE system_id = 'smppuserA'")[0][0])


@pytest.mark.parametrize(
    ("credit", "costs", "count", "left"),
    [
        (10, [1, 2, 3], 3, 4),
        (10, [4, 4, 4], 2, 2),
        (10, [10.5], 0, 10),
        (10, [10], 1, 0),
        (0, [0, 0], 2, 0),
        (-1, [0], 0, -1),
        (0, [0, 1, 0], 1, 0),
        (1, [0.1] * 10, 10, 0),
        (0.3, [0.1] * 4, 3, 0),
        (1, [-5, 6], 2, 0),
        (1, [5, -5], 0, 1),
        (1, [], 0, 1),
    ],
)
def test_charge(place: Place, credit: float, costs: list[float], count: int, left: float) -> None:
    place.add_user(credit=credit)
    assert DatabaseCredit(place.database, place.layout).charge("smppusera", costs) == count
    assert _credit(place) == left


ODD_NUMBERS = ["9e999", "-9e999", "1.8e302", "'0,05'", "'abc'", "x'ff'", "'1e400'"]
"""SQLite's columns hold anything, MySQL's do if their types were changed."""


@pytest.mark.parametrize("value", ODD_NUMBERS)
def test_a_default_cost_that_cant_be_charged(
    tmp_path: Path, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    """D-33: logged when the account binds; its messages by the default SMSC are refused."""
    place = odd_place(tmp_path)
    place.run(f"UPDATE smpp_user SET default_cost = {value}, throughput = {value}")
    authenticator = DatabaseAuthenticator(place.database, place.layout)
    account = authenticator.authenticate(b"smppusera", b"userA", "")
    assert account is not None
    assert account.default_cost is costs.UNUSABLE
    assert math.isfinite(account.throughput)
    assert account == authenticator.current("smppusera")  # a refresh finds no change
    [_, record] = [record for record in caplog.records if record.name == users.__name__]
    assert record.levelname == "WARNING"
    assert "SMPP[smppusera] default_cost" in record.getMessage()
    place.database.close()


@pytest.mark.parametrize("value", ODD_NUMBERS)
def test_odd_credit_is_no_error(tmp_path: Path, value: str) -> None:
    place = odd_place(tmp_path)
    credit = DatabaseCredit(place.database, place.layout)
    for costs_of_batch in ([1.0], [0.0], [1.0, 1e15], [1e15] * 3):
        place.run(f"UPDATE smpp_user SET credit = {value}")
        assert 0 <= credit.charge("smppusera", costs_of_batch) <= len(costs_of_batch)
    place.database.close()


def odd_place(tmp_path: Path) -> Place:
    database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(tmp_path / "odd.sqlite")))
    database.start()
    place = Place(database, prepare(database, KsmppdGroup()))
    place.add_user()
    return place


def test_charging_nobody(place: Place) -> None:
    credit = DatabaseCredit(place.database, place.layout)
    assert credit.charge("nobody", [1.0]) == 0
    assert credit.charge("nobody", [0.0]) == 0


def test_refund(place: Place) -> None:
    place.add_user(credit=1)
    credit = DatabaseCredit(place.database, place.layout)
    credit.refund("smppusera", 2.5)
    assert _credit(place) == 3.5


def test_concurrent_charges_never_overdraw(place: Place) -> None:
    """50 greenlets, two of our objects as two processes would have: what was granted is what is gone."""
    place.add_user(credit=500)
    both = [DatabaseCredit(place.database, place.layout) for _ in range(2)]
    dice = random.Random(1)

    def customer(number: int) -> float:
        granted = 0.0
        for _ in range(10):
            costs = [float(dice.choice([0, 1, 2, 5])) for _ in range(dice.randint(1, 4))]
            granted += sum(costs[: both[number % 2].charge("smppusera", costs)])
        return granted

    greenlets = [gevent.spawn(customer, number) for number in range(50)]
    gevent.joinall(greenlets, raise_error=True)
    left = _credit(place)
    assert left >= 0
    assert sum(greenlet.value for greenlet in greenlets) == 500 - left
    assert left < 5  # more was wanted than there was


def test_calls_meanwhile_share_one_statement(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.add_user(credit=1000)
    credit = DatabaseCredit(place.database, place.layout)
    statements: list[Any] = []
    execute = place.database.execute

    def counted(*arguments: Any, **keywords: Any) -> Any:
        statements.append(arguments)
        return execute(*arguments, **keywords)

    monkeypatch.setattr(place.database, "execute", counted)
    greenlets = [gevent.spawn(credit.charge, "smppusera", [1.0, 1.0]) for _ in range(50)]
    gevent.joinall(greenlets, raise_error=True)
    assert [greenlet.value for greenlet in greenlets] == [2] * 50
    assert len(statements) <= 3
    assert _credit(place) == 900


def test_a_claim_too_big_doesnt_stop_those_behind_it(place: Place) -> None:
    place.add_user(credit=10)
    credit = DatabaseCredit(place.database, place.layout)
    greenlets = [gevent.spawn(credit.charge, "smppusera", [cost]) for cost in (1.0, 100.0, 2.0)]
    gevent.joinall(greenlets, raise_error=True)
    assert [greenlet.value for greenlet in greenlets] == [1, 0, 1]
    assert _credit(place) == 7
