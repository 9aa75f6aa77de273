"""Waiting MTs by id and by addresses: what query_sm and cancel_sm look for, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.storage.store import DatabaseStore
from tests.storage.conftest import Place

ID = b"0b1c2d3e-0000-4000-8000-00000000000"


def mt(number: int, **others: Any) -> Sms:
    known: dict[str, Any] = {
        "sender": b"1234",
        "receiver": b"+46700000000",
        "service": b"smppusera",
        "sms_type": SmsType.MT_PUSH,
        "id": ID + b"%d" % number,
        "dlr_url": b"smppusera|1700000000|" + ID + b"%d" % number,
    }
    return Sms(**{**known, **others})


@pytest.fixture
def store(place: Place) -> DatabaseStore:
    store = DatabaseStore(place.database, place.layout)
    store.save(
        [
            mt(1),
            mt(2, sender=b""),
            mt(3, sender=None, receiver=b"+46711111111"),
            mt(4, service=b"other", dlr_url=b"other|1700000000|" + ID + b"4"),
            mt(5, sms_type=SmsType.REPORT_MO),
            mt(
                6, id=ID + b"9", dlr_url=b"smppusera|1700000000|" + ID + b"1"
            ),  # its submit_multi's other message
            mt(7, dlr_url=None),
        ]
    )
    return store


def ids(rows: list[Any]) -> list[bytes]:
    return [row.sms.id[-1:] for row in rows]


@pytest.mark.parametrize(("wanted", "found"), [(1, [b"1", b"9"]), (2, [b"2"]), (4, []), (5, []), (8, [])])
def test_by_id(store: DatabaseStore, wanted: int, found: list[bytes]) -> None:
    assert ids(store.find_mts("smppusera", ID + b"%d" % wanted, 10)) == found


@pytest.mark.parametrize(
    ("sender", "receiver", "found"),
    [
        (b"1234", b"+46700000000", [b"1", b"9", b"7"]),
        (b"", b"+46700000000", [b"2"]),
        (b"", b"+46711111111", [b"3"]),
        (b"1234", b"+46711111111", []),
        (b"' OR 1 = 1 --", b"%s%%", []),
    ],
)
def test_by_addresses(store: DatabaseStore, sender: bytes, receiver: bytes, found: list[bytes]) -> None:
    assert ids(store.find_mts_between("smppusera", sender, receiver, 10)) == found


def test_at_most_so_many(store: DatabaseStore) -> None:
    assert ids(store.find_mts_between("smppusera", b"1234", b"+46700000000", 2)) == [b"1", b"9"]


def test_delete_tells_how_many_there_were(store: DatabaseStore, place: Place) -> None:
    rows = store.find_mts("smppusera", ID + b"1", 10)
    assert store.delete([row.global_id for row in rows]) == 2
    assert store.delete([row.global_id for row in rows]) == 0
    assert store.find_mts("smppusera", ID + b"1", 10) == []
    assert int(place.run("SELECT count(*) FROM smpp_store")[0][0]) == 5


def test_by_a_counted_id(store: DatabaseStore) -> None:
    """The end of a longer id isn't the id, and UUIDs that the C daemon stored are found as well."""
    uuid = ID + b"8"
    counted = [
        mt(8, id=ID + b"8", dlr_url=b"smppusera|1/" + uuid + b"|" + each)
        for each in (b"10000000", b"1010000000")
    ]
    store.save(counted)
    found = store.find_mts("smppusera", b"10000000", 10)
    assert [row.sms.dlr_url for row in found if row.sms] == [counted[0].dlr_url]
    assert len(store.find_mts("smppusera", b"1010000000", 10)) == 1
    assert store.find_mts("smppusera", b"0000000", 10) == []
    assert store.find_mts("other", b"10000000", 10) == []
    assert ids(store.find_mts("smppusera", ID + b"1", 10)) == [b"1", b"9"]
