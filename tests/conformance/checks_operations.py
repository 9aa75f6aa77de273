"""submit_multi, query_sm, cancel_sm: C-144 to C-151."""

from __future__ import annotations

from tests.conformance.bench import Bench, alive, cancel_sm, query_sm, smin, submit_multi, to
from tests.conformance.clauses import clause
from tests.fakes import bearerbox as fake_box
from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme
from tests.fakes.smpp_wire import Pdu

ENROUTE, DELIVERED, DELETED, UNDELIVERABLE, UNKNOWN = 1, 2, 4, 5, 7
DESTINATIONS = (b"491701111111", b"491702222222", b"491703333333")


def multi(esme: Esme, *destinations: bytes, **options: object) -> Pdu:
    return esme.request(wire.SUBMIT_MULTI, submit_multi(*destinations, **options))  # type: ignore[arg-type]  # fields of a message


def queried(esme: Esme, message_id: bytes, source: bytes = b"491701") -> tuple[int, bytes, bytes, int, int]:
    """command_status and the four fields of a query_sm_resp."""
    reply = esme.request(wire.QUERY_SM, query_sm(message_id, source))
    assert reply.command_id == wire.QUERY_SM | wire.RESPONSE
    id, date, numbers = reply.body.split(b"\0", 2)
    state, error = numbers
    return reply.command_status, id, date, state, error


@clause("C-144")
def three_destinations(bench: Bench) -> None:
    esme = bench.trx()
    reply = multi(esme, *map(to, DESTINATIONS), registered_delivery=1)
    assert (reply.command_id, reply.command_status) == (wire.SUBMIT_MULTI | wire.RESPONSE, wire.ROK)
    assert reply.body == reply.text + b"\0\0"
    messages = bench.box.wait_for_sms(3)
    assert [sms.receiver for sms in messages] == [b"+" + each for each in DESTINATIONS]
    assert len({sms.id for sms in messages}) == 3
    for sms in messages:
        bench.box.send_dlr(sms)
    receipts = esme.wait_deliveries(3)
    assert {receipt.receipt["id"].encode() for receipt in receipts} == {reply.text}
    assert {receipt.source_addr for receipt in receipts} == set(DESTINATIONS)
    assert queried(esme, reply.text)[3] == DELIVERED


@clause("C-144", "C-146")
def submit_multi_refused_whole(bench: Bench) -> None:
    esme = bench.trx()
    one = to(DESTINATIONS[0])
    for reply, status in (
        (multi(esme), 0x33),
        (multi(esme, *[one] * 255), 0x33),
        (multi(esme, to(DESTINATIONS[0], flag=3)), 0x40),
        (multi(esme, one, b"\x02friends\0"), 0x34),
    ):
        assert (reply.command_status, len(reply.octets)) == (status, 18)
        assert reply.body == b"\0\0"
    alive(esme)
    assert not bench.box.submits


@clause("C-145")
def submit_multi_replaces_nothing(bench: Bench) -> None:
    reply = multi(bench.trx(), *map(to, DESTINATIONS), replace=1)
    assert reply.command_status == wire.ROK
    assert len(bench.box.wait_for_sms(3)) == 3


@clause("C-146")
def some_destinations_refused(bench: Bench) -> None:
    esme = bench.trx()
    reply = multi(esme, to(DESTINATIONS[0]), to(b"letters"), to(DESTINATIONS[2]))
    assert reply.command_status == wire.ROK
    assert reply.body == reply.text + b"\0" + b"\x01" + b"\x01\x01letters\0" + b"\0\0\0\x0b"
    assert len(bench.box.wait_for_sms(2)) == 2
    bench.box.policy = lambda sms: (
        box_wire.ACK_FAILED if sms.receiver == b"+" + DESTINATIONS[1] else box_wire.ACK_SUCCESS
    )
    reply = multi(esme, *map(to, DESTINATIONS))
    assert reply.body == reply.text + b"\0\x01\x01\x01" + DESTINATIONS[1] + b"\0\0\0\0\x45"
    nobody = multi(esme, to(b"letters"), to(b"words"))
    assert (nobody.command_status, nobody.text, nobody.body[1]) == (wire.RINVDSTADR, b"", 2)


@clause("C-147")
def query_sm_of_some_destinations(bench: Bench) -> None:
    """Their id is known although the destination that comes last has been refused."""
    esme = bench.trx()
    reply = multi(esme, to(DESTINATIONS[0]), to(b"letters"), registered_delivery=1)
    assert (reply.command_status, reply.body[-1]) == (wire.ROK, 0x0B)
    assert queried(esme, reply.text)[3] == ENROUTE
    bench.box.send_dlr(bench.box.wait_for_sms(1)[0])
    esme.wait_deliveries(1)
    assert queried(esme, reply.text)[3] == DELIVERED


@clause("C-147", "C-148")
def query_sm_of_sent_messages(bench: Bench) -> None:
    esme = bench.trx()
    sms = bench.sms(esme, smin(registered_delivery=1))
    assert queried(esme, sms.id) == (wire.ROK, sms.id, b"", ENROUTE, 0)
    bench.box.send_dlr(sms, 2, b"id:1 stat:UNDELIV err:027 text:")
    esme.wait_receipt(sms.id)
    status, message_id, date, state, error = queried(esme, sms.id)
    assert (status, message_id, state, error) == (wire.ROK, sms.id, UNDELIVERABLE, 27)
    assert len(date) == 16
    unasked = bench.sms(esme, smin())
    assert queried(esme, unasked.id)[0] == 0x67  # its end will not be reported
    other = bench.trx_of(bench.other())
    for asker, message_id, source in (
        (esme, sms.id, b"491702"),
        (other, sms.id, b"491701"),
        (esme, b"unknown", b"491701"),
    ):
        assert queried(asker, message_id, source) == (0x67, message_id, b"", UNKNOWN, 0)


@clause("C-147", "C-149")
def messages_in_the_queue(bench: Bench) -> None:
    esme = bench.trx()
    bench.bed.box_away()
    try:
        first, second, third = (
            esme.submit(smin(text, registered_delivery=wanted)).text
            for text, wanted in ((b"first", 1), (b"second", 0), (b"third", 0))
        )
        assert queried(esme, first)[3] == ENROUTE
        assert queried(esme, second)[3] == ENROUTE
        stranger = bench.trx_of(bench.other())
        assert stranger.request(wire.CANCEL_SM, cancel_sm(first)).command_status == 0x11
        assert esme.request(wire.CANCEL_SM, cancel_sm(first, b"491702")).command_status == 0x11
        cancelled = esme.request(wire.CANCEL_SM, cancel_sm(first))
        assert (cancelled.command_status, len(cancelled.octets)) == (wire.ROK, 16)
        assert queried(esme, first)[3] == DELETED
        assert esme.request(wire.CANCEL_SM, cancel_sm(first)).command_status == 0x11
        by_addresses = cancel_sm(destination=b"491709999999")
        assert esme.request(wire.CANCEL_SM, by_addresses).command_status == wire.ROK
        assert {queried(esme, each)[3] for each in (second, third)} == {DELETED}
        assert esme.request(wire.CANCEL_SM, by_addresses).command_status == 0x11
    finally:
        bench.bed.box_back()
    receipt = esme.wait_receipt(first, 15)
    assert receipt.receipt["stat"] == "DELETED"
    assert receipt.tlvs[wire.MESSAGE_STATE] == bytes([DELETED])
    last = bench.sms(esme, smin(b"last"))
    assert [entry.sms.id for entry in bench.box.submits] == [last.id]


@clause("C-149")
def cancel_sm_of_sent_messages(bench: Bench) -> None:
    esme = bench.trx()
    sms = bench.sms(esme, smin())
    for body in (cancel_sm(sms.id), cancel_sm(destination=b"491709999999"), cancel_sm(b"unknown")):
        reply = esme.request(wire.CANCEL_SM, body)
        assert (reply.command_status, len(reply.octets)) == (0x11, 16)


@clause("C-151")
def malformed_operations(bench: Bench) -> None:
    esme = bench.trx()
    assert esme.request(wire.QUERY_SM, b"no end").command_status == 0x0C
    assert esme.request(wire.CANCEL_SM).command_status == wire.RINVCMDLEN
    assert esme.request(wire.SUBMIT_MULTI).command_status == wire.RINVCMDLEN
    alive(esme)


@clause("C-164")
def refused_messages_are_not_reported(bench: Bench) -> None:
    esme = bench.trx()
    bench.box.policy = fake_box.always(box_wire.ACK_FAILED)
    bench.refuses(esme, smin(b"refused", registered_delivery=1), wire.RSUBMITFAIL)
    report = bench.box.send_dlr(bench.box.wait_for_text(b"refused").sms, 16, b"NACK/no SMSC")
    assert bench.box.wait_for_ack(report).nack == box_wire.ACK_SUCCESS
    alive(esme)
    assert not esme.deliveries
