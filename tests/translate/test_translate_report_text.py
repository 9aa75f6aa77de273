"""Texts of delivery reports: how an SMSC's is read, what an ESME gets, and that widespread ESMEs can read that."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.smpp.codec import pack
from ksmppd_py.translate import report_text
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_profile import KANNEL
from ksmppd_py.translate.receipts import to_deliver_sm
from ksmppd_py.translate.report_text import MAX_ERR, err_length

ID = b"dcd3c2b4-1111-4222-8333-0123456789ab"
UCS2 = "id:1 stat:UNDELIV err:027 text:Hi é".encode("utf-16-be")


def with_err(length: int) -> BindOptions:
    return BindOptions(profile=replace(KANNEL, err_length=length))


def receipt(
    msgdata: bytes, options: BindOptions | None = None, *, dates: bytes = b"231114221320", **fields: Any
) -> bytes:
    """Return the text that an ESME gets for a report with this text."""
    sms = Sms(
        sender=b"1", receiver=b"2", sms_type=3, dlr_url=b"e|1700000000|" + ID, msgdata=msgdata, **fields
    )
    options = options or BindOptions()
    profile = replace(options.profile, write_date=lambda epoch: dates)
    (pdu,) = to_deliver_sm(sms, replace(options, profile=profile))
    assert pdu.data_coding == 0
    pack(pdu, 1)
    return pdu.short_message


def words(text: bytes) -> tuple[bytes, bytes, bytes]:
    """Return stat, err and text of a receipt."""
    found = re.fullmatch(rb"id:\S+ sub:001 .* stat:(\S+) err:(.*?) text:(.*)", text, re.DOTALL)
    assert found is not None, text
    return found[1], found[2], found[3]


@pytest.mark.parametrize(
    ("msgdata", "stat", "err", "text"),
    [
        # what follows a word
        (b"stat:EXPIRED err:004", b"EXPIRED", b"004", b""),
        (b"stat:EXPIRED err:004\n", b"EXPIRED", b"004", b""),
        (b"stat:EXPIRED err:004\r\n", b"EXPIRED", b"004", b" "),
        (b"stat:EXPIRED\terr:004\ttext:x", b"EXPIRED", b"004", b"x"),
        (b"stat:EXPIRED err:004\0", b"EXPIRED", b"004", b""),
        (b"stat:EXPIRED,err:004", b"EXPIRED", b"004", b""),
        (b"stat:EXPIRED;err:004;text:x", b"EXPIRED", b"004", b"x"),
        (b'"stat:EXPIRED" "err:004" "text:x"', b"EXPIRED", b"004", b'x"'),
        (b"stat:EXPIRED\0err:004\0Text:x\0", b"EXPIRED", b"004", b"x "),
        (b"stat:EXPIRED\r\nerr:004\r\ntext:x", b"EXPIRED", b"004", b"x"),
        (b"err:004 stat:EXPIRED", b"EXPIRED", b"004", b"stat:EXPIRED"),
        # keys in any case, and only as words
        (b"STAT:EXPIRED ERR:004 TEXT:x", b"EXPIRED", b"004", b"x"),
        (b"Stat:expired Err:004 Text:x", b"EXPIRED", b"004", b"x"),
        (b"substat:EXPIRED stderr:004 context:x", b"UNDELIV", b"000", b"substat:EXPI"),
        (b"stat:EXPIRED err:004 Text:Text:x", b"EXPIRED", b"004", b"Text:x"),
        (b"stat:EXPIRED err:004 text:err:005", b"EXPIRED", b"004", b"err:005"),
        (b"err:004 err:005 text:x text:y", b"UNDELIV", b"004", b"x text:y"),
        (b"text:x err:001", b"UNDELIV", b"001", b""),
        (b"err: text:x", b"UNDELIV", b"000", b"x"),
        (b"nothing of that", b"UNDELIV", b"000", b"nothing of t"),
        # codes
        (b"err:1", b"UNDELIV", b"001", b""),
        (b"err:12", b"UNDELIV", b"012", b""),
        (b"err:2050", b"UNDELIV", b"205", b""),
        (b"err:0027", b"UNDELIV", b"027", b""),
        (b"err:00000000", b"UNDELIV", b"000", b""),
        (b"err:" + b"9" * 40 + b" text:x", b"UNDELIV", b"999", b"x"),
        (b"err:0x1B", b"UNDELIV", b"027", b""),
        (b"err:0X00000400", b"UNDELIV", b"102", b""),
        (b"err:E12", b"UNDELIV", b"012", b""),
        (b"err:-1", b"UNDELIV", b"001", b""),
        (b"err:abc", b"UNDELIV", b"000", b""),
        (b"err:0x", b"UNDELIV", b"000", b""),
        ("err:é1".encode(), b"UNDELIV", b"001", b""),
        # D-32
        (b"NACK/0x0000000b/Invalid Destination Address", b"UNDELIV", b"011", b"NACK/0x00000"),
        (b"NACK/0x00000045/", b"UNDELIV", b"069", b"NACK/0x00000"),
        (b"NACK/0x0000000B", b"UNDELIV", b"011", b"NACK/0x00000"),
        (b"NACK/0x00000400/vendor", b"UNDELIV", b"102", b"NACK/0x00000"),
        (b"NACK/27/reason", b"UNDELIV", b"027", b"NACK/27/reas"),
        (b"NACK/validity expired", b"UNDELIV", b"000", b"NACK/validit"),
        (b"NACK/0x0000000bInvalid", b"UNDELIV", b"000", b"NACK/0x00000"),
        # alphabets: GSM 03.38 here
        ("text:Grüße".encode(), b"UNDELIV", b"000", b"Gr\x7e\x1ee"),
        ("text:Grüße".encode("latin-1"), b"UNDELIV", b"000", b"Gr\x7e\x1ee"),
        ("text:Привет".encode(), b"UNDELIV", b"000", b"??????"),
        ("text:á“ê”😀".encode(), b"UNDELIV", b"000", b"?????"),
        ("text:1234567890€€".encode(), b"UNDELIV", b"000", b"1234567890\x1be"),
        ("text:12345678901€".encode(), b"UNDELIV", b"000", b"12345678901"),
        (b"text:a\0b\x1bc\x7fd\x01e", b"UNDELIV", b"000", b"a b c d e"),
        (b"text:a\nb\fc\r\td", b"UNDELIV", b"000", b"a b c  d"),
        (UCS2, b"UNDELIV", b"027", b"Hi \x05"),
        ("text:Привет".encode("utf-16-be"), b"UNDELIV", b"000", b"??????"),
    ],
)
def test_reads(msgdata: bytes, stat: bytes, err: bytes, text: bytes) -> None:
    assert words(receipt(msgdata, dlr_mask=2)) == (stat, err, text)


def test_reads_what_is_said_to_be_ucs2() -> None:
    cyrillic = "Привет err:027 text:Hi é".encode("utf-16-be")
    assert words(receipt(cyrillic, dlr_mask=2, coding=2)) == (b"UNDELIV", b"027", b"Hi \x05")
    assert words(receipt(b"err:027 text:Hi", dlr_mask=2, coding=2)) == (b"UNDELIV", b"027", b"Hi")


@pytest.mark.parametrize(
    ("alt_charset", "text", "octets"),
    [
        ("latin-1", "Grüße", b"Gr\xfc\xdfe"),
        ("latin-1", "5 € @_$", b"5 ? @_$"),
        ("utf-8", "Grüße €", "Grüße €".encode()),
        ("utf-8", "12345678901é", b"12345678901"),
        ("iso8859-5", "Привет", "Привет".encode("iso8859-5")),
        ("cp037", "Hi", "Hi".encode("cp037")),
        ("utf-16-be", "Hi", "Hi".encode("utf-16-be")),
        ("utf-16", "", b""),
    ],
)
def test_text_is_in_the_accounts_alphabet(alt_charset: str, text: str, octets: bytes) -> None:
    msgdata = b"stat:UNDELIV err:027 text:" + text.encode()
    assert words(receipt(msgdata, BindOptions(alt_charset=alt_charset), dlr_mask=2))[2] == octets


@pytest.mark.parametrize(
    ("msgdata", "length", "err"),
    [
        (b"err:2050", 4, b"2050"),
        (b"err:12345", 4, b"1234"),
        (b"err:2050", MAX_ERR, b"2050"),
        (b"err:1", MAX_ERR, b"001"),
        (b"err:0x1B", MAX_ERR, b"0x1B"),
        (b"err:E12", 4, b"E12"),
        (b"err:" + b"9" * 40, MAX_ERR, b"9" * 16),
        ("err:é1".encode(), MAX_ERR, b"0\x051"),
        (b"NACK/0x0000000b/x", MAX_ERR, b"011"),
        (b"NACK/0x00000400/x", MAX_ERR, b"1024"),
        (b"", MAX_ERR, b"000"),
    ],
)
def test_whole_codes(msgdata: bytes, length: int, err: bytes) -> None:
    assert words(receipt(msgdata, with_err(length), dlr_mask=2))[1] == err


def test_whole_code_of_a_tlv() -> None:
    text = receipt(b"", with_err(MAX_ERR), dlr_mask=2, meta_data=b"?smpp?dlr_err=%03%FF%FF&")
    assert words(text)[1] == b"65535"


@pytest.mark.parametrize(("number", "length"), [(0, 16), (1, 3), (3, 3), (5, 5), (16, 16), (99, 16)])
def test_err_length(number: int, length: int) -> None:
    assert err_length(number) == length


# How widespread ESMEs read a receipt; each takes its text as characters and raises what it can't read.


def onlinecity_php_smpp(text: str) -> None:
    """SmppDeliveryReceipt::parseDeliveryReceipt; it throws before the receipt is answered."""
    found = re.match(
        r"^id:([^ ]+) sub:(\d{1,3}) dlvrd:(\d{3}) submit date:(\d{10,12}) done date:(\d{10,12}) "
        r"stat:([A-Z ]{7}) err:(\d{2,3}) text:(.*)$",
        text,
        re.DOTALL | re.IGNORECASE | re.ASCII,
    )
    if found is None:
        raise ValueError(text)


CLOUDHOPPER_FIELDS = ("id:", "sub:", "dlvrd:", "submit date:", "done date:", "stat:", "err:", "text:")
STATES = {"DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD", "ENROUTE"}


def cloudhopper(text: str) -> None:
    """com.cloudhopper.smpp.util.DeliveryReceipt.parseShortMessage: fields by where each is found first."""
    places = sorted((text.lower().find(field), field) for field in CLOUDHOPPER_FIELDS)
    places = [place for place in places if place[0] >= 0]
    values = {}
    for (start, field), (end, _) in zip(places, [*places[1:], (len(text), "")], strict=True):
        values[field] = text[start + len(field) : end].strip()
    int(values["sub:"]), int(values["dlvrd:"])
    for field in ("submit date:", "done date:"):
        datetime.strptime(values[field], "%y%m%d%H%M%S" if len(values[field]) == 12 else "%y%m%d%H%M")
    if not values["id:"] or values["stat:"].upper() not in STATES or not 1 <= len(values["err:"]) <= 3:
        raise ValueError(text)


def jsmpp(text: str) -> None:
    """org.jsmpp.bean.DeliveryReceipt: each value ends at the next blank."""
    values = {}
    for name in ("id", "sub", "dlvrd", "submit date", "done date", "stat", "err"):
        start = text.index(name + ":") + len(name) + 1
        values[name] = text[start : text.index(" ", start)]
    int(values["sub"]), int(values["dlvrd"])
    for name in ("submit date", "done date"):
        date = values[name]
        datetime(2000 + int(date[:2]), *(int(date[at : at + 2]) for at in range(2, len(date), 2)))  # type: ignore[arg-type]  # five or six numbers
    if values["stat"] not in STATES or not re.search("[Tt]ext:", text):
        raise ValueError(text)


def jasmin(text: str) -> None:
    """jasmin.protocols.smpp.operations.SMPPOperationFactory.isDeliveryReceipt: each of its patterns finds something."""
    for pattern in (
        r"id:(?P<id>[\dA-Za-z-_]+)", r"sub:(?P<sub>\d{3})", r"dlvrd:(?P<dlvrd>\d{3})",
        r"submit date:(?P<sdate>\d+)", r"done date:(?P<ddate>\d+)", r"stat:(?P<stat>\w{7})",
        r"err:(?P<err>\w{3})", r"text:(?P<text>.*)",
    ):  # fmt: skip
        if re.search(pattern, text) is None:
            raise ValueError(pattern)


def vumi(text: str) -> None:
    """vumi's DELIVERY_REPORT_REGEX, which python-smpp's client has as well."""
    pattern = (
        r"id:(?P<id>\S{,65}) +sub:(?P<sub>...) +dlvrd:(?P<dlvrd>...) +submit date:(?P<submit_date>\d*)"
        r" +done date:(?P<done_date>\d*) +stat:(?P<stat>[A-Z]{7}) +err:(?P<err>...) +[Tt]ext:(?P<text>.{,20}).*"
    )
    if re.search(pattern, text) is None:
        raise ValueError(text)


def aiosmpplib(text: str) -> None:
    """aiosmpplib.protocol.DeliverSm.parse_receipt; it knows dates of ten digits only."""
    at, values = 0, {}
    while (end := text.find(":", at)) >= 0:
        name, at = text[at:end].lower(), end + 1
        end = text.find(" ", at)
        if end < 0 or name == "text":
            end = len(text)
        values[name], at = text[at:end], end + 1
    int(values["sub"]), int(values["dlvrd"]), int(values["err"])
    for name in ("submit date", "done date"):
        datetime.strptime(values[name], "%y%m%d%H%M")
    if not values["id"] or values["stat"] not in STATES:
        raise ValueError(text)


READERS = (onlinecity_php_smpp, cloudhopper, jsmpp, jasmin, vumi)

_pieces = st.sampled_from(
    (
        b"id:1 |sub:001 |stat:|EXPIRED|err:|0x1B|text:|Text:|2050|00A|NACK/|0x0000000b/| |\0|\n|\r|\t|,|;"
        b'|done date:|\xff|\xc3\xa9|"'
    ).split(b"|")
)
any_text = st.binary(max_size=60) | st.lists(_pieces | st.binary(max_size=3), max_size=12).map(b"".join)


@given(any_text, st.sampled_from([0, 1, 2, 4, 16, 0x22]), st.sampled_from([-1, 0, 1, 2]))
@example(b"stat:UNDELIV err:004\n", 2, 0)
@example(b"err:000\0", 1, 0)
@example(b"stat:EXPIRED,err:004", 2, 0)
@example(b"err:2050", 2, 0)
@example(b"err:0x1B", 2, 0)
@example("err:000 text:Grüße".encode(), 1, 0)
@example(UCS2, 2, 0)
@example(b"err:000 Text:Hello", 1, 0)
@example(b"NACK/0x0000000b/Invalid Destination Address", 16, 0)
def test_widespread_esmes_read_any_receipt(msgdata: bytes, dlr_mask: int, coding: int) -> None:
    for options in (BindOptions(), BindOptions(alt_charset="latin-1")):
        text = receipt(msgdata, options, dlr_mask=dlr_mask, coding=coding)
        for read in READERS:
            read(text.decode("latin-1"))
        aiosmpplib(
            receipt(msgdata, options, dates=b"2311142213", dlr_mask=dlr_mask, coding=coding).decode("latin-1")
        )


@pytest.mark.parametrize("read", [*READERS, aiosmpplib], ids=lambda read: read.__name__)
def test_the_readers_can_fail(read: Any) -> None:
    with pytest.raises((ValueError, KeyError)):
        read("id:1 sub:001 dlvrd:000 submit date:2311142213 done date:2311142213 stat:X err:0x1B\n")


_usual = st.from_regex(
    rb"(id:[0-9a-f]{1,9} sub:[0-9]{0,3} dlvrd:[0-9]{0,3} submit date:[0-9]{0,3} done date:[0-9]{0,3} )?"
    rb"stat:[A-Z]{1,7}[ ,]err:[0-9A-Za-z]{0,17}( [Tt]ext:[ -z\xc3\xa9]{0,14})?",
    fullmatch=True,
)


@given(_usual | any_text, st.sampled_from([None, "latin-1", "cp037"]))
def test_the_short_way_reads_as_the_long_one(msgdata: bytes, alt_charset: str | None) -> None:
    short = report_text.read(msgdata, 0, alt_charset)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_text, "_usual", lambda most: re.compile(b"(?!)"))
        assert report_text.read(msgdata, 0, alt_charset) == short
