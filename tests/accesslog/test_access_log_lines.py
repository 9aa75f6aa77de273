"""Lines of the access log, octet by octet, in both styles."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.accesslog.lines import JsonStyle, KannelStyle, Style
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Simulation
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.work import Delivery, Submit
from ksmppd_py.smpp.pdus import DeliverSm
from tests.accesslog.messages import (
    EPOCH,
    ID,
    MO,
    OTHER_ID,
    REPORT,
    STAMP,
    Nowhere,
    bind,
    sms,
    submit,
)


def line_of(style: Style, made: Submit, simulation: Simulation | None = None) -> bytes:
    style.set_time(EPOCH, 100.0)
    return style.submit(made, bind(simulation))


SENT = (
    f"{STAMP} Sent SMS [SMSC:smsc1] [SVC:acme] [ACT:] [BINF:] [FID:] [META:] [from:12345] [to:+491700] "
    f"[flags:-1:0:-1:-1:19] [msg:6:*] [udh:0:] [bind:7] [id:{ID.decode()}] [parts:1] [cost:0] [status:0x0] "
    "[latency:0.500]\n"
).encode()


STYLES = pytest.mark.parametrize("kind", [KannelStyle, JsonStyle])


@STYLES
@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize(
    "fields",
    [
        {"smsc_id": None},
        {"smsc_id": b'a]"b\n'},
        {"account": b"x"},
        {"foreign_id": b"y]"},
        {"compress": 1},
        {"msgdata": None},
        {"msgdata": b"x" * 70},
        {"msgdata": b"x" * 400},
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
def test_a_line_from_a_known_template_is_the_line_of_a_new_one(
    kind: type[Style], mask: bool, fields: dict[str, Any]
) -> None:
    style = kind(mask)
    for cost in (0.0, 0.25):
        for message in (sms(), sms(**fields), sms(receiver=b"+4917012"), sms(**fields)):
            made = submit(message, cost=cost)
            assert line_of(style, made) == line_of(kind(mask), made)


RUN_FIELDS: list[dict[str, Any]] = [
    {},
    {"receiver": b"+4917012"},
    {"receiver": b"a]\n"},
    {"sender": b'"x"', "receiver": b"a\\b"},
    {"sender": None, "msgdata": None},
    {"smsc_id": b"100%"},
    {"foreign_id": b"y]"},
    {"udhdata": b"\x05\0\3\1\2\1"},
    {"udhdata": b"", "foreign_id": b""},
    {"msgdata": b"x" * 71},
    {"coding": 2, "msgdata": b"\0h"},
    {"id": OTHER_ID, "dlr_mask": 0},
]
RUN = st.lists(
    st.tuples(
        st.sampled_from([None, *RUN_FIELDS]),
        st.sampled_from([SubmitResult.ACCEPTED, SubmitResult.ACCEPTED, None]),
        st.sampled_from([0, 0, 0x45]),
        st.sampled_from([0.0, 0.0, 0.25]),
        st.sampled_from([99.0, 99.5]),
    ),
    max_size=12,
)


@STYLES
@given(mask=st.booleans(), runs=st.lists(RUN, max_size=3))
def test_lines_made_together_are_those_made_one_by_one(
    kind: type[Style], mask: bool, runs: list[list[tuple[Any, Any, int, float, float]]]
) -> None:
    style = kind(mask)
    style.set_time(EPOCH, 100.0)
    its_bind = bind()
    for run in runs:
        made = []
        for fields, result, status, cost, received_at in run:
            made.append(submit(None if fields is None else sms(**fields), result, status, cost))
            made[-1].received_at = received_at
        assert style.submits(made, its_bind) == b"".join(line_of(kind(mask), each) for each in made)


@STYLES
def test_usual_submits_of_a_bind_are_known(kind: type[Style]) -> None:
    """The quick way has no other sign: without it only the figures of the benchmark would change."""
    style = kind(mask=True)
    style.set_time(EPOCH, 100.0)
    its_bind = bind()
    rest = iter([submit(sms()), submit(sms(receiver=b"2")), submit(sms(coding=2))])
    lines: list[bytes] = []
    first = style._add_usual(rest, its_bind, lines)
    assert first is not None
    style.submit(first, its_bind)
    other = style._add_usual(rest, its_bind, lines)
    assert other is not None
    assert other.sms is not None
    assert other.sms.coding == 2
    assert lines[0].count(b"\n") == 1


@STYLES
def test_templates_are_bounded(kind: type[Style], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ksmppd_py.accesslog.lines._MOST_TEMPLATES", 5)
    style = kind(mask=True)
    for number in range(20):
        made = submit(sms(smsc_id=b"smsc%d" % number))
        assert line_of(style, made) == line_of(kind(mask=True), made)
        style.submit(made, bind(bind_id=number))
    assert len(style._templates) <= 5
    assert len(style._usual) <= 5


class TestKannelStyle:
    def test_the_way_of_most_messages(self) -> None:
        assert line_of(KannelStyle(mask=True), submit(sms())) == SENT

    def test_text_stands_there_when_it_is_wanted(self) -> None:
        style = KannelStyle(mask=False)
        assert b"[msg:6:secret]" in line_of(style, submit(sms()))
        assert "[msg:9:Grüße.!]".encode() in line_of(style, submit(sms(msgdata="Grüße\n!".encode())))
        assert b"[msg:4:00680069]" in line_of(style, submit(sms(msgdata=b"\0h\0i", coding=2)))

    def test_text_is_masked_everywhere_else(self) -> None:
        long = sms(msgdata=b"secret" * 50, udhdata=b"\x05\0\3\1\2\1", meta_data=b"?smpp?note=secret")
        for style in (KannelStyle(mask=True), JsonStyle(mask=True)):
            for message in (sms(), long, sms(coding=1), sms(coding=2, msgdata=b"\0s\0e")):
                for status in (0, 0x0B):
                    line = line_of(style, submit(message, status=status))
                    assert b"secret" not in line
                    assert b"secret".hex().encode() not in line

    @pytest.mark.parametrize(
        ("made", "event"),
        [
            (submit(sms()), "Sent SMS"),
            (submit(sms(), result=None), "Queued SMS"),
            (submit(sms(), status=0x0B), "FAILED Send SMS"),
            (submit(None, result=None, status=0x58), "FAILED Send SMS"),
        ],
    )
    def test_events(self, made: Submit, event: str) -> None:
        assert line_of(KannelStyle(mask=True), made).startswith(f"{STAMP} {event} [".encode())

    def test_simulated(self) -> None:
        line = line_of(KannelStyle(mask=True), submit(sms(), result=None), Simulation())
        assert line.startswith(f"{STAMP} Simulated SMS [".encode())

    def test_a_refusal_has_status_and_no_cost(self) -> None:
        line = line_of(KannelStyle(mask=True), submit(sms(), status=0x45, cost=3.0))
        assert b"[cost:0] [status:0x45]" in line

    def test_cost_and_parts(self) -> None:
        line = line_of(KannelStyle(mask=True), submit(sms(msgdata=b"x" * 400), cost=4.5))
        assert b"[msg:400:*] [udh:0:] [bind:7]" in line
        assert b"[parts:3] [cost:4.5]" in line

    def test_a_submit_that_was_refused_unread(self) -> None:
        """Above the throughput: only what the PDU says is known."""
        line = line_of(KannelStyle(mask=True), submit(None, result=None, status=0x58))
        assert b"[SVC:acme]" in line
        assert b"[from:raw] [to:491701]" in line
        assert b"[id:] [parts:1] [cost:0] [status:0x58]" in line

    def test_nothing_ends_a_field_or_a_line(self) -> None:
        line = line_of(KannelStyle(mask=True), submit(sms(sender=b"a]\n\x00\xff", receiver=b"+")))
        assert b"[from:a\\x5d\\x0a\\x00\\xff] [to:+]" in line
        assert line.count(b"\n") == 1


class TestDeliveries:
    def line(self, style: Style, message: Sms | None, status: int | None, pdu: Any = None) -> bytes:
        delivery = Delivery(Nowhere(), message, pdu=pdu)
        delivery.system_id = "acme"
        style.set_time(EPOCH, 100.0)
        return style.delivery(delivery, 7, status, 99.75)

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
        assert b"[status:none]" in self.line(KannelStyle(mask=True), sms(sms_type=MO), None)
        fields = json.loads(self.line(JsonStyle(mask=True), sms(sms_type=MO), None))
        assert fields["status"] is None

    @pytest.mark.parametrize(("esm_class", "event"), [(0x04, b"DLR SMS"), (0, b"Receive SMS")])
    def test_a_stored_pdu(self, esm_class: int, event: bytes) -> None:
        pdu = DeliverSm(source_addr=b"1", destination_addr=b"2", esm_class=esm_class, short_message=b"secret")
        line = self.line(KannelStyle(mask=True), None, 0, pdu)
        assert event in line
        assert b"[from:1] [to:2]" in line
        assert b"secret" not in line


class TestJsonStyle:
    def test_all_fields(self) -> None:
        fields = json.loads(line_of(JsonStyle(mask=True), submit(sms(), cost=1.5)))
        moment = fields.pop("time")
        assert time.mktime(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S")) == EPOCH
        assert moment[19] in "+-"
        assert fields == {
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
        line = line_of(JsonStyle(mask=True), submit(sms(sender=sender)))
        assert line.count(b"\n") == 1
        assert json.loads(line)["from"] == sender.decode("utf-8", "backslashreplace")

    def test_text_when_it_is_wanted(self) -> None:
        assert json.loads(line_of(JsonStyle(mask=False), submit(sms())))["text"] == "secret"
