"""THE list of optional parameters (5.3.2): tag, type, size in octets, and the PDUs that know them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from enum import Enum, IntEnum
from typing import Any, Final, NoReturn

from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.errors import MalformedPdu


class TlvType(Enum):
    """The type of a TLV's value; the members' values are the words of Kannel's group smpp-tlv."""

    OCTETS = "octetstring"
    C_STRING = "nulterminated"
    INTEGER = "integer"


OCTETS, C_STRING, INTEGER = TlvType

# The PDUs of a tag: S submit_sm, M submit_multi, D deliver_sm, A data_sm, R the responses to S, M and A,
# Q deliver_sm_resp, B bind responses, N alert_notification.


class TlvTag(IntEnum):
    """A tag with the standard's limits: type, least and most octets, PDUs."""

    type: TlvType
    least: int
    most: int
    pdus: str

    def __new__(cls, tag: int, type_: TlvType, least: int, most: int, pdus: str) -> TlvTag:
        """Make a plain integer of the tag, with the limits as attributes."""
        member = int.__new__(cls, tag)
        member._value_ = tag
        member.type = type_
        member.least = least
        member.most = most
        member.pdus = pdus
        return member

    DEST_ADDR_SUBUNIT = 0x0005, INTEGER, 1, 1, "SMDA"  # 5.3.2.1
    DEST_NETWORK_TYPE = 0x0006, INTEGER, 1, 1, "SMA"  # 5.3.2.3
    DEST_BEARER_TYPE = 0x0007, INTEGER, 1, 1, "SMA"  # 5.3.2.5
    DEST_TELEMATICS_ID = 0x0008, INTEGER, 2, 2, "SMA"  # 5.3.2.7
    SOURCE_ADDR_SUBUNIT = 0x000D, INTEGER, 1, 1, "SMDA"  # 5.3.2.2
    SOURCE_NETWORK_TYPE = 0x000E, INTEGER, 1, 1, "SMA"  # 5.3.2.4
    SOURCE_BEARER_TYPE = 0x000F, INTEGER, 1, 1, "SMA"  # 5.3.2.6
    SOURCE_TELEMATICS_ID = 0x0010, INTEGER, 1, 1, "SMA"  # 5.3.2.8: one octet, unlike the other
    QOS_TIME_TO_LIVE = 0x0017, INTEGER, 4, 4, "SMA"  # 5.3.2.9, seconds
    PAYLOAD_TYPE = 0x0019, INTEGER, 1, 1, "SMDA"  # 5.3.2.10
    ADDITIONAL_STATUS_INFO_TEXT = 0x001D, C_STRING, 1, 256, "RQ"  # 5.3.2.11
    RECEIPTED_MESSAGE_ID = 0x001E, C_STRING, 1, 65, "DA"  # 5.3.2.12
    MS_MSG_WAIT_FACILITIES = 0x0030, INTEGER, 1, 1, "SMA"  # 5.3.2.13
    PRIVACY_INDICATOR = 0x0201, INTEGER, 1, 1, "SMDA"  # 5.3.2.14
    SOURCE_SUBADDRESS = 0x0202, OCTETS, 2, 23, "SMDA"  # 5.3.2.15
    DEST_SUBADDRESS = 0x0203, OCTETS, 2, 23, "SMDA"  # 5.3.2.16
    USER_MESSAGE_REFERENCE = 0x0204, INTEGER, 2, 2, "SMDA"  # 5.3.2.17
    USER_RESPONSE_CODE = 0x0205, INTEGER, 1, 1, "SMDA"  # 5.3.2.18
    SOURCE_PORT = 0x020A, INTEGER, 2, 2, "SMDA"  # 5.3.2.20
    DESTINATION_PORT = 0x020B, INTEGER, 2, 2, "SMDA"  # 5.3.2.21
    SAR_MSG_REF_NUM = 0x020C, INTEGER, 2, 2, "SMDA"  # 5.3.2.22
    LANGUAGE_INDICATOR = 0x020D, INTEGER, 1, 1, "SMDA"  # 5.3.2.19
    SAR_TOTAL_SEGMENTS = 0x020E, INTEGER, 1, 1, "SMDA"  # 5.3.2.23
    SAR_SEGMENT_SEQNUM = 0x020F, INTEGER, 1, 1, "SMDA"  # 5.3.2.24
    SC_INTERFACE_VERSION = 0x0210, INTEGER, 1, 1, "B"  # 5.3.2.25
    CALLBACK_NUM_PRES_IND = 0x0302, INTEGER, 1, 1, "SMDA"  # 5.3.2.37
    CALLBACK_NUM_ATAG = 0x0303, OCTETS, 0, 65, "SMDA"  # 5.3.2.38
    NUMBER_OF_MESSAGES = 0x0304, INTEGER, 1, 1, "SMA"  # 5.3.2.39
    CALLBACK_NUM = 0x0381, OCTETS, 4, 19, "SMDA"  # 5.3.2.36
    DPF_RESULT = 0x0420, INTEGER, 1, 1, "DR"  # 5.3.2.28
    SET_DPF = 0x0421, INTEGER, 1, 1, "SMA"  # 5.3.2.29
    MS_AVAILABILITY_STATUS = 0x0422, INTEGER, 1, 1, "N"  # 5.3.2.30
    NETWORK_ERROR_CODE = 0x0423, OCTETS, 3, 3, "DARQ"  # 5.3.2.31
    MESSAGE_PAYLOAD = 0x0424, OCTETS, 0, 65535, "SMDA"  # 5.3.2.32; its length field ends there
    DELIVERY_FAILURE_REASON = 0x0425, INTEGER, 1, 1, "RQ"  # 5.3.2.33
    MORE_MESSAGES_TO_SEND = 0x0426, INTEGER, 1, 1, "SMA"  # 5.3.2.34
    MESSAGE_STATE = 0x0427, INTEGER, 1, 1, "DA"  # 5.3.2.35
    USSD_SERVICE_OP = 0x0501, OCTETS, 1, 1, "SDA"  # 5.3.2.44
    BILLING_IDENTIFICATION = 0x060B, OCTETS, 1, 1024, "SMA"  # this and the next seven: SMPP 5.0, 4.8.4
    SOURCE_NETWORK_ID = 0x060D, C_STRING, 1, 65, "SMDA"
    DEST_NETWORK_ID = 0x060E, C_STRING, 1, 65, "SMDA"
    SOURCE_NODE_ID = 0x060F, OCTETS, 6, 6, "SMDA"
    DEST_NODE_ID = 0x0610, OCTETS, 6, 6, "SMA"
    DEST_ADDR_NP_RESOLUTION = 0x0611, INTEGER, 1, 1, "SMDA"
    DEST_ADDR_NP_INFORMATION = 0x0612, OCTETS, 10, 10, "SMDA"
    DEST_ADDR_NP_COUNTRY = 0x0613, INTEGER, 5, 5, "SMDA"
    DISPLAY_TIME = 0x1201, INTEGER, 1, 1, "SMA"  # 5.3.2.26
    SMS_SIGNAL = 0x1203, INTEGER, 2, 2, "SMA"  # 5.3.2.40
    MS_VALIDITY = 0x1204, INTEGER, 1, 1, "SMA"  # 5.3.2.27
    ALERT_ON_MESSAGE_DELIVERY = 0x130C, INTEGER, 0, 0, "SMA"  # 5.3.2.41
    ITS_REPLY_TYPE = 0x1380, INTEGER, 1, 1, "SMDA"  # 5.3.2.42
    ITS_SESSION_INFO = 0x1383, OCTETS, 2, 2, "SMDA"  # 5.3.2.43


BY_TAG: Final[dict[int, TlvTag]] = {int(tag): tag for tag in TlvTag}

# A wrong length of these is refused; any other TLV of wrong length is skipped (3.3, D-06).
STRICT: Final = frozenset({TlvTag.QOS_TIME_TO_LIVE})


class _NoTlvs(dict[int, bytes]):
    """An empty mapping that can't be changed, shared by all PDUs without TLVs."""

    __slots__ = ()

    def _refuse(self, *_args: Any, **_keywords: Any) -> NoReturn:
        raise TypeError("this mapping is shared by all PDUs without TLVs; give the PDU one of its own")

    __setitem__ = _refuse
    __ior__ = _refuse
    setdefault = _refuse
    update = _refuse


NO_TLVS: Final[dict[int, bytes]] = _NoTlvs()


def no_tlvs() -> dict[int, bytes]:
    """Return the shared empty mapping."""
    return NO_TLVS


Limits = Mapping[int, tuple[int, int, bool]]
_HEAD: Final = 4  # octets of tag and length
_VENDOR_TAGS: Final = range(0x1400, 0x4000)  # 5.3.1
_read_head: Callable[[bytes, int], tuple[Any, ...]] = struct.Struct(">HH").unpack_from
_pack_head: Callable[[int, int], bytes] = struct.Struct(">HH").pack


def limits_of(pdu_letter: str) -> Limits:
    """Return tag -> (least, most, strict) of the PDUs with this letter; other tags are unknown there."""
    return {int(t): (t.least, t.most, t in STRICT) for t in TlvTag if pdu_letter and pdu_letter in t.pdus}


def unpack_tlvs(octets: bytes, position: int, end: int, limits: Limits) -> dict[int, bytes]:
    """Return tag -> value octets of the TLVs from `position` to `end`; of repeated tags the last wins.

    Up to three octets behind the last TLV are ignored, and so is one NUL before the first (D-25): clients append
    NUL, CR or LF to a message. Raises MalformedPdu: 0xC0 when a TLV is longer than the rest, 0xC2 for a strict one
    of wrong length.
    """
    if end - position > _HEAD and octets[position] == 0 and _is_nul_before_tlv(octets, position):
        try:
            return _walk(octets, position + 1, end, limits)
        except MalformedPdu:
            pass  # the NUL was half of a tag
    return _walk(octets, position, end, limits)


def _is_nul_before_tlv(octets: bytes, position: int) -> bool:
    """Return whether the octets behind the NUL at `position` look more like a TLV than those from it on do."""
    return not _looks_like_tlv(octets, position) and _looks_like_tlv(octets, position + 1)


def _looks_like_tlv(octets: bytes, position: int) -> bool:
    tag, length = _read_head(octets, position)
    known = BY_TAG.get(tag)
    if known is None:
        return tag in _VENDOR_TAGS
    return bool(known.least <= length <= known.most)


def _walk(octets: bytes, position: int, end: int, limits: Limits) -> dict[int, bytes]:
    """Read TLVs as long as four octets are left."""
    tlvs: dict[int, bytes] = {}
    last = end - _HEAD
    while position <= last:
        tag, length = _read_head(octets, position)
        position += _HEAD
        stop = position + length
        if stop > end:
            raise MalformedPdu(
                CommandStatus.RINVOPTPARSTREAM,
                f"TLV 0x{tag:04X} of {length} octets, but {end - position} are left",
            )
        known = limits.get(tag)
        if known is None or known[0] <= length <= known[1]:
            tlvs[tag] = octets[position:stop]
        elif known[2]:
            raise MalformedPdu(CommandStatus.RINVPARLEN, f"TLV 0x{tag:04X} has {length} octets")
        position = stop
    return tlvs or NO_TLVS


def pack_tlvs(tlvs: Mapping[int, bytes]) -> bytes:
    """Return the TLVs in their order. Raises ValueError for a tag or a length above 65,535."""
    packed = b""
    for tag, value in tlvs.items():
        try:
            packed += _pack_head(tag, len(value)) + value
        except struct.error:
            raise ValueError(f"no TLV: tag {tag:#x} with {len(value)} octets") from None
    return packed
