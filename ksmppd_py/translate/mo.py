"""Sms of the bearerbox -> deliver_sm for an ESME, in one or more parts (docs/rules/messages.md 5)."""

from __future__ import annotations

from dataclasses import replace

from ksmppd_py.kannel.messages import UNDEFINED, Sms
from ksmppd_py.kannel.meta_data import EMPTY_SMPP, get_group
from ksmppd_py.smpp.constants import MAX_SHORT_MESSAGE, CommandStatus
from ksmppd_py.smpp.pdus import DeliverSm
from ksmppd_py.smpp.tlvs import NO_TLVS, TlvTag
from ksmppd_py.translate import addresses, gsm0338, udh
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.coding import (
    SEVEN_BIT,
    UCS2,
    can_write,
    coding_of,
    data_coding_of,
    to_ucs2,
    write_text,
)
from ksmppd_py.translate.errors import Untranslatable

MAX_PAYLOAD = 0xFFFF
MAX_SERVICE_TYPE = 5


def to_deliver_sm(sms: Sms, options: BindOptions, reference: int) -> list[DeliverSm]:
    """Return the deliver_sm PDUs for an MO; `reference` joins the parts of a long one (its low 8 bits count).

    A text with a character that the bind's alphabet lacks goes as UCS-2, all its parts (D-27); where that is too
    long for the bind it goes with `?` for the character. Raises Untranslatable when no PDU can hold the message:
    such a message is given up.
    """
    data_coding = data_coding_of(sms)
    if coding_of(sms) != SEVEN_BIT:
        return _to_deliver_sm(sms, options, reference, data_coding)
    text = sms.msgdata or b""
    charset = options.alt_charset if data_coding == 0 else None
    septets = gsm0338.encode_all(text) if charset is None else None
    if septets is None and not (charset is not None and can_write(text, charset)):
        try:
            return _as_ucs2(sms, options, reference)
        except Untranslatable:
            septets = gsm0338.encode(text) if charset is None else None
    return _to_deliver_sm(sms, options, reference, data_coding, septets, charset)


def _to_deliver_sm(
    sms: Sms,
    options: BindOptions,
    reference: int,
    data_coding: int,
    septets: bytes | None = None,
    charset: str | None = None,
) -> list[DeliverSm]:
    """Return the PDUs for octets, or for a text given as `septets` or to be sent in a `charset`."""
    source, destination = addresses.source(sms.sender), addresses.destination(sms.receiver)
    tlvs = configured_tlvs(sms, options)
    pdus = []
    for part in _parts(sms, options, reference, septets):
        octets = part.msgdata if charset is None else write_text(part.msgdata, charset)
        if part.udhdata:
            octets = part.udhdata + octets
        if len(octets) > MAX_SHORT_MESSAGE and charset is not None and not options.takes_tlvs:
            return _as_ucs2(sms, options, reference)  # the charset takes many octets a character
        esm_class = (0x40 if part.udhdata else 0) | (0x80 if sms.rpi == 1 else 0)
        pdu = deliver_sm(sms, source, destination, esm_class, data_coding, octets, tlvs)
        if len(octets) > MAX_SHORT_MESSAGE or (part.msg_left == UNDEFINED and octets):
            _move_to_payload(pdu, options)
        pdus.append(pdu)
    return pdus


def _as_ucs2(sms: Sms, options: BindOptions, reference: int) -> list[DeliverSm]:
    sms = replace(sms, coding=UCS2, msgdata=to_ucs2(sms.msgdata or b""))
    return _to_deliver_sm(sms, options, reference, data_coding_of(sms))


def _parts(sms: Sms, options: BindOptions, reference: int, septets: bytes | None) -> list[udh.Part]:
    """Return the parts; a long message that is sent whole has msg_left undefined."""
    if options.long_mo_as_payload and options.takes_tlvs and not udh.fits_one(sms):
        body = (sms.msgdata or b"") if septets is None else septets
        return [udh.Part(sms.udhdata or None, body, UNDEFINED)]
    return udh.split(sms, reference, septets)


def _move_to_payload(pdu: DeliverSm, options: BindOptions) -> None:
    size = len(pdu.short_message)
    if not options.takes_tlvs or size > MAX_PAYLOAD:
        raise Untranslatable(CommandStatus.RINVMSGLEN, f"{size} octets in one message")
    pdu.tlvs = {int(TlvTag.MESSAGE_PAYLOAD): pdu.short_message, **pdu.tlvs}
    pdu.short_message = b""


def configured_tlvs(sms: Sms, options: BindOptions) -> dict[int, bytes]:
    """Return the TLVs that meta_data's group `smpp` asks for, none for a bind below 0x34."""
    meta_data = sms.meta_data
    if meta_data is None or meta_data == EMPTY_SMPP or not options.takes_tlvs or not options.tlvs.by_name:
        return NO_TLVS
    return options.tlvs.to_tlvs(get_group(meta_data, "smpp")) or NO_TLVS


def deliver_sm(
    sms: Sms,
    source: addresses.Address,
    destination: addresses.Address,
    esm_class: int,
    data_coding: int,
    short_message: bytes,
    tlvs: dict[int, bytes],
) -> DeliverSm:
    """Return the PDU with the fields that MO and receipts take from the sms alike."""
    binfo, pid, priority = sms.binfo or b"", sms.pid, sms.priority
    if binfo and (len(binfo) > MAX_SERVICE_TYPE or 0 in binfo):
        binfo = b""
    return DeliverSm(
        binfo,
        *source,
        *destination,
        esm_class,
        pid & 0xFF if pid != UNDEFINED else 0,
        priority if 0 < priority <= 3 else 0,
        b"",  # schedule_delivery_time
        b"",  # validity_period
        0,  # registered_delivery
        0,  # replace_if_present_flag
        data_coding,
        0,  # sm_default_msg_id
        short_message,
        tlvs,
    )
