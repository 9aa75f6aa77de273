"""submit_multi -> one message for each of its destinations (SMPP 3.4, 4.5)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.smpp.constants import MAX_DESTINATIONS, CommandStatus
from ksmppd_py.smpp.destinations import SmeAddress
from ksmppd_py.smpp.pdus import SubmitMulti, SubmitSm
from ksmppd_py.translate import addresses
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.mt import from_submit_sm


@dataclass(slots=True)
class OneOfMany(SubmitSm):
    """A submit_multi as a submit_sm to one of its destinations; `message_id` is the id that all of them share.

    `last` marks the last one, which has this id towards the bearerbox too; the others have ids of their own there.
    Reports carry the shared id in any case. `first` is one list for all, with the sms of the first destination that was
    translated: so a text is translated once, and held once.
    """

    message_id: bytes = b""
    last: bool = False
    first: list[Sms] = field(default_factory=list)
    counted: list[bytes] = field(default_factory=list)
    """One list for all, with the id that the ESME gets instead of `message_id`, if it gets another one."""


def expand(pdu: SubmitMulti, message_id: bytes) -> list[OneOfMany]:
    """Return the submit_multi as messages to one destination each; its replace_if_present_flag is ignored (D-30).

    Raises Untranslatable when it is refused whole.
    """
    if not 1 <= len(pdu.dest_addresses) <= MAX_DESTINATIONS:
        raise Untranslatable(CommandStatus.RINVNUMDESTS, f"{len(pdu.dest_addresses)} destinations")
    destinations: list[SmeAddress] = []
    for destination in pdu.dest_addresses:
        if not isinstance(destination, SmeAddress):
            raise Untranslatable(CommandStatus.RINVDLNAME, "there are no distribution lists")
        destinations.append(destination)
    first: list[Sms] = []
    counted: list[bytes] = []
    messages = [_to(destination, pdu, message_id, first, counted) for destination in destinations]
    messages[-1].last = True
    return messages


def _to(
    destination: SmeAddress, pdu: SubmitMulti, message_id: bytes, first: list[Sms], counted: list[bytes]
) -> OneOfMany:
    return OneOfMany(
        pdu.service_type,
        pdu.source_addr_ton,
        pdu.source_addr_npi,
        pdu.source_addr,
        destination.dest_addr_ton,
        destination.dest_addr_npi,
        destination.destination_addr,
        pdu.esm_class,
        pdu.protocol_id,
        pdu.priority_flag,
        pdu.schedule_delivery_time,
        pdu.validity_period,
        pdu.registered_delivery,
        0,  # replace_if_present_flag
        pdu.data_coding,
        pdu.sm_default_msg_id,
        pdu.short_message,
        pdu.tlvs,
        message_id,
        first=first,
        counted=counted,
    )


def from_one_of_many(
    pdu: OneOfMany, options: BindOptions, service: bytes, message_id: bytes, now: int
) -> Sms:
    """Return the sms for one destination, as mt.from_submit_sm; its dlr_url names the shared id."""
    if pdu.first and not options.fields_in_meta_data:
        sms = copy(pdu.first[0])
        sms.receiver = _receiver(pdu)
    else:
        sms = from_submit_sm(pdu, options, service, pdu.message_id, now)
        if not pdu.first:
            pdu.first.append(copy(sms))
        elif sms.msgdata == pdu.first[0].msgdata:
            sms.msgdata = pdu.first[0].msgdata
    if not pdu.last:
        sms.id = message_id
    return sms


def _receiver(pdu: OneOfMany) -> bytes:
    """Return the receiver, the only field besides meta_data that differs between destinations."""
    status = int(CommandStatus.RINVDSTADR)
    receiver = addresses.to_box(pdu.dest_addr_ton, pdu.destination_addr, status)
    if not receiver:
        raise Untranslatable(CommandStatus.RINVDSTADR, "empty destination_addr")
    return receiver
