"""Octets <-> PDUs: each row of the wire tables, both ways, and octet by octet."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.smpp import codec
from ksmppd_py.smpp.compiler import packer_by_table, unpacker_by_table
from ksmppd_py.smpp.constants import RESPONSE, CommandId, CommandStatus
from ksmppd_py.smpp.destinations import DistributionList, SmeAddress, UnsuccessSme
from ksmppd_py.smpp.errors import MalformedPdu, UnknownCommand
from ksmppd_py.smpp.fields import COctetString, Integer, OctetString, Records, WireType, wire_fields
from ksmppd_py.smpp.link import SmppLink
from ksmppd_py.smpp.pdus import (
    PDUS,
    BindTransceiver,
    BindTransceiverResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    Outbind,
    Pdu,
    QuerySmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
)
from ksmppd_py.smpp.tlvs import NO_TLVS, unpack_tlvs
from tests.smpp.client_octets import SUBMITS, Submit
from tests.smpp.wire_tables import MALFORMED, SUBMIT, TOLERATED, WIRE, octets

wire = pytest.mark.parametrize(("text", "status", "number", "value"), WIRE)


@wire
def test_reads_pdu(text: str, status: int, number: int, value: Pdu) -> None:
    link = SmppLink()
    assert link.receive(octets(text)) == [(value.command_id, status, number, value)]
    assert link.broken is None
    assert link.pending == 0


@wire
def test_reads_pdu_octet_by_octet(text: str, status: int, number: int, value: Pdu) -> None:
    link = SmppLink()
    *first, last = (octets(text)[i : i + 1] for i in range(len(octets(text))))
    assert [link.receive(octet) for octet in first] == [[]] * len(first)
    assert link.receive(last) == [(value.command_id, status, number, value)]


@wire
def test_writes_pdu(text: str, status: int, number: int, value: Pdu) -> None:
    assert codec.pack(value, number, status) == octets(text)
    assert packer_by_table(type(value))(value, number, status) == octets(text)


@wire
def test_reads_nothing_outside_of_the_body(text: str, status: int, number: int, value: Pdu) -> None:
    pdu = octets(text)
    for around in (b"\0" * 70, b"a" * 70, b"\xff" * 70):
        body = around + pdu[16:] + around
        assert codec.unpack_body(value.command_id, body, 70, len(body) - 70) == value


@pytest.mark.parametrize(("command_id", "body", "value"), TOLERATED)
def test_tolerates(command_id: int, body: str, value: Pdu) -> None:
    assert codec.unpack_body(command_id, octets(body), 0, len(octets(body))) == value


@pytest.mark.parametrize("submit", SUBMITS, ids=lambda submit: f"{submit.client}: {submit.about}")
def test_reads_what_clients_send(submit: Submit) -> None:
    assert SmppLink().receive(submit.octets) == [(4, 0, 1, submit.pdu)]


LEFT_OVER = {
    "NUL": b"\0",
    "blank": b" ",
    "LF": b"\n",
    "CR": b"\r",
    "CR LF": b"\r\n",
    "LF NUL": b"\n\0",
    "NUL NUL": b"\0\0",
    "half of a tag": b"\x04",
    "tag": b"\x04\x24",
    "tag and half of a length": b"\x04\x24\x00",
    "CR LF NUL": b"\r\n\0",
    "0xFF": b"\xff\xff\xff",
}


@pytest.mark.parametrize("left_over", LEFT_OVER.values(), ids=LEFT_OVER)
@pytest.mark.parametrize("table", PDUS, ids=lambda table: table.__name__)
def test_ignores_what_is_left_over(table: type[Pdu], left_over: bytes) -> None:
    """D-25, in every PDU: up to three octets behind all else, and a NUL before the TLVs."""
    cases: list[tuple[Any, bytes]] = [(table(), b"")]
    if "tlvs" in table.__dataclass_fields__:
        some: Any = table()
        some.tlvs = {0x1400: b"abc", 0x130C: b"", 0x3FFF: b"\0"}
        cases += [(some, b""), (some, b"\0")]
    fields = len(codec.pack(table(), 1)) - 16
    for pdu, before in cases:
        whole = codec.pack(pdu, 1)[16:]
        body = whole[:fields] + before + whole[fields:] + left_over
        assert codec.unpack_body(table.command_id, body, 0, len(body)) == pdu
        assert unpacker_by_table(table)(body, 0, len(body)) == pdu


@pytest.mark.parametrize(("command_id", "body", "status"), MALFORMED)
@pytest.mark.parametrize("behind", [b"", b"\0" * 80, b"a\0" * 80])
def test_refuses(command_id: int, body: str, status: int, behind: bytes) -> None:
    with pytest.raises(MalformedPdu) as problem:
        codec.unpack_body(command_id, octets(body) + behind, 0, len(octets(body)))
    assert problem.value.command_status == status
    assert problem.value.reason
    assert str(problem.value) == problem.value.reason


@pytest.mark.parametrize(
    "command_id",
    [0, 0x0A, 0x0C, 0x14, 0x16, 0x22, 0x100, 0x101, 0x111, 0x112, 0x10200, 0x80000102, 0x80000777],
)
def test_unknown_command(command_id: int) -> None:
    with pytest.raises(UnknownCommand) as problem:
        codec.unpack_body(command_id, b"", 0, 0)
    assert problem.value.command_status == CommandStatus.RINVCMDID
    assert problem.value.command_id == command_id


def test_every_request_names_the_field_in_its_reason() -> None:
    with pytest.raises(MalformedPdu, match=r"^destination_addr: a string of 21 octets instead of 20$"):
        codec.unpack_body(4, b"\0\0\0\0\0\0" + b"1" * 21 + b"\0" * 11, 0, 38)


@pytest.mark.parametrize("length", [0, 1, 254, 255])
def test_sm_length(length: int) -> None:
    pdu = SubmitSm(short_message=b"\0" * length)
    packed = codec.pack(pdu, 1)
    assert codec.unpack_body(4, packed, 16, len(packed)) == pdu


@pytest.mark.parametrize("length", [0, 1, 300, 65535])
def test_message_payload(length: int) -> None:
    pdu = SubmitSm(
        source_addr=b"1" * 20,
        destination_addr=b"2" * 20,
        short_message=b"s" * 255,
        tlvs={0x0424: b"p" * length},
    )
    packed = codec.pack(pdu, 1)
    link = SmppLink()
    assert link.receive(packed) == [(4, 0, 1, pdu)]


def test_largest_strings_pass() -> None:
    pdu = BindTransceiver(b"s" * 15, b"p" * 64, b"t" * 12, 0xFF, 0xFF, 0xFF, b"r" * 40)
    packed = codec.pack(pdu, 1)
    assert codec.unpack_body(9, packed, 16, len(packed)) == pdu


@pytest.mark.parametrize(
    "pdu",
    [
        BindTransceiver(b"s" * 16),
        BindTransceiver(b"s", b"p" * 65),
        BindTransceiverResp(b"s" * 16),
        Outbind(b"s\0"),
        SubmitSm(b"123456"),
        SubmitSm(source_addr=b"1" * 21),
        SubmitSm(destination_addr=b"1\0"),
        SubmitSm(schedule_delivery_time=b"1" * 17),
        SubmitSm(esm_class=256),
        SubmitSm(data_coding=-1),
        SubmitSm(short_message=b"x" * 256),
        DeliverSm(tlvs={0x0424: b"x" * 65536}),
        DeliverSm(tlvs={0x10000: b""}),
        DeliverSm(tlvs={-1: b""}),
        SubmitSmResp(b"i" * 65),
        SubmitSmResp(b"i\0"),
        DeliverSmResp(b"abc"),
        QuerySmResp(error_code=256),
        SubmitMulti(dest_addresses=[DistributionList(b"n" * 21)]),
        SubmitMulti(dest_addresses=[SmeAddress()] * 256),
        SubmitMulti(dest_addresses=[UnsuccessSme()]),  # type: ignore[list-item]  # that is the test
        SubmitMultiResp(unsuccess_smes=[UnsuccessSme(error_status_code=1 << 32)]),
    ],
)
def test_what_does_not_fit_is_not_cut(pdu: Pdu) -> None:
    with pytest.raises(ValueError):
        codec.pack(pdu, 1)


@pytest.mark.parametrize(("number", "status"), [(-1, 0), (1 << 32, 0), (1, -1), (1, 1 << 32)])
def test_header_that_does_not_fit(number: int, status: int) -> None:
    for pdu in (EnquireLink(), SubmitSmResp(), SubmitMulti()):
        with pytest.raises(ValueError):
            codec.pack(pdu, number, status)
    with pytest.raises(ValueError):
        codec.pack_header_only(CommandId.GENERIC_NACK, status, number)


def test_the_field_that_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"^source_addr: 21 octets don't fit into a string of 20$"):
        codec.pack(SubmitSm(source_addr=b"1" * 21), 1)


@pytest.mark.parametrize("pdu", PDUS)
def test_error_responses(pdu: type[Pdu]) -> None:
    body = {DataSmResp: 1, DeliverSmResp: 1, QuerySmResp: 4, SubmitMultiResp: 2}.get(pdu, 0)
    if pdu.command_id & RESPONSE:
        assert len(codec.pack(pdu(), 1, 0x45)) == 16 + body


def test_error_response_drops_what_it_was_given() -> None:
    assert codec.pack(SubmitSmResp(b"id"), 1, 0x45) == octets("00000010 80000004 00000045 00000001")
    assert len(codec.pack(BindTransceiverResp(b"id", {0x0210: b"4"}), 1, 0x0D)) == 16


@pytest.mark.parametrize("message_id", [b"", b"i", b"i" * 36, b"i" * 64])
@pytest.mark.parametrize("number", [0, 1, 0x80000001, 0xFFFFFFFF])
def test_short_way_of_submit_sm_resp(message_id: bytes, number: int) -> None:
    assert codec.pack_submit_sm_resp(number, message_id) == codec.pack(SubmitSmResp(message_id), number)


@pytest.mark.parametrize(("number", "message_id"), [(1, b"i" * 65), (1, b"i\0"), (-1, b"i"), (1 << 32, b"i")])
def test_short_way_of_submit_sm_resp_does_not_cut(number: int, message_id: bytes) -> None:
    with pytest.raises(ValueError):
        codec.pack_submit_sm_resp(number, message_id)


def test_header_only() -> None:
    assert codec.pack_header_only(CommandId.GENERIC_NACK, 3, 9) == octets(
        "00000010 80000000 00000003 00000009"
    )


def test_response_to() -> None:
    assert codec.response_to(CommandId.SUBMIT_SM) is SubmitSmResp
    assert codec.response_to(CommandId.QUERY_SM) is QuerySmResp
    for command_id in (CommandId.OUTBIND, CommandId.ALERT_NOTIFICATION, CommandId.SUBMIT_SM_RESP, 0x777):
        assert codec.response_to(command_id) is None


def test_pdus_without_tlvs_share_one_mapping() -> None:
    body = octets(SUBMIT)
    pdu = codec.unpack_body(CommandId.SUBMIT_SM, body, 0, len(body))
    assert isinstance(pdu, SubmitSm)
    assert pdu.tlvs is SubmitSm().tlvs is DataSm().tlvs is NO_TLVS
    assert unpack_tlvs(b"", 0, 0, {}) is NO_TLVS
    skipped = octets("0427 0002 0000")
    assert unpack_tlvs(skipped, 0, len(skipped), {0x0427: (1, 1, False)}) is NO_TLVS


def test_the_shared_mapping_stays_empty() -> None:
    with pytest.raises(TypeError):
        NO_TLVS[1] = b""
    with pytest.raises(TypeError):
        NO_TLVS.update({1: b""})
    with pytest.raises(TypeError):
        NO_TLVS.setdefault(1, b"")
    shared = NO_TLVS
    with pytest.raises(TypeError):
        shared |= {1: b""}
    assert NO_TLVS == {}


# Round trips of values that the tables allow.


def _values(field: WireType) -> st.SearchStrategy[Any]:
    if isinstance(field, Integer):
        return st.integers(0, 256**field.size - 1)
    if isinstance(field, COctetString):
        return st.binary(max_size=field.longest).map(lambda value: value.replace(b"\0", b"0"))
    if isinstance(field, OctetString):
        return st.binary(max_size=255)
    assert isinstance(field, Records)
    return st.lists(st.one_of([_records(kind) for kind in field.kinds.values()]), max_size=4)


def _records(table: type) -> st.SearchStrategy[Any]:
    fields = {name: _values(field) for name, field in wire_fields(table)}
    if any(field.name == "tlvs" for field in dataclasses.fields(table)):
        # Tags that no table knows, as the known ones have sizes.
        fields["tlvs"] = st.dictionaries(st.integers(0x1400, 0xFFFF), st.binary(max_size=40), max_size=3)
    return st.builds(table, **fields)


@pytest.mark.parametrize("table", PDUS)
def test_round_trip(table: type[Pdu]) -> None:
    @given(_records(table), st.integers(0, 0xFFFFFFFF))
    def check(pdu: Pdu, number: int) -> None:
        packed = codec.pack(pdu, number)
        assert packed == packer_by_table(table)(pdu, number, 0)
        assert SmppLink().receive(packed) == [(table.command_id, 0, number, pdu)]

    check()


def _outcome(unpack: Any, body: bytes, start: int, end: int) -> Any:
    try:
        return unpack(body, start, end)
    except MalformedPdu as problem:
        return problem.command_status, problem.reason


@pytest.mark.parametrize("table", PDUS)
def test_compiled_code_does_as_the_table(table: type[Pdu]) -> None:
    pieces = st.one_of(
        st.binary(max_size=12),
        st.just(b"\0"),
        st.sampled_from([5, 6, 15, 16, 20, 21, 40, 64, 65]).map(lambda n: b"a" * n + b"\0"),
        st.sampled_from([octets(tlv) for tlv in ("020C0002000A", "020E0000", "0427000101", "14000000")]),
    )

    @given(st.lists(pieces, max_size=14).map(b"".join), st.integers(0, 20), st.integers(0, 20))
    def check(body: bytes, before: int, behind: int) -> None:
        start = min(before, len(body))
        end = max(start, len(body) - behind)
        fast = _outcome(codec.UNPACKERS[table.command_id], body, start, end)
        assert fast == _outcome(unpacker_by_table(table), body, start, end)
        assert fast == _outcome(unpacker_by_table(table), body[start:end], 0, end - start)

    check()
