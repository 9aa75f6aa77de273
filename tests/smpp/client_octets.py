"""Submits of other people's clients, octet for octet.

node-smpp: recorded from PDU.toBuffer of version 0.5.1 of npm. onlinecity/php-smpp: the format strings that its
SmppClient::submit_sm and SmppTag::getBinary give to pack(), run by PHP 8.2 with its defaults, of which
`sms_null_terminate_octetstrings` is one. jsmpp: put together as DefaultComposer.submitSm of jsmpp 3 appends the fields,
with a time string of its AbsoluteTimeFormatter; not recorded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ksmppd_py.smpp.pdus import SubmitSm

_SAR = {0x020C: b"\x00\xa5", 0x020E: b"\x02", 0x020F: b"\x01"}
_PORTS = {0x020B: b"\x0b\x84", 0x020A: b"\x23\xf0"}


class Submit(NamedTuple):
    """A whole PDU with number 1, and the submit_sm that it is."""

    client: str
    about: str
    octets: bytes
    pdu: SubmitSm


def _submit(client: str, about: str, octets: str, **fields: Any) -> Submit:
    """All of them go from 491701 to 491709999999."""
    return Submit(client, about, bytes.fromhex(octets), SubmitSm(**_ADDRESSES | fields))


_ADDRESSES: dict[str, Any] = {
    "source_addr_ton": 1,
    "source_addr_npi": 1,
    "source_addr": b"491701",
    "dest_addr_ton": 1,
    "dest_addr_npi": 1,
    "destination_addr": b"491709999999",
}

SUBMITS = (
    _submit(
        "php-smpp",
        "a text, NUL behind it",
        "000000390000000400000000000000010001013439313730310001013439313730393939393939390000000000000000"
        "00000548656c6c6f00",
        short_message=b"Hello",
    ),
    _submit(
        "php-smpp",
        "UCS-2, NUL behind it",
        "000000360000000400000000000000010001013439313730310001013439313730393939393939390000000000000000"
        "080002041f00",
        short_message=b"\x04\x1f",
        data_coding=8,
    ),
    _submit(
        "php-smpp",
        "a part (CSMS_16BIT_TAGS, its default), NUL before the TLVs",
        "000000490000000400000000000000010001013439313730310001013439313730393939393939390000000000000000"
        "00000548656c6c6f00020c000200a5020e000102020f000101",
        short_message=b"Hello",
        tlvs=_SAR,
    ),
    _submit(
        "php-smpp",
        "a payload (CSMS_PAYLOAD), NUL before it",
        "0000003d0000000400000000000000010001013439313730310001013439313730393939393939390000000000000000"
        "000000000424000548656c6c6f",
        tlvs={0x0424: b"Hello"},
    ),
    _submit(
        "php-smpp",
        "times, NUL behind the text",
        "000000590000000400000000000000010001013439313730310001013439313730393939393939390000000032363131"
        "32333036323032323030302b003030303030303030303030303030305200000000000548656c6c6f00",
        short_message=b"Hello",
        schedule_delivery_time=b"261123062022000+",
        validity_period=b"000000000000000R",
    ),
    _submit(
        "php-smpp",
        "a text, without the NUL",
        "000000380000000400000000000000010001013439313730310001013439313730393939393939390000000000000000"
        "00000548656c6c6f",
        short_message=b"Hello",
    ),
    _submit(
        "node-smpp",
        "a text",
        "000000380000000400000000000000010001013439313730310001013439313730393939393939390000000000000000"
        "01000548656c6c6f",
        short_message=b"Hello",
        data_coding=1,
    ),
    _submit(
        "node-smpp",
        "a payload",
        "0000003c0000000400000000000000010001013439313730310001013439313730393939393939390000000000000000"
        "0100000424000548656c6c6f",
        data_coding=1,
        tlvs={0x0424: b"Hello"},
    ),
    _submit(
        "node-smpp",
        "a part by SAR TLVs",
        "000000480000000400000000000000010001013439313730310001013439313730393939393939390000000000000000"
        "01000548656c6c6f020c000200a5020e000102020f000101",
        short_message=b"Hello",
        data_coding=1,
        tlvs=_SAR,
    ),
    _submit(
        "node-smpp",
        "a part by UDH",
        "0000003e0000000400000000000000010001013439313730310001013439313730393939393939390040000000000000"
        "01000b050003a5020148656c6c6f",
        short_message=bytes.fromhex("050003a50201") + b"Hello",
        data_coding=1,
        esm_class=0x40,
    ),
    _submit(
        "node-smpp",
        "ports",
        "000000410000000400000000000000010001013439313730310001013439313730393939393939390000000000000000"
        "04000200ff020b00020b84020a000223f0",
        short_message=b"\x00\xff",
        data_coding=4,
        tlvs=_PORTS,
    ),
    _submit(
        "node-smpp",
        "subunit and message waiting",
        "000000420000000400000000000000010001013439313730310001013439313730393939393939390000000000000000"
        "01000548656c6c6f00050001010030000180",
        short_message=b"Hello",
        data_coding=1,
        tlvs={0x0005: b"\x01", 0x0030: b"\x80"},
    ),
    _submit(
        "node-smpp",
        "times of Date objects",
        "000000580000000400000000000000010001013439313730310001013439313730393939393939390000000032363131"
        "32333036323032323030302b003236313132343036323032323030302b00000001000548656c6c6f",
        short_message=b"Hello",
        data_coding=1,
        schedule_delivery_time=b"261123062022000+",
        validity_period=b"261124062022000+",
    ),
    _submit(
        "jsmpp",
        "the time of now as schedule, where the zone is UTC",
        "0000004b000000040000000000000001434d540001013439313730310001013439313730393939393939390000000132"
        "36313132333036323032323930302d0000010000000548656c6c6f",
        service_type=b"CMT",
        short_message=b"Hello",
        priority_flag=1,
        schedule_delivery_time=b"261123062022900-",
        registered_delivery=1,
    ),
    _submit(
        "jsmpp",
        "an OptionalParameter",
        "0000003e0000000400000000000000010001013439313730310001013439313730393939393939390000000000000100"
        "00000548656c6c6f020b00020b84",
        short_message=b"Hello",
        registered_delivery=1,
        tlvs={0x020B: b"\x0b\x84"},
    ),
)
