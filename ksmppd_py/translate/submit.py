"""The table of functions that translate submit_sm, data_sm and the parts of a submit_multi."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.smpp.pdus import DataSm, SubmitSm
from ksmppd_py.translate.bind_options import BindOptions
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
