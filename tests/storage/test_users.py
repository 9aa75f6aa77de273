"""Accounts and credit, on both databases."""

from __future__ import annotations

import random
from typing import Any

import gevent
import pytest

from ksmppd_py.model.account import Account, Simulation
from ksmppd_py.storage.settings import TableNames
from ksmppd_py.storage.upgrade import prepare
from ksmppd_py.storage.users import DatabaseAuthenticator, DatabaseCredit, password_hash
from tests.storage.conftest import Place


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        (b"mypass", b"*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4"),
        (b"userA", b"*CD655601E5571F49CAB1BFBC3335F6EF8D3EEAB6"),
        (b"", b""),
    ],
)
def test_password_hash(password: bytes, expected: bytes) -> None:
    assert password_hash(password) == expected


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


def test_empty_hash_takes_the_empty_password_only(place: Place) -> None:
    place.add_user("open")
    place.run("UPDATE smpp_user SET password = '' WHERE system_id = 'open'")
    authenticator = DatabaseAuthenticator(place.database, place.layout)
    assert authenticator.authenticate(b"open", b"", "") is not None
    assert authenticator.authenticate(b"open", b"x", "") is None


def test_lower_case_hash_and_every_password_octet(place: Place) -> None:
    password = bytes(range(256))
    place.add_user()
    hashed = password_hash(password).decode().lower()
    place.run(f"UPDATE smpp_user SET password = '{hashed}'")
    assert DatabaseAuthenticator(place.database, place.layout).authenticate(b"smppuserA", password, "")


def test_columns_of_ours(place: Place) -> None:
    for column in ("alt_charset VARCHAR(20)", "switch_dlr_addr INTEGER", "max_open_acks INTEGER"):
        place.run(f"ALTER TABLE smpp_user ADD COLUMN {column}")
    place.add_user(alt_charset="ISO-8859-1", switch_dlr_addr=1, max_open_acks=7)
    place.add_user("other")
    layout = prepare(place.database, TableNames())
    authenticator = DatabaseAuthenticator(place.database, layout)
    account = authenticator.authenticate(b"smppuserA", b"userA", "")
    assert account is not None
    assert (account.alt_charset, account.switch_dlr_addr, account.max_open_acks) == ("ISO-8859-1", True, 7)
    other = authenticator.authenticate(b"other", b"userA", "")
    assert other is not None
    assert (other.alt_charset, other.switch_dlr_addr, other.max_open_acks) == (None, None, None)


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
