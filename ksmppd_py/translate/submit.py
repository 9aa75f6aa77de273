"""The table of functions that translate submit_sm, data_sm and the parts of a submit_multi."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.smpp.pdus import DataSm, SubmitSm
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_url import with_id
from ksmppd_py.translate.mt import from_data_sm, from_submit_sm
from ksmppd_py.translate.multi import OneOfMany, from_one_of_many

Translate: TypeAlias = Callable[[Any, BindOptions, bytes, bytes, int], Sms]
"""(pdu, options, service, message_id, now in epoch seconds) -> sms. Raises Untranslatable."""

TRANSLATIONS: Mapping[type, Translate] = {
    SubmitSm: from_submit_sm,
    DataSm: from_data_sm,
    OneOfMany: from_one_of_many,
}
"""The function for each class of PDU."""


def set_esme_id(pdu: object, sms: Sms, message_id: bytes) -> None:
    """Give a translated MT another id towards the ESME; the destinations of a submit_multi share the first one."""
    if isinstance(pdu, OneOfMany):
        pdu.counted.append(message_id)
        message_id = pdu.counted[0]
    sms.dlr_url = with_id(sms.dlr_url or b"", sms.id, message_id)
