"""Formats lines of the access log, in the style of bearerbox's or as JSON.

A line is a template, shared by similar messages of one bind, filled with the fields in which they differ.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

from ksmppd_py.accesslog.escapes import clean, quoted, text_of
from ksmppd_py.kannel.messages import NIL_ID, Sms, SmsType
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.work import BindContext, Delivery, Submit
from ksmppd_py.smpp.constants import ESM_TYPE_DELIVERY_RECEIPT
from ksmppd_py.translate.dlr_url import ID_OCTETS
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.udh import count_parts

SENT, QUEUED, SIMULATED, FAILED = b"Sent SMS", b"Queued SMS", b"Simulated SMS", b"FAILED Send SMS"
_SHORT = 70
"""Octets of text and user data header that are one part in any coding."""
_MOST_TEMPLATES = 20_000
_ACCEPTED = SubmitResult.ACCEPTED
_REPORT, _MO, _MT_PUSH = int(SmsType.REPORT_MO), int(SmsType.MO), int(SmsType.MT_PUSH)
_kind_of = attrgetter("smsc_id", "account", "binfo", "mclass", "coding", "mwi", "compress", "dlr_mask")
_KANNEL = (
    b"%%b %b [SMSC:%b] [SVC:%b] [ACT:%b] [BINF:%b] [FID:%%b] [from:%%b] [to:%%b] "
    b"[flags:%d:%d:%d:%d:%d] [msg:%%b] [bind:%d] [id:%%b] [parts:%d] [cost:%.10g] [status:%b] [latency:%%b]\n"
)
_JSON = (
    b'{"time":"%%b","event":"%b","account":"%b","bind":%d,"smsc":"%b","from":"%%b","to":"%%b","length":%%d,'
    b'"id":"%%b","parts":%d,"cost":%.10g,"status":%b,"latency":%%b%%b}\n'
)
_MASKED = tuple(b"%d:*] [udh:0:" % length for length in range(256))
_NO_IDS = b"] [META:"
"""Between FID and META of a message without them."""


class Kind(NamedTuple):
    """The fields that lines of one template share; `status` None = the ESME didn't answer."""

    event: bytes
    account: bytes
    bind_id: int
    parts: int
    cost: float
    status: int | None
    smsc_id: bytes | None
    box_account: bytes | None
    binfo: bytes | None
    mclass: int
    coding: int
    mwi: int
    compress: int
    dlr_mask: int


class Style(ABC):
    """Makes lines of one style; `mask` hides the texts of messages. No method yields."""

    _escape: Callable[[bytes | None], bytes]

    def __init__(self, mask: bool) -> None:
        self.mask = mask
        self._epoch = -1
        self._stamp = b""
        self._now = self._since = -1.0
        self._latency = b""
        self._templates: dict[tuple[object, ...], bytes] = {}

    def set_time(self, epoch: int, now: float) -> None:
        """Set the time of the lines that follow: epoch seconds, and the same moment in monotonic seconds."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._stamp = self._render_time(epoch)
        self._now, self._since = now, -1.0

    def submit(self, submit: Submit, bind: BindContext) -> bytes:
        """Return the line of a submit that is being answered."""
        sms = submit.sms or _of_pdu(submit.pdu, _MT_PUSH)
        event, cost, status = SENT, submit.cost, submit.command_status
        if status:
            event, cost = FAILED, 0.0
        elif submit.result is not _ACCEPTED:
            event = SIMULATED if bind.account.simulation is not None else QUEUED
        data, udh = sms.msgdata, sms.udhdata
        # Equal to a Kind, and made in a third of the time.
        kind = (
            event,
            bind.service,
            bind.bind_id,
            1 if data and not udh and len(data) <= _SHORT else _parts(sms),
            cost,
            status or 0,
            sms.smsc_id,
            sms.account,
            sms.binfo,
            sms.mclass,
            sms.coding,
            sms.mwi,
            sms.compress,
            sms.dlr_mask,
        )
        template = self._templates.get(kind) or self._new_template(kind)
        if submit.received_at is not self._since:  # the submits of one read share this object
            self._set_latency(submit.received_at)
        return self._fill(template, sms, b"" if sms.id == NIL_ID else sms.id)

    def delivery(self, delivery: Delivery, bind_id: int, command_status: int | None, sent_at: float) -> bytes:
        """Return the line of a message or report, sent at `sent_at` (monotonic seconds), that a bind has answered."""
        sms = delivery.sms
        if sms is None:
            is_report = delivery.pdu.esm_class & ESM_TYPE_DELIVERY_RECEIPT
            sms = _of_pdu(delivery.pdu, _REPORT if is_report else _MO)
        event, message_id = b"Receive SMS", b"" if sms.id == NIL_ID else sms.id
        if sms.sms_type == _REPORT:
            event = b"DLR SMS"
            if sms.dlr_url:
                message_id = self._escape(sms.dlr_url[-ID_OCTETS:])
        if command_status != 0:
            event = b"FAILED " + event
        account = delivery.system_id.encode("latin-1")
        kind = (event, account, bind_id, _parts(sms), 0.0, command_status, *_kind_of(sms))
        self._set_latency(sent_at)
        return self._fill(self._templates.get(kind) or self._new_template(kind), sms, message_id)

    def _set_latency(self, since: float) -> None:
        self._since = since
        self._latency = b"%.3f" % (self._now - since)

    def _new_template(self, kind: tuple[object, ...]) -> bytes:
        if len(self._templates) >= _MOST_TEMPLATES:
            self._templates.clear()
        template = self._templates[kind] = self._make_template(Kind(*kind))  # type: ignore[arg-type]  # equal to one
        return template

    def _constant(self, octets: bytes | None) -> bytes:
        return self._escape(octets).replace(b"%", b"%%")

    @abstractmethod
    def _render_time(self, epoch: int) -> bytes: ...

    @abstractmethod
    def _make_template(self, kind: Kind) -> bytes:
        """Return the template of this kind of line, for `_fill`."""

    @abstractmethod
    def _fill(self, template: bytes, sms: Sms, message_id: bytes) -> bytes: ...


class KannelStyle(Style):
    """The style of bearerbox's access log, with this server's own fields at the end of the line."""

    _escape = staticmethod(clean)

    def _render_time(self, epoch: int) -> bytes:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch)).encode()

    def _make_template(self, kind: Kind) -> bytes:
        constant = self._constant
        return _KANNEL % (
            kind.event,
            constant(kind.smsc_id),
            constant(kind.account),
            constant(kind.box_account),
            constant(kind.binfo),
            kind.mclass,
            kind.coding,
            kind.mwi,
            kind.compress,
            kind.dlr_mask,
            kind.bind_id,
            kind.parts,
            kind.cost,
            b"none" if kind.status is None else b"0x%X" % kind.status,
        )

    def _fill(self, template: bytes, sms: Sms, message_id: bytes) -> bytes:
        data, udh, sender, receiver = sms.msgdata or b"", sms.udhdata, sms.sender, sms.receiver
        mask, foreign_id = self.mask, sms.foreign_id
        if mask and not udh and len(data) < 256:
            text = _MASKED[len(data)]
        else:
            shown = b"*" if mask else text_of(sms)
            text = b"%d:%b] [udh:%d:%b" % (len(data), shown, len(udh or b""), (udh or b"").hex().encode())
        ids = _NO_IDS
        if foreign_id or not mask:
            ids = b"%b] [META:%b" % (clean(foreign_id), b"" if mask else clean(sms.meta_data))
        return template % (
            self._stamp,
            ids,
            sender if sender and sender.isalnum() else clean(sender),
            receiver if receiver and receiver.lstrip(b"+").isalnum() else clean(receiver),
            text,
            message_id,
            self._latency,
        )


class JsonStyle(Style):
    """One JSON object a line. `length` is that of the text in octets; `text` is present when it isn't masked."""

    _escape = staticmethod(quoted)

    def _render_time(self, epoch: int) -> bytes:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(epoch))
        return f"{stamp[:-2]}:{stamp[-2:]}".encode()

    def _make_template(self, kind: Kind) -> bytes:
        return _JSON % (
            kind.event,
            self._constant(kind.account),
            kind.bind_id,
            self._constant(kind.smsc_id),
            kind.parts,
            kind.cost,
            b"null" if kind.status is None else b"%d" % kind.status,
        )

    def _fill(self, template: bytes, sms: Sms, message_id: bytes) -> bytes:
        sender, receiver = sms.sender, sms.receiver
        return template % (
            self._stamp,
            sender if sender and sender.isalnum() else quoted(sender),
            receiver if receiver and receiver.lstrip(b"+").isalnum() else quoted(receiver),
            len(sms.msgdata or b""),
            message_id,
            self._latency,
            b"" if self.mask else b',"text":"%b"' % quoted(text_of(sms)),
        )


def _parts(sms: Sms) -> int:
    """Return the number of parts of the text; 0 when it is more than a message may have."""
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
