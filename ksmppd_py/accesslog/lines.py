"""Lines of the access log, in the style of bearerbox's or as JSON. Formats, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence

from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.work import Delivery, Submission, Submitter
from ksmppd_py.smpp.constants import ESM_TYPE_DELIVERY_RECEIPT
from ksmppd_py.smpp.pdus import DeliverSm
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.udh import count_parts

Submitted = tuple[Sequence[Submission], Submitter]
"""Submits of one bind that were answered just now."""
Delivered = tuple[Delivery, int, int, float]
"""Message, bind id, command_status of the answer (or NO_ANSWER), seconds that it took."""
Who = tuple[bytes, bytes, bytes, int]
"""Time, event, account, bind id."""

NO_ANSWER = -1
MASK = b"*"
SHORT = 70
"""Octets of text that are one part, whatever their coding."""
MOST_PIECES = 20_000
"""Prepared pieces of lines that are kept."""
_NUMBERS = [b"%d" % number for number in range(SHORT + 1)]
_KANNEL = (
    b"%b %b [SMSC:%b] [SVC:%b] [ACT:%b] [BINF:%b] [FID:%b] [META:%b] [from:%b] [to:%b] [flags:%d:%d:%d:%d:%d] "
    b"[msg:%d:%b] [udh:%d:%b] [bind:%d] [id:%b] [parts:%d] [cost:%.10g] [status:%b] [latency:%.3f]\n"
)
_PLAIN = b"%b%b%b%b] [to:%b%b%b%b%b] [parts:1] [cost:0] [status:0x0] [latency:%b]\n"
_JSON = (
    b'{"time":"%b","event":"%b","account":"%b","bind":%d,"id":"%b","smsc":"%b","from":"%b","to":"%b",'
    b'"parts":%d,"cost":%.10g,"status":%b,"latency":%.3f,"length":%d%b}\n'
)
_REPORT = int(SmsType.REPORT_MO)


class Style:
    """How lines look; `mask` hides the text of messages."""

    def __init__(self, mask: bool) -> None:
        self.mask = mask
        self._stamp = b""
        self._epoch = -1

    def submits(self, batches: Iterable[Submitted], epoch: int, now: float) -> list[bytes]:
        """Lines on answered submits; `now` is monotonic seconds."""
        stamp = self._stamp_of(epoch)
        return [
            self._submit(stamp, submission, submitter, now)
            for settled, submitter in batches
            for submission in settled
        ]

    def deliveries(self, deliveries: Iterable[Delivered], epoch: int) -> list[bytes]:
        """Lines on answered reports and messages."""
        stamp = self._stamp_of(epoch)
        return [self._delivery(stamp, *delivered) for delivered in deliveries]

    def _delivery(self, stamp: bytes, delivery: Delivery, bind_id: int, status: int, seconds: float) -> bytes:
        sms = delivery.sms or _unread(delivery.pdu)
        who = (stamp, _delivery_event(sms, status), delivery.system_id.encode(), bind_id)
        return self._line(who, sms, _id_of(sms), 0.0, status, seconds)

    def _submit(self, stamp: bytes, submission: Submission, submitter: Submitter, now: float) -> bytes:
        sms = submission.sms
        status = submission.command_status or 0
        event = _event(submission, submitter.account.simulation is not None)
        return self._line(
            (stamp, event, submitter.service, submitter.bind_id),
            sms or _unread(submission.pdu),
            b"" if sms is None else sms.id,
            0.0 if status else submission.cost,
            status,
            now - submission.received_at,
        )

    def _line(self, who: Who, sms: Sms, message_id: bytes, cost: float, status: int, seconds: float) -> bytes:
        raise NotImplementedError

    def _stamp_of(self, epoch: int) -> bytes:
        if epoch != self._epoch:
            self._stamp = self._render_time(epoch)
            self._epoch = epoch
        return self._stamp

    def _render_time(self, epoch: int) -> bytes:
        raise NotImplementedError


class _Flags(dict[tuple[int, int, int, int], bytes]):
    """mclass, coding, mwi and dlr_mask as they stand in a line."""

    def __missing__(self, key: tuple[int, int, int, int]) -> bytes:
        if len(self) >= MOST_PIECES:
            self.clear()
        piece = self[key] = b"] [flags:%d:%d:%d:-1:%d] [msg:" % key
        return piece


class _Cleaned(dict[bytes | None, bytes]):
    """SMSC ids as they stand in a line; a route may name any."""

    def __missing__(self, key: bytes | None) -> bytes:
        if len(self) >= MOST_PIECES:
            self.clear()
        piece = self[key] = _clean(key)
        return piece


def _goes_plain(submission: Submission, sms: Sms) -> bool:
    """Whether the bearerbox accepted it, nobody paid for it and its line needs no escaping."""
    result = submission.result
    accepted = (result == 0 or result == 3) and not submission.command_status
    return accepted and not submission.cost and _is_plain(sms)


class KannelStyle(Style):
    """As bearerbox writes its access log, with what only we know at the end of the line."""

    def __init__(self, mask: bool) -> None:
        super().__init__(mask)
        self._flags = _Flags()
        self._smsc_ids = _Cleaned()
        self._binds: dict[tuple[bytes, int], tuple[bytes, bytes]] = {}

    def submits(self, batches: Iterable[Submitted], epoch: int, now: float) -> list[bytes]:
        """See Style. Most lines are put together of pieces that are there already; this is the way of every message."""
        stamp, mask = self._stamp_of(epoch), self.mask
        event = stamp + b" Sent SMS [SMSC:"
        lines: list[bytes] = []
        add, all_flags, smsc_ids = lines.append, self._flags, self._smsc_ids
        read_at, latency = 0.0, b""
        account = bind = b""
        last: Submitter | None = None
        for settled, submitter in batches:
            if submitter is not last:
                account, bind = self._of_bind(submitter)
                last = submitter
            for submission in settled:
                sms = submission.sms
                if sms is None or not (mask and _goes_plain(submission, sms)):
                    add(self._submit(stamp, submission, submitter, now))
                    continue
                if submission.received_at != read_at:
                    read_at = submission.received_at
                    latency = b"%.3f" % (now - read_at)
                add(
                    _PLAIN
                    % (
                        event,
                        smsc_ids[sms.smsc_id],
                        account,
                        sms.sender,
                        sms.receiver,
                        all_flags[sms.mclass, sms.coding, sms.mwi, sms.dlr_mask],
                        _NUMBERS[len(sms.msgdata or b"")],
                        bind,
                        sms.id,
                        latency,
                    )
                )
        return lines

    def _of_bind(self, submitter: Submitter) -> tuple[bytes, bytes]:
        """What stands in every plain line of a bind."""
        key = (submitter.service, submitter.bind_id)
        pieces = self._binds.get(key)
        if pieces is None:
            if len(self._binds) >= MOST_PIECES:
                self._binds.clear()
            account = b"] [SVC:%b] [ACT:] [BINF:] [FID:] [META:] [from:" % _clean(submitter.service)
            pieces = self._binds[key] = (account, b":*] [udh:0:] [bind:%d] [id:" % submitter.bind_id)
        return pieces

    def _line(self, who: Who, sms: Sms, message_id: bytes, cost: float, status: int, seconds: float) -> bytes:
        stamp, event, service, bind_id = who
        udh = sms.udhdata or b""
        return _KANNEL % (
            stamp,
            event,
            _clean(sms.smsc_id),
            _clean(service),
            _clean(sms.account),
            _clean(sms.binfo),
            _clean(sms.foreign_id),
            b"" if self.mask else _clean(sms.meta_data),
            _clean(sms.sender),
            _clean(sms.receiver),
            sms.mclass,
            sms.coding,
            sms.mwi,
            sms.compress,
            sms.dlr_mask,
            len(sms.msgdata or b""),
            MASK if self.mask else _text(sms),
            len(udh),
            udh.hex().encode(),
            bind_id,
            _clean(message_id),
            _parts(sms),
            cost,
            b"none" if status == NO_ANSWER else b"0x%X" % status,
            seconds,
        )

    def _render_time(self, epoch: int) -> bytes:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch)).encode()


class JsonStyle(Style):
    """One JSON object a line. `length` is that of the text, in octets; `text` is there when it isn't masked."""

    def _line(self, who: Who, sms: Sms, message_id: bytes, cost: float, status: int, seconds: float) -> bytes:
        stamp, event, service, bind_id = who
        return _JSON % (
            stamp,
            event,
            _quoted(service),
            bind_id,
            _quoted(message_id),
            _quoted(sms.smsc_id),
            _quoted(sms.sender),
            _quoted(sms.receiver),
            _parts(sms),
            cost,
            b"null" if status == NO_ANSWER else b"%d" % status,
            seconds,
            len(sms.msgdata or b""),
            b"" if self.mask else b',"text":"%b"' % _quoted(_text(sms)),
        )

    def _render_time(self, epoch: int) -> bytes:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(epoch))
        return f"{stamp[:-2]}:{stamp[-2:]}".encode()


def _is_plain(sms: Sms) -> bool:
    """Whether nothing in it has to be escaped, counted or converted."""
    sender, receiver, msgdata = sms.sender, sms.receiver, sms.msgdata
    if not sender or not receiver or sms.udhdata or sms.binfo or (msgdata and len(msgdata) > SHORT):
        return False
    if sms.account or sms.foreign_id:  # an HTTP server or a plugin that routes may set them
        return False
    return (sender.isalnum() or sender.lstrip(b"+").isalnum()) and receiver.lstrip(b"+").isalnum()


def _event(submission: Submission, simulated: bool) -> bytes:
    if submission.command_status:
        return b"FAILED Send SMS"
    if simulated:
        return b"Simulated SMS"
    return b"Sent SMS" if submission.result in (0, 3) else b"Queued SMS"


def _delivery_event(sms: Sms, status: int) -> bytes:
    kind = b"DLR SMS" if sms.sms_type == _REPORT else b"Receive SMS"
    return kind if status == 0 else b"FAILED " + kind


def _id_of(sms: Sms) -> bytes:
    """The id that the ESME knows: of a report that of its message, at the end of dlr_url."""
    if sms.sms_type == _REPORT and sms.dlr_url:
        return sms.dlr_url[-36:]
    return sms.id


def _unread(pdu: object) -> Sms:
    """What a submit says that was refused before it was translated, or a deliver_sm that was stored as such."""
    is_report = getattr(pdu, "esm_class", 0) & ESM_TYPE_DELIVERY_RECEIPT and isinstance(pdu, DeliverSm)
    return Sms(
        sms_type=int(SmsType.REPORT_MO if is_report else SmsType.MO),
        id=b"",
        sender=getattr(pdu, "source_addr", b""),
        receiver=getattr(pdu, "destination_addr", b""),
        msgdata=getattr(pdu, "short_message", b""),
        binfo=getattr(pdu, "service_type", b""),
        coding=1,
    )


def _parts(sms: Sms) -> int:
    if not sms.msgdata or len(sms.msgdata) + len(sms.udhdata or b"") <= SHORT:
        return 1
    try:
        return count_parts(sms)
    except Untranslatable:
        return 0


def _clean(octets: bytes | None) -> bytes:
    """Nothing that could end a field or a line."""
    if not octets:
        return b""
    if octets.lstrip(b"+").isalnum():
        return octets
    return b"".join(
        bytes((octet,)) if 0x20 <= octet < 0x7F and octet != 0x5D else b"\\x%02x" % octet for octet in octets
    )


def _quoted(octets: bytes | None) -> bytes:
    """The inside of a JSON string."""
    if not octets:
        return b""
    if octets.lstrip(b"+").isalnum():
        return octets
    text = octets.decode("utf-8", "backslashreplace")
    return json.dumps(text, ensure_ascii=True)[1:-1].encode()


def _text(sms: Sms) -> bytes:
    """As bearerbox has it: text as it is, control characters replaced; everything else in hexadecimal."""
    octets = sms.msgdata or b""
    if sms.coding in (1, 2):
        return octets.hex().encode()
    text = octets.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else "." for char in text).encode()
