"""Delivery receipts."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.smpp.codec import pack
from ksmppd_py.smpp.pdus import DeliverSm
from ksmppd_py.smpp.tlvs import TlvType
from ksmppd_py.translate import receipt_dates
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_profile import KANNEL, STANDARD, DlrProfile
from ksmppd_py.translate.dlr_url import make_dlr_url
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.receipts import to_deliver_sm
from ksmppd_py.translate.tlvs import TlvDefinition, TlvTable

ID = b"dcd3c2b4-1111-4222-8333-0123456789ab"
DLR = Sms(
    sender=b"1",
    receiver=b"2",
    sms_type=3,
    dlr_mask=1,
    dlr_url=b"e|1700000000|" + ID,
)
TEXT = b"id:%b sub:001 dlvrd:%b submit date:231114221320 done date:691231235959 stat:%b err:%b text:%b"
EXCHANGED = dataclasses.replace(KANNEL, exchanged=True)
V33, V34 = BindOptions(0x33), BindOptions(0x34)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from _zone("UTC", monkeypatch)


def _zone(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", name)
    time.tzset()
    _forget()
    yield
    monkeypatch.undo()
    time.tzset()
    _forget()


def _forget() -> None:
    receipt_dates.local_time.cache_clear()
    receipt_dates._local_minute.cache_clear()


def one(options: BindOptions = V34, **fields: Any) -> DeliverSm:
    (pdu,) = to_deliver_sm(dataclasses.replace(DLR, **fields), options)
    return pdu


def stat(**fields: Any) -> tuple[str, int, str, int]:
    """Return word and state, which agree in text and TLV, `dlvrd`, and esm_class."""
    pdu = one(**fields)
    words = dict(word.split(":") for word in pdu.short_message.decode().split() if ":" in word)
    return words["stat"], pdu.tlvs[0x0427][0], words["dlvrd"], pdu.esm_class


def test_worked_example_9() -> None:
    sms = dataclasses.replace(DLR, dlr_url=b"e|1700000000|" + ID + b";second-id-2")
    first, second = to_deliver_sm(sms, V34)
    assert pack(second, 0) == bytes.fromhex(
        "000000a3 00000005 00000000 00000000 00 0201 3100 0201 3200 04 00 00 00 00 00 00 00 00 6b"
        + (TEXT % (b"second-id-2", b"001", b"DELIVRD", b"000", b"")).hex()
        + "0427 0001 02 001e 000c 7365636f6e642d69642d32 00"
    )
    assert first.short_message == TEXT % (ID, b"001", b"DELIVRD", b"000", b"")
    sms.meta_data = b"?smpp?dlr_stat=EXPIRED&network_error_code=%03%00%22&"
    first, _ = to_deliver_sm(sms, V34)
    assert pack(first, 0).endswith(bytes.fromhex("0423 0003 030022 0427 0001 03 001e 0025" + ID.hex() + "00"))
    assert b"dlvrd:001" in first.short_message
    assert b"stat:EXPIRED err:000 text:" in first.short_message


@pytest.mark.parametrize(
    ("dlr_mask", "expected"),
    [
        (-1, ("REJECTD", 8, "000", 0x04)),
        (0, ("REJECTD", 8, "000", 0x04)),
        (1, ("DELIVRD", 2, "001", 0x04)),
        (2, ("UNDELIV", 5, "000", 0x04)),
        (16, ("UNDELIV", 5, "000", 0x04)),
        (18, ("UNDELIV", 5, "000", 0x04)),
        (4, ("ACCEPTD", 6, "000", 0x20)),  # D-08: not final
        (8, ("BUFFRED", 1, "000", 0x20)),  # D-08: there is no state 0
        (0x22, ("EXPIRED", 3, "000", 0x04)),  # Improve: the original says (null)
        (0x42, ("UNKNOWN", 7, "000", 0x04)),
        (3, ("DELIVRD", 2, "001", 0x04)),
        (0x62, ("EXPIRED", 3, "000", 0x04)),
        (12, ("ACCEPTD", 6, "000", 0x20)),
        (0x80, ("UNKNOWN", 7, "000", 0x04)),
        (0x102, ("UNDELIV", 5, "000", 0x04)),
    ],
)
def test_masks(dlr_mask: int, expected: tuple[str, int, str, int]) -> None:
    assert stat(dlr_mask=dlr_mask) == expected


@pytest.mark.parametrize(
    ("dlr_mask", "word", "expected", "state"),
    [
        (2, b"EXPIRED", "EXPIRED", 3),
        (2, b"DELETED", "DELETED", 4),
        (2, b"REJECTD", "REJECTD", 8),
        (16, b"REJECTD", "REJECTD", 8),
        (2, b"UNKNOWN", "UNKNOWN", 7),
        (2, b"UNDELIV", "UNDELIV", 5),
        (2, b"DELIVRD", "UNDELIV", 5),
        (2, b"NONSENSE", "UNDELIV", 5),
        (2, b"ENROUTE", "UNDELIV", 5),
        (1, b"UNDELIV", "DELIVRD", 2),
        (4, b"ENROUTE", "ENROUTE", 1),
        (8, b"ACCEPTD", "ACCEPTD", 6),
        (8, b"DELIVRD", "BUFFRED", 1),
        (0x22, b"REJECTD", "EXPIRED", 3),
    ],
)
def test_words_of_the_smsc(dlr_mask: int, word: bytes, expected: str, state: int) -> None:
    found = stat(dlr_mask=dlr_mask, msgdata=b"id:1 sub:001 dlvrd:001 stat:%b err:000 text:" % word)
    assert found[:2] == (expected, state)


@pytest.mark.parametrize(
    ("msgdata", "meta_data", "err", "text"),
    [
        (None, None, b"000", b""),
        (b"", None, b"000", b""),
        (b"id:1 stat:UNDELIV err:027 text:Hello", None, b"027", b"Hello"),
        (b"id:1 stat:UNDELIV err:27 text:Hello world of text", None, b"027", b"Hello world "),
        (None, b"?orig_msg?dlr_mask=19&?smpp?dlr_err=%03%00%1B&", b"027", b""),
        (None, b"?smpp?dlr_err=%03%FF%FF&", b"535", b""),
        (None, b"?smpp?dlr_err=%1B&", b"027", b""),
        (b"err:001", b"?smpp?dlr_err=%03%00%1B&", b"001", b""),
        (b"stat:UNDELIV text:x", b"?smpp?dlr_err=%03%00%1B&", b"027", b"x"),
        (b"NACK/0x0000000b/Invalid Destination", b"?smpp?dlr_err=%03%00%1B&", b"011", b"NACK/0x00000"),
    ],
)
def test_error_and_text(msgdata: bytes | None, meta_data: bytes | None, err: bytes, text: bytes) -> None:
    pdu = one(msgdata=msgdata, meta_data=meta_data)
    assert pdu.short_message.endswith(b" stat:DELIVRD err:" + err + b" text:" + text)


def test_tlvs() -> None:
    assert one(meta_data=b"?orig_msg?dlr_mask=19&?smpp?dlr_err=%03%00%1B&").tlvs == {
        0x0423: b"\x03\x00\x1b",
        0x0427: b"\x02",
        0x001E: ID + b"\0",
    }
    assert 0x0423 not in one(meta_data=b"?smpp?dlr_err=%03%00&").tlvs
    assert one(msgdata=b"err:001", meta_data=b"?smpp?dlr_err=%02%00%1B&").tlvs[0x0423] == b"\x02\x00\x1b"
    assert one(V33, meta_data=b"?smpp?dlr_err=%03%00%1B&").tlvs == {}
    table = TlvTable([TlvDefinition("x", 0x1400, 4, TlvType.OCTETS)])
    assert list(one(BindOptions(tlvs=table), meta_data=b"?smpp?x=1&dlr_err=%03%00%1B&").tlvs) == [
        0x423,
        0x427,
        0x1E,
        0x1400,
    ]


def test_user_message_reference_comes_back() -> None:  # D-15
    dlr_url = make_dlr_url(b"e", 1700000000, ID, 7)
    assert one(dlr_url=dlr_url).tlvs[0x0204] == b"\x00\x07"
    assert 0x0204 not in one().tlvs
    assert one(dlr_url=dlr_url).short_message == one().short_message


def test_addresses() -> None:
    fields: dict[str, Any] = {"sender": b"+491701", "receiver": b"+491709999999"}
    pdu = one(**fields)
    assert (pdu.source_addr, pdu.destination_addr) == (b"491701", b"491709999999")
    pdu = one(BindOptions(profile=EXCHANGED), **fields)  # D-01
    assert (pdu.source_addr, pdu.destination_addr) == (b"491709999999", b"491701")
    pdu = one(BindOptions(profile=EXCHANGED), sender=b"Acme", receiver=b"+49")
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.dest_addr_ton, pdu.dest_addr_npi) == (1, 1, 5, 0)


def test_the_rest_of_the_pdu() -> None:
    pdu = one(udhdata=b"\x01\x00", rpi=1, binfo=b"B1", pid=5, coding=2, dlr_mask=4)
    assert (pdu.esm_class, pdu.service_type, pdu.protocol_id, pdu.data_coding) == (0xA0, b"B1", 5, 0)  # D-09
    assert pdu.registered_delivery == 0


@pytest.mark.parametrize("dlr_url", [None, b"", b"e|1700000000|" + b"_" * 23])
def test_a_foreign_dlr_url_has_no_receipt(dlr_url: bytes | None) -> None:
    with pytest.raises(Untranslatable):
        one(dlr_url=dlr_url)


def test_ids_that_do_not_fit() -> None:
    assert 0x001E in one(dlr_url=b"e|1|" + b"x" * 64).tlvs
    assert 0x001E not in one(dlr_url=b"e|1|" + b"x" * 65).tlvs
    for id in (b"x" * 200, b"\0" * 36):
        with pytest.raises(Untranslatable):
            one(dlr_url=b"e|1|" + id)


@pytest.mark.parametrize(
    ("msgdata", "code"),
    [
        (b"err:027", 27),
        (b"stat:UNDELIV,err:004", 4),
        (b"err:65535", 65535),
        (b"err:65536", None),
        (b"err:0x1B", 27),
        (b"err:0x0000FFFF", 65535),
        (b"err:0xFFFFFFFF", None),
        (b"NACK/0x0000000b/Invalid Destination", 11),
        (b"err:000", None),
        (b"err:", None),
        (b"err:E12", None),
        (b"err:-1", None),
        (b"text:err", None),
        (b"err:" + b"9" * 5000, None),
        (b"", None),
    ],
)
def test_network_error_code_of_a_text(msgdata: bytes, code: int | None) -> None:
    """Type 3 (GSM), when the code came as text."""
    expected = None if code is None else b"\x03" + code.to_bytes(2, "big")
    assert one(msgdata=msgdata, dlr_mask=2).tlvs.get(0x0423) == expected
    assert one(V33, msgdata=msgdata, dlr_mask=2).tlvs == {}


def test_dates_are_those_of_the_profile() -> None:
    profile = dataclasses.replace(KANNEL, write_date=lambda epoch: b"@%d" % epoch)
    assert b"submit date:@1700000000 done date:@-1 " in one(BindOptions(profile=profile)).short_message


@pytest.mark.parametrize(
    ("profile", "fields", "text"),
    [
        (
            KANNEL,
            {},
            b"id:%b sub:001 dlvrd:001 submit date:231114221320 done date:231114221325 stat:DELIVRD err:000 text:",
        ),
        (
            STANDARD,
            {},
            b"id:%b sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:DELIVRD err:000 Text:",
        ),
        (
            STANDARD,
            {"msgdata": b"stat:UNDELIV err:1 text:a text of more than twenty octets", "dlr_mask": 2},
            b"id:%b sub:001 dlvrd:000 submit date:2311142213 done date:2311142213 stat:UNDELIV err:001 "
            b"Text:a text of more than ",
        ),
        (
            DlrProfile("x", err_missing=b"0", text_octets=0),
            {"msgdata": b"text:Hello", "dlr_mask": 2},
            b"id:%b sub:001 dlvrd:000 submit date:231114221320 done date:231114221325 stat:UNDELIV err:0 text:",
        ),
    ],
)
def test_the_text_of_a_profile(profile: DlrProfile, fields: dict[str, Any], text: bytes) -> None:
    pdu = one(BindOptions(profile=profile), time=1700000005, **fields)
    assert pdu.short_message == text % ID


def test_a_profile_without_tlvs() -> None:
    assert one(BindOptions(profile=dataclasses.replace(KANNEL, tlvs=False))).tlvs == {}


@given(
    st.none() | st.binary(max_size=80) | st.from_regex(rb"(err:.{0,5})?( ?text:.{0,20})?", fullmatch=True),
    st.none() | st.binary(max_size=30) | st.sampled_from([b"?smpp?dlr_err=%03&", b"?smpp?dlr_stat=EXPIRED"]),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**31), 2**31 - 1),
)
def test_any_report_gets_a_receipt(
    msgdata: bytes | None, meta_data: bytes | None, dlr_mask: int, when: int
) -> None:
    pdu = one(msgdata=msgdata, meta_data=meta_data, dlr_mask=dlr_mask, time=when)
    assert len(pdu.short_message) <= 144 + 13
    assert 1 <= pdu.tlvs[0x0427][0] <= 8
    assert pdu.esm_class in (0x04, 0x20)
    pack(pdu, 1)
