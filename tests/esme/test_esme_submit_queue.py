"""submit_sm and data_sm over the wire: answers, order, bounds, throughput (docs/rules/smpp-session.md 6, 7)."""

from __future__ import annotations

import re

import gevent
import pytest

from ksmppd_py.errors import NoRoute
from ksmppd_py.model.account import Simulation
from ksmppd_py.model.outcomes import SubmitResult
from tests.esme.conftest import NEVER, Bed
from tests.fakes import smpp_wire as wire
from tests.fakes.smpp_wire import Message
from tests.flows.memory import mo, report
from tests.parts.waiting import wait_until

MT = Message(source_addr=b"12345", destination_addr=b"491700", short_message=b"hello")
DATA_SM = b"\0\0\0" + b"12345\0\0\0" + b"491700\0" + b"\0\0\0" + b"\x04\x24\0\2hi"
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def numbered(count: int) -> list[Message]:
    return [Message(destination_addr=b"491700", short_message=b"%d" % n) for n in range(count)]


@pytest.mark.parametrize("kind", ["transmitter", "transceiver"])
def test_accepted(bed: Bed, kind: str) -> None:
    bed.gateway.ack = NEVER
    esme = bed.bind(kind)
    number = esme.send_submit(MT)
    wait_until(lambda: bed.gateway.sent)
    [sent] = bed.gateway.sent
    assert sent.sms is not None
    bed.gateway.settle(0)
    reply = esme.wait_response(number)
    assert (reply.command_id, reply.command_status, reply.body) == (0x80000004, 0, sent.sms.id + b"\0")
    assert UUID.fullmatch(reply.text)
    assert (bed.snapshot().mt, bed.binds[0].mt, bed.binds[0].inbound_processed) == (1, 1, 2)


@pytest.mark.parametrize(
    ("nack", "status"), [(0, 0), (3, 0), (1, 0x45), (2, 0x08), (SubmitResult.NO_BEARERBOX, 0x08)]
)
def test_answers(bed: Bed, nack: int | SubmitResult, status: int) -> None:
    """Errors of submit_sm are a header only, those of data_sm have one NUL (D-03)."""
    bed.gateway.ack = nack
    esme = bed.bind()
    submit = esme.submit(MT)
    data = esme.request(wire.DATA_SM, DATA_SM)
    assert (submit.command_status, data.command_status) == (status, status)
    assert data.command_id == wire.DATA_SM | wire.RESPONSE
    if status:
        assert (submit.body, data.body) == (b"", b"\0")
    else:
        assert UUID.fullmatch(submit.text)
        assert UUID.fullmatch(data.text)


def test_settled_on_the_way_down(bed: Bed) -> None:
    bed.router.everything = NoRoute()
    esme = bed.bind()
    assert esme.submit(MT).command_status == 0x0B
    bed.gateway.online = False
    bed.router.everything = None
    bed.router.answers = {}
    assert esme.submit(MT).command_status == 0x0B
    assert bed.snapshot().errors == 2


def test_order_is_kept(bed: Bed) -> None:
    bed.gateway.ack = NEVER
    esme = bed.bind()
    numbers = [esme.send_submit(message) for message in numbered(200)]
    wait_until(lambda: len(bed.gateway.sent) == 200)
    texts = [each.sms.msgdata for each in bed.gateway.sent if each.sms]
    assert texts == [b"%d" % n for n in range(200)]
    bed.gateway.settle(0)
    esme.wait_response(numbers[-1])
    assert list(esme.responses)[1:] == numbers


def test_no_report_overtakes_its_response(bed: Bed) -> None:
    bed.gateway.ack = NEVER
    esme = bed.bind()
    number = esme.send_submit(MT)
    wait_until(lambda: bed.gateway.sent)
    [sent] = bed.gateway.sent
    assert sent.sms is not None
    bed.gateway.settle(0)
    bed.deliver(report(dlr_url=sent.sms.dlr_url))
    esme.wait_deliveries(1)
    assert esme.wait_receipt(esme.responses[number].text)


def test_too_many_unanswered_pause_reading_and_lose_none(bed: Bed) -> None:
    """docs/rules/smpp-session.md 7, D-18."""
    bed.set_bounds(unanswered=100, read_octets=1000)
    bed.gateway.ack = NEVER
    esme = bed.bind()
    other = bed.bind()
    numbers: list[int] = []
    sending = gevent.spawn(lambda: numbers.extend(esme.send_submit(message) for message in numbered(3000)))
    wait_until(lambda: bed.listener._sessions[0].in_flight > 100)
    gevent.sleep(0.05)
    assert bed.listener._sessions[0].in_flight < 150
    assert other.enquire_link().command_status == 0  # it pauses that bind only
    while not sending.dead or len(esme.responses) <= 3000:
        bed.gateway.settle(0)
        gevent.sleep(0.001)
    assert all(esme.responses[number].command_status == 0 for number in numbers)
    assert len(numbers) == 3000
    assert bed.snapshot().mt == 3000


def test_above_the_throughput(bed: Bed) -> None:
    bed.account(throughput=3)
    first, second = bed.bind(), bed.bind()
    statuses = [esme.submit(MT).command_status for esme in (first, second) * 6]
    assert statuses[:6] == [0] * 6  # as many as a long message has parts
    assert wire.RTHROTTLED in statuses[6:]


def test_simulated_accounts(bed: Bed) -> None:
    """The bind is PDU 1 of the connection, so the first submit is PDU 2; enquire_link counts, too."""
    bed.account(simulation=Simulation(temporary_failure_every=3))
    esme = bed.bind()
    statuses = [esme.submit(MT).command_status for _ in range(3)]
    esme.enquire_link()
    statuses += [esme.submit(MT).command_status for _ in range(2)]
    assert statuses == [0, wire.RMSGQFUL, 0, wire.RMSGQFUL, 0]
    assert bed.binds[0].simulate


def test_submits_and_deliveries_at_once(bed: Bed) -> None:
    esme = bed.bind()
    for n in range(50):
        bed.deliver(mo(b"mo %d" % n))
    replies = esme.submit_all(numbered(50))
    assert {reply.command_status for reply in replies} == {0}
    assert [entry.short_message for entry in esme.wait_deliveries(50)] == [b"mo %d" % n for n in range(50)]


def test_an_unexpected_error_is_answered(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    """Each submit is answered exactly once after any failure, and the bind goes on."""
    esme = bed.bind()
    broken = [True]

    def break_once(system_id: str, batch: list[object]) -> list[NoRoute]:
        if broken.pop() if broken else False:
            raise ZeroDivisionError
        return [NoRoute() for _ in batch]

    bed.router.route_mt = break_once  # type: ignore[assignment,method-assign]
    assert esme.submit(MT).command_status == wire.RSYSERR
    assert esme.submit(MT).command_status == 0x0B
    assert "failed unexpectedly" in caplog.text
    assert bed.snapshot().errors == 2
