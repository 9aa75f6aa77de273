"""Prices that reports give back, each once: entries of the ledger smpp_credit_log (docs/customer-view.md)."""

from __future__ import annotations

from hashlib import sha256

from ksmppd_py.management.records import Actor, AuditNote, CreditChange
from ksmppd_py.storage.credit_log import CreditLog

_SERVER = Actor("error-map", "")


class DatabaseRefunds:
    """Implements ports.Refunds by the ledger, which knows the reports that gave something back."""

    def __init__(self, credit_log: CreditLog) -> None:
        self._credit_log = credit_log

    def refund_once(self, system_id: str, price: float, message: bytes, now: float) -> None:
        """See ports.Refunds."""
        key = f"refund {sha256(message).hexdigest()}"
        note = AuditNote(_SERVER, now, "refund", f"account {system_id}")
        self._credit_log.change(CreditChange(system_id, price, "refund by error-map", key), note)
