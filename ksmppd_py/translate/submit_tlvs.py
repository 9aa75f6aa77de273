"""Optional parameters of submits that an sms has a place for: segments, ports, message class, message waiting."""

from __future__ import annotations

from collections.abc import Container, Mapping
from logging import getLogger

from ksmppd_py.kannel.messages import UNDEFINED, Sms
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.tlvs import TlvTag
from ksmppd_py.translate import udh
from ksmppd_py.translate.coding import EIGHT_BIT
from ksmppd_py.translate.errors import Untranslatable

_log = getLogger(__name__)

# As plain integers: members of an enum are slow keys.
_REFERENCE = int(TlvTag.SAR_MSG_REF_NUM)
_TOTAL = int(TlvTag.SAR_TOTAL_SEGMENTS)
_NUMBER = int(TlvTag.SAR_SEGMENT_SEQNUM)
_SAR = frozenset((_REFERENCE, _TOTAL, _NUMBER))
_DESTINATION_PORT = int(TlvTag.DESTINATION_PORT)
_SOURCE_PORT = int(TlvTag.SOURCE_PORT)
_SUBUNIT = int(TlvTag.DEST_ADDR_SUBUNIT)
_WAITING = int(TlvTag.MS_MSG_WAIT_FACILITIES)


def user_data_header(
    tlvs: Mapping[int, bytes], own: bytes | None, configured: Container[int]
) -> tuple[bytes | None, int]:
    """Return the UDH of a submit (None without one), and the number of parts that follow it (-1 if it isn't a part).

    `own` is the UDH at the beginning of the text. Ports whose tags are `configured` (group smpp-tlv) stay TLVs, because
    the bearerbox's SMPP client sends them. Raises Untranslatable for an impossible segment.
    """
    segment, left = (None, UNDEFINED) if _SAR.isdisjoint(tlvs) else _segment(tlvs, own)
    ports = _ports(tlvs, configured) if _DESTINATION_PORT in tlvs else None
    if own is not None:
        if ports is not None:
            _log.debug("port TLVs ignored: the message has a user data header of its own")
        return own, left
    if ports is not None and segment is not None:
        return udh.joined(ports, segment), left
    return ports or segment, left


def _segment(tlvs: Mapping[int, bytes], own: bytes | None) -> tuple[bytes | None, int]:
    """Return UDH and parts left of the three SAR TLVs (5.3.2.22 to 24), which count together only (D-06)."""
    reference, total, number = (
        _integer(tlvs, tag, size) for tag, size in ((_REFERENCE, 2), (_TOTAL, 1), (_NUMBER, 1))
    )
    if reference is None or total is None or number is None:
        return _no_segment("they aren't all there, with 2, 1 and 1 octets")
    if total == 0 and number == 0:
        return _no_segment("they are zero")
    if udh.is_concatenated(own):
        return _no_segment("the message's own user data header says which part it is")
    if own is not None:
        raise Untranslatable(CommandStatus.RINVTLVVAL, "SAR TLVs beside a user data header")
    if not 0 < number <= total:
        raise Untranslatable(CommandStatus.RINVTLVVAL, f"segment {number} of {total}")
    return udh.concatenation(reference, total, number) if total > 1 else None, total - number


def _no_segment(reason: str) -> tuple[None, int]:
    _log.debug("SAR TLVs ignored: %s", reason)
    return None, UNDEFINED


def _ports(tlvs: Mapping[int, bytes], configured: Container[int]) -> bytes | None:
    """Return the UDH for destination_port, with source_port 0 where it is missing (D-22)."""
    if _DESTINATION_PORT in configured or _SOURCE_PORT in configured:
        return None
    destination = _integer(tlvs, _DESTINATION_PORT, 2)
    return (
        None
        if destination is None
        else udh.application_ports(destination, _integer(tlvs, _SOURCE_PORT, 2) or 0)
    )


def set_class_and_waiting(sms: Sms, tlvs: Mapping[int, bytes], configured: Container[int]) -> None:
    """Set mclass and mwi by dest_addr_subunit and ms_msg_wait_facilities (5.3.2.1, 5.3.2.13; D-22).

    A data_coding that has either stays as it is, and binary data get no mwi: no data_coding has both.
    """
    if sms.mclass != UNDEFINED or sms.mwi != UNDEFINED:
        return
    subunit, waiting = _integer(tlvs, _SUBUNIT, 1), _integer(tlvs, _WAITING, 1)
    if subunit is not None and 1 <= subunit <= 4 and _SUBUNIT not in configured:
        sms.mclass = subunit - 1
    if waiting is not None and sms.coding != EIGHT_BIT and _WAITING not in configured:
        sms.mwi = waiting & 3 | (0 if waiting & 0x80 else 4)


def _integer(tlvs: Mapping[int, bytes], tag: int, size: int) -> int | None:
    """Return the value of a TLV; None when it is missing or has another size."""
    octets = tlvs.get(tag, b"")
    return int.from_bytes(octets, "big") if len(octets) == size else None
