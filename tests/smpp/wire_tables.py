"""Bodies and whole PDUs, octet for octet, and the values they are."""

from __future__ import annotations

from dataclasses import replace

from ksmppd_py.smpp.destinations import DistributionList, SmeAddress, UnsuccessSme
from ksmppd_py.smpp.pdus import (
    AlertNotification,
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    CancelSm,
    CancelSmResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)


def octets(text: str) -> bytes:
    """Read hex with blanks, and text in double quotes."""
    result = b""
    for number, piece in enumerate(text.split('"')):
        result += piece.encode() if number % 2 else bytes.fromhex(piece)
    return result


RECEIPT = (
    b"id:second-id-2 sub:001 dlvrd:001 submit date:231114221320 done date:691231235959"
    b" stat:DELIVRD err:000 text:"
)
MESSAGE_ID = "dcd3c2b4-1111-4222-8333-0123456789ab"

# Whole PDU, its command_status and sequence_number, and the value it is.
WIRE: list[tuple[str, int, int, Pdu]] = [
    # The example of 3.2.2.
    (
        "0000002F 00000002 00000000 00000001"
        "534D50503354455354 00 7365637265743038 00 5355424D495431 00 00 01 01 00",
        0,
        1,
        BindTransmitter(b"SMPP3TEST", b"secret08", b"SUBMIT1", 0, 1, 1, b""),
    ),
    (
        '00000029 00000001 00000000 00000002 "esme1"00 "password"00 00 34 01 01 "^4917"00',
        0,
        2,
        BindReceiver(b"esme1", b"password", b"", 0x34, 1, 1, b"^4917"),
    ),
    ("00000017 00000009 00000000 00000003 00 00 00 00 00 00 00", 0, 3, BindTransceiver()),
    (
        '0000001C 80000002 00000000 00000001 "KSMPPD"00 0210 0001 34',
        0,
        1,
        BindTransmitterResp(b"KSMPPD", {0x0210: b"\x34"}),
    ),
    ('00000017 80000001 00000000 00000001 "KSMPPD"00', 0, 1, BindReceiverResp(b"KSMPPD")),
    ("00000010 80000009 0000000D 00000001", 0x0D, 1, BindTransceiverResp()),
    ('0000001E 0000000B 00000000 00000001 "smsc"00 "password"00', 0, 1, Outbind(b"smsc", b"password")),
    ("00000010 00000006 00000000 00000005", 0, 5, Unbind()),
    ("00000010 80000006 00000000 00000005", 0, 5, UnbindResp()),
    ("00000010 80000000 00000002 00000000", 2, 0, GenericNack()),
    ("00000010 00000015 00000000 7FFFFFFF", 0, 0x7FFFFFFF, EnquireLink()),
    ("00000010 80000015 00000000 00000007", 0, 7, EnquireLinkResp()),
    (
        '0000003d 00000004 00000000 00000001 00 01 01 "49170123456"00 01 01 "491709999999"00'
        ' 00 00 00 00 00 01 00 00 00 05 "Hello"',
        0,
        1,
        SubmitSm(
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr=b"49170123456",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=b"491709999999",
            registered_delivery=1,
            short_message=b"Hello",
        ),
    ),
    # Every field different, SAR, a tag of no TLV and one without a value.
    (
        '0000006F 00000004 00000000 FFFFFFFF "CMT"00 05 00 "Acme Co"00 02 01 "123"00 C3 7F 03'
        ' "261123060000000+"00 "000002000000000R"00 11 01 F4 07 06 050003A50201'
        ' 020C 0002 00A5 020E 0001 02 020F 0001 01 1400 0003 "abc" 130C 0000',
        0,
        0xFFFFFFFF,
        SubmitSm(
            b"CMT",
            5,
            0,
            b"Acme Co",
            2,
            1,
            b"123",
            0xC3,
            0x7F,
            3,
            b"261123060000000+",
            b"000002000000000R",
            0x11,
            1,
            0xF4,
            7,
            bytes.fromhex("050003A50201"),
            {0x020C: b"\0\xa5", 0x020E: b"\2", 0x020F: b"\1", 0x1400: b"abc", 0x130C: b""},
        ),
    ),
    (
        f'00000035 80000004 00000000 00000001 "{MESSAGE_ID}"00',
        0,
        1,
        SubmitSmResp(MESSAGE_ID.encode()),
    ),
    ("00000010 80000004 00000058 00000001", 0x58, 1, SubmitSmResp()),
    (
        "00000037 00000005 00000000 00000000"
        "00 01 01 3439313730313233343536370002013132333435000000000000000000000548656c6c6f",
        0,
        0,
        DeliverSm(
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr=b"491701234567",
            dest_addr_ton=2,
            dest_addr_npi=1,
            destination_addr=b"12345",
            short_message=b"Hello",
        ),
    ),
    (
        "000000a3 00000005 00000000 00000000 00 0201 3100 0201 3200 04 00 00 00 00 00 00 00 00 6b"
        f'"{RECEIPT.decode()}" 0427 0001 02 001e 000c 7365636f6e642d69642d32 00',
        0,
        0,
        DeliverSm(
            source_addr_ton=2,
            source_addr_npi=1,
            source_addr=b"1",
            dest_addr_ton=2,
            dest_addr_npi=1,
            destination_addr=b"2",
            esm_class=4,
            short_message=RECEIPT,
            tlvs={0x0427: b"\2", 0x001E: b"second-id-2\0"},
        ),
    ),
    ("00000011 80000005 00000064 00000009 00", 0x64, 9, DeliverSmResp()),
    (
        '0000003A 00000103 00000000 00000001 00 01 01 "491701"00 02 01 "491709999999"00 00 01 00'
        ' 0424 000A "by data_sm"',
        0,
        1,
        DataSm(b"", 1, 1, b"491701", 2, 1, b"491709999999", 0, 1, 0, {0x0424: b"by data_sm"}),
    ),
    ('00000014 80000103 00000000 00000001 "abc"00', 0, 1, DataSmResp(b"abc")),
    ("00000011 80000103 00000045 00000001 00", 0x45, 1, DataSmResp()),
    (
        '0000001B 00000003 00000000 00000001 "id-1"00 01 01 "491"00',
        0,
        1,
        QuerySm(b"id-1", 1, 1, b"491"),
    ),
    (
        '00000028 80000003 00000000 00000001 "id-1"00 "261123060000000+"00 02 1B',
        0,
        1,
        QuerySmResp(b"id-1", b"261123060000000+", 2, 0x1B),
    ),
    ('00000018 80000003 00000067 00000001 "id-1"00 00 07 00', 0x67, 1, QuerySmResp(b"id-1", b"", 7)),
    (
        '00000024 00000008 00000000 00000001 "CMT"00 "id-1"00 01 01 "491"00 02 03 "92"00',
        0,
        1,
        CancelSm(b"CMT", b"id-1", 1, 1, b"491", 2, 3, b"92"),
    ),
    ("00000010 80000008 00000011 00000001", 0x11, 1, CancelSmResp()),
    (
        '00000031 00000007 00000000 00000001 "id-1"00 01 01 "491"00 00 "000002000000000R"00 01 05 01 "x"',
        0,
        1,
        ReplaceSm(b"id-1", 1, 1, b"491", b"", b"000002000000000R", 1, 5, b"x"),
    ),
    ("00000010 80000007 00000013 00000001", 0x13, 1, ReplaceSmResp()),
    (
        '0000003E 00000021 00000000 00000001 00 01 01 "491"00 02 01 01 02 "4917"00 02 "friends"00'
        ' 00 00 00 00 00 00 00 00 00 05 "Hello" 0204 0002 0007',
        0,
        1,
        SubmitMulti(
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr=b"491",
            dest_addresses=[SmeAddress(1, 2, b"4917"), DistributionList(b"friends")],
            short_message=b"Hello",
            tlvs={0x0204: b"\0\7"},
        ),
    ),
    (
        '00000021 80000021 00000000 00000001 "id-1"00 01 01 01 "4917"00 0000000B',
        0,
        1,
        SubmitMultiResp(b"id-1", [UnsuccessSme(1, 1, b"4917", 0x0B)]),
    ),
    ("00000012 80000021 00000003 00000001 00 00", 3, 1, SubmitMultiResp()),
    (
        '00000022 00000102 00000000 00000001 01 01 "491"00 05 00 "esme"00 0422 0001 02',
        0,
        1,
        AlertNotification(1, 1, b"491", 5, 0, b"esme", {0x0422: b"\2"}),
    ),
]

# What peers do and we put up with: command_id, body, and what is read of it.
TOLERATED: list[tuple[int, str, Pdu]] = [
    (0x15, "00000000", EnquireLink()),
    (0x06, "FF", Unbind()),
    (0x80000002, "", BindTransmitterResp()),
    (0x80000004, "", SubmitSmResp()),
    (0x80000005, "", DeliverSmResp()),
    (0x80000005, '"abc"00', DeliverSmResp(b"abc")),
    (0x80000005, '"abc"', DeliverSmResp(b"abc")),
    (0x80000103, "", DataSmResp()),
    (0x80000003, "", QuerySmResp()),
    (0x80000021, "", SubmitMultiResp()),
    (0x80000004, "00", SubmitSmResp()),
    # Behind the last field of a PDU without TLVs.
    (0x03, "00 00 00 00 FFFF", QuerySm()),
    # A known TLV of wrong length is skipped, an unknown one or one of another PDU is kept as it is.
    (0x80000004, "00 0423 0002 0102 0425 0001 07", SubmitSmResp(b"", {0x0425: b"\7"})),
    (0x80000004, "00 0204 0003 010203", SubmitSmResp(b"", {0x0204: b"\1\2\3"})),
    (0x103, "00" * 10 + "0204 0003 010203", DataSm()),
    (0x103, "00" * 10 + "0381 001E" + "31" * 30, DataSm()),
    (0x103, "00" * 10 + "001E 0001 00 1FFF 0000", DataSm(tlvs={0x001E: b"\0", 0x1FFF: b""})),
    # Of repeated TLVs the last one wins.
    (0x103, "00" * 10 + "0204 0002 0001 0204 0002 0002", DataSm(tlvs={0x0204: b"\0\2"})),
]

_SUBMIT_HEAD = '00 01 01 "491701"00 01 01 "491709999999"00'
SUBMIT = _SUBMIT_HEAD + '00 00 00 00 00 00 00 00 00 05 "Hello"'

_HELLO = SubmitSm(b"", 1, 1, b"491701", 1, 1, b"491709999999", short_message=b"Hello")


def _hello(**tlvs: str) -> SubmitSm:
    """SUBMIT with TLVs, named x and their tag."""
    return replace(_HELLO, tlvs={int(tag[1:], 16): octets(value) for tag, value in tlvs.items()})


# D-25: octets left over, and a NUL before the TLVs.
TOLERATED += [
    (0x04, SUBMIT + "00", _HELLO),
    (0x04, SUBMIT + "04", _HELLO),
    (0x04, SUBMIT + "042400", _HELLO),
    (0x04, SUBMIT + "0D0A", _HELLO),
    (0x04, SUBMIT + "000000", _HELLO),
    (0x04, SUBMIT + "0204 0002 0007 00", _hello(x0204="0007")),
    (0x04, SUBMIT + "0204 0002 0007 0D0A", _hello(x0204="0007")),
    (0x04, SUBMIT + "00 0204 0002 0007", _hello(x0204="0007")),
    (0x04, SUBMIT + "00 0204 0002 0007 00", _hello(x0204="0007")),
    (0x04, SUBMIT + "00 0005 0001 01", _hello(x0005="01")),
    (0x04, SUBMIT + "00 1400 0003 616263", _hello(x1400="616263")),
    # Here the NUL is half of a tag: of one that is known, of one that isn't.
    (0x04, SUBMIT + "0005 0001 01", _hello(x0005="01")),
    (0x04, SUBMIT + "0005 0001 01 00", _hello(x0005="01")),
    (0x04, SUBMIT + "0014 0001 05", _hello(x0014="05")),
    (0x04, SUBMIT + "0014 0003 000102", _hello(x0014="000102")),
    # A payload so long that the NUL and half of its tag could be a TLV of 9,216 octets.
    (0x04, SUBMIT + "00 0424 2800" + "61" * 0x2800, _hello(x0424="61" * 0x2800)),
    # D-06: a SAR TLV of wrong length is as none.
    (0x04, SUBMIT + "020C 0003 000001 020E 0001 02 020F 0001 01", _hello(x020E="02", x020F="01")),
    (0x04, SUBMIT + "020E 0000", _HELLO),
    (0x04, SUBMIT + "020F 0002 0001", _HELLO),
    (0x103, "00" * 10 + "0424 0001 61 00", DataSm(tlvs={0x0424: b"a"})),
    (0x103, "00" * 10 + "00 0424 0001 61", DataSm(tlvs={0x0424: b"a"})),
    (0x80000005, "00 00", DeliverSmResp()),
    (0x80000005, "00 0D0A", DeliverSmResp()),
    (0x80000004, "00 FF", SubmitSmResp()),
]

# What is refused: command_id, body, and the command_status of the answer.
MALFORMED: list[tuple[int, str, int]] = [
    (0x04, "", 0x02),
    (0x04, '"CMT"', 0x15),
    (0x04, '"123456"00' + SUBMIT[2:], 0x15),
    (0x04, '00 01 01 "491701"', 0x0A),
    (0x04, f'00 01 01 "{"1" * 21}"00 01 01 "4917"00' + "00" * 10, 0x0A),
    (0x04, f'00 01 01 "49"00 01 01 "{"1" * 21}"00' + "00" * 10, 0x0B),
    (0x04, '00 01 01 "49"00 01 01 "4917"', 0x0B),
    (0x04, '00 01 01 "49"00 01', 0x02),
    (0x04, _SUBMIT_HEAD + f'000000 "{"1" * 17}"00' + "00" * 6, 0x61),
    (0x04, _SUBMIT_HEAD + f'000000 00 "{"1" * 17}"00' + "00" * 5, 0x62),
    (0x04, _SUBMIT_HEAD + "00" * 9, 0x02),
    (0x04, _SUBMIT_HEAD + '00 00 00 00 00 00 00 00 00 14 "Hello"', 0x01),
    (0x04, _SUBMIT_HEAD + "00 00 00 00 00 00 00 00 00 01", 0x01),
    # A TLV that is longer than the rest, also behind a NUL or another TLV.
    (0x04, SUBMIT + "0424 0010 41", 0xC0),
    (0x04, SUBMIT + "1400 0001", 0xC0),
    (0x04, SUBMIT + "00 0424 0010 41", 0xC0),
    (0x04, SUBMIT + "0204 0002 0007 0424 0010 41", 0xC0),
    (0x04, SUBMIT + "0D0A 0D0A", 0xC0),
    (0x04, SUBMIT + "0017 0002 0001", 0xC2),
    (0x05, _SUBMIT_HEAD + '00 00 00 00 00 00 00 00 00 06 "Hello"', 0x01),
    (0x103, "00 01 01 00 01 01 00 00 00", 0x02),
    (0x103, f'00 01 01 00 01 01 "{"1" * 65}"00 000000', 0x0B),
    (0x103, f'00 01 01 "{"1" * 65}"00 01 01 00 000000', 0x0A),
    (0x103, "00" * 10 + "0017 0005 0000000001", 0xC2),
    (0x02, "", 0x02),
    (0x02, f'"{"s" * 16}"00 00 00 34 00 00 00', 0x0F),
    (0x02, f'"s"00 "{"p" * 65}"00 00 34 00 00 00', 0x02),
    (0x02, f'"s"00 00 "{"t" * 13}"00 34 00 00 00', 0x02),
    (0x02, f'"s"00 00 00 34 00 00 "{"r" * 41}"00', 0x02),
    (0x09, '"s"00 "p"00 00 00 00 00', 0x02),
    (0x0B, '"s"', 0x0F),
    (0x03, '"id"', 0x0C),
    (0x03, f'"{"i" * 65}"00 00 00 00', 0x0C),
    (0x07, '"id"00 00 00 00 00 00 01 00 02 "x"', 0x01),
    (0x08, '"123456"00', 0x15),
    (0x21, '00 01 01 "491"00 01 03 "x"00', 0x40),
    (0x21, f'00 01 01 "491"00 01 01 00 00 "{"1" * 21}"00', 0x0B),
    (0x21, '00 01 01 "491"00 01 02 "x"', 0x02),
    (0x21, '00 01 01 "491"00 FF', 0x02),
    (0x80000004, '"id"', 0x0C),
    (0x80000004, "00 FFFF 0001", 0xC0),
    (0x80000021, "00 01 00 00 00 00", 0x02),
    (0x102, '01 01 "4"00 01 01', 0x02),
]
