"""Several bearerbox connections, their loss and return (docs/rules/flows.md 1.2, docs/rules/box-protocol.md 4 to 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.fakes import bearerbox as fake
from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, Bed, StartBed, mt
from tests.parts.daemon import Daemon

pytestmark = pytest.mark.integration


@pytest.fixture
def two_boxes() -> Iterator[tuple[FakeBearerbox, FakeBearerbox]]:
    with FakeBearerbox() as first, FakeBearerbox() as second:
        yield first, second


@pytest.fixture
def two_box_bed(
    two_boxes: tuple[FakeBearerbox, FakeBearerbox], start_daemon: Callable[..., Daemon]
) -> Iterator[Bed]:
    first, second = two_boxes
    bed = Bed(start_daemon([("BOX-A", first.port), ("BOX-B", second.port)]), first)
    first.wait_for_box()
    second.wait_for_box()
    yield bed
    bed.close()


def test_traffic_spreads_over_the_boxes(
    two_box_bed: Bed, two_boxes: tuple[FakeBearerbox, FakeBearerbox]
) -> None:
    esme = two_box_bed.esme(two_box_bed.customer())
    replies = esme.submit_all((mt(f"text {number}") for number in range(100)), window=40)
    assert {reply.command_status for reply in replies} == {wire.ROK}
    sent = [box.submits for box in two_boxes]
    assert sum(map(len, sent)) == 100
    assert all(sent)
    for box, boxc_id in zip(two_boxes, (b"BOX-A", b"BOX-B"), strict=True):
        assert box.links[0].boxc_id == boxc_id
        assert {entry.sms.boxc_id for entry in box.submits} == {boxc_id}


def test_messages_of_either_box_are_acked_where_they_came_from(
    two_box_bed: Bed, two_boxes: tuple[FakeBearerbox, FakeBearerbox]
) -> None:
    customer = two_box_bed.customer()
    esme = two_box_bed.esme(customer)
    for number, box in enumerate(two_boxes):
        mo = box.send_mo("+49170", customer.short_code, f"from box {number}")
        esme.wait_text(b"from box %d" % number)
        assert box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    assert [len(box.acks) for box in two_boxes] == [1, 1]


def test_one_box_goes_and_the_other_carries_on(
    two_box_bed: Bed, two_boxes: tuple[FakeBearerbox, FakeBearerbox]
) -> None:
    """Submits that the lost box had not acknowledged go to the other one, with the same id."""
    first, second = two_boxes
    esme = two_box_bed.esme(two_box_bed.customer())
    first.policy = second.policy = fake.always(fake.NEVER)
    sequences = [esme.send_submit(mt(f"text {number}")) for number in range(20)]
    first.wait_for(lambda: len(first.submits) + len(second.submits) == 20, "20 MTs on two boxes")
    second.wait_for(lambda: bool(second.submits), "some on the second box")
    second.policy = fake.accept_all
    for submit in list(second.submits):
        second.ack(submit)
    first.stop()
    replies = [esme.wait_response(sequence, 20) for sequence in sequences]
    assert {reply.command_status for reply in replies} == {wire.ROK}
    assert {entry.sms.id for entry in second.submits} == {reply.text for reply in replies}
    first.policy = fake.accept_all
    first.start()
    first.wait_for_box(timeout=20)


def test_two_connections_to_one_box(box: FakeBearerbox, start_daemon: Callable[..., Daemon]) -> None:
    bed = Bed(start_daemon([(BOX_ID, box.port), (BOX_ID, box.port)]), box)
    links = box.wait_for_box(2)
    esme = bed.esme(bed.customer())
    replies = esme.submit_all((mt(f"text {number}") for number in range(60)), window=30)
    assert {reply.command_status for reply in replies} == {wire.ROK}
    assert {entry.link for entry in box.submits} == set(links)
    bed.close()


def test_an_anonymous_box(box: FakeBearerbox, start_daemon: Callable[..., Daemon]) -> None:
    """docs/rules/box-protocol.md 10.1: without `id` the boxc_id is NULL."""
    start_daemon(
        [(BOX_ID, box.port)],
        others=[("bearerbox-connection", {"host": "127.0.0.1", "port": box.port})],
    )
    assert {link.boxc_id for link in box.wait_for_box(2)} == {None, BOX_ID.encode()}


def test_the_bearerbox_asks_us_to_go(start_bed: StartBed) -> None:
    """docs/rules/box-protocol.md 7: on restart or shutdown the box must close, and comes back."""
    bed = start_bed()
    esme = bed.esme(bed.customer())
    for command in (box_wire.RESTART, box_wire.SHUTDOWN):
        (link,) = bed.box.wait_for_box()
        link.send(box_wire.pack_admin(command))
        bed.box.wait_for(lambda link=link: link.closed, "the daemon to close", 10)
        (again,) = bed.box.wait_for_box(timeout=20)
        assert again is not link
        assert esme.submit(mt("after")).command_status == wire.ROK


def test_strange_messages_are_answered(start_bed: StartBed) -> None:
    """docs/rules/flows.md 3: another sms_type is acked 1; heartbeats and unknown acks do no harm."""
    bed = start_bed()
    (link,) = bed.box.wait_for_box()
    link.send(box_wire.pack_heartbeat())
    link.send(box_wire.pack_ack(0, b"11111111-2222-4333-8444-555555555555"))
    link.send(box_wire.pack_admin(1))
    link.send(box_wire.pack_admin(2))
    for sms_type in (1, 2, 4):
        stray = box_wire.Sms(sender=b"1", receiver=b"2", msgdata=b"x", sms_type=sms_type)
        bed.box.send(stray)
        assert bed.box.wait_for_ack(stray.id).nack == box_wire.ACK_FAILED
    assert not link.closed


def test_a_huge_frame_ends_the_connection(start_bed: StartBed) -> None:
    """docs/rules/box-protocol.md 1: a frame above 1 MiB; then it connects again."""
    bed = start_bed()
    (link,) = bed.box.wait_for_box(timeout=20)
    link.send(b"\x7f\xff\xff\xff" + b"garbage" * 10)
    bed.box.wait_for(lambda: link.closed, "the daemon to close", 10)
    bed.box.wait_for_box(timeout=20)
    esme = bed.esme(bed.customer())
    assert esme.submit(mt()).command_status == wire.ROK


def test_a_negative_frame_length_is_skipped(start_bed: StartBed) -> None:
    """docs/rules/box-protocol.md 1."""
    bed = start_bed()
    (link,) = bed.box.wait_for_box()
    link.send(b"\xff\xff\xff\xfe")
    esme = bed.esme(bed.customer())
    assert esme.submit(mt()).command_status == wire.ROK
    assert not link.closed


def test_longer_messages_of_other_versions_are_read(start_bed: StartBed) -> None:
    """docs/rules/box-protocol.md 2: octets after the last field are ignored."""
    bed = start_bed()
    customer = bed.customer()
    esme = bed.esme(customer)
    (link,) = bed.box.wait_for_box()
    sms = box_wire.Sms(
        sender=b"+49170",
        receiver=customer.short_code.encode(),
        msgdata=b"with a log field",
        smsc_id=b"FAKE",
        sms_type=box_wire.MO,
        coding=0,
    )
    body = box_wire.pack_sms(sms)[8:] + box_wire.pack_string(b"log")
    link.send(box_wire.frame(box_wire.SMS, body))
    esme.wait_text(b"with a log field")
    assert bed.box.wait_for_ack(sms.id).nack == box_wire.ACK_SUCCESS


def test_the_bearerbox_is_not_there_at_the_start(start_daemon: Callable[..., Daemon]) -> None:
    """docs/rules/operations.md 4: submits go to the queue, the connection follows when it can."""
    box = FakeBearerbox().start()
    box.stop()
    bed = Bed(start_daemon([(BOX_ID, box.port)]), box)
    customer = bed.customer()
    esme = bed.esme(customer)
    reply = esme.submit(mt("early"))
    assert reply.command_status == wire.ROK
    bed.box_back()
    assert box.wait_for_text(b"early", 25).sms.id == reply.text
    bed.wait_rows(customer, 0)
    bed.close()
    box.stop()
