"""Stored MOs and reports of no account (docs/rules/flows.md 5.1 and 3)."""

from __future__ import annotations

import pytest

from ksmppd_py.errors import BackendUnavailable, NoRoute
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.row_cursor import PAGE
from ksmppd_py.flows.unaddressed_rows import UnaddressedRows
from ksmppd_py.kannel.messages import SmsType
from ksmppd_py.model.routes import Route
from tests.flows.memory import MemoryReceivers, MemoryRouter, MemoryStore, mo, report


class Bed:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.router = MemoryRouter({b"7777": Route(system_id="esme"), b"8888": BackendUnavailable("away")})
        self.unaddressed = UnaddressedRows(self.store, DeliveryFlow(self.router, MemoryReceivers()))


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_they_are_routed_as_if_they_came_now(bed: Bed) -> None:
    bed.store.save([mo(), mo(service=b""), report(b"Other"), mo(service=b"third")])
    assert bed.unaddressed.advance() == {"esme", "other"}
    assert [sms.service for sms in bed.store.saved] == [b"esme", b"esme", b"other", b"third"]
    assert bed.unaddressed.advance() == set()


def test_more_than_a_page(bed: Bed) -> None:
    bed.store.save([mo() for _ in range(PAGE + 1)])
    assert bed.unaddressed.advance() == {"esme"}
    assert {sms.service for sms in bed.store.saved} == {b"esme"}


def test_what_nobody_is_to_get_is_removed(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    """On a permanent answer only (docs/rules/flows.md 9, row 8)."""
    bed.router.answers[b"9999"] = NoRoute("nobody")
    bed.store.save([mo(receiver=b"9999"), report(dlr_url=b"not ours"), mo()])
    assert bed.unaddressed.advance() == {"esme"}
    assert [sms.receiver for sms in bed.store.saved] == [b"7777"]
    assert caplog.text.count("is for no account and is removed") == 2


def test_what_cant_be_routed_now_stays_and_holds_up_no_other(bed: Bed) -> None:
    bed.store.save([mo(receiver=b"8888"), mo()])
    assert bed.unaddressed.advance() == {"esme"}
    assert [sms.service for sms in bed.store.saved] == [None, b"esme"]
    bed.router.answers[b"8888"] = Route(system_id="esme")
    assert bed.unaddressed.advance() == {"esme"}


def test_what_cant_be_read_is_told_once(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    bed.store.add_unreadable(int(SmsType.MO), b"")
    bed.store.save([mo()])
    for _ in range(2):
        bed.unaddressed.advance()
    assert bed.store.saved[-1].service == b"esme"
    assert bed.unaddressed.unusable == 1
    assert caplog.text.count("can't be read") == 1
    bed.store.messages.clear()
    assert bed.unaddressed.advance() == set()
    assert bed.unaddressed.unusable == 0  # nothing is kept of rows that are gone
