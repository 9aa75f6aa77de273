"""Lines of the access log, octet by octet, in both styles."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from time import monotonic
from typing import Any

import pytest

from ksmppd_py.accesslog.batch import Batch
from ksmppd_py.accesslog.frames import (
    HEAD_OCTETS,
    NO_ANSWER,
    Kind,
    PackedRun,
    Run,
    end_of,
    read,
    unpack,
    unpack_head,
)
from ksmppd_py.accesslog.lines import JsonStyle, KannelStyle, Style
from ksmppd_py.accesslog.notes import Answered, note_deliveries, note_settled
from ksmppd_py.accesslog.pending import Sent
from ksmppd_py.accesslog.writer import Writer
from ksmppd_py.kannel.codec import pack_acks, pack_sms
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account, Simulation
from ksmppd_py.model.esme import Counters, Esme
from ksmppd_py.model.meters import BIND_INTERVALS, Load
from ksmppd_py.model.work import Delivery, Submission, Submitter
from ksmppd_py.smpp.pdus import DeliverSm, SubmitSm
from ksmppd_py.translate.dialect import Dialect

EPOCH = 1_700_000_000
STAMP = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(EPOCH))
ID = b"0a1b2c3d-0000-4000-8000-000000000001"
OTHER_ID = b"0a1b2c3d-0000-4000-8000-000000000002"
MT, MO, REPORT = 2, 0, 3


class Nowhere:
    """A desk; nothing is laid on it here."""

    def __init__(self, submitter: Submitter | None = None) -> None:
        self.submitter = submitter

    def put(self, item: Any) -> None:
        """Take it."""


def submitter(simulation: Simulation | None = None) -> Submitter:
    account = Account("acme", simulation=simulation)
    counters, load = Counters(), Load(BIND_INTERVALS, EPOCH)
    return Submitter(
        Esme(account, EPOCH, 0.0), account, Dialect(), b"acme", counters, load, bind_type=3, bind_id=7
    )


def sms(**fields: Any) -> Sms:
    told: dict[str, Any] = {
        "sender": b"12345",
        "receiver": b"+491700",
        "msgdata": b"secret",
        "smsc_id": b"smsc1",
        "id": ID,
        "sms_type": MT,
        "coding": 0,
        "dlr_mask": 19,
    }
    return Sms(**{**told, **fields})


def submission(
    message: Sms | None,
    result: int | None = 0,
    status: int = 0,
    cost: float = 0.0,
    by: Submitter | None = None,
) -> Submission:
    made = Submission(Nowhere(by), 1, SubmitSm(source_addr=b"raw", destination_addr=b"491701"), 2)
    made.sms, made.result, made.command_status, made.cost = message, result, status, cost
    made.received_at = 99.5
    return made


def batch_of(*submits: tuple[Submission, Submitter], deliveries: Sequence[Answered] = ()) -> Batch:
    """All of one turn, each submit by itself."""
    runs: list[PackedRun] = []
    frames: list[bytes] = []
    for made, by in submits:
        note_settled(by, [made], runs, frames)
    batch = Batch(None)
    batch.add(EPOCH, 100.0, runs, frames, *note_deliveries(deliveries))
    return batch


def accepted_batch(*messages: Sms, cost: float = 0.0) -> Batch:
    """All of one read, which a bearerbox was sent and acked."""
    batch = Batch(None)
    batch.sent(1, [(len(messages), b"acme", 7, 99.5, 0, 0, cost)], b"".join(map(pack_sms, messages)))
    batch.acked(1, 100.0, pack_acks(0, [message.id for message in messages]))
    return batch


def lines_of(style: Style, batch: Batch) -> list[bytes]:
    """Through a frame, as in the daemon."""
    frame = batch.frame()
    assert unpack_head(frame) == (len(frame) - HEAD_OCTETS, batch.lines, Kind.LINES)
    _, epoch_of_zero, steps = unpack(frame[HEAD_OCTETS:])
    assert abs(epoch_of_zero + monotonic() - time.time()) < 60.0
    writer = Writer()
    writer._style = style
    lines = [b"".join(writer._lines_of(step, batch.get, EPOCH - 100.0)) for step in steps]
    return b"".join(lines).splitlines(keepends=True)


def line_of(style: Style, made: Submission, simulation: Simulation | None = None) -> bytes:
    [line] = lines_of(style, batch_of((made, submitter(simulation))))
    return line


SENT = (
    f"{STAMP} Sent SMS [SMSC:smsc1] [SVC:acme] [ACT:] [BINF:] [FID:] [META:] [from:12345] [to:+491700] "
    f"[flags:-1:0:-1:-1:19] [msg:6:*] [udh:0:] [bind:7] [id:{ID.decode()}] [parts:1] [cost:0] [status:0x0] "
    "[latency:0.500]\n"
).encode()


class Long:
    """Formats each line whole."""

    def _read(
        self, octets: bytes, position: int, run: Run, are_alike: bool = False
    ) -> tuple[list[Sent], int]:
        end = end_of(octets, position, run.messages)
        messages = read(octets[position:end])
        return [Sent(run, tuple(message.id for message in messages), None, None, messages)], end


class LongKannel(Long, KannelStyle):
    """As bearerbox."""


class LongJson(Long, JsonStyle):
    """As objects."""


ALL_THE_WAYS = pytest.mark.parametrize(("short", "long"), [(KannelStyle, LongKannel), (JsonStyle, LongJson)])


@ALL_THE_WAYS
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"smsc_id": None},
        {"smsc_id": b'a]"b\n'},
        {"account": b"x"},
        {"foreign_id": b"y"},
        {"compress": 1},
        {"msgdata": None},
        {"msgdata": b"x" * 70},
        {"msgdata": b"x" * 71},
        {"udhdata": b"\x05\0\3\1\2\1"},
        {"sender": b'a"]'},
        {"receiver": b"a\\b"},
        {"sender": None},
        {"smsc_id": b"100%", "receiver": b"50%b"},
        {"binfo": b"CMT"},
        {"mclass": 1, "coding": 1, "mwi": 2, "dlr_mask": 0, "dlr_url": None},
        {"meta_data": b"?smpp?a=%b", "validity": 1_700_000_100},
    ],
)
def test_a_line_from_a_template_says_what_the_long_way_says(
    short: type[Style], long: type[Style], fields: dict[str, Any]
) -> None:
    for cost in (0.0, 0.25):
        batch = accepted_batch(sms(), sms(**fields), sms(receiver=b"+4917012"), sms(**fields), cost=cost)
        assert lines_of(short(mask=True), batch) == lines_of(long(mask=True), batch)


@ALL_THE_WAYS
@pytest.mark.parametrize("sender", [b"12345", b'a"]\n', b"50%"])
def test_many_of_one_kind(short: type[Style], long: type[Style], sender: bytes) -> None:
    """The second batch is cut by columns."""
    style = short(mask=True)
    for receivers in (range(3), range(100, 140)):
        messages = [
            sms(sender=sender, receiver=b"+49%05d" % number, id=ID[:-3] + b"%03d" % number)
            for number in receivers
        ]
        batch = accepted_batch(*messages, cost=0.5)
        assert lines_of(style, batch) == lines_of(long(mask=True), batch)


class TestKannelStyle:
    def test_the_way_of_most_messages(self) -> None:
        assert line_of(KannelStyle(mask=True), submission(sms())) == SENT

    def test_text_stands_there_when_it_is_wanted(self) -> None:
        style = KannelStyle(mask=False)
        assert b"[msg:6:secret]" in line_of(style, submission(sms()))
        assert "[msg:9:Grüße.!]".encode() in line_of(style, submission(sms(msgdata="Grüße\n!".encode())))
        assert b"[msg:4:00680069]" in line_of(style, submission(sms(msgdata=b"\0h\0i", coding=2)))

    def test_text_is_masked_everywhere_else(self) -> None:
        long = sms(msgdata=b"secret" * 50, udhdata=b"\x05\0\3\1\2\1", meta_data=b"?smpp?note=secret")
        for style in (KannelStyle(mask=True), JsonStyle(mask=True)):
            for message in (sms(), long, sms(coding=1), sms(coding=2, msgdata=b"\0s\0e")):
                for status in (0, 0x0B):
                    line = line_of(style, submission(message, status=status))
                    assert b"secret" not in line
                    assert b"secret".hex().encode() not in line

    @pytest.mark.parametrize(
        ("made", "event"),
        [
            (submission(sms()), "Sent SMS"),
            (submission(sms(), result=3), "Sent SMS"),
            (submission(sms(), result=None), "Queued SMS"),
            (submission(sms(), status=0x0B), "FAILED Send SMS"),
            (submission(None, result=None, status=0x58), "FAILED Send SMS"),
        ],
    )
    def test_events(self, made: Submission, event: str) -> None:
        assert line_of(KannelStyle(mask=True), made).startswith(f"{STAMP} {event} [".encode())

    def test_simulated(self) -> None:
        line = line_of(KannelStyle(mask=True), submission(sms(), result=None), Simulation())
        assert line.startswith(f"{STAMP} Simulated SMS [".encode())

    def test_a_refusal_has_status_and_no_cost(self) -> None:
        line = line_of(KannelStyle(mask=True), submission(sms(), status=0x45, cost=3.0))
        assert b"[cost:0] [status:0x45]" in line

    def test_cost_and_parts(self) -> None:
        line = line_of(KannelStyle(mask=True), submission(sms(msgdata=b"x" * 400), cost=4.5))
        assert b"[msg:400:*] [udh:0:] [bind:7]" in line
        assert b"[parts:3] [cost:4.5]" in line

    def test_a_submit_that_was_refused_unread(self) -> None:
        """Above the throughput: only what the PDU says is known."""
        line = line_of(KannelStyle(mask=True), submission(None, result=None, status=0x58))
        assert b"[SVC:acme]" in line
        assert b"[from:raw] [to:491701]" in line
        assert b"[id:] [parts:1] [cost:0] [status:0x58]" in line

    def test_nothing_ends_a_field_or_a_line(self) -> None:
        line = line_of(KannelStyle(mask=True), submission(sms(sender=b"a]\n\x00\xff", receiver=b"+")))
        assert b"[from:a\\x5d\\x0a\\x00\\xff] [to:+]" in line
        assert line.count(b"\n") == 1


class TestDeliveries:
    def line(self, style: Style, message: Sms | None, status: int, pdu: Any = None) -> bytes:
        delivery = Delivery(Nowhere(), message, pdu=pdu)
        delivery.system_id = "acme"
        [line] = lines_of(style, batch_of(deliveries=[(delivery, 7, status, 99.75)]))
        return line

    def test_a_report_has_the_id_that_the_esme_knows(self) -> None:
        report = sms(sms_type=REPORT, id=OTHER_ID, dlr_url=b"acme|1700000000|" + ID)
        line = self.line(KannelStyle(mask=True), report, 0)
        assert line.startswith(f"{STAMP} DLR SMS [SMSC:smsc1] [SVC:acme]".encode())
        assert b"[id:%b]" % ID in line
        assert line.endswith(b"[status:0x0] [latency:0.250]\n")

    def test_a_message_and_its_refusal(self) -> None:
        message = sms(sms_type=MO)
        assert self.line(KannelStyle(mask=True), message, 0).startswith(f"{STAMP} Receive SMS [".encode())
        refused = self.line(KannelStyle(mask=True), message, 0x14)
        assert refused.startswith(f"{STAMP} FAILED Receive SMS [".encode())
        assert b"[status:0x14]" in refused

    def test_one_that_nobody_answered(self) -> None:
        assert b"[status:none]" in self.line(KannelStyle(mask=True), sms(sms_type=MO), NO_ANSWER)
        told = json.loads(self.line(JsonStyle(mask=True), sms(sms_type=MO), NO_ANSWER))
        assert told["status"] is None

    @pytest.mark.parametrize(("esm_class", "event"), [(0x04, b"DLR SMS"), (0, b"Receive SMS")])
    def test_a_stored_pdu(self, esm_class: int, event: bytes) -> None:
        pdu = DeliverSm(source_addr=b"1", destination_addr=b"2", esm_class=esm_class, short_message=b"secret")
        line = self.line(KannelStyle(mask=True), None, 0, pdu)
        assert event in line
        assert b"[from:1] [to:2]" in line
        assert b"secret" not in line


class TestJsonStyle:
    def test_all_fields(self) -> None:
        told = json.loads(line_of(JsonStyle(mask=True), submission(sms(), cost=1.5)))
        moment = told.pop("time")
        assert time.mktime(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S")) == EPOCH
        assert moment[19] in "+-"
        assert told == {
            "event": "Sent SMS",
            "account": "acme",
            "bind": 7,
            "id": ID.decode(),
            "smsc": "smsc1",
            "from": "12345",
            "to": "+491700",
            "parts": 1,
            "cost": 1.5,
            "status": 0,
            "latency": 0.5,
            "length": 6,
        }

    @pytest.mark.parametrize("sender", [b'a"b\\c', b"\x00\x1f\n", b"\xff\xfe", "Zoë\u2028".encode(), b""])
    def test_a_line_is_always_an_object(self, sender: bytes) -> None:
        line = line_of(JsonStyle(mask=True), submission(sms(sender=sender)))
        assert line.count(b"\n") == 1
        assert json.loads(line)["from"] == sender.decode("utf-8", "backslashreplace")

    def test_text_when_it_is_wanted(self) -> None:
        assert json.loads(line_of(JsonStyle(mask=False), submission(sms())))["text"] == "secret"
