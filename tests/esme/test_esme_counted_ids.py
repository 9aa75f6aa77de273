"""Counted message ids over the wire: responses, query_sm, submit_multi."""

from __future__ import annotations

import pytest

from ksmppd_py.errors import DatabaseUnavailable
from tests.esme.conftest import Bed
from tests.fakes import smpp_wire as wire
from tests.fakes.smpp_wire import Message

MT = Message(source_addr=b"12345", destination_addr=b"491700", short_message=b"hello", registered_delivery=1)
DATA_SM = b"\0\0\0" + b"12345\0\0\0" + b"491700\0" + b"\0\0\0" + b"\x04\x24\0\2hi"
MULTI = b"\0\0\0" + b"12345\0" + b"\x02" + b"\x01\0\x00491700\0" * 2 + b"\0\0\0\0\0\1\0\0\0\2hi"


@pytest.fixture
def standard(bed: Bed) -> Bed:
    bed.account(dlr_profile="standard")
    return bed


def query(message_id: bytes) -> bytes:
    return message_id + b"\0" + b"\0\x0012345\0"


def test_responses_and_query_sm(standard: Bed) -> None:
    esme = standard.bind()
    assert [esme.submit(MT).text for _ in range(3)] == [b"1000000000", b"1000000001", b"1000000002"]
    assert esme.request(wire.DATA_SM, DATA_SM).text == b"1000000003"
    reply = esme.request(wire.QUERY_SM, query(b"1000000001"))
    assert (reply.command_status, reply.text) == (0, b"1000000001")
    assert esme.request(wire.QUERY_SM, query(b"1000000009")).command_status == 0x67


def test_the_destinations_of_a_submit_multi_share_an_id(standard: Bed) -> None:
    esme = standard.bind()
    reply = esme.request(wire.SUBMIT_MULTI, MULTI)
    assert (reply.command_status, reply.text) == (0, b"1000000000")
    assert esme.request(wire.QUERY_SM, query(b"1000000000")).command_status == 0
    assert esme.submit(MT).text == b"1000000002"


def test_binds_of_an_account_share_the_count(standard: Bed) -> None:
    assert standard.bind().submit(MT).text == b"1000000000"
    assert standard.bind().submit(MT).text == b"1000000001"


def test_without_the_database(standard: Bed) -> None:
    standard.leases.failure = DatabaseUnavailable("gone")
    esme = standard.bind()
    assert esme.submit(MT).command_status == 0x08
    standard.leases.failure = None
    assert esme.submit(MT).command_status == 0
