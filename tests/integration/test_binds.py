"""Tests of the begin, the errors and the end of sessions (docs/rules/smpp-session.md 2 to 5, 10, 11)."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme
from tests.integration.bed import Bed, StartBed, mt
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration

KINDS = ("receiver", "transmitter", "transceiver")


def assert_refused(esme: Esme, reply: wire.Pdu, status: int = wire.RBINDFAIL) -> None:
    """A refused bind has an empty system_id, and the server hangs up."""
    assert (reply.command_status, reply.text) == (status, b"")
    esme.wait_closed(3)


def test_the_size_of_error_responses(sqlite_bed: Bed) -> None:
    """D-03: header only for binds and submit_sm, one NUL for data_sm."""
    customer = sqlite_bed.customer(outbound=[])
    stranger = sqlite_bed.connect()
    receiver = sqlite_bed.esme(customer, "receiver")
    transmitter = sqlite_bed.esme(customer, "transmitter")
    data_sm = b"\0\0\x001\0\0\x002\0\0\0\0"
    replies = [
        stranger.bind("nobody", "wrong"),
        receiver.submit(mt()),
        transmitter.submit(mt()),
        receiver.bind(customer.system_id, customer.password),
        transmitter.request(wire.DATA_SM, data_sm),
    ]
    statuses = [wire.RBINDFAIL, wire.RINVBNDSTS, wire.RINVDSTADR, wire.RALYNBD, wire.RINVDSTADR]
    assert [reply.command_status for reply in replies] == statuses
    assert [len(reply.octets) for reply in replies] == [16, 16, 16, 16, 17]


@pytest.mark.parametrize("kind", KINDS)
def test_bind_response(bed: Bed, kind: str) -> None:
    """docs/rules/smpp-session.md 5.2, D-05: the server's id, and its version for those who know TLVs."""
    esme = bed.connect()
    customer = bed.customer()
    reply = esme.bind(customer.system_id, customer.password, kind)
    assert (reply.command_status, reply.text) == (wire.ROK, b"KSMPPD-TEST")
    assert wire.unpack_tlvs(reply.body[len(reply.text) + 1 :]) == {0x0210: b"\x34"}
    old = bed.connect()
    reply = old.bind(customer.system_id, customer.password, kind, version=0x33)
    assert (reply.command_status, reply.body) == (wire.ROK, b"KSMPPD-TEST\0")


def test_system_ids_have_no_case(bed: Bed) -> None:
    """docs/rules/smpp-session.md 5.1, docs/rules/database.md 5: lower-cased after the bind."""
    customer = bed.customer()
    esme = bed.connect()
    assert esme.bind(customer.system_id.upper(), customer.password).command_status == wire.ROK
    assert esme.submit(mt()).command_status == wire.ROK
    assert bed.box.wait_for_sms()[0].service == customer.system_id.encode()


def test_max_binds_counts_live_binds_of_any_kind(bed: Bed) -> None:
    """docs/rules/smpp-session.md 5.1: a slot is free the moment its session ends."""
    customer = bed.customer(max_binds=2)
    first = bed.esme(customer, "receiver")
    second = bed.esme(customer, "transmitter")
    third = bed.connect()
    assert_refused(third, third.bind(customer.system_id, customer.password))
    first.unbind()
    first.wait_closed(3)
    fourth = bed.esme(customer)
    second.close()
    wait_until(lambda: self_binds(bed, customer.system_id) == 1, "the dropped session to be noticed")
    bed.esme(customer)
    assert fourth.enquire_link().command_status == wire.ROK


def self_binds(bed: Bed, system_id: str) -> int:
    """Return the number of binds that esme-status shows for an account."""
    line = next(
        line
        for line in bed.daemon.admin("/esme-status").body.splitlines()
        if line.startswith(f"{system_id} - ")
    )
    return int(line.split("binds:")[1].split("/")[0])


class TestBlockList:
    """127.0.0.1 is exempt in every test bed, so these come from elsewhere."""

    def refuse(self, bed: Bed, ip: str, times: int, name: str = "nobody") -> None:
        for _ in range(times):
            esme = bed.connect(source_ip=ip)
            assert_refused(esme, esme.bind(name, "wrong"))

    def test_too_many_refused_binds(self, start_bed: StartBed) -> None:
        bed = start_bed(ksmppd={"ip-blocklist-attempts": 3})
        customer = bed.customer()
        self.refuse(bed, "127.0.0.7", 3)
        blocked = bed.connect(source_ip="127.0.0.7")
        blocked.wait_closed(3)
        assert not blocked.responses
        assert not blocked.nacks
        neighbour = bed.connect(source_ip="127.0.0.71")
        assert neighbour.bind(customer.system_id, customer.password).command_status == wire.ROK
        self.refuse(bed, "127.0.0.1", 5)
        bed.esme(customer)

    def test_a_good_bind_clears_its_own_failures(self, start_bed: StartBed) -> None:
        bed = start_bed(ksmppd={"ip-blocklist-attempts": 3})
        customer = bed.customer()
        for _ in range(3):
            self.refuse(bed, "127.0.0.8", 2, customer.system_id)
            esme = bed.connect(source_ip="127.0.0.8")
            assert esme.bind(customer.system_id, customer.password).command_status == wire.ROK
        self.refuse(bed, "127.0.0.8", 2, "another")
        esme = bed.connect(source_ip="127.0.0.8")
        assert esme.bind(customer.system_id, customer.password).command_status == wire.ROK
        self.refuse(bed, "127.0.0.8", 1, "another")
        blocked = bed.connect(source_ip="127.0.0.8")
        blocked.wait_closed(3)
        assert not blocked.responses

    def test_what_does_not_count(self, start_bed: StartBed) -> None:
        """Health checks and a full account."""
        bed = start_bed(ksmppd={"ip-blocklist-attempts": 2})
        customer = bed.customer(max_binds=1)
        only = bed.esme(customer, source_ip="127.0.0.9")
        for _ in range(4):
            bed.connect(source_ip="127.0.0.9").close()
            probe = bed.connect(source_ip="127.0.0.9")
            probe.send_octets(b"GET / HTTP/1.0\r\n\r\n")
            probe.wait_closed(3)
            esme = bed.connect(source_ip="127.0.0.9")
            assert_refused(esme, esme.bind(customer.system_id, customer.password))
        only.unbind()
        only.wait_closed(3)
        bed.esme(customer, source_ip="127.0.0.9")

    def test_it_forgives(self, start_bed: StartBed) -> None:
        bed = start_bed(ksmppd={"ip-blocklist-attempts": 1, "ip-blocklist-time": 1})
        customer = bed.customer()
        self.refuse(bed, "127.0.0.10", 1)

        def bound() -> bool:
            esme = bed.connect(source_ip="127.0.0.10")
            try:
                return esme.bind(customer.system_id, customer.password).command_status == wire.ROK
            except (AssertionError, OSError):
                return False

        wait_until(bound, "the address to be forgiven after a second", 8)


@pytest.mark.parametrize(
    ("command_id", "body"),
    [
        (wire.SUBMIT_SM, wire.pack_message(mt())),
        (wire.QUERY_SM, b"id\0\0\0\0"),
        (wire.CANCEL_SM, b"\0id\0\0\0\0\0\0\0"),
        (wire.REPLACE_SM, b"id\0\0\0\0\0\0\0\0\0"),
    ],
)
def test_requests_before_the_bind(sqlite_bed: Bed, command_id: int, body: bytes) -> None:
    """docs/rules/smpp-session.md 4."""
    esme = sqlite_bed.connect()
    reply = esme.request(command_id, body)
    assert (reply.command_id, reply.command_status) == (command_id | wire.RESPONSE, wire.RINVBNDSTS)
    assert esme.enquire_link().command_status == wire.ROK


def test_a_receiver_may_not_submit(sqlite_bed: Bed) -> None:
    esme = sqlite_bed.esme(sqlite_bed.customer(), "receiver")
    reply = esme.submit(mt())
    assert (reply.command_status, reply.text) == (wire.RINVBNDSTS, b"")


def test_binding_twice(sqlite_bed: Bed) -> None:
    customer = sqlite_bed.customer()
    esme = sqlite_bed.esme(customer)
    assert esme.bind(customer.system_id, customer.password).command_status == wire.RALYNBD
    assert esme.submit(mt()).command_status == wire.ROK


@pytest.mark.parametrize(
    ("command_id", "body", "status"),
    [
        (wire.QUERY_SM, b"id\0\0\0\0", 0x67),
        (wire.CANCEL_SM, b"\0id\0\0\0\0\0\0\0", 0x11),
        (wire.REPLACE_SM, b"id\0\0\0\0\0\0\0\0\0", 0x13),
    ],
)
def test_what_is_not_offered(sqlite_bed: Bed, command_id: int, body: bytes, status: int) -> None:
    """docs/rules/smpp-session.md 4."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    reply = esme.request(command_id, body)
    assert (reply.command_id, reply.command_status) == (command_id | wire.RESPONSE, status)
    assert esme.submit(mt()).command_status == wire.ROK


def test_unknown_and_misplaced_commands_get_a_generic_nack(sqlite_bed: Bed) -> None:
    esme = sqlite_bed.esme(sqlite_bed.customer())
    for number, command_id in enumerate((0x00000099, wire.DELIVER_SM, 0x0000000B)):
        esme.send_octets(wire.pack(command_id, 0, 500 + number, wire.pack_message(mt())))
    esme.wait_for(lambda: len(esme.nacks) == 3, "three generic_nacks")
    assert [(nack.command_status, nack.sequence_number) for nack in esme.nacks] == [
        (wire.RINVCMDID, 500),
        (wire.RINVCMDID, 501),
        (wire.RINVCMDID, 502),
    ]
    assert esme.submit(mt()).command_status == wire.ROK


def test_a_bad_body_is_answered_and_the_session_goes_on(sqlite_bed: Bed) -> None:
    """docs/rules/smpp-session.md 3."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    good = wire.pack_message(mt("12345"))
    assert esme.request(wire.SUBMIT_SM, good[:-3]).command_status == wire.RINVMSGLEN
    assert esme.request(wire.SUBMIT_SM, good + b"\x02\x04\0\x09a").command_status == 0xC0
    assert esme.request(wire.SUBMIT_SM, good[:10]).command_status == wire.RINVCMDLEN
    assert esme.submit(mt()).command_status == wire.ROK


@pytest.mark.parametrize("length", [0, 15, 70000, 0x80000000])
def test_a_bad_command_length_ends_the_session(sqlite_bed: Bed, length: int) -> None:
    esme = sqlite_bed.esme(sqlite_bed.customer())
    esme.send_octets(struct.pack(">IIII", length, wire.SUBMIT_SM, 0, 9))
    esme.wait_closed()
    assert [nack.command_status for nack in esme.nacks] == [wire.RINVCMDLEN]


def test_pdus_in_pieces_and_in_bulk(sqlite_bed: Bed) -> None:
    customer = sqlite_bed.customer()
    esme = sqlite_bed.esme(customer)
    octets = b"".join(
        wire.pack(wire.SUBMIT_SM, 0, 1000 + number, wire.pack_message(mt(f"piece {number}")))
        for number in range(20)
    )
    for at in range(0, 200, 7):
        esme.send_octets(octets[at : at + 7])
    esme.send_octets(octets[203:])
    for number in range(20):
        assert esme.wait_response(1000 + number).command_status == wire.ROK
    assert [sms.msgdata for sms in sqlite_bed.box.wait_for_sms(20)] == [
        b"piece %d" % number for number in range(20)
    ]


def test_unbind_closes_the_session(sqlite_bed: Bed) -> None:
    """docs/rules/smpp-session.md 10: right after the response."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    reply = esme.unbind()
    assert (reply.command_id, reply.command_status) == (wire.UNBIND | wire.RESPONSE, wire.ROK)
    esme.wait_closed(3)


def test_responses_before_unbind_are_not_lost(sqlite_bed: Bed) -> None:
    """Submits in flight are answered, or at least the session ends in order; the message is sent once."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    sequence = esme.send_submit(mt("last words"))
    esme.unbind()
    esme.wait_closed(5)
    assert sqlite_bed.box.wait_for_text(b"last words").sms.id
    assert sequence in esme.responses


def test_many_sessions(sqlite_bed: Bed) -> None:
    customer = sqlite_bed.customer()
    sessions = [sqlite_bed.esme(customer) for _ in range(50)]
    sequences = [esme.send_submit(mt(f"session {number}")) for number, esme in enumerate(sessions)]
    for esme, sequence in zip(sessions, sequences, strict=True):
        assert esme.wait_response(sequence).command_status == wire.ROK
    assert self_binds(sqlite_bed, customer.system_id) == 50


def test_passwords_stay_out_of_the_log(start_bed: Callable[..., Bed]) -> None:
    """docs/rules/operations.md 2.4."""
    bed = start_bed()
    customer = bed.customer()
    bed.esme(customer)
    esme = bed.connect()
    esme.bind(customer.system_id, "s3cr3t-x")
    bed.daemon.wait_for_log(f"SMPP[{customer.system_id}] Successfully authenticated")
    text = bed.daemon.log() + bed.daemon.process.output()
    assert customer.password not in text.replace(customer.system_id, "")
    assert "s3cr3t-x" not in text
