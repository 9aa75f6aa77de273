"""Pages of one account's rows: the same rows in the same order whichever index finds them, and never a sort."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.storage import account_rows
from ksmppd_py.storage.store import DatabaseStore
from tests.storage.conftest import SERVERS, Place

ACCOUNTS = ["usera", "userb", "nobody"]


def fill(store: DatabaseStore) -> None:
    kinds = (SmsType.MO, SmsType.REPORT_MO, SmsType.MT_PUSH)
    store.save(
        [
            Sms(
                sms_type=kinds[number % 3],
                service=b"UserA" if number % 2 else b"userb",
                msgdata=b"%d" % number,
            )
            for number in range(60)
        ]
    )


def texts(store: DatabaseStore, after: int = 0, limit: int = 100) -> list[bytes | None]:
    rows = store.page(SmsType.REPORT_MO, after, limit, "usera")
    assert [row.global_id for row in rows] == sorted(row.global_id for row in rows)
    return [row.sms.msgdata for row in rows if row.sms is not None]


@pytest.mark.parametrize("few", [20_000, 0])
def test_pages(place: Place, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(account_rows, "FEW", few)
    store = DatabaseStore(place.database, place.layout)
    fill(store)
    expected = [b"%d" % number for number in range(60) if number % 6 == 1]
    assert texts(store) == expected
    first = store.page(SmsType.REPORT_MO, 0, 4, "usera")
    assert texts(store, first[-1].global_id, 3) == expected[4:7]
    assert store.receivers_with_rows(ACCOUNTS) == {"usera", "userb"}
    assert store.receivers_with_rows(["nobody"]) == set()
    assert store.receivers_with_rows([]) == set()


@pytest.mark.parametrize("few", [20_000, 0])
def test_more_accounts_than_are_asked_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(account_rows, "FEW", few)
    store = DatabaseStore(place.database, place.layout)
    fill(store)
    assert store.receivers_with_rows([f"user{number}" for number in range(250)] + ["userb"]) == {"userb"}


@pytest.mark.integration
@pytest.mark.database
@pytest.mark.parametrize("few", [20_000, 0])
def test_no_plan_sorts(mysql_place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """EXPLAIN of what is really sent, with many rows of many accounts."""
    monkeypatch.setattr(account_rows, "FEW", few)
    place = mysql_place()
    store = DatabaseStore(place.database, place.layout)
    for _ in range(20):
        fill(store)
    place.run("ANALYZE TABLE smpp_store")
    sent: list[str] = []
    execute = type(place.database).execute

    def spy(self: object, statement: object, values: object = None, *, repeatable: bool) -> object:
        from ksmppd_py.storage.mysql import literal

        known = {**statement.defaults, **(values or {})}  # type: ignore[attr-defined, dict-item]
        sent.append(statement.text % {key: literal(value) for key, value in known.items()})  # type: ignore[attr-defined]
        return execute(self, statement, values, repeatable=repeatable)  # type: ignore[arg-type]

    monkeypatch.setattr(type(place.database), "execute", spy)
    store.page(SmsType.REPORT_MO, 0, 100, "usera")
    store.page(SmsType.MT_PUSH, 0, 100)
    store.receivers_with_rows(ACCOUNTS)
    monkeypatch.undo()
    for text in sent:
        for row in place.run("EXPLAIN " + text):
            assert "filesort" not in repr(row), (text, row)
            assert b"ALL" not in row or b"smpp_store" not in row, (text, row)


@pytest.mark.parametrize("param", [pytest.param("mysql", marks=SERVERS)])
def test_tables_without_indexes(mysql_place: Callable[..., Place], param: str) -> None:
    """Operators' tables may lack what ours have; then the server finds its own way."""
    place = mysql_place()
    place.run("ALTER TABLE smpp_store DROP INDEX service, DROP INDEX sms_type")
    from ksmppd_py.config import KsmppdGroup
    from ksmppd_py.storage.upgrade import prepare

    store = DatabaseStore(place.database, prepare(place.database, KsmppdGroup()))
    fill(store)
    assert len(texts(store)) == 10
    assert store.receivers_with_rows(ACCOUNTS) == {"usera", "userb"}
