"""Reports that this server makes itself, because no bearerbox reports the end of the message."""

from __future__ import annotations

from ksmppd_py.kannel.messages import DlrMask, Sms, SmsType
from ksmppd_py.translate.dlr_url import asked_of

_FAILURES = DlrMask.FAIL | DlrMask.SMSC_FAIL


def wants_failure(mt: Sms) -> bool:
    """Whether the ESME asked for a report on the failure of this MT."""
    asked = asked_of(mt.dlr_url)
    mask = mt.dlr_mask if asked is None else asked
    return mask > 0 and bool(mask & _FAILURES)


def is_unasked(report: Sms) -> bool:
    """Whether only this server asked for a report: `dlr-always` is on, or was when the MT was sent."""
    asked = asked_of(report.dlr_url)
    return asked is not None and not (report.dlr_mask or DlrMask.FAIL) & asked


def report_on(mt: Sms, message_id: bytes, now: int, dlr_mask: int, text: bytes | None = None) -> Sms:
    """Return a report on an MT: `message_id` is the report's own, `now` epoch seconds, `text` as an SMSC's."""
    return Sms(
        sender=mt.sender,
        receiver=mt.receiver,
        msgdata=text,
        time=now,
        service=mt.service,
        id=message_id,
        sms_type=SmsType.REPORT_MO,
        dlr_mask=dlr_mask,
        dlr_url=mt.dlr_url,
    )
