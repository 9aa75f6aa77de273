"""Everything that reads octets of others, with samples of what it reads.

A target may raise only what its callers are prepared for; then it is as good as an answer.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from geventhttpclient._parser import HTTPParseError

from ksmppd_py.callbacks.answers import Headers
from ksmppd_py.callbacks.parser import AnswerParser
from ksmppd_py.config.load import ConfigProblems, load
from ksmppd_py.flows.row_source import read_pdu
from ksmppd_py.kannel import meta_data
from ksmppd_py.kannel.codec import BoxLink, pack, pack_sms
from ksmppd_py.kannel.messages import Ack, Admin, AdminCommand, Heartbeat, Sms, SmsType
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.errors import MalformedPdu
from ksmppd_py.smpp.link import SmppLink
from ksmppd_py.smpp.pdus import DataSm, DeliverSm, SubmitSm
from ksmppd_py.smpp.tlvs import limits_of, unpack_tlvs
from ksmppd_py.storage.pdus import _stored
from ksmppd_py.translate import mo, mt, receipts
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_url import parse_dlr_url
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.udh import count_parts
from tests.fakes import smpp_wire as wire
from tests.fuzz.mutation import mutate
from tests.parts.daemon import REPOSITORY

ID = b"0b45a7a1-3a5f-4f1e-9b7c-2f6f1f0a9d3e"
_OPTIONS = (BindOptions(), BindOptions(interface_version=0x33), BindOptions(alt_charset="UTF-8"))


@dataclass(frozen=True)
class Target:
    """`read` takes damaged octets; `cost` weighs its share of the cases."""

    name: str
    samples: Sequence[bytes]
    read: Callable[[bytes], None]
    cost: int = 1


def _body(**changes: object) -> bytes:
    return wire.pack_message(
        wire.Message(**{"source_addr": b"1234", "destination_addr": b"491701234567", **changes})
    )  # type: ignore[arg-type]


def _pdus() -> list[bytes]:
    """Requests and answers of every kind that an ESME may send."""
    bodies = [
        (wire.SUBMIT_SM, _body(short_message=b"hello", registered_delivery=1)),
        (wire.SUBMIT_SM, _body(short_message=b"\x05\x00\x03\x01\x02\x01part", esm_class=0x40)),
        (
            wire.SUBMIT_SM,
            _body(tlvs={wire.MESSAGE_PAYLOAD: b"x" * 500, wire.SAR_TOTAL: b"\x02"}, data_coding=8),
        ),
        (
            wire.SUBMIT_SM,
            _body(validity_period=b"000001000000000R", schedule_delivery_time=b"991231235959000+"),
        ),
        (wire.DELIVER_SM, _body(short_message=b"id:1 sub:001", esm_class=4)),
        (
            wire.DATA_SM,
            b"\0\1\1" + b"123\0\1\1491\0" + b"\0\1\0" + wire.pack_tlvs({wire.MESSAGE_PAYLOAD: b"text"}),
        ),
        (wire.SUBMIT_MULTI, b"\0\1\0001\0\2\1\1\00049170\0\2list\0\0\0\0\0\0\0\0\0\0\0\4text"),
        (wire.QUERY_SM, ID + b"\0\1\1123\0"),
        (wire.CANCEL_SM, b"\0" + ID + b"\0\1\1123\0\1\1491\0"),
        (wire.REPLACE_SM, ID + b"\0\1\1123\0\0\0\0\0\4text"),
        (wire.BIND_TRANSCEIVER, wire.pack_bind("system", "secret")),
        (wire.BIND_RECEIVER, wire.pack_bind("system", "secret", 0x33, "type")),
        (wire.ENQUIRE_LINK, b""),
        (wire.UNBIND, b""),
        (wire.GENERIC_NACK, b""),
        (wire.DELIVER_SM | wire.RESPONSE, b"\0"),
        (wire.DATA_SM | wire.RESPONSE, b"id\0" + wire.pack_tlvs({0x0425: b"\1"})),
    ]
    return [wire.pack(command_id, 0, number, body) for number, (command_id, body) in enumerate(bodies, 1)]


PDUS = _pdus()


def _read_stream(octets: bytes) -> None:
    """Octets of an ESME, in pieces; a readable submit is translated to the bearerbox's octets."""
    link = SmppLink()
    cut = len(octets) // 3
    for piece in (octets[:cut], octets[cut:]):
        for _, _, _, pdu in link.receive(piece):
            if isinstance(pdu, SubmitSm | DataSm):
                _submit(pdu)
    assert link.pending <= 70_000


def _submit(pdu: SubmitSm | DataSm) -> None:
    for options in _OPTIONS:
        try:
            if isinstance(pdu, SubmitSm):
                sms = mt.from_submit_sm(pdu, options, b"system", ID, 1_700_000_000)
            else:
                sms = mt.from_data_sm(pdu, options, b"system", ID, 1_700_000_000)
            count_parts(sms)
        except Untranslatable:
            continue
        else:
            link = BoxLink()
            assert link.receive(pack_sms(sms))[0].__class__ is Sms, "the bearerbox can read it"


def _tlv_samples() -> list[bytes]:
    known = {wire.SAR_REF: b"\0\1", wire.SAR_TOTAL: b"\2", wire.MESSAGE_PAYLOAD: b"text", 0x1400: b"own"}
    return [wire.pack_tlvs(known), wire.pack_tlvs(dict.fromkeys(range(5, 1072, 33), b"\x01"))]


def _read_tlvs(octets: bytes) -> None:
    for letter in "SD":
        try:
            unpack_tlvs(octets, 0, len(octets), limits_of(letter))
        except MalformedPdu:
            continue


def _sms(**changes: object) -> Sms:
    known: dict[str, object] = {
        "sender": b"491701234567", "receiver": b"1234", "msgdata": b"hello", "time": 1_700_000_000,
        "smsc_id": b"SMSC", "service": b"system", "id": ID, "sms_type": SmsType.MO, "coding": 0,
        "meta_data": b"?smpp?key=value&?orig_msg?dlr_mask=31&", **changes,
    }  # fmt: skip
    return Sms(**known)  # type: ignore[arg-type]


MESSAGES = [
    pack(_sms()),
    pack(_sms(msgdata=b"long " * 100, coding=2, udhdata=b"\x05\x00\x03\x01\x02\x01")),
    pack(
        _sms(
            sms_type=SmsType.REPORT_MO,
            dlr_mask=1,
            dlr_url=b"system|1700000000|" + ID,
            msgdata=b"id:1 err:001",
        )
    ),
    pack(_sms(sms_type=SmsType.REPORT_MO, dlr_mask=16, dlr_url=b"system|1|" + ID, msgdata=b"NACK/0x0b/No")),
    pack(Ack(0, 1_700_000_000, ID)),
    pack(Heartbeat(load=1)),
    pack(Admin(AdminCommand.SHUTDOWN, b"box")),
]


def _read_box(octets: bytes) -> None:
    """Octets of a bearerbox; an MO or report is translated to the ESME's octets."""
    link = BoxLink()
    for message in link.receive(octets):
        if isinstance(message, Sms):
            _deliver(message)


def _deliver(sms: Sms) -> None:
    for options in _OPTIONS:
        try:
            if sms.dlr_url is not None and sms.sms_type == SmsType.REPORT_MO:
                pdus = receipts.to_deliver_sm(sms, options)
            else:
                pdus = mo.to_deliver_sm(sms, options, 7)
        except Untranslatable:
            continue
        for pdu in pdus:
            octets = codec.pack(pdu, 1)
            assert isinstance(codec.unpack_body(wire.DELIVER_SM, octets, 16, len(octets)), DeliverSm)


def _read_stored(octets: bytes) -> None:
    row = _stored(1, b"System", octets)
    pdu = read_pdu(row.octets)
    if pdu is not None:
        codec.pack(pdu, 1)


def _read_meta_data(octets: bytes) -> None:
    groups = meta_data.parse(octets)
    assert meta_data.parse(meta_data.render(groups)) == groups
    meta_data.set_group(octets, "smpp", {b"key": b"value"})
    receipts.smpp_values(octets)


def _read_dlr_url(octets: bytes) -> None:
    try:
        found = parse_dlr_url(octets)
    except Untranslatable:
        return
    found.system_id.decode("utf-8", "replace")


def _configurations() -> list[bytes]:
    paths = sorted((REPOSITORY / "examples").rglob("*ksmppd*.conf"))
    return [path.read_bytes() for path in paths] + [(REPOSITORY / "ksmppd.conf").read_bytes()]


_directory = tempfile.TemporaryDirectory(prefix="fuzz-")


def _read_configuration(octets: bytes) -> None:
    path = Path(_directory.name) / "ksmppd.conf"
    path.write_bytes(octets)
    try:
        load(str(path))
    except ConfigProblems:
        return


ANSWERS = [
    b"HTTP/1.1 200 OK\r\nX-KSMPPD-Auth: 1\r\nX-KSMPPD-Throughput: 12.5\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.0 404 Not Found\r\nX-KSMPPD-Route-Error-Code: 11\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-KSMPPD-SMSC-Id: smsc\r\nX-KSMPPD-Cost: 1e300\r\nContent-Length: 0\r\n\r\n",
]


def _read_answer(octets: bytes) -> None:
    parser = AnswerParser()
    cut = len(octets) // 2
    try:
        for piece in (octets[:cut], octets[cut:]):
            parser.feed(piece)
    except HTTPParseError:
        return
    headers = Headers(parser.headers)
    for name, _ in list(headers.items()):
        headers.text(name)
        headers.integer(name)
        headers.real(name)


def targets() -> list[Target]:
    """Return every target."""
    dlr_urls = [b"system|1700000000|" + ID, b"sys|tem|1|" + ID + b";" + ID, b"|1|" + ID]
    metas = [b"?smpp?key=value&a=%20b&?orig_msg?dlr_mask=31&", b"?smpp?", b"?x?a=b", b"?a?b=c&?b?"]
    stored = [pdu[4:] for pdu in PDUS] + PDUS
    return [
        Target("PDU", PDUS, _read_stream),
        Target("TLV", _tlv_samples(), _read_tlvs),
        Target("box message", MESSAGES, _read_box),
        Target("stored PDU", stored, _read_stored),
        Target("meta_data", metas, _read_meta_data),
        Target("dlr_url", dlr_urls, _read_dlr_url),
        Target("configuration", _configurations(), _read_configuration, cost=10),
        Target("HTTP answer", ANSWERS, _read_answer),
    ]


def case(target: Target, seed: int, number: int) -> bytes:
    """The octets of one case: nothing but seed and number decides about them."""
    return mutate(random.Random(f"{target.name} {seed} {number}"), target.samples)
