"""The form of receipts that the client of a customer expects."""

from __future__ import annotations

from dataclasses import dataclass

from ksmppd_py.translate.receipt_dates import WriteDate, local_minutes, local_time
from ksmppd_py.translate.report_text import MAX_TEXT, SHORT_ERR


@dataclass(frozen=True, slots=True)
class DlrProfile:
    """Settings of receipts.

    `exchanged`: source and destination are those of the message in reverse. `err_length`: most characters of `err:`,
    3 to 16; `err_missing` is `err:` of a report without an error. `text_octets`: most octets behind `text_key`.
    `tlvs`: binds from 0x34 on get receipted_message_id, message_state and network_error_code.
    """

    id: str
    exchanged: bool = False
    write_date: WriteDate = local_time
    err_length: int = SHORT_ERR
    err_missing: bytes = b"000"
    text_octets: int = MAX_TEXT
    text_key: bytes = b"text:"
    tlvs: bool = True


KANNEL = DlrProfile("kannel")
"""The C daemon's receipts."""
STANDARD = DlrProfile("standard", exchanged=True, write_date=local_minutes, text_octets=20, text_key=b"Text:")
"""Appendix B of SMPP 3.4, with every field at its place."""
