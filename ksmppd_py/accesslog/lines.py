"""Makes lines of the access log, in bearerbox's style or as JSON, of pieces that similar messages of a bind share."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeAlias

from ksmppd_py.accesslog.escapes import HARMLESS, UNQUOTED, clean, quoted, text_of
from ksmppd_py.kannel.messages import NIL_ID, Sms, SmsType
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.work import BindContext, Delivery, Submit, id_for_esme
from ksmppd_py.smpp.constants import ESM_TYPE_DELIVERY_RECEIPT
from ksmppd_py.translate.dlr_url import esme_id
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.udh import count_parts

SENT, QUEUED, SIMULATED, FAILED = b"Sent SMS", b"Queued SMS", b"Simulated SMS", b"FAILED Send SMS"
_SHORT = 70
"""Octets of text and user data header that are one part in any coding."""
_MOST_TEMPLATES = 20_000
_SENDER, _RECEIVER, _PIECES = 1, 3, 9
"""Positions of the addresses among the pieces of a usual line, and the number of pieces."""
_ACCEPTED = SubmitResult.ACCEPTED
_kind_of = attrgetter("smsc_id", "account", "binfo", "mclass", "coding", "mwi", "compress", "dlr_mask")
_of_usual = attrgetter("foreign_id", "udhdata", *_kind_of.__reduce__()[1])
_REPORT, _MO, _MT_PUSH = int(SmsType.REPORT_MO), int(SmsType.MO), int(SmsType.MT_PUSH)
Template: TypeAlias = "tuple[bytes, bytes, bytes, bytes]"
"""Constant pieces of a line: before the ids, between receiver and text, before the message id, behind it."""


class Style(ABC):
    """Makes lines of one style; `mask` hides the texts of messages. No method yields."""

    _escape: Callable[[bytes | None], bytes]
    _harmless: bytes
    _no_ids: bytes
    _to: bytes
    _end: bytes
    _about_masked: tuple[bytes, ...]
    """By the length of a text: the piece about it when it is masked and has no user data header."""

    def __init__(self, mask: bool) -> None:
        self.mask = mask
        self._epoch = -1
        self._stamp = b""
        self._now = 0.0
        self._templates: dict[tuple[Any, ...], Template] = {}
        self._usual: dict[int, tuple[tuple[Any, ...], Template]] = {}
        """By bind_id: the fields that a bind's usual submits share, which were accepted, and their template."""

    def set_time(self, epoch: int, now: float) -> None:
        """Set the time of the lines that follow: epoch seconds, and the same moment in monotonic seconds."""
        if epoch != self._epoch:
            self._epoch, self._stamp = epoch, self._render_time(epoch)
        self._now = now

    def submits(self, settled: Sequence[Submit], bind: BindContext) -> bytes:
        """Return the lines of submits that one bind is being answered, in order."""
        lines: list[bytes] = []
        rest = iter(settled)
        while (unusual := self._add_usual(rest, bind, lines)) is not None:
            lines.append(self.submit(unusual, bind))
        return b"".join(lines)

    def _add_usual(self, rest: Iterator[Submit], bind: BindContext, lines: list[bytes]) -> Submit | None:
        """Add the lines of the next usual submits; return the first other one, None at the end.

        All is inlined, and addresses are checked together, because this runs for each submit.
        """
        usual = self._usual.get(bind.bind_id)
        if usual is None:
            return next(rest, None)
        fields, (head, middle, before_id, tail) = usual
        opening, to, about = self._stamp + head + self._no_ids, self._to, self._about_masked
        since: float | None = None
        pieces: list[bytes] = []
        unusual = None
        for submit in rest:
            sms = submit.sms
            if sms is None or fields != (
                submit.command_status, submit.result, submit.cost, sms.foreign_id, sms.udhdata,
                sms.smsc_id, sms.account, sms.binfo, sms.mclass, sms.coding, sms.mwi, sms.compress, sms.dlr_mask,
            ) or (size := len(sms.msgdata or b"")) > _SHORT:  # fmt: skip
                unusual = submit
                break
            if submit.received_at is not since:  # the submits of one read share this object
                since = submit.received_at
                closing = b"%b%.3f%b" % (tail, self._now - since, self._end)
            pieces += (
                opening, sms.sender or b"", to, sms.receiver or b"", middle, about[size], before_id, sms.id, closing
            )  # fmt: skip
        if pieces:
            if b"".join(pieces[_SENDER::_PIECES] + pieces[_RECEIVER::_PIECES]).translate(
                None, self._harmless
            ):
                pieces[_SENDER::_PIECES] = map(self._escape, pieces[_SENDER::_PIECES])
                pieces[_RECEIVER::_PIECES] = map(self._escape, pieces[_RECEIVER::_PIECES])
            lines.append(b"".join(pieces))
        return unusual

    def submit(self, submit: Submit, bind: BindContext) -> bytes:
        """Return the line of a submit that is being answered."""
        sms = submit.sms or _of_pdu(submit.pdu, _MT_PUSH)
        event, cost, status = SENT, submit.cost, submit.command_status or 0
        if status:
            event, cost = FAILED, 0.0
        elif submit.result is not _ACCEPTED:
            event = SIMULATED if bind.account.simulation is not None else QUEUED
        template = self._template_of(sms, event, bind.service, bind.bind_id, cost, status)
        is_usual = event is SENT and bind.ids is None and not sms.foreign_id and not sms.udhdata
        if is_usual and self.mask and sms.id != NIL_ID:
            if len(self._usual) >= _MOST_TEMPLATES:
                self._usual.clear()
            fields = (submit.command_status, submit.result, submit.cost, *_of_usual(sms))  # as in _add_usual
            self._usual[bind.bind_id] = (fields, template)
        message_id = b"" if sms.id == NIL_ID else sms.id if bind.ids is None else id_for_esme(sms)
        return self._line(template, sms, message_id, submit.received_at)

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
                message_id = self._escape(esme_id(sms.dlr_url))
        if command_status != 0:
            event = b"FAILED " + event
        account = delivery.system_id.encode("latin-1")
        template = self._template_of(sms, event, account, bind_id, 0.0, command_status)
        return self._line(template, sms, message_id, sent_at)

    def _template_of(self, sms: Sms, *fields: Any) -> Template:
        kind = (_parts(sms), *_kind_of(sms), *fields)
        template = self._templates.get(kind)
        if template is None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            template = self._templates[kind] = self._make_template(*kind)
        return template

    def _line(self, template: Template, sms: Sms, message_id: bytes, since: float) -> bytes:
        head, middle, before_id, tail = template
        sender, receiver = self._escape(sms.sender), self._escape(sms.receiver)
        text, end = self._text(sms)
        pieces = (
            self._stamp,
            head,
            self._ids(sms),
            sender,
            self._to,
            receiver,
            middle,
            text,
            before_id,
            message_id,
        )
        return b"%b%b%.3f%b" % (b"".join(pieces), tail, self._now - since, end)

    @abstractmethod
    def _render_time(self, epoch: int) -> bytes:
        """Return the beginning of lines of this second."""

    @abstractmethod
    def _make_template(self, *kind: Any) -> Template:
        """Return the pieces for the fields of _template_of; a status None means that the ESME didn't answer."""

    def _ids(self, sms: Sms) -> bytes:
        """Return the octets between the template's head and the sender."""
        return self._no_ids

    @abstractmethod
    def _text(self, sms: Sms) -> tuple[bytes, bytes]:
        """Return the text or its length, and the octets behind the latency."""


class KannelStyle(Style):
    """The style of bearerbox's access log, with this server's own fields at the end of the line."""

    _escape = staticmethod(clean)
    _harmless = HARMLESS
    _no_ids = b"] [META:] [from:"
    _to = b"] [to:"
    _end = b"]\n"
    _about_masked = tuple(b"%d:*] [udh:0:" % length for length in range(_SHORT + 1))

    def _render_time(self, epoch: int) -> bytes:
        return time.strftime("%Y-%m-%d %H:%M:%S ", time.localtime(epoch)).encode()

    def _make_template(self, *kind: Any) -> Template:
        parts, smsc_id, box_account, binfo, *flags, event, account, bind_id, cost, status = kind
        names = map(clean, (smsc_id, account, box_account, binfo))
        answer = b"none" if status is None else b"0x%X" % status
        return (
            b"%b [SMSC:%b] [SVC:%b] [ACT:%b] [BINF:%b] [FID:" % (event, *names),
            b"] [flags:%d:%d:%d:%d:%d] [msg:" % tuple(flags),
            b"] [bind:%d] [id:" % bind_id,
            b"] [parts:%d] [cost:%.10g] [status:%b] [latency:" % (parts, cost, answer),
        )

    def _ids(self, sms: Sms) -> bytes:
        return b"%b] [META:%b] [from:" % (clean(sms.foreign_id), b"" if self.mask else clean(sms.meta_data))

    def _text(self, sms: Sms) -> tuple[bytes, bytes]:
        length, udh = len(sms.msgdata or b""), sms.udhdata or b""
        shown = b"*" if self.mask else text_of(sms)
        return b"%d:%b] [udh:%d:%b" % (length, shown, len(udh), udh.hex().encode()), self._end


class JsonStyle(Style):
    """One JSON object a line. `length` is that of the text in octets; `text` is present when it isn't masked."""

    _escape = staticmethod(quoted)
    _harmless = UNQUOTED
    _no_ids = b""
    _to = b'","to":"'
    _end = b"}\n"
    _about_masked = tuple(b"%d" % length for length in range(_SHORT + 1))

    def _render_time(self, epoch: int) -> bytes:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(epoch))
        return f'{{"time":"{stamp[:-2]}:{stamp[-2:]}",'.encode()

    def _make_template(self, *kind: Any) -> Template:
        parts, smsc_id, *_, event, account, bind_id, cost, status = kind
        head = (event, quoted(account), bind_id, quoted(smsc_id))
        answer = b"null" if status is None else b"%d" % status
        return (
            b'"event":"%b","account":"%b","bind":%d,"smsc":"%b","from":"' % head,
            b'","length":',
            b',"id":"',
            b'","parts":%d,"cost":%.10g,"status":%b,"latency":' % (parts, cost, answer),
        )

    def _text(self, sms: Sms) -> tuple[bytes, bytes]:
        text = b"" if self.mask else b',"text":"%b"' % quoted(text_of(sms))
        return b"%d" % len(sms.msgdata or b""), text + self._end


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
