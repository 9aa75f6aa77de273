"""The form of message ids, receipts and statuses that the client of a customer expects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from ksmppd_py.translate.receipt_dates import WriteDate, local_minutes, local_time
from ksmppd_py.translate.report_text import MAX_TEXT, SHORT_ERR

MOST_TEXT: Final = 80
"""Octets of a report's text that fit into a receipt beside an id of 64 characters and the longest error code."""
ID_LENGTHS: Final[Mapping[str, range]] = {"decimal": range(8, 21), "hex": range(8, 33)}
"""Digits that counted message ids may have."""


class IdForm(NamedTuple):
    """The form of counted message ids: their base, 10 or 16, and how many digits they have."""

    base: int
    length: int


class Statuses(NamedTuple):
    """The command_status of refusals, by reason; the defaults are the C daemon's."""

    too_many_binds: int = 0x0D
    bad_credentials: int = 0x0D
    no_credit: int = 0x45
    queue_full: int = 0x08
    throttled: int = 0x58


KANNEL_STATUSES: Final = Statuses()


@dataclass(frozen=True, slots=True)
class DlrProfile:
    """Settings of ids, receipts and statuses.

    `exchanged`: source and destination are those of the message in reverse. `err_length`: most characters of `err:`,
    3 to 16; `err_missing` is `err:` of a report without an error. `text_octets`: most octets behind `text_key`.
    `tlvs`: binds from 0x34 on get receipted_message_id, message_state and network_error_code. `id_form` None: ids are
    UUIDs. `data_coding_1_as_gsm`: data_coding 1 of submits is GSM 03.38.
    """

    id: str
    exchanged: bool = False
    write_date: WriteDate = local_time
    err_length: int = SHORT_ERR
    err_missing: bytes = b"000"
    text_octets: int = MAX_TEXT
    text_key: bytes = b"text:"
    tlvs: bool = True
    id_form: IdForm | None = None
    data_coding_1_as_gsm: bool = False
    statuses: Statuses = KANNEL_STATUSES


KANNEL: Final = DlrProfile("kannel")
"""The C daemon's receipts."""
STANDARD: Final = DlrProfile(
    "standard",
    exchanged=True,
    write_date=local_minutes,
    text_octets=20,
    text_key=b"Text:",
    id_form=IdForm(10, 10),
    statuses=Statuses(too_many_binds=0x05, bad_credentials=0x0E, queue_full=0x14),
)
"""Appendix B of SMPP 3.4, with every field at its place."""
