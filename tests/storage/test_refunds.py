"""Refunds by reports: each message once, whatever is repeated, on every database."""

from __future__ import annotations

import gevent
import pytest

from ksmppd_py.errors import PermanentError
from ksmppd_py.management.records import Page
from ksmppd_py.storage.management import credit_log
from ksmppd_py.storage.refunds import DatabaseRefunds
from ksmppd_py.storage.users import DatabaseCredit
from tests.storage.conftest import Place


def refunds(place: Place) -> DatabaseRefunds:
    return DatabaseRefunds(credit_log(place.database, place.layout))


def balance(place: Place) -> float | None:
    return DatabaseCredit(place.database, place.layout).balance("acme")


def test_once_for_each_message(place: Place) -> None:
    place.add_user("acme", credit=1.0)
    for server in (refunds(place), refunds(place)):  # another server, or after a restart
        for message in (b"acme|1$0.250000|x 49", b"acme|1$0.250000|y 49", b"acme|1$0.250000|x 48"):
            server.refund_once("acme", 0.25, message, 5.0)
    assert balance(place) == 1.75
    entries = credit_log(place.database, place.layout).page("acme", Page(10))
    assert [(entry.amount, entry.reason) for entry in entries] == [(0.25, "refund by error-map")] * 3


def test_the_same_report_at_the_same_time(place: Place) -> None:
    place.add_user("acme", credit=1.0)
    server = refunds(place)
    server.refund_once("acme", 0.25, b"first", 5.0)  # creates the tables
    gevent.joinall(
        [gevent.spawn(server.refund_once, "acme", 0.25, b"same", 5.0) for _ in range(5)], raise_error=True
    )
    assert balance(place) == 1.5


def test_an_unknown_account(place: Place) -> None:
    with pytest.raises(PermanentError):
        refunds(place).refund_once("nobody", 0.25, b"x", 5.0)
