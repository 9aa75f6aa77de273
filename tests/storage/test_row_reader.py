"""Rows of the store table, as drivers give them and as operators have changed them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel.messages import SMS_FIELDS, Kind, Sms
from ksmppd_py.storage.row_reader import _read_leniently, read_stored

ID = b"0123abcd-0000-4000-8000-0123456789ab"


def row_of(**values: Any) -> list[Any]:
    plain = {Kind.INTEGER: -1, Kind.STRING: None, Kind.UUID: ID}
    return [7, *(values.get(field.name, plain[field.kind]) for field in SMS_FIELDS)]


def message_of(**values: Any) -> Sms:
    found = read_stored(row_of(**values))
    assert found.global_id == 7
    assert found.sms is not None
    return found.sms


def test_what_we_wrote_ourselves() -> None:
    sms = message_of(sender=b"1", msgdata=b"\0\xff", service=b"esme", time=1_700_000_000, coding=2)
    assert sms == Sms(b"1", msgdata=b"\0\xff", service=b"esme", time=1_700_000_000, coding=2, id=ID)


def test_text_columns_of_sqlite_hold_a_character_an_octet() -> None:
    sms = message_of(service="\xe9sme", id=ID.decode())
    assert (sms.service, sms.id) == (b"\xe9sme", ID)


def test_text_that_somebody_typed_is_utf_8() -> None:
    assert message_of(sender="\xe9").sender == b"\xc3\xa9"


def test_numbers_in_text_columns_and_null() -> None:
    sms = message_of(time=b"12 o'clock", coding=None, priority=2.0)
    assert (sms.time, sms.coding, sms.priority) == (12, -1, 2)


def test_an_id_in_capitals_is_ours_and_none_at_all_is_always_the_same() -> None:
    assert message_of(id=ID.upper()).id == ID
    assert message_of(id=None).id == message_of(id=b"").id != ID


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1])
def test_a_number_that_no_message_can_carry(number: int) -> None:
    found = read_stored(row_of(validity=number))
    assert found.sms is None
    assert "validity" in str(found.problem)


integers = st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(), st.none(), st.just(b"5"))
strings = st.one_of(st.binary(max_size=8), st.none(), st.text(max_size=4))
ids = st.one_of(st.just(ID), st.just(ID.decode()), st.binary(max_size=40), st.none())


@given(st.data())
def test_the_short_way_reads_what_the_long_one_does(data: st.DataObject) -> None:
    ways = {Kind.INTEGER: integers, Kind.STRING: strings, Kind.UUID: ids}
    values = {field.name: data.draw(ways[field.kind]) for field in SMS_FIELDS if data.draw(st.booleans())}
    assert read_stored(row_of(**values)) == _read_leniently(row_of(**values))
