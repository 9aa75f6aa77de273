"""The tables equal the standard's: PDU by PDU, tag by tag, status by status."""

from __future__ import annotations

import dataclasses

import pytest

from ksmppd_py.smpp import constants
from ksmppd_py.smpp.constants import RESPONSE, CommandId, CommandStatus, MessageState, Npi, Ton
from ksmppd_py.smpp.destinations import DistributionList, SmeAddress, UnsuccessSme
from ksmppd_py.smpp.fields import COctetString, Integer, OctetString, WireType, wire_fields
from ksmppd_py.smpp.pdus import PDUS, Pdu
from ksmppd_py.smpp.tlvs import BY_TAG, STRICT, TlvTag, TlvType, limits_of

_BIND = """system_id C16, password C9, system_type C13, interface_version I1, addr_ton I1, addr_npi I1,
    address_range C41"""
_SOURCE = "source_addr_ton I1, source_addr_npi I1, source_addr C21"
_DESTINATION = "dest_addr_ton I1, dest_addr_npi I1, destination_addr C21"
_REST = """esm_class I1, protocol_id I1, priority_flag I1, schedule_delivery_time C17, validity_period C17,
    registered_delivery I1, replace_if_present_flag I1, data_coding I1, sm_default_msg_id I1,
    short_message O(sm_length), TLV"""
_MESSAGE = f"service_type C6, {_SOURCE}, {_DESTINATION}, {_REST}"

LAYOUTS = {
    "BIND_TRANSMITTER": _BIND,
    "BIND_RECEIVER": _BIND,
    "BIND_TRANSCEIVER": _BIND,
    "BIND_TRANSMITTER_RESP": "system_id C16, TLV",
    "BIND_RECEIVER_RESP": "system_id C16, TLV",
    "BIND_TRANSCEIVER_RESP": "system_id C16, TLV",
    "OUTBIND": "system_id C16, password C9",
    "UNBIND": "",
    "UNBIND_RESP": "",
    "GENERIC_NACK": "",
    "ENQUIRE_LINK": "",
    "ENQUIRE_LINK_RESP": "",
    "SUBMIT_SM": _MESSAGE,
    "DELIVER_SM": _MESSAGE,
    "SUBMIT_SM_RESP": "message_id C65, TLV",
    "DELIVER_SM_RESP": "message_id C1, TLV",
    "DATA_SM": """service_type C6, source_addr_ton I1, source_addr_npi I1, source_addr C65, dest_addr_ton I1,
        dest_addr_npi I1, destination_addr C65, esm_class I1, registered_delivery I1, data_coding I1, TLV""",
    "DATA_SM_RESP": "message_id C65, TLV",
    "QUERY_SM": f"message_id C65, {_SOURCE}",
    "QUERY_SM_RESP": "message_id C65, final_date C17, message_state I1, error_code I1",
    "CANCEL_SM": f"service_type C6, message_id C65, {_SOURCE}, {_DESTINATION}",
    "CANCEL_SM_RESP": "",
    "REPLACE_SM": f"""message_id C65, {_SOURCE}, schedule_delivery_time C17, validity_period C17,
        registered_delivery I1, sm_default_msg_id I1, short_message O(sm_length)""",
    "REPLACE_SM_RESP": "",
    "SUBMIT_MULTI": f"service_type C6, {_SOURCE}, dest_addresses R(number_of_dests), {_REST}",
    "SUBMIT_MULTI_RESP": "message_id C65, unsuccess_smes R(no_unsuccess), TLV",
    "ALERT_NOTIFICATION": """source_addr_ton I1, source_addr_npi I1, source_addr C65, esme_addr_ton I1,
        esme_addr_npi I1, esme_addr C65, TLV""",
}

RECORDS = {
    SmeAddress: _DESTINATION,
    DistributionList: "dl_name C21",
    UnsuccessSme: f"{_DESTINATION}, error_status_code I4",
}


def _words(name: str, wire: WireType) -> str:
    if isinstance(wire, Integer):
        return f"{name} I{wire.size}"
    if isinstance(wire, COctetString):
        return f"{name} C{wire.size}"
    if isinstance(wire, OctetString):
        return f"{name} O({wire.length_name})"
    return f"{name} R({getattr(wire, 'count_name')})"  # noqa: B009 - the last kind there is


def _layout(table: type) -> str:
    words = [_words(name, wire) for name, wire in wire_fields(table)]
    if any(field.name == "tlvs" for field in dataclasses.fields(table)):
        words.append("TLV")
    return ", ".join(words)


@pytest.mark.parametrize("pdu", PDUS)
def test_fields(pdu: type[Pdu]) -> None:
    assert _layout(pdu) == " ".join(LAYOUTS[pdu.command_id.name].split())


@pytest.mark.parametrize("record", RECORDS)
def test_records(record: type) -> None:
    assert _layout(record) == RECORDS[record]


def test_every_command_has_one_table() -> None:
    assert sorted(pdu.command_id for pdu in PDUS) == sorted(CommandId)
    assert set(LAYOUTS) == {command.name for command in CommandId}


@pytest.mark.parametrize("pdu", PDUS)
def test_classes_are_named_as_the_pdus(pdu: type[Pdu]) -> None:
    assert pdu.__name__ == pdu.command_id.name.title().replace("_", "")
    assert not hasattr(pdu(), "__dict__")
    assert bool(pdu.tlv_letter) == LAYOUTS[pdu.command_id.name].endswith("TLV")


def test_responses() -> None:
    without = {CommandId.OUTBIND, CommandId.ALERT_NOTIFICATION}
    for command in CommandId:
        if not command & RESPONSE and command not in without:
            assert CommandId(command | RESPONSE).name == f"{command.name}_RESP"


STATUS_OF_FIELD = {
    "system_id": 0x0F,
    "service_type": 0x15,
    "source_addr": 0x0A,
    "destination_addr": 0x0B,
    "schedule_delivery_time": 0x61,
    "validity_period": 0x62,
    "message_id": 0x0C,
}


@pytest.mark.parametrize("table", [*PDUS, *RECORDS])
def test_statuses_of_strings(table: type) -> None:
    for name, wire in wire_fields(table):
        if isinstance(wire, COctetString):
            assert wire.status == STATUS_OF_FIELD.get(name, 0x02), name


# tag, name, type and size, PDUs (S submit_sm, M submit_multi, D deliver_sm, A data_sm, r their responses,
# dr deliver_sm_resp, b bind responses, n alert_notification)
TLVS = """
0x0005 dest_addr_subunit I1 SMDA
0x0006 dest_network_type I1 SMA
0x0007 dest_bearer_type I1 SMA
0x0008 dest_telematics_id I2 SMA
0x000D source_addr_subunit I1 SMDA
0x000E source_network_type I1 SMA
0x000F source_bearer_type I1 SMA
0x0010 source_telematics_id I1 SMA
0x0017 qos_time_to_live I4 SMA
0x0019 payload_type I1 SMDA
0x001D additional_status_info_text C256 r dr
0x001E receipted_message_id C65 DA
0x0030 ms_msg_wait_facilities I1 SMA
0x0201 privacy_indicator I1 SMDA
0x0202 source_subaddress O2-23 SMDA
0x0203 dest_subaddress O2-23 SMDA
0x0204 user_message_reference I2 SMDA
0x0205 user_response_code I1 SMDA
0x020A source_port I2 SMDA
0x020B destination_port I2 SMDA
0x020C sar_msg_ref_num I2 SMDA
0x020D language_indicator I1 SMDA
0x020E sar_total_segments I1 SMDA
0x020F sar_segment_seqnum I1 SMDA
0x0210 sc_interface_version I1 b
0x0302 callback_num_pres_ind I1 SMDA
0x0303 callback_num_atag O0-65 SMDA
0x0304 number_of_messages I1 SMA
0x0381 callback_num O4-19 SMDA
0x0420 dpf_result I1 D r
0x0421 set_dpf I1 SMA
0x0422 ms_availability_status I1 n
0x0423 network_error_code O3-3 D A r dr
0x0424 message_payload O0-65535 SMDA
0x0425 delivery_failure_reason I1 r dr
0x0426 more_messages_to_send I1 SMA
0x0427 message_state I1 DA
0x0501 ussd_service_op O1-1 SDA
0x060B billing_identification O1-1024 SMA
0x060D source_network_id C65 SMDA
0x060E dest_network_id C65 SMDA
0x060F source_node_id O6-6 SMDA
0x0610 dest_node_id O6-6 SMA
0x0611 dest_addr_np_resolution I1 SMDA
0x0612 dest_addr_np_information O10-10 SMDA
0x0613 dest_addr_np_country I5 SMDA
0x1201 display_time I1 SMA
0x1203 sms_signal I2 SMA
0x1204 ms_validity I1 SMA
0x130C alert_on_message_delivery I0 SMA
0x1380 its_reply_type I1 SMDA
0x1383 its_session_info O2-2 SMDA
"""


def _tlv_words(tag: TlvTag) -> str:
    sizes = {
        TlvType.INTEGER: f"I{tag.least}",
        TlvType.OCTETS: f"O{tag.least}-{tag.most}",
        TlvType.C_STRING: f"C{tag.most}",
    }
    letters = tag.pdus.replace("R", " r").replace("Q", " dr").replace("B", "b").replace("N", "n")
    return f"0x{tag:04X} {tag.name.lower()} {sizes[tag.type]} {letters.strip()}"


def test_tlvs() -> None:
    expected = [line.replace("D A r", "DA r") for line in TLVS.split("\n") if line]
    assert [_tlv_words(tag) for tag in TlvTag] == expected


def test_tlv_table_holds_together() -> None:
    assert len(BY_TAG) == len(TlvTag.__members__)  # no tag twice
    for tag in TlvTag:
        assert 0 <= tag.least <= tag.most <= 0xFFFF
        assert tag.type is not TlvType.INTEGER or tag.least == tag.most
        assert set(tag.pdus) <= {pdu.tlv_letter for pdu in PDUS}
    assert {tag.name for tag in STRICT} == {"QOS_TIME_TO_LIVE"}  # D-06
    assert limits_of("") == {}
    assert limits_of("B") == {0x0210: (1, 1, False)}


# Table 5-2
STATUSES = {
    0x00: "ROK", 0x01: "RINVMSGLEN", 0x02: "RINVCMDLEN", 0x03: "RINVCMDID", 0x04: "RINVBNDSTS",
    0x05: "RALYNBD", 0x06: "RINVPRTFLG", 0x07: "RINVREGDLVFLG", 0x08: "RSYSERR", 0x0A: "RINVSRCADR",
    0x0B: "RINVDSTADR", 0x0C: "RINVMSGID", 0x0D: "RBINDFAIL", 0x0E: "RINVPASWD", 0x0F: "RINVSYSID",
    0x11: "RCANCELFAIL", 0x13: "RREPLACEFAIL", 0x14: "RMSGQFUL", 0x15: "RINVSERTYP", 0x33: "RINVNUMDESTS",
    0x34: "RINVDLNAME", 0x40: "RINVDESTFLAG", 0x42: "RINVSUBREP", 0x43: "RINVESMCLASS", 0x44: "RCNTSUBDL",
    0x45: "RSUBMITFAIL", 0x48: "RINVSRCTON", 0x49: "RINVSRCNPI", 0x50: "RINVDSTTON", 0x51: "RINVDSTNPI",
    0x53: "RINVSYSTYP", 0x54: "RINVREPFLAG", 0x55: "RINVNUMMSGS", 0x58: "RTHROTTLED", 0x61: "RINVSCHED",
    0x62: "RINVEXPIRY", 0x63: "RINVDFTMSGID", 0x64: "RX_T_APPN", 0x65: "RX_P_APPN", 0x66: "RX_R_APPN",
    0x67: "RQUERYFAIL", 0xC0: "RINVOPTPARSTREAM", 0xC1: "ROPTPARNOTALLWD", 0xC2: "RINVPARLEN",
    0xC3: "RMISSINGOPTPARAM", 0xC4: "RINVOPTPARAMVAL", 0xFE: "RDELIVERYFAILURE", 0xFF: "RUNKNOWNERR",
}  # fmt: skip


def test_statuses() -> None:
    assert {int(status): status.name for status in CommandStatus if status < 0x100} == STATUSES
    assert [int(status) for status in CommandStatus if status >= 0x100] == list(range(0x100, 0x113))
    assert (CommandStatus.RINVTLVSTREAM, CommandStatus.RINVTLVVAL) == (0xC0, 0xC4)


def test_enumerations() -> None:
    assert [int(state) for state in MessageState] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [int(ton) for ton in Ton] == [0, 1, 2, 3, 4, 5, 6]
    assert [int(npi) for npi in Npi] == [0, 1, 3, 4, 6, 8, 9, 10, 14, 18]
    assert (
        constants.ESM_MODE_MASK | constants.ESM_TYPE_MASK | constants.ESM_UDH | constants.ESM_REPLY_PATH
        == 0xFF
    )
