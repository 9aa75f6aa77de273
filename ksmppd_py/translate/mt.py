"""submit_sm and data_sm of an ESME -> Sms for the bearerbox (docs/rules/messages.md 1)."""

from __future__ import annotations

from collections.abc import Mapping
from logging import getLogger

from ksmppd_py.kannel.messages import UNDEFINED, DlrMask, Sms, SmsType
from ksmppd_py.kannel.meta_data import EMPTY_SMPP, set_group
from ksmppd_py.smpp.constants import MAX_SHORT_MESSAGE, CommandStatus
from ksmppd_py.smpp.errors import BadTime
from ksmppd_py.smpp.pdus import DataSm, SubmitSm
from ksmppd_py.smpp.times import is_relative, to_epoch
from ksmppd_py.smpp.tlvs import TlvTag
from ksmppd_py.translate import addresses, gsm0338, national, submit_tlvs, udh
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.coding import DATA_CODINGS, UCS2, read_text
from ksmppd_py.translate.dlr_url import make_dlr_url, with_asked
from ksmppd_py.translate.errors import Untranslatable

_log = getLogger(__name__)

MAX_PRIORITY = 3
MAX_TIME = 0x7FFFFFFF
"""The bearerbox reads times as signed 32 bits."""
LONG_HEADER = 100
"""Octets of a user data header. Beside a shorter one, 255 parts hold more than any short_message."""
_NO_TEXT = ((b" ", b"\0"), (b"\0 ", b"\0\0", b" ", b"\0"))
"""Texts of clients that can't send an empty short_message: in general, and in UCS-2."""

_RECEIPTS = (  # by the two low bits of registered_delivery; 3 is SMPP 5.0's "success only"
    DlrMask.NOTHING,
    DlrMask.SUCCESS | DlrMask.FAIL | DlrMask.SMSC_FAIL,
    DlrMask.FAIL | DlrMask.SMSC_FAIL,
    DlrMask.SUCCESS,
)
_DLR_MASKS = tuple(
    int(_RECEIPTS[flags & 3]) | (DlrMask.BUFFERED if flags & 0x10 else 0) for flags in range(256)
)
_FINAL = int(DlrMask.SUCCESS | DlrMask.FAIL | DlrMask.SMSC_FAIL)
# As plain integers: members of an enum are slow to look up and slow as keys.
_MT_PUSH = int(SmsType.MT_PUSH)
_BAD_SOURCE = int(CommandStatus.RINVSRCADR)
_BAD_DESTINATION = int(CommandStatus.RINVDSTADR)
_MESSAGE_PAYLOAD = int(TlvTag.MESSAGE_PAYLOAD)
_QOS_TIME_TO_LIVE = int(TlvTag.QOS_TIME_TO_LIVE)
_USER_MESSAGE_REFERENCE = int(TlvTag.USER_MESSAGE_REFERENCE)


def from_submit_sm(pdu: SubmitSm, options: BindOptions, service: bytes, message_id: bytes, now: int) -> Sms:
    """Return the sms for a submit_sm; `service` is the lower-case system_id, `now` epoch seconds.

    smsc_id is set by routing, boxc_id by the bearerbox connection. Raises Untranslatable with the response's status.
    """
    text = pdu.short_message
    if len(text) > MAX_SHORT_MESSAGE and options.interface_version <= 0x34:
        raise Untranslatable(CommandStatus.RINVMSGLEN, "sm_length 255")
    if not text or pdu.tlvs:
        text = _text_of(pdu)
    sms = _translate(pdu, text, options, service, message_id=message_id, now=now)
    priority = pdu.priority_flag
    sms.priority = priority if priority <= MAX_PRIORITY else 0
    sms.pid = pdu.protocol_id
    if pdu.schedule_delivery_time:
        sms.deferred = _deferred(pdu.schedule_delivery_time, now)
    if pdu.validity_period:
        sms.validity = _validity(pdu.validity_period, now)
    return sms


def from_data_sm(pdu: DataSm, options: BindOptions, service: bytes, message_id: bytes, now: int) -> Sms:
    """Return the sms for a data_sm, as from_submit_sm; a missing message_payload is an empty text."""
    if pdu.esm_class & 3 == 2:
        raise Untranslatable(CommandStatus.RINVESMCLASS, "transaction mode")
    tlvs = pdu.tlvs
    sms = _translate(pdu, tlvs.get(_MESSAGE_PAYLOAD, b""), options, service, message_id=message_id, now=now)
    if _DLR_MASKS[pdu.registered_delivery]:
        _check_receipt_addresses(sms)
    seconds = int.from_bytes(tlvs.get(_QOS_TIME_TO_LIVE, b""), "big")
    if seconds:  # none given is as zero: D-26 has the same for validity_period
        sms.validity = min(now + seconds, MAX_TIME)
    return sms


def _text_of(pdu: SubmitSm) -> bytes:
    """Return the user data: short_message, or message_payload if that is the only one (D-24)."""
    text, payload = pdu.short_message, pdu.tlvs.get(_MESSAGE_PAYLOAD)
    if payload:
        if not text or text in _NO_TEXT[DATA_CODINGS[pdu.data_coding].coding == UCS2]:
            return payload
        _log.warning("short_message and message_payload in one submit_sm, the payload is ignored")
    if not text and pdu.sm_default_msg_id:
        raise Untranslatable(CommandStatus.RINVDFTMSGID, "there are no predefined messages")
    return text


def _translate(
    pdu: SubmitSm | DataSm, text: bytes, options: BindOptions, service: bytes, *, message_id: bytes, now: int
) -> Sms:
    """Return the sms with everything that submit_sm and data_sm share; `text` is the whole user data."""
    sender = addresses.to_box(pdu.source_addr_ton, pdu.source_addr, _BAD_SOURCE)
    receiver = addresses.to_box(pdu.dest_addr_ton, pdu.destination_addr, _BAD_DESTINATION)
    if not receiver:
        raise Untranslatable(CommandStatus.RINVDSTADR, "empty destination_addr")
    tlvs, esm_class, udhdata, reference = pdu.tlvs, pdu.esm_class, None, None
    data_coding, alt_charset = pdu.data_coding, options.alt_charset
    if data_coding == 1 and options.profile.data_coding_1_as_gsm:
        data_coding, alt_charset = 0, None
    sms = Sms(
        sender, receiver, time=now, service=service, id=message_id, sms_type=_MT_PUSH, meta_data=EMPTY_SMPP
    )
    if esm_class & 0x40:
        udhdata, text = udh.take_header(text)
    if tlvs:
        udhdata, sms.msg_left = submit_tlvs.user_data_header(tlvs, udhdata, options.tlvs.by_tag)
        reference = _reference(tlvs)
    if tlvs or options.fields_in_meta_data:
        sms.meta_data = _meta_data(pdu, options, data_coding)
    if esm_class & 0x80:
        sms.rpi = 1
    coding, sms.mclass, sms.mwi, sms.compress, sms.alt_dcs, to_text = DATA_CODINGS[data_coding]
    if to_text is gsm0338.decode and coding == 0 and alt_charset is None:
        sms.coding, sms.msgdata = 0, gsm0338.decode(text)
    else:
        sms.coding, sms.msgdata = read_text(data_coding, text, udhdata is not None, alt_charset)
    if udhdata is not None:
        _set_header(sms, udhdata, text, data_coding)
    if tlvs:
        submit_tlvs.set_class_and_waiting(sms, tlvs, options.tlvs.by_tag)
    sms.dlr_mask = _DLR_MASKS[pdu.registered_delivery]
    sms.dlr_url = make_dlr_url(service, now, message_id, reference)
    if options.dlr_always and sms.dlr_mask & _FINAL != _FINAL:
        sms.dlr_url, sms.dlr_mask = with_asked(sms.dlr_url, sms.dlr_mask), sms.dlr_mask | _FINAL
    sms.binfo = pdu.service_type or None
    return sms


def _reference(tlvs: Mapping[int, bytes]) -> int | None:
    octets = tlvs.get(_USER_MESSAGE_REFERENCE, b"")
    return int.from_bytes(octets, "big") if len(octets) == 2 else None


def _set_header(sms: Sms, udhdata: bytes, text: bytes, data_coding: int) -> None:
    """Set the header, and keep the letters of a language that it names; refuse a text with no room beside it."""
    sms.udhdata = udhdata
    shifts = national.shifts_of(sms.udhdata)
    if shifts is not None and sms.coding == 0 and DATA_CODINGS[data_coding].to_text is gsm0338.decode:
        national.set_text(sms, text, shifts)
    if sms.udhdata is not None and len(sms.udhdata) > LONG_HEADER:
        udh.count_parts(sms)


def _meta_data(pdu: SubmitSm | DataSm, options: BindOptions, data_coding: int) -> bytes:
    """Return the configured TLVs and, if they are to be passed on, the fields that an sms lacks.

    These have the names that the bearerbox's SMPP client looks for; a TLV of such a name counts more.
    """
    values = options.tlvs.to_values(pdu.tlvs)
    if options.fields_in_meta_data:
        values = {
            b"source_addr_ton": b"%d" % pdu.source_addr_ton,
            b"source_addr_npi": b"%d" % pdu.source_addr_npi,
            b"dest_addr_ton": b"%d" % pdu.dest_addr_ton,
            b"dest_addr_npi": b"%d" % pdu.dest_addr_npi,
            b"data_coding": b"%d" % data_coding,
        } | values
    return set_group(None, "smpp", values)


def _time(text: bytes, now: int, status: CommandStatus) -> int:
    try:
        return to_epoch(text, now)
    except BadTime as error:
        raise Untranslatable(status, error.reason) from error


def _deferred(text: bytes, now: int) -> int:
    """Return epoch seconds of a schedule_delivery_time; none when it is past, as clocks differ by a second (D-26)."""
    epoch = _time(text, now, CommandStatus.RINVSCHED)
    return epoch if epoch > now else UNDEFINED


def _validity(text: bytes, now: int) -> int:
    """Return epoch seconds of a validity_period; none for zeros in the relative form (D-26)."""
    epoch = _time(text, now, CommandStatus.RINVEXPIRY)
    if epoch == now and is_relative(text):
        return UNDEFINED
    if epoch < now:
        raise Untranslatable(CommandStatus.RINVEXPIRY, f"validity_period {text!r} is past")
    return epoch


def _check_receipt_addresses(sms: Sms) -> None:
    """Refuse addresses that don't fit into the receipt: deliver_sm has shorter ones than data_sm."""
    addresses.source(sms.sender)
    addresses.destination(sms.receiver)
