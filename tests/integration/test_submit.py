"""submit_sm from the ESME to the bearerbox: fields on the wire, routes, refusals, credit, throttling."""

from __future__ import annotations

import re
import time
import uuid

import pytest

from tests.fakes import bearerbox as fake
from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.box_wire import Sms
from tests.integration.bed import BOX_ID, Bed, StartBed, mt
from tests.parts.database import RouteRow

pytestmark = pytest.mark.integration


def test_submit_reaches_the_bearerbox_field_by_field(sqlite_bed: Bed) -> None:
    """docs/rules/messages.md 1."""
    customer = sqlite_bed.customer()
    esme = sqlite_bed.esme(customer)
    before = int(time.time())
    reply = esme.submit(
        mt(
            "Hello",
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr=b"49170123456",
            destination_addr=b"491709999999",
            registered_delivery=1,
        )
    )
    assert reply.command_status == wire.ROK
    message_id = reply.text.decode()
    assert str(uuid.UUID(message_id)) == message_id
    (sms,) = sqlite_bed.box.wait_for_sms()
    assert before <= sms.time <= time.time()
    system_id = customer.system_id
    assert re.fullmatch(rf"{system_id}\|\d+\|{message_id}", (sms.dlr_url or b"").decode())
    assert sms == Sms(
        sender=b"+49170123456",
        receiver=b"+491709999999",
        msgdata=b"Hello",
        time=sms.time,
        smsc_id=sms.smsc_id,
        service=system_id.encode(),
        id=message_id.encode(),
        sms_type=box_wire.MT_PUSH,
        coding=0,
        compress=0,
        dlr_mask=19,
        dlr_url=sms.dlr_url,
        pid=0,
        alt_dcs=0,
        boxc_id=BOX_ID.encode(),
        priority=0,
        meta_data=b"?smpp?",
    )
    assert not sms.smsc_id


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (mt(b"\x11\x1b\x65", data_coding=0), {"msgdata": "_€".encode(), "coding": 0}),
        (mt(b"gr\xfc\xdfe", data_coding=3), {"msgdata": "grüße".encode(), "coding": 0}),
        (mt("hé".encode("utf-16-be"), data_coding=8), {"msgdata": "hé".encode("utf-16-be"), "coding": 2}),
        (mt(b"\0\xff\x81", data_coding=4), {"msgdata": b"\0\xff\x81", "coding": 1}),
        (mt("class", data_coding=0xF0), {"coding": 0, "mclass": 0, "alt_dcs": 1}),
        (
            mt(b"\x05\x00\x03\xa5\x02\x01part", esm_class=0x40),
            {"udhdata": b"\x05\x00\x03\xa5\x02\x01", "msgdata": b"part"},
        ),
        (
            mt("part", tlvs={wire.SAR_REF: b"\0\xa5", wire.SAR_TOTAL: b"\2", wire.SAR_SEQNUM: b"\1"}),
            {"udhdata": b"\x05\x00\x03\xa5\x02\x01", "msgdata": b"part", "msg_left": 1},
        ),
        (mt("", tlvs={wire.MESSAGE_PAYLOAD: b"x" * 900}), {"msgdata": b"x" * 900}),
        (mt(service_type=b"BILL"), {"binfo": b"BILL"}),
        (mt(registered_delivery=0), {"dlr_mask": 0}),
        (mt(registered_delivery=2), {"dlr_mask": 18}),
        (mt(priority_flag=3, protocol_id=0x41), {"priority": 3, "pid": 0x41}),
        (mt(destination_addr=b"00491701234567"), {"receiver": b"+491701234567"}),
        (mt(source_addr=b"Acme Co", source_addr_ton=5), {"sender": b"Acme Co"}),
        (mt(source_addr=b""), {"sender": b""}),
    ],
)
def test_submit_fields(sqlite_bed: Bed, message: wire.Message, expected: dict[str, object]) -> None:
    """docs/rules/messages.md 1, 1.1, 1.2, 2.2."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    assert esme.submit(message).command_status == wire.ROK
    (sms,) = sqlite_bed.box.wait_for_sms()
    assert {name: getattr(sms, name) for name in expected} == expected


def test_data_sm_takes_the_same_way(sqlite_bed: Bed) -> None:
    """docs/rules/messages.md 1: data_sm; a missing payload is an empty text, never NULL."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    head = b"\0" + b"\0\0" + b"12345\0" + b"\x01\x01" + b"491701234567\0" + b"\0\x01\0"
    reply = esme.request(wire.DATA_SM, head + wire.pack_tlvs({wire.MESSAGE_PAYLOAD: b"by data-sm"}))
    assert (reply.command_id, reply.command_status) == (wire.DATA_SM | wire.RESPONSE, wire.ROK)
    sms = sqlite_bed.box.wait_for_text(b"by data-sm").sms
    assert (sms.id, sms.dlr_mask, sms.receiver) == (reply.text, 19, b"+491701234567")
    assert esme.request(wire.DATA_SM, head).command_status == wire.ROK
    assert sqlite_bed.box.wait_for_sms(2)[1].msgdata == b""


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (mt(source_addr=b"notdigits", source_addr_ton=1), wire.RINVSRCADR),
        (mt(destination_addr=b"notdigits"), wire.RINVDSTADR),
        (mt(destination_addr=b"", dest_addr_ton=0), wire.RINVDSTADR),
        (mt(b"\x0a\x00\x03\xa5\x02\x01aa", esm_class=0x40), 0x43),
        (
            mt(
                b"\x06\x05\x04\x0b\x84\x00\x00a",
                esm_class=0x40,
                tlvs={wire.SAR_REF: b"\0\1", wire.SAR_TOTAL: b"\2", wire.SAR_SEQNUM: b"\1"},
            ),
            0xC4,
        ),
        (mt(validity_period=b"991399000000000+"), 0x62),
        (mt(schedule_delivery_time=b"nonsense"), 0x61),
    ],
)
def test_submit_that_cannot_be_converted(sqlite_bed: Bed, message: wire.Message, status: int) -> None:
    """docs/rules/flows.md 1.1, docs/rules/messages.md 4; an error response has an empty message_id."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    reply = esme.submit(message)
    assert (reply.command_status, reply.text) == (status, b"")
    assert esme.submit(mt("next")).command_status == wire.ROK


@pytest.mark.parametrize(
    ("nack", "status"),
    [
        (box_wire.ACK_SUCCESS, wire.ROK),
        (box_wire.ACK_BUFFERED, wire.ROK),
        (box_wire.ACK_FAILED, wire.RSUBMITFAIL),
        (box_wire.ACK_FAILED_TMP, wire.RSYSERR),
        (9, wire.RSYSERR),
    ],
)
def test_the_bearerboxs_ack_becomes_the_response(sqlite_bed: Bed, nack: int, status: int) -> None:
    """docs/rules/flows.md 1.1."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    sqlite_bed.box.policy = fake.always(nack)
    reply = esme.submit(mt())
    assert reply.command_status == status
    assert (reply.text == b"") == (status != wire.ROK)


def test_a_response_waits_for_the_bearerboxs_ack(sqlite_bed: Bed) -> None:
    """Nothing is accepted before the next hop has it (docs/rules/flows.md, guarantee)."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    sqlite_bed.box.policy = fake.always(fake.NEVER)
    first, second = esme.send_submit(mt("first")), esme.send_submit(mt("second"))
    submit = sqlite_bed.box.wait_for_text(b"first")
    later = sqlite_bed.box.wait_for_text(b"second")
    esme.enquire_link()
    assert first not in esme.responses
    sqlite_bed.box.ack(later)
    assert esme.wait_response(second).text == later.sms.id
    assert first not in esme.responses
    sqlite_bed.box.ack(submit)
    assert esme.wait_response(first).text == submit.sms.id


def test_a_window_of_submits_keeps_its_order(sqlite_bed: Bed) -> None:
    esme = sqlite_bed.esme(sqlite_bed.customer())
    texts = [b"text %03d" % number for number in range(200)]
    replies = esme.submit_all((mt(text) for text in texts), window=50)
    assert {reply.command_status for reply in replies} == {wire.ROK}
    assert [sms.msgdata for sms in sqlite_bed.box.wait_for_sms(200)] == texts
    assert [reply.text for reply in replies] == [entry.sms.id for entry in sqlite_bed.box.submits]


def test_the_receipt_of_a_refused_submit_is_swallowed(sqlite_bed: Bed) -> None:
    """docs/rules/box-protocol.md 6.1: nack 1 comes with a DLR for an id that the ESME never saw."""
    esme = sqlite_bed.esme(sqlite_bed.customer())
    sqlite_bed.box.policy = fake.always(box_wire.ACK_FAILED)
    assert esme.submit(mt("refused", registered_delivery=1)).command_status == wire.RSUBMITFAIL
    refused = sqlite_bed.box.wait_for_text(b"refused")
    report = sqlite_bed.box.send_dlr(refused.sms, mask=16, text=b"NACK/no SMSC")
    assert sqlite_bed.box.wait_for_ack(report).nack == box_wire.ACK_SUCCESS
    sqlite_bed.box.policy = fake.accept_all
    good = esme.submit(mt("good", registered_delivery=1))
    sqlite_bed.box.send_dlr(sqlite_bed.box.wait_for_text(b"good").sms)
    esme.wait_receipt(good.text)
    assert len(esme.deliveries) == 1


class TestRoutes:
    """docs/rules/flows.md 7.1, on both databases."""

    def test_no_route(self, bed: Bed) -> None:
        esme = bed.esme(bed.customer(outbound=[RouteRow(1, r"^\+1800", "", "one")]))
        reply = esme.submit(mt())
        assert (reply.command_status, reply.text) == (wire.RINVDSTADR, b"")
        assert esme.submit(mt(destination_addr=b"1800555")).command_status == wire.ROK
        assert bed.box.wait_for_sms()[0].smsc_id == b"one"

    def test_sender_refused(self, bed: Bed) -> None:
        esme = bed.esme(bed.customer(outbound=[RouteRow(1, r"^\+49", "", "one", source_regex="^555")]))
        assert esme.submit(mt()).command_status == wire.RINVSRCADR
        assert esme.submit(mt(destination_addr=b"1800555")).command_status == wire.RINVDSTADR
        assert esme.submit(mt(source_addr=b"5551")).command_status == wire.ROK

    def test_a_later_route_may_allow_the_sender(self, bed: Bed) -> None:
        routes = [
            RouteRow(1, r"^\+49", "", "first", source_regex="^555", priority=5),
            RouteRow(1, r"^\+49", "", "second", priority=1),
        ]
        esme = bed.esme(bed.customer(outbound=routes))
        assert esme.submit(mt("a")).command_status == wire.ROK
        assert bed.box.wait_for_text(b"a").sms.smsc_id == b"second"
        assert esme.submit(mt("b", source_addr=b"5551")).command_status == wire.ROK
        assert bed.box.wait_for_text(b"b").sms.smsc_id == b"first"

    def test_priority_before_age(self, bed: Bed) -> None:
        routes = [RouteRow(1, "", "", "low", priority=1), RouteRow(1, "", "", "high", priority=9)]
        esme = bed.esme(bed.customer(outbound=routes))
        assert esme.submit(mt()).command_status == wire.ROK
        assert bed.box.wait_for_sms()[0].smsc_id == b"high"

    def test_default_smsc_takes_what_no_route_takes(self, bed: Bed) -> None:
        customer = bed.customer(outbound=[RouteRow(1, r"^\+1800", "", "one")], default_smsc="fallback")
        esme = bed.esme(customer)
        assert esme.submit(mt("a")).command_status == wire.ROK
        assert bed.box.wait_for_text(b"a").sms.smsc_id == b"fallback"
        assert esme.submit(mt("b", destination_addr=b"1800555")).command_status == wire.ROK
        assert bed.box.wait_for_text(b"b").sms.smsc_id == b"one"

    def test_posix_classes(self, bed: Bed) -> None:
        esme = bed.esme(bed.customer(outbound=[RouteRow(1, r"^\+49[[:digit:]]+$", "", "one")]))
        assert esme.submit(mt()).command_status == wire.ROK
        assert esme.submit(mt(destination_addr=b"49abc", dest_addr_ton=0)).command_status == wire.RINVDSTADR


class TestCredit:
    """docs/rules/flows.md 8, on both databases."""

    def credit(self, bed: Bed, system_id: str) -> float:
        (row,) = bed.daemon.database.execute("SELECT credit FROM smpp_user WHERE system_id = ?", [system_id])
        return float(str(row[0]))

    def test_parts_cost(self, bed: Bed) -> None:
        customer = bed.customer(
            outbound=[RouteRow(1, "", "", cost=1.5)], enable_prepaid_billing=1, credit=5.0
        )
        esme = bed.esme(customer)
        long_text = mt("", tlvs={wire.MESSAGE_PAYLOAD: b"x" * 161})
        assert esme.submit(long_text).command_status == wire.ROK
        assert self.credit(bed, customer.system_id) == pytest.approx(2.0)
        assert esme.submit(long_text).command_status == wire.RSUBMITFAIL
        assert esme.submit(mt()).command_status == wire.ROK
        assert self.credit(bed, customer.system_id) == pytest.approx(0.5)
        assert len(bed.box.submits) == 2

    def test_refund_when_the_bearerbox_refuses(self, bed: Bed) -> None:
        customer = bed.customer(
            outbound=[RouteRow(1, "", "", cost=2.0)], enable_prepaid_billing=1, credit=5.0
        )
        esme = bed.esme(customer)
        bed.box.policy = fake.always(box_wire.ACK_FAILED)
        assert esme.submit(mt()).command_status == wire.RSUBMITFAIL
        assert self.credit(bed, customer.system_id) == pytest.approx(5.0)

    def test_a_window_of_submits_never_overdraws(self, bed: Bed) -> None:
        customer = bed.customer(
            outbound=[RouteRow(1, "", "", cost=1.0)], enable_prepaid_billing=1, credit=10.0
        )
        replies = bed.esme(customer).submit_all((mt() for _ in range(30)), window=30)
        assert [reply.command_status for reply in replies].count(wire.ROK) == 10
        assert self.credit(bed, customer.system_id) == pytest.approx(0.0)


def test_throttled_above_throughput(sqlite_bed: Bed) -> None:
    """docs/rules/smpp-session.md 6: a token bucket that holds one second's worth."""
    customer = sqlite_bed.customer(throughput=5)
    esme = sqlite_bed.esme(customer)
    started = time.monotonic()
    replies = esme.submit_all((mt() for _ in range(30)), window=30)
    seconds = time.monotonic() - started
    statuses = [reply.command_status for reply in replies]
    assert set(statuses) == {wire.ROK, wire.RTHROTTLED}
    assert 5 <= statuses.count(wire.ROK) <= 5 + 5 * seconds + 1
    assert {reply.text for reply in replies if reply.command_status} == {b""}


def test_bearerbox_away_and_queue_off(start_bed: StartBed) -> None:
    """docs/rules/flows.md 1.1."""
    bed = start_bed(queue=False)
    esme = bed.esme(bed.customer())
    assert esme.submit(mt("before")).command_status == wire.ROK
    bed.box_away()
    reply = esme.submit(mt("away"))
    assert (reply.command_status, reply.text) == (wire.RSYSERR, b"")
    bed.box_back()
    assert esme.submit(mt("after")).command_status == wire.ROK
    assert [sms.msgdata for sms in bed.box.wait_for_sms(2)] == [b"before", b"after"]
