"""Other error codes and states for reports of some SMSCs (docs/customer-view.md).

A report is changed once, where it comes from the bearerbox: so the receipt's text, its TLVs, query_sm and all that is
logged say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ksmppd_py.kannel.messages import UNDEFINED, DlrMask, Sms
from ksmppd_py.kannel.meta_data import set_group
from ksmppd_py.translate import receipts, report_text

_FINAL = int(DlrMask.FAIL)
_MASKS = {
    b"DELIVRD": int(DlrMask.SUCCESS),
    b"ACCEPTD": int(DlrMask.BUFFERED),
    b"ENROUTE": int(DlrMask.BUFFERED),
}
"""The event of a state; every other one ends the message as a failure, which its word refines."""
_TEXT = 80
"""Octets that are kept of a report's own text, more than a receipt has room for."""


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """A rule: the first three fields choose reports, empty ones any; `err` and `stat` replace theirs, empty ones don't.

    `code` may end in `*`, which stands for any rest. `refund`: the price of the message is given back.
    """

    smsc_id: bytes = b""
    code: bytes = b""
    if_stat: bytes = b""
    err: bytes = b""
    stat: bytes = b""
    refund: bool = False

    def fits(self, smsc_id: bytes, code: bytes, stat: bytes) -> bool:
        """Whether a report of this SMSC, with this error code as it came and this state, is one of the rule's."""
        if (self.smsc_id and self.smsc_id != smsc_id) or (self.if_stat and self.if_stat != stat):
            return False
        if self.code.endswith(b"*"):
            return code.startswith(self.code[:-1])
        return not self.code or self.code == code


class ErrorMap:
    """The rules in the order of the file; the first that fits a report holds."""

    def __init__(self, rules: Sequence[ErrorRule]) -> None:
        self._rules = tuple(rules)
        self.refunds = any(rule.refund for rule in rules)

    def apply(self, report: Sms) -> ErrorRule | None:
        """Change a report as its rule says, and return the rule; None when there is none. Doesn't yield."""
        stat, err, text = (
            report_text.read(report.msgdata, report.coding, "utf-8", _TEXT)
            if report.msgdata
            else report_text.NOTHING
        )
        values = receipts.smpp_values(report.meta_data) if report.meta_data else receipts.NO_VALUES
        number, _ = receipts.error_of(err, values)
        code = err or (b"%d" % number if number else b"")
        stat = receipts.state_of(report.dlr_mask, stat, values).stat
        for rule in self._rules:
            if rule.fits(report.smsc_id or b"", code, stat):
                if rule.err or rule.stat:
                    report.msgdata = report_text.made_up(rule.stat or stat, rule.err or err) + text
                    report.coding = UNDEFINED
                    _forget(report, rule)
                return rule
        return None


def _forget(report: Sms, rule: ErrorRule) -> None:
    """Take out of a report what would contradict its new text: its event, and what meta_data has of its TLVs."""
    dropped: set[bytes] = set()
    if rule.stat:
        report.dlr_mask = _MASKS.get(rule.stat, _FINAL)
        dropped.add(b"dlr_stat")
    if rule.err:
        dropped |= {b"dlr_err", b"network_error_code"}
    values = receipts.smpp_values(report.meta_data) if report.meta_data else receipts.NO_VALUES
    if dropped & values.keys():
        left = {key: value for key, value in values.items() if key not in dropped}
        report.meta_data = set_group(report.meta_data, "smpp", left)
