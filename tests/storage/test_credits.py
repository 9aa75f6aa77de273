"""The credit of prepaid accounts, on both databases."""

from __future__ import annotations

from ksmppd_py.storage.credits import CreditReader
from tests.storage.conftest import Place


def test_prepaid_accounts_and_no_others(place: Place) -> None:
    now = [100.0]
    reader = CreditReader(place.database, place.layout, lambda: now[0])
    assert reader.latest == {}
    place.add_user("Prepaid", enable_prepaid_billing=1, credit=2.5)
    place.add_user("postpaid", enable_prepaid_billing=0, credit=7)
    place.add_user("indebted", enable_prepaid_billing=1, credit=-1)
    assert reader.read(30.0) == {"prepaid": 2.5, "indebted": -1.0} == reader.latest
    place.run("UPDATE smpp_user SET credit = 1 WHERE system_id = 'indebted'")
    now[0] = 129.9
    assert reader.read(30.0)["indebted"] == -1.0
    now[0] = 130.0
    assert reader.read(30.0)["indebted"] == 1.0
