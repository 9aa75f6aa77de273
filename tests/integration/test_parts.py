"""The parts of the test bed, tried against each other and against the real Kannel, without the daemon."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import smpplib.client
import smpplib.command
import smpplib.smpp

from tests.fakes import bearerbox as fake
from tests.fakes import box_wire, smpp_wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.fakes.smpp_wire import Message
from tests.parts.http import HttpSink
from tests.parts.kannel import Bearerbox, FakeSmsc, Smsbox
from tests.parts.process import free_port, require_program
from tests.parts.waiting import PartError

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox]


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    sink = HttpSink()
    yield sink
    sink.close()


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(PartError, match="install the Debian package kannel-extras"):
        require_program("/nowhere/fakesmsc", "kannel-extras")


def test_real_bearerbox_smsbox_and_fakesmsc_play_together(tmp_path: Path, sink: HttpSink) -> None:
    port = free_port()
    smsc = ("smsc", {"smsc": "fake", "smsc-id": "FAKE", "port": port, "connect-allow-ip": "127.0.0.1"})
    mo_url = sink.url("/mo?from=%p&to=%P&text=%b")
    with (
        Bearerbox(
            tmp_path, "bearerbox", [smsc], others=[("smsbox-route", {"smsbox-id": "BOX", "smsc-id": "FAKE"})]
        ) as bearerbox,
        FakeSmsc(tmp_path, "fakesmsc", port) as fakesmsc,
        Smsbox(tmp_path, "smsbox", bearerbox.box_port, boxc_id="BOX", mo_url=mo_url) as smsbox,
    ):
        bearerbox.wait_for_smsc("FAKE")
        bearerbox.wait_for_box("BOX")
        answer = smsbox.send_sms(
            "123", "4567", "hi there", dlr_mask=19, dlr_url=sink.url("/dlr?status=%d&id=")
        )
        assert answer.status == 202
        assert fakesmsc.wait_for(lambda line: "hi there" in line) == "123 4567 text hi there"
        assert sink.wait_for(lambda call: call.path == "/dlr").query["status"] == "1"
        fakesmsc.send("+49171", "7777", "hello")
        call = sink.wait_for(lambda call: call.path == "/mo")
        assert call.query == {"from": "+49171", "to": "7777", "text": "hello"}


def test_fake_bearerbox_understands_the_real_smsbox(tmp_path: Path, sink: HttpSink) -> None:
    with (
        FakeBearerbox() as box,
        Smsbox(tmp_path, "smsbox", box.port, boxc_id="REAL", mo_url=sink.url("/mo?text=%b")) as smsbox,
    ):
        (link,) = box.wait_for_box()
        assert link.boxc_id == b"REAL"
        dlr_url = sink.url("/dlr?status=%d")
        assert smsbox.send_sms("123", "4567", "grüße", dlr_mask=19, dlr_url=dlr_url).status == 202
        (sms,) = box.wait_for_sms()
        assert (sms.sender, sms.receiver, sms.msgdata) == (b"123", b"4567", "grüße".encode())
        assert (sms.sms_type, sms.dlr_mask, sms.boxc_id) == (box_wire.MT_PUSH, 19, b"REAL")
        report = box.send_dlr(sms, mask=2)
        assert sink.wait_for(lambda call: call.path == "/dlr").query["status"] == "2"
        assert box.wait_for_ack(report).nack == box_wire.ACK_SUCCESS
        mo = box.send_mo("+4917", "99", "good morning")
        assert sink.wait_for(lambda call: call.path == "/mo").query["text"] == "good morning"
        assert box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS


def test_fake_bearerbox_plays_its_policies(tmp_path: Path) -> None:
    with FakeBearerbox(fake.always(fake.NEVER)) as box:
        with Smsbox(tmp_path, "smsbox", box.port, boxc_id="REAL") as smsbox:
            box.wait_for_box()
            answers = []
            sender = threading.Thread(target=lambda: answers.append(smsbox.send_sms("1", "2", "late")))
            sender.start()
            box.ack(box.wait_for_text(b"late"), box_wire.ACK_FAILED_TMP)
            sender.join(15)
            assert answers[0].status == 503
            box.policy = fake.always(box_wire.ACK_BUFFERED)
            assert smsbox.send_sms("1", "2", "buffered").status == 202
        box.wait_for(lambda: not box.links, "the smsbox to leave")


def test_the_two_codecs_of_submit_sm_agree() -> None:
    """Our plain struct against smpplib's."""
    client = smpplib.client.Client("127.0.0.1", 1, allow_unknown_opt_params=True)
    pdu = smpplib.smpp.make_pdu(
        "submit_sm",
        client=client,
        source_addr_ton=1,
        source_addr="4917",
        dest_addr_ton=1,
        destination_addr="4918",
        short_message=b"hello",
        registered_delivery=1,
        user_message_reference=7,
    )
    octets = pdu.generate()
    message = smpp_wire.unpack_message(octets[16:])
    assert (message.source_addr, message.destination_addr, message.short_message) == (
        b"4917",
        b"4918",
        b"hello",
    )
    assert message.tlvs == {0x0204: b"\0\x07"}
    assert smpp_wire.pack(smpp_wire.SUBMIT_SM, 0, pdu.sequence, smpp_wire.pack_message(message)) == octets


def test_receipt_text_is_taken_apart() -> None:
    text = (
        b"id:abc-1 sub:001 dlvrd:001 submit date:261123070000 done date:261123070001 "
        b"stat:DELIVRD err:000 text:id:x text:y"
    )
    assert Message(short_message=text).receipt == {
        "id": "abc-1",
        "sub": "001",
        "dlvrd": "001",
        "submit_date": "261123070000",
        "done_date": "261123070001",
        "stat": "DELIVRD",
        "err": "000",
        "text": "id:x text:y",
    }
