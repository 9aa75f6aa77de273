"""PDUs in words."""

from __future__ import annotations

import pytest

from ksmppd_py.smpp.describe import describe, describe_status
from ksmppd_py.smpp.destinations import DistributionList, SmeAddress, UnsuccessSme
from ksmppd_py.smpp.pdus import (
    PDUS,
    BindTransceiver,
    DataSm,
    DeliverSm,
    EnquireLink,
    Outbind,
    Pdu,
    QuerySmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
)


@pytest.mark.parametrize(
    ("pdu", "words"),
    [
        (EnquireLink(), "enquire_link"),
        (
            BindTransceiver(b"esme1", b"geheim", b"VMA", 0x34),
            "bind_transceiver system_id='esme1' password=*** system_type='VMA' interface_version=0x34",
        ),
        (Outbind(b"smsc", b"geheim"), "outbind system_id='smsc' password=***"),
        (
            SubmitSm(
                source_addr_ton=5,
                source_addr=b"Acme",
                dest_addr_npi=2,
                esm_class=0x40,
                short_message=b"\n\xff",
            ),
            "submit_sm source_addr_ton=5(ALPHANUMERIC) source_addr='Acme' dest_addr_npi=2 esm_class=0x40"
            r" short_message='\n\xff'",
        ),
        (
            DeliverSm(
                tlvs={
                    0x0427: b"\2",
                    0x001E: b"id\0",
                    0x1400: b"x",
                    0x0204: b"\1\0",
                    0x0424: b"p" * 600,
                    0x020A: b"x",
                }
            ),
            r"deliver_sm message_state=2(DELIVERED) receipted_message_id='id\x00' 0x1400='x'"
            rf" user_message_reference=256 message_payload='{'p' * 512}'...(600) source_port='x'",
        ),
        (DataSm(tlvs={0x130C: b""}), "data_sm alert_on_message_delivery=0"),
        (QuerySmResp(b"id", b"", 9), "query_sm_resp message_id='id' message_state=9"),
        (
            SubmitMulti(dest_addresses=[SmeAddress(1, 1, b"49"), DistributionList(b"all")]),
            "submit_multi dest_addresses=[(dest_addr_ton=1(INTERNATIONAL) dest_addr_npi=1(ISDN)"
            " destination_addr='49'), (dl_name='all')]",
        ),
        (
            SubmitMultiResp(unsuccess_smes=[UnsuccessSme(0, 0, b"49", 0x0B)]),
            "submit_multi_resp unsuccess_smes=[(destination_addr='49' error_status_code=11(RINVDSTADR))]",
        ),
    ],
)
def test_describe(pdu: Pdu, words: str) -> None:
    assert describe(pdu) == words


@pytest.mark.parametrize("pdu", PDUS)
def test_every_pdu_has_a_name(pdu: type[Pdu]) -> None:
    assert describe(pdu()) == pdu.command_id.name.lower()


def test_describe_status() -> None:
    assert describe_status(0x58) == "0x58 ESME_RTHROTTLED"
    assert describe_status(0) == "0x00 ESME_ROK"
    assert describe_status(0x4FE) == "0x4FE"
