"""Lines of the access log, in the style of bearerbox's or as JSON. Formats, and nothing else.

A line is a template of its bind and its kind of message, filled with the few fields in which messages of a kind differ.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

from ksmppd_py.accesslog.escapes import clean, quoted, text_of
from ksmppd_py.kannel.messages import NIL_ID, Sms, SmsType
from ksmppd_py.model.work import Delivery, Submission, Submitter
from ksmppd_py.smpp.constants import ESM_TYPE_DELIVERY_RECEIPT
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.udh import count_parts

SENT, QUEUED, SIMULATED, FAILED = b"Sent SMS", b"Queued SMS", b"Simulated SMS", b"FAILED Send SMS"
_SHORT = 70
"""Octets of text and user data header that are one part, whatever their coding."""
_MOST_TEMPLATES = 20_000
_ID_OCTETS = 36
_REPORT, _MO, _MT_PUSH = int(SmsType.REPORT_MO), int(SmsType.MO), int(SmsType.MT_PUSH)
_kind_of = attrgetter(
    "smsc_id", "account", "binfo", "mclass", "coding", "mwi", "compress", "dlr_mask", "sms_type"
)
_KANNEL = (
    b"%%b %b [SMSC:%b] [SVC:%b] [ACT:%b] [BINF:%b] [FID:%%b] [META:%%b] [from:%%b] [to:%%b] "
    b"[flags:%d:%d:%d:%d:%d] [msg:%%b] [bind:%d] [id:%%b] [parts:%d] [cost:%.10g] [status:%b] [latency:%%.3f]\n"
)
_JSON = (
    b'{"time":"%%b","event":"%b","account":"%b","bind":%d,"smsc":"%b","from":"%%b","to":"%%b","length":%%d,'
    b'"id":"%%b","parts":%d,"cost":%.10g,"status":%b,"latency":%%.3f%%b}\n'
)
_MASKED = tuple(b"%d:*] [udh:0:" % length for length in range(256))


class Kind(NamedTuple):
    """All that lines of one template have in common; `status` None = the ESME didn't answer."""

    event: bytes
    account: bytes
    bind_id: int
    parts: int
    cost: float
    status: int | None


class Style(ABC):
    """Makes lines of one look; `mask` hides the texts of messages. Nothing in here yields."""

    _escape: Callable[[bytes | None], bytes]

    def __init__(self, mask: bool) -> None:
        self.mask = mask
        self._epoch = -1
        self._stamp = b""
        self._templates: dict[tuple[Kind, tuple[object, ...]], bytes] = {}

    def set_time(self, epoch: int) -> None:
        """Let the lines that follow bear this time (epoch seconds)."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._stamp = self._render_time(epoch)

    def submit(self, submission: Submission, submitter: Submitter, now: float) -> bytes:
        """Return the line of a submit that was answered at `now` (monotonic seconds)."""
        sms = submission.sms or _of_pdu(submission.pdu, _MT_PUSH)
        status = submission.command_status
        if status:
            event, cost = FAILED, 0.0
        elif submission.result == 0 or submission.result == 3:
            event, cost = SENT, submission.cost
        else:
            event = SIMULATED if submitter.account.simulation is not None else QUEUED
            cost = submission.cost
        # Plain tuples: they are equal to a Kind, and quicker to make.
        kind = event, submitter.service, submitter.bind_id, _parts(sms), cost, status or 0
        latency = now - submission.received_at
        return self._fill(self._template(kind, sms), sms, _own_id(sms), latency)  # type: ignore[arg-type]

    def delivery(
        self, delivery: Delivery, bind_id: int, command_status: int | None, sent_at: float, now: float
    ) -> bytes:
        """Return the line of a message or report that a bind answered at `now`; times are monotonic seconds."""
        sms = delivery.sms
        if sms is None:
            is_report = delivery.pdu.esm_class & ESM_TYPE_DELIVERY_RECEIPT
            sms = _of_pdu(delivery.pdu, _REPORT if is_report else _MO)
        message_id = _own_id(sms)
        event = b"Receive SMS"
        if sms.sms_type == _REPORT:
            event = b"DLR SMS"
            if sms.dlr_url:
                message_id = self._escape(sms.dlr_url[-_ID_OCTETS:])
        if command_status != 0:
            event = b"FAILED " + event
        kind = Kind(event, delivery.system_id.encode("latin-1"), bind_id, _parts(sms), 0.0, command_status)
        return self._fill(self._template(kind, sms), sms, message_id, now - sent_at)

    def _template(self, kind: Kind, sms: Sms) -> bytes:
        key = kind, _kind_of(sms)
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            template = self._templates[key] = self._make_template(Kind(*kind), sms)
        return template

    def _constant(self, octets: bytes | None) -> bytes:
        return self._escape(octets).replace(b"%", b"%%")

    @abstractmethod
    def _render_time(self, epoch: int) -> bytes: ...

    @abstractmethod
    def _make_template(self, kind: Kind, sms: Sms) -> bytes:
        """Return a format of octets for `_fill`."""

    @abstractmethod
    def _fill(self, template: bytes, sms: Sms, message_id: bytes, latency: float) -> bytes: ...


class KannelStyle(Style):
    """As bearerbox writes its access log, with what only this server knows at the end of the line."""

    _escape = staticmethod(clean)

    def _render_time(self, epoch: int) -> bytes:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch)).encode()

    def _make_template(self, kind: Kind, sms: Sms) -> bytes:
        constant = self._constant
        return _KANNEL % (
            kind.event,
            constant(sms.smsc_id),
            constant(kind.account),
            constant(sms.account),
            constant(sms.binfo),
            sms.mclass,
            sms.coding,
            sms.mwi,
            sms.compress,
            sms.dlr_mask,
            kind.bind_id,
            kind.parts,
            kind.cost,
            b"none" if kind.status is None else b"0x%X" % kind.status,
        )

    def _fill(self, template: bytes, sms: Sms, message_id: bytes, latency: float) -> bytes:
        data, udh = sms.msgdata or b"", sms.udhdata
        if self.mask and not udh and len(data) < 256:
            text = _MASKED[len(data)]
        else:
            shown = b"*" if self.mask else text_of(sms)
            text = b"%d:%b] [udh:%d:%b" % (len(data), shown, len(udh or b""), (udh or b"").hex().encode())
        return template % (
            self._stamp,
            clean(sms.foreign_id),
            b"" if self.mask else clean(sms.meta_data),
            clean(sms.sender),
            clean(sms.receiver),
            text,
            message_id,
            latency,
        )


class JsonStyle(Style):
    """One JSON object a line. `length` is that of the text, in octets; `text` is there when it isn't masked."""

    _escape = staticmethod(quoted)

    def _render_time(self, epoch: int) -> bytes:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(epoch))
        return f"{stamp[:-2]}:{stamp[-2:]}".encode()

    def _make_template(self, kind: Kind, sms: Sms) -> bytes:
        return _JSON % (
            kind.event,
            self._constant(kind.account),
            kind.bind_id,
            self._constant(sms.smsc_id),
            kind.parts,
            kind.cost,
            b"null" if kind.status is None else b"%d" % kind.status,
        )

    def _fill(self, template: bytes, sms: Sms, message_id: bytes, latency: float) -> bytes:
        return template % (
            self._stamp,
            quoted(sms.sender),
            quoted(sms.receiver),
            len(sms.msgdata or b""),
            message_id,
            latency,
            b"" if self.mask else b',"text":"%b"' % quoted(text_of(sms)),
        )


def _own_id(sms: Sms) -> bytes:
    """The id, which is a UUID; nothing for messages without one: refused unread, or stored as a PDU."""
    return b"" if sms.id == NIL_ID else sms.id


def _parts(sms: Sms) -> int:
    """Parts that the text takes; 0 when it is more than any message may have."""
    if len(sms.msgdata or b"") + len(sms.udhdata or b"") <= _SHORT:
        return 1
    try:
        return count_parts(sms)
    except Untranslatable:
        return 0


def _of_pdu(pdu: object, sms_type: int) -> Sms:
    """Return the fields of a submit that was refused before translation, or of a stored deliver_sm."""
    return Sms(
        sms_type=sms_type,
        sender=getattr(pdu, "source_addr", b""),
        receiver=getattr(pdu, "destination_addr", b""),
        msgdata=getattr(pdu, "short_message", b""),
        binfo=getattr(pdu, "service_type", b""),
        coding=1,
    )
