"""THE table: one dataclass per PDU, fields in wire order with the standard's names and sections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ksmppd_py.smpp.constants import CommandId, CommandStatus
from ksmppd_py.smpp.destinations import DistributionList, SmeAddress, UnsuccessSme
from ksmppd_py.smpp.fields import c_octet_string, integer, octet_string, records
from ksmppd_py.smpp.tlvs import no_tlvs

_SERVICE_TYPE = CommandStatus.RINVSERTYP
_SOURCE = CommandStatus.RINVSRCADR
_DESTINATION = CommandStatus.RINVDSTADR
_SYSTEM_ID = CommandStatus.RINVSYSID
_MESSAGE_ID = CommandStatus.RINVMSGID
_SCHEDULE = CommandStatus.RINVSCHED
_VALIDITY = CommandStatus.RINVEXPIRY


@dataclass(slots=True)
class Pdu:
    """The base of all PDUs; the header's other fields are passed beside the body."""

    command_id: ClassVar[CommandId]
    tlv_letter: ClassVar[str] = ""  # the letter in tlvs.py of the TLVs that the PDU knows
    bodiless_error: ClassVar[bool] = False  # an error response that is a header only (4.1.2, 4.4.2)


@dataclass(slots=True)
class _Bind(Pdu):
    """SMPP 3.4, 4.1.1, 4.1.3, 4.1.5."""

    system_id: bytes = c_octet_string(16, _SYSTEM_ID)  # 5.2.1
    password: bytes = c_octet_string(9, accepted=65)  # 5.2.2; many ESMEs ignore the limit
    system_type: bytes = c_octet_string(13)  # 5.2.3
    interface_version: int = integer(1)  # 5.2.4
    addr_ton: int = integer(1)  # 5.2.5
    addr_npi: int = integer(1)  # 5.2.6
    address_range: bytes = c_octet_string(41)  # 5.2.7


@dataclass(slots=True)
class BindTransmitter(_Bind):
    """SMPP 3.4, 4.1.1."""

    command_id = CommandId.BIND_TRANSMITTER


@dataclass(slots=True)
class BindReceiver(_Bind):
    """SMPP 3.4, 4.1.3."""

    command_id = CommandId.BIND_RECEIVER


@dataclass(slots=True)
class BindTransceiver(_Bind):
    """SMPP 3.4, 4.1.5."""

    command_id = CommandId.BIND_TRANSCEIVER


@dataclass(slots=True)
class _BindResp(Pdu):
    """SMPP 3.4, 4.1.2, 4.1.4, 4.1.6."""

    tlv_letter = "B"
    bodiless_error = True

    system_id: bytes = c_octet_string(16, _SYSTEM_ID)  # 5.2.1
    tlvs: dict[int, bytes] = field(default_factory=no_tlvs)


@dataclass(slots=True)
class BindTransmitterResp(_BindResp):
    """SMPP 3.4, 4.1.2."""

    command_id = CommandId.BIND_TRANSMITTER_RESP


@dataclass(slots=True)
class BindReceiverResp(_BindResp):
    """SMPP 3.4, 4.1.4."""

    command_id = CommandId.BIND_RECEIVER_RESP


@dataclass(slots=True)
class BindTransceiverResp(_BindResp):
    """SMPP 3.4, 4.1.6."""

    command_id = CommandId.BIND_TRANSCEIVER_RESP


@dataclass(slots=True)
class Outbind(Pdu):
    """SMPP 3.4, 4.1.7.1; has no response."""

    command_id = CommandId.OUTBIND

    system_id: bytes = c_octet_string(16, _SYSTEM_ID)  # 5.2.1
    password: bytes = c_octet_string(9, accepted=65)  # 5.2.2


@dataclass(slots=True)
class Unbind(Pdu):
    """SMPP 3.4, 4.2.1."""

    command_id = CommandId.UNBIND


@dataclass(slots=True)
class UnbindResp(Pdu):
    """SMPP 3.4, 4.2.2."""

    command_id = CommandId.UNBIND_RESP


@dataclass(slots=True)
class GenericNack(Pdu):
    """SMPP 3.4, 4.3.1."""

    command_id = CommandId.GENERIC_NACK


@dataclass(slots=True)
class EnquireLink(Pdu):
    """SMPP 3.4, 4.11.1."""

    command_id = CommandId.ENQUIRE_LINK


@dataclass(slots=True)
class EnquireLinkResp(Pdu):
    """SMPP 3.4, 4.11.2."""

    command_id = CommandId.ENQUIRE_LINK_RESP


@dataclass(slots=True)
class _ShortMessage(Pdu):
    """SMPP 3.4, 4.4.1, 4.6.1; sm_length is implied by short_message (5.2.21)."""

    service_type: bytes = c_octet_string(6, _SERVICE_TYPE)  # 5.2.11
    source_addr_ton: int = integer(1)  # 5.2.5
    source_addr_npi: int = integer(1)  # 5.2.6
    source_addr: bytes = c_octet_string(21, _SOURCE)  # 5.2.8
    dest_addr_ton: int = integer(1)  # 5.2.5
    dest_addr_npi: int = integer(1)  # 5.2.6
    destination_addr: bytes = c_octet_string(21, _DESTINATION)  # 5.2.9
    esm_class: int = integer(1)  # 5.2.12
    protocol_id: int = integer(1)  # 5.2.13
    priority_flag: int = integer(1)  # 5.2.14
    schedule_delivery_time: bytes = c_octet_string(17, _SCHEDULE)  # 5.2.15
    validity_period: bytes = c_octet_string(17, _VALIDITY)  # 5.2.16
    registered_delivery: int = integer(1)  # 5.2.17
    replace_if_present_flag: int = integer(1)  # 5.2.18
    data_coding: int = integer(1)  # 5.2.19
    sm_default_msg_id: int = integer(1)  # 5.2.20
    short_message: bytes = octet_string("sm_length")  # 5.2.22
    tlvs: dict[int, bytes] = field(default_factory=no_tlvs)


@dataclass(slots=True)
class SubmitSm(_ShortMessage):
    """SMPP 3.4, 4.4.1."""

    command_id = CommandId.SUBMIT_SM
    tlv_letter = "S"


@dataclass(slots=True)
class DeliverSm(_ShortMessage):
    """SMPP 3.4, 4.6.1."""

    command_id = CommandId.DELIVER_SM
    tlv_letter = "D"


@dataclass(slots=True)
class SubmitSmResp(Pdu):
    """SMPP 3.4, 4.4.2."""

    command_id = CommandId.SUBMIT_SM_RESP
    tlv_letter = "R"
    bodiless_error = True

    message_id: bytes = c_octet_string(65, _MESSAGE_ID)  # 5.2.23
    tlvs: dict[int, bytes] = field(default_factory=no_tlvs)


@dataclass(slots=True)
class DeliverSmResp(Pdu):
    """SMPP 3.4, 4.6.2; message_id is unused, ESMEs put anything there."""

    command_id = CommandId.DELIVER_SM_RESP
    tlv_letter = "Q"

    message_id: bytes = c_octet_string(1, _MESSAGE_ID, tolerant=True)  # 5.2.23
    tlvs: dict[int, bytes] = field(default_factory=no_tlvs)


@dataclass(slots=True)
class DataSm(Pdu):
    """SMPP 3.4, 4.7.1."""

    command_id = CommandId.DATA_SM
    tlv_letter = "A"

    service_type: bytes = c_octet_string(6, _SERVICE_TYPE)  # 5.2.11
    source_addr_ton: int = integer(1)  # 5.2.5
    source_addr_npi: int = integer(1)  # 5.2.6
    source_addr: bytes = c_octet_string(65, _SOURCE)  # 5.2.8
    dest_addr_ton: int = integer(1)  # 5.2.5
    dest_addr_npi: int = integer(1)  # 5.2.6
    destination_addr: bytes = c_octet_string(65, _DESTINATION)  # 5.2.9
    esm_class: int = integer(1)  # 5.2.12
    registered_delivery: int = integer(1)  # 5.2.17
    data_coding: int = integer(1)  # 5.2.19
    tlvs: dict[int, bytes] = field(default_factory=no_tlvs)


@dataclass(slots=True)
class DataSmResp(Pdu):
    """SMPP 3.4, 4.7.2; an error response keeps its body (no clause drops it)."""

    command_id = CommandId.DATA_SM_RESP
    tlv_letter = "R"

    message_id: bytes = c_octet_string(65, _MESSAGE_ID)  # 5.2.23
    tlvs: dict[int, bytes] = field(default_factory=no_tlvs)


@dataclass(slots=True)
class QuerySm(Pdu):
    """SMPP 3.4, 4.8.1."""

    command_id = CommandId.QUERY_SM

    message_id: bytes = c_octet_string(65, _MESSAGE_ID)  # 5.2.23
    source_addr_ton: int = integer(1)  # 5.2.5
    source_addr_npi: int = integer(1)  # 5.2.6
    source_addr: bytes = c_octet_string(21, _SOURCE)  # 5.2.8


@dataclass(slots=True)
class QuerySmResp(Pdu):
    """SMPP 3.4, 4.8.2; an error response keeps its body (no clause drops it)."""

    command_id = CommandId.QUERY_SM_RESP

    message_id: bytes = c_octet_string(65, _MESSAGE_ID)  # 5.2.23
    final_date: bytes = c_octet_string(17)  # 7.1
    message_state: int = integer(1)  # 5.2.28
    error_code: int = integer(1)


@dataclass(slots=True)
class CancelSm(Pdu):
    """SMPP 3.4, 4.9.1."""

    command_id = CommandId.CANCEL_SM

    service_type: bytes = c_octet_string(6, _SERVICE_TYPE)  # 5.2.11
    message_id: bytes = c_octet_string(65, _MESSAGE_ID)  # 5.2.23
    source_addr_ton: int = integer(1)  # 5.2.5
    source_addr_npi: int = integer(1)  # 5.2.6
    source_addr: bytes = c_octet_string(21, _SOURCE)  # 5.2.8
    dest_addr_ton: int = integer(1)  # 5.2.5
    dest_addr_npi: int = integer(1)  # 5.2.6
    destination_addr: bytes = c_octet_string(21, _DESTINATION)  # 5.2.9


@dataclass(slots=True)
class CancelSmResp(Pdu):
    """SMPP 3.4, 4.9.2."""

    command_id = CommandId.CANCEL_SM_RESP


@dataclass(slots=True)
class ReplaceSm(Pdu):
    """SMPP 3.4, 4.10.1."""

    command_id = CommandId.REPLACE_SM

    message_id: bytes = c_octet_string(65, _MESSAGE_ID)  # 5.2.23
    source_addr_ton: int = integer(1)  # 5.2.5
    source_addr_npi: int = integer(1)  # 5.2.6
    source_addr: bytes = c_octet_string(21, _SOURCE)  # 5.2.8
    schedule_delivery_time: bytes = c_octet_string(17, _SCHEDULE)  # 5.2.15
    validity_period: bytes = c_octet_string(17, _VALIDITY)  # 5.2.16
    registered_delivery: int = integer(1)  # 5.2.17
    sm_default_msg_id: int = integer(1)  # 5.2.20
    short_message: bytes = octet_string("sm_length")  # 5.2.22


@dataclass(slots=True)
class ReplaceSmResp(Pdu):
    """SMPP 3.4, 4.10.2."""

    command_id = CommandId.REPLACE_SM_RESP


@dataclass(slots=True)
class SubmitMulti(Pdu):
    """SMPP 3.4, 4.5.1: submit_sm with many destinations."""

    command_id = CommandId.SUBMIT_MULTI
    tlv_letter = "M"

    service_type: bytes = c_octet_string(6, _SERVICE_TYPE)  # 5.2.11
    source_addr_ton: int = integer(1)  # 5.2.5
    source_addr_npi: int = integer(1)  # 5.2.6
    source_addr: bytes = c_octet_string(21, _SOURCE)  # 5.2.8
    dest_addresses: list[SmeAddress | DistributionList] = field(
        default_factory=list,
        metadata=records("number_of_dests", SmeAddress, DistributionList, flagged=True),
    )  # 5.2.24, 5.2.25
    esm_class: int = integer(1)  # 5.2.12
    protocol_id: int = integer(1)  # 5.2.13
    priority_flag: int = integer(1)  # 5.2.14
    schedule_delivery_time: bytes = c_octet_string(17, _SCHEDULE)  # 5.2.15
    validity_period: bytes = c_octet_string(17, _VALIDITY)  # 5.2.16
    registered_delivery: int = integer(1)  # 5.2.17
    replace_if_present_flag: int = integer(1)  # 5.2.18
    data_coding: int = integer(1)  # 5.2.19
    sm_default_msg_id: int = integer(1)  # 5.2.20
    short_message: bytes = octet_string("sm_length")  # 5.2.22
    tlvs: dict[int, bytes] = field(default_factory=no_tlvs)


@dataclass(slots=True)
class SubmitMultiResp(Pdu):
    """SMPP 3.4, 4.5.2; an error response keeps its body (no clause drops it)."""

    command_id = CommandId.SUBMIT_MULTI_RESP
    tlv_letter = "R"

    message_id: bytes = c_octet_string(65, _MESSAGE_ID)  # 5.2.23
    unsuccess_smes: list[UnsuccessSme] = field(
        default_factory=list, metadata=records("no_unsuccess", UnsuccessSme)
    )  # 5.2.26
    tlvs: dict[int, bytes] = field(default_factory=no_tlvs)


@dataclass(slots=True)
class AlertNotification(Pdu):
    """SMPP 3.4, 4.12.1; has no response."""

    command_id = CommandId.ALERT_NOTIFICATION
    tlv_letter = "N"

    source_addr_ton: int = integer(1)  # 5.2.5
    source_addr_npi: int = integer(1)  # 5.2.6
    source_addr: bytes = c_octet_string(65, _SOURCE)  # 5.2.8
    esme_addr_ton: int = integer(1)  # 5.2.5
    esme_addr_npi: int = integer(1)  # 5.2.6
    esme_addr: bytes = c_octet_string(65)  # 5.2.10
    tlvs: dict[int, bytes] = field(default_factory=no_tlvs)


PDUS: tuple[type[Pdu], ...] = (
    BindTransmitter,
    BindReceiver,
    BindTransceiver,
    BindTransmitterResp,
    BindReceiverResp,
    BindTransceiverResp,
    Outbind,
    Unbind,
    UnbindResp,
    GenericNack,
    EnquireLink,
    EnquireLinkResp,
    SubmitSm,
    SubmitSmResp,
    SubmitMulti,
    SubmitMultiResp,
    DeliverSm,
    DeliverSmResp,
    DataSm,
    DataSmResp,
    QuerySm,
    QuerySmResp,
    CancelSm,
    CancelSmResp,
    ReplaceSm,
    ReplaceSmResp,
    AlertNotification,
)
