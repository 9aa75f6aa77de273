"""Frames of the bearerbox: captured ones, both ways and octet by octet, and what must never get through."""

from __future__ import annotations

import dataclasses
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel import codec
from ksmppd_py.kannel.codec import LIKELY, MAX_FRAME, BoxLink, pack, pack_ack, pack_all, pack_sms
from ksmppd_py.kannel.messages import (
    MESSAGES,
    NIL_ID,
    SMS_FIELDS,
    Ack,
    AckStatus,
    Admin,
    AdminCommand,
    DlrMask,
    Heartbeat,
    Kind,
    Message,
    Sms,
    SmsType,
    fields_of,
)

ID = b"11111111-2222-4333-8444-555555555555"
DLR_ID = b"6fae04c9-a344-4e53-b967-b3842f644487"
MO_ID = b"0f4e1f9a-52f5-4f0e-8d35-1a4b2c3d4e5f"
NULL = "ffffffff"


def _hex(text: str) -> bytes:
    return bytes.fromhex("".join(text.split()))


MT = Sms(
    sender=b"+491701",
    receiver=b"+4917099",
    msgdata=b"Hi",
    time=1700000000,
    smsc_id=b"FAKE",
    service=b"esme1",
    id=ID,
    sms_type=SmsType.MT_PUSH,
    coding=0,
    compress=0,
    dlr_mask=19,
    dlr_url=b"esme1|1700000000|" + ID,
    pid=0,
    alt_dcs=0,
    boxc_id=b"KSMPPD",
    priority=0,
    meta_data=b"?smpp?",
)
MT_FRAME = _hex(
    """000000ff 00000002 00000007 2b343931373031 00000008 2b34393137303939 ffffffff 00000002 4869 6553f100
    00000004 46414b45 ffffffff ffffffff 00000005 65736d6531 ffffffff
    00000024 31313131313131312d323232322d343333332d383434342d353535353535353535353535
    00000002 ffffffff ffffffff 00000000 00000000 ffffffff ffffffff 00000013
    00000035 65736d65317c313730303030303030307c31313131313131312d323232322d343333332d383434342d
    353535353535353535353535 00000000 00000000 ffffffff ffffffff 00000006 4b534d505044 ffffffff ffffffff
    00000000 ffffffff ffffffff 00000006 3f736d70703f"""
)
DLR = Sms(
    sender=b"+491701",
    receiver=b"+4917099",
    msgdata=b"",
    time=0x6B03DC53,
    smsc_id=b"FAKE",
    foreign_id=ID,
    service=b"esme1",
    id=DLR_ID,
    sms_type=SmsType.REPORT_MO,
    dlr_mask=1,
    dlr_url=MT.dlr_url,
    boxc_id=b"KSMPPD",
    meta_data=b"?orig_msg?dlr_mask=19&",
)
DLR_FRAME = _hex(
    f"""00000131 00000002 00000007 2b343931373031 00000008 2b34393137303939 ffffffff 00000000 6b03dc53
    00000004 46414b45 ffffffff 00000024 {ID.hex()} 00000005 65736d6531 ffffffff 00000024 {DLR_ID.hex()}
    00000003 {NULL * 6} 00000001 00000035 65736d65317c {b"1700000000|".hex()} {ID.hex()} {NULL * 4}
    00000006 4b534d505044 {NULL * 5} 00000016 3f6f7269675f6d73673f646c725f6d61736b3d313926"""
)
MO = Sms(
    sender=b"+49171",
    receiver=b"7777",
    msgdata="hello wörld".encode(),
    time=0x6B03DC7F,
    smsc_id=b"FAKE",
    id=MO_ID,
    sms_type=SmsType.MO,
    coding=0,
)
MO_FRAME = _hex(
    f"""000000be 00000002 00000006 2b3439313731 00000004 37373737 ffffffff 0000000c 68656c6c6f2077c3b6726c64
    6b03dc7f 00000004 46414b45 {NULL * 4} 00000024 {MO_ID.hex()} 00000000 ffffffff ffffffff 00000000 {NULL * 16}"""
)
FRAMES: list[tuple[bytes, Message]] = [
    (_hex("0000001b 00000001 00000003 0000000b 7265616c2d736d73626f78 ffffffff"), Admin(3, b"real-smsbox")),
    (
        _hex("00000016 00000001 00000003 00000006 4b534d505044 ffffffff"),
        Admin(AdminCommand.IDENTIFY, b"KSMPPD"),
    ),
    (_hex("00000010 00000001 00000003 ffffffff ffffffff"), Admin(AdminCommand.IDENTIFY)),
    (_hex("00000010 00000001 00000004 ffffffff 000032dd"), Admin(AdminCommand.RESTART, None, 13021)),
    (_hex("00000008 00000000 00000000"), Heartbeat()),
    (_hex("00000008 00000000 ffffffff"), Heartbeat(-1)),
    (MT_FRAME, MT),
    (DLR_FRAME, DLR),
    (MO_FRAME, MO),
    (_hex("00000034 00000003 00000000 6553f100 00000024") + ID, Ack(AckStatus.SUCCESS, 1700000000, ID)),
    (_hex("00000034 00000003 00000000 6b03dc53 00000024") + DLR_ID, Ack(0, 0x6B03DC53, DLR_ID)),
]
ALL_FRAMES = b"".join(frame for frame, _ in FRAMES)
ALL_MESSAGES = [message for _, message in FRAMES]


@pytest.mark.parametrize(("frame", "message"), FRAMES)
def test_frame_both_ways(frame: bytes, message: Message) -> None:
    assert pack(message) == frame
    assert BoxLink().receive(frame) == [message]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        # Kannel 1.4.5 ends behind boxc_id
        ("00000017 00000001 00000003 0000000b 7265616c2d736d73626f78", Admin(3, b"real-smsbox")),
        ("0000000c 00000001 00000004 ffffffff", Admin(AdminCommand.RESTART)),
        ("0000000c 00000001 00000000 00000000", Admin(AdminCommand.SHUTDOWN, b"")),
        ("00000010 00000001 00000004 ffffffff ffffffff", Admin(AdminCommand.RESTART)),
        ("00000010 00000001 00000004 ffffffff 00000000", Admin(AdminCommand.RESTART, None, 0)),
        ("00000010 00000001 00000004 ffffffff 7fffffff", Admin(AdminCommand.RESTART, None, 0x7FFFFFFF)),
        # Octets behind the last field are ignored, also too few for another one
        ("0000000d 00000001 00000004 ffffffff 01", Admin(AdminCommand.RESTART)),
        ("0000000f 00000001 00000004 ffffffff 010203", Admin(AdminCommand.RESTART)),
        ("00000014 00000001 00000004 ffffffff 000032dd 00000007", Admin(AdminCommand.RESTART, None, 13021)),
    ],
)
def test_an_admin_message_with_and_without_http_port(frame: str, message: Message) -> None:
    """A frame ends where its length says: what follows belongs to the next one."""
    link = BoxLink()
    assert link.receive(_hex(frame) + _hex("00000008 00000000 00000005")) == [message, Heartbeat(5)]
    assert link.broken is None


@pytest.mark.parametrize(
    "frame",
    [
        "00000008 00000001 00000004",
        "0000000b 00000001 00000004 ffffff",
        "0000000e 00000001 00000004 00000003 6162",
        "0000000c 00000001 00000004 fffffffe",
    ],
)
def test_an_admin_message_that_ends_early(frame: str) -> None:
    link = BoxLink()
    assert link.receive(_hex(frame) + _hex("00000008 00000000 00000005") * 3) == []
    assert link.broken is not None


@pytest.mark.parametrize("step", [1, 2, 3, 7, 8, 9, 55, 56, 57, 1000])
def test_frames_in_pieces(step: int) -> None:
    link = BoxLink()
    messages = []
    for start in range(0, len(ALL_FRAMES), step):
        messages += link.receive(ALL_FRAMES[start : start + step])
    assert messages == ALL_MESSAGES
    assert link.broken is None


def test_ack_and_sms_short_cuts() -> None:
    assert pack_sms(MT) == MT_FRAME
    assert pack_ack(0, 1700000000, ID) == pack(Ack(0, 1700000000, ID))
    for id in (MO_ID, MO_ID.upper()):
        assert pack_ack(1, 1 << 32 | 5, id) == pack(Ack(1, 5, MO_ID))


def test_table() -> None:
    assert [len(fields_of(message)) for message in MESSAGES] == [1, 3, 31, 3]
    assert [message.type_number for message in MESSAGES] == [0, 1, 2, 3]
    strings = [name for name, kind in SMS_FIELDS if kind is Kind.STRING]
    integers = [name for name, kind in SMS_FIELDS if kind is Kind.INTEGER]
    assert len(strings) == 14
    assert len(integers) == 16
    assert [name for name, kind in SMS_FIELDS if kind is Kind.UUID] == ["id"]
    fresh = Sms()
    assert {getattr(fresh, name) for name in strings} == {None}
    assert {getattr(fresh, name) for name in integers} == {-1}
    assert fresh.id == NIL_ID
    assert set(strings) >= codec.NEVER_NULL | codec.RARELY_SET


def test_enumerations() -> None:
    assert DlrMask.SUCCESS | DlrMask.FAIL | DlrMask.SMSC_FAIL == 19
    assert DlrMask.EXPIRED == 0x20 | DlrMask.FAIL
    assert DlrMask.UNKNOWN == 0x40 | DlrMask.FAIL
    assert list(AckStatus) == [0, 1, 2, 3]
    assert list(SmsType) == [0, 1, 2, 3, 4]


def test_null_that_would_stop_the_bearerbox_is_sent_as_empty() -> None:
    frame = pack_sms(Sms(id=ID))
    assert BoxLink().receive(frame) == [Sms(sender=b"", receiver=b"", msgdata=b"", id=ID)]
    long_one = pack_sms(Sms(id=ID, meta_data=b"x" * 5000))
    assert BoxLink().receive(long_one) == [
        Sms(sender=b"", receiver=b"", msgdata=b"", id=ID, meta_data=b"x" * 5000)
    ]


def test_empty_is_not_null() -> None:
    sms = dataclasses.replace(MT, udhdata=b"", smsc_id=b"", charset=b"", boxc_id=b"", binfo=b"", account=b"")
    assert BoxLink().receive(pack_sms(sms)) == [sms]


def test_wide_integers_are_cut() -> None:
    sms = dataclasses.replace(MT, time=2**31, validity=2**32 + 7, deferred=-(2**31) - 1)
    (cut,) = BoxLink().receive(pack_sms(sms))
    assert isinstance(cut, Sms)
    assert (cut.time, cut.validity, cut.deferred) == (-(2**31), 7, 2**31 - 1)
    assert BoxLink().receive(pack(Heartbeat(2**32 + 3))) == [Heartbeat(3)]


def test_ids_are_lower_case() -> None:
    assert pack_sms(dataclasses.replace(MT, id=DLR_ID.upper())) == pack_sms(
        dataclasses.replace(MT, id=DLR_ID)
    )
    (sms,) = BoxLink().receive(MO_FRAME.replace(MO_ID, MO_ID.upper()))
    assert sms == MO
    assert BoxLink().receive(pack_ack(0, 1, DLR_ID).replace(DLR_ID, DLR_ID.upper())) == [Ack(0, 1, DLR_ID)]


@pytest.mark.parametrize(
    "id", [b"", ID[:-1], ID + b"0", ID[:-1] + b"g", ID.replace(b"-", b"0"), b"\xff" * 36]
)
def test_no_uuid_is_packed(id: bytes) -> None:
    with pytest.raises(ValueError, match="UUID"):
        pack_sms(dataclasses.replace(MT, id=id))
    with pytest.raises(ValueError, match="UUID"):
        pack_ack(0, 1, id)
    with pytest.raises(ValueError, match="UUID"):
        pack(Ack(0, 1, id))


def test_text_is_never_taken_for_octets() -> None:
    with pytest.raises(TypeError):
        pack_sms(dataclasses.replace(MT, msgdata="Hé"))  # type: ignore[arg-type]  # that is what is tested


HEARTBEAT = _hex("00000008 00000000 00000000")
ACK = pack_ack(0, 1, ID)
BROKEN = [
    pytest.param(_hex("00000000"), id="zero-length"),
    pytest.param(_hex("00000003 000000"), id="shorter than a type"),
    pytest.param(struct.pack(">i", MAX_FRAME + 1) + bytes(8), id="above 1 MiB"),
    pytest.param(_hex("7fffffff 00000002"), id="huge"),
    pytest.param(_hex("00000008 00000005 00000000"), id="unknown type"),
    pytest.param(_hex("00000008 ffffffff 00000000"), id="negative type"),
    pytest.param(_hex("00000004 00000000"), id="early end of a heartbeat"),
    pytest.param(_hex("0000000c 00000001 00000003 00000001"), id="string behind the end"),
    pytest.param(_hex("0000000c 00000001 00000003 fffffffe"), id="string of -2 octets"),
    pytest.param(_hex("0000000c 00000001 00000003 7fffffff"), id="endless string"),
    pytest.param(ACK.replace(ID, ID[:-1] + b"x"), id="bad uuid in ack"),
    pytest.param(ACK.replace(_hex("00000024"), _hex("00000023")), id="short uuid in ack"),
    pytest.param(_hex("00000010 00000003 00000000 00000000 ffffffff"), id="null uuid in ack"),
    pytest.param(MT_FRAME.replace(ID, b"x" * 36, 1), id="bad uuid in sms"),
    pytest.param(MT_FRAME[:3] + b"\xfe" + MT_FRAME[4:], id="sms cut by an octet"),
]


@pytest.mark.parametrize("octets", BROKEN)
@pytest.mark.parametrize("behind", [b"", HEARTBEAT * 20])
def test_broken(octets: bytes, behind: bytes) -> None:
    link = BoxLink()
    assert link.receive(HEARTBEAT + octets + behind) == [Heartbeat()]
    assert link.broken
    assert link.receive(HEARTBEAT) == []


def test_negative_lengths_are_skipped() -> None:
    link = BoxLink()
    assert link.receive(_hex("ffffffff 80000000") + HEARTBEAT + _hex("fffffff0")) == [Heartbeat()]
    assert link.receive(HEARTBEAT) == [Heartbeat()]
    assert link.broken is None


def test_what_is_behind_the_last_field_is_ignored() -> None:
    longer = struct.pack(">i", len(MT_FRAME)) + MT_FRAME[4:] + _hex("ffffffff")
    ack = struct.pack(">i", 53) + ACK[4:] + b"x"
    assert BoxLink().receive(longer + ack) == [MT, Ack(0, 1, ID)]


def test_wdp_datagrams_are_read_over() -> None:
    assert BoxLink().receive(_hex("00000006 00000004 ffff") + HEARTBEAT) == [Heartbeat()]


_strings = st.sampled_from([None, b"", b"\0", b"x" * 4200]) | st.binary(max_size=8)
_integers = st.integers(-(2**31), 2**31 - 1)
_ids = st.uuids().map(lambda uuid: str(uuid).encode())
_BY_KIND = {Kind.STRING: _strings, Kind.INTEGER: _integers, Kind.UUID: _ids}
sms_messages = st.builds(Sms, **{name: _BY_KIND[kind] for name, kind in SMS_FIELDS})
messages = st.one_of(
    sms_messages,
    st.builds(Heartbeat, _integers),
    st.builds(Admin, _integers, _strings),
    st.builds(Ack, _integers, _integers, _ids),
)


def _as_sent(message: Message) -> Message:
    if not isinstance(message, Sms):
        return message
    return dataclasses.replace(
        message,
        sender=message.sender or b"",
        receiver=message.receiver or b"",
        msgdata=message.msgdata or b"",
    )


@given(st.lists(messages, max_size=4), st.integers(1, 100))
def test_round_trip(sent: list[Message], step: int) -> None:
    octets = b"".join(map(pack, sent))
    link, received = BoxLink(), []
    for start in range(0, len(octets), step):
        received += link.receive(octets[start : start + step])
    assert received == list(map(_as_sent, sent))
    assert link.broken is None


@given(sms_messages)
def test_fast_and_slow_packing_agree(sms: Sms) -> None:
    assert pack_sms(sms) == codec._pack_slowly(sms)


_likely = st.fixed_dictionaries({name: _BY_KIND[kind] for name, kind in SMS_FIELDS if name in LIKELY})


@given(sms_messages, st.lists(_likely, max_size=5), st.lists(sms_messages, max_size=1), st.integers(0, 5))
def test_packing_many_is_packing_each(
    usual: Sms, changes: list[dict[str, Any]], odd: list[Sms], place: int
) -> None:
    several = [usual, *[dataclasses.replace(usual, **fields) for fields in changes]]
    several[place:place] = odd
    assert pack_all(several) == [pack_sms(sms) for sms in several]


def test_each_field_may_be_the_one_that_differs() -> None:
    several = [
        dataclasses.replace(MT, receiver=b"+49%d" % number, msgdata=b"x" * number) for number in range(9)
    ]
    assert pack_all(several) == [pack_sms(sms) for sms in several]
    assert pack_all(several[:1]) == [pack_sms(several[0])]
    for name, kind in SMS_FIELDS:
        if name not in LIKELY:
            changed = {name: 77 if kind is Kind.INTEGER else b"odd"}
            other = [*several, dataclasses.replace(MT, **changed), *several]
            assert pack_all(other) == [pack_sms(sms) for sms in other]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_among_many_no_uuid_is_packed(place: int) -> None:
    several = [MT, MT, MT]
    several[place] = dataclasses.replace(MT, id=b"none")
    with pytest.raises(ValueError, match="UUID"):
        pack_all(several)
    several[place] = dataclasses.replace(MT, id=MT.id.upper())
    assert pack_all(several) == [pack_sms(MT)] * 3


@given(st.lists(st.binary(max_size=80), max_size=5), st.integers(0, len(ALL_FRAMES)), st.binary(max_size=4))
def test_rubbish_breaks_the_link_and_nothing_else(reads: list[bytes], cut: int, noise: bytes) -> None:
    link = BoxLink()
    for octets in reads:
        assert isinstance(link.receive(octets), list)
    link = BoxLink()
    link.receive(ALL_FRAMES[:cut] + noise + ALL_FRAMES[cut + len(noise) :])
    link.receive(ALL_FRAMES)
