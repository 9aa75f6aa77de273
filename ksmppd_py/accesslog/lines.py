"""Lines of the access log, in the style of bearerbox's or as JSON. Formats, and nothing else."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TypeVar

from ksmppd_py.accesslog.frames import NO_ANSWER, Delivered, Event, Submitted
from ksmppd_py.kannel.messages import NIL_ID, Sms, SmsType
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.udh import count_parts

Who = tuple[bytes, bytes, bytes, int]
"""Time, event, account, bind id."""

MASK = b"*"
SHORT = 70
"""Octets of text that are one part, whatever their coding."""
MOST_PIECES = 20_000
"""Prepared pieces of lines that are kept."""
_NUMBERS = [b"%d" % number for number in range(SHORT + 1)]
_NO_PIECES = (b"", b"")
_KANNEL = (
    b"%b %b [SMSC:%b] [SVC:%b] [ACT:%b] [BINF:%b] [FID:%b] [META:%b] [from:%b] [to:%b] [flags:%d:%d:%d:%d:%d] "
    b"[msg:%d:%b] [udh:%d:%b] [bind:%d] [id:%b] [parts:%d] [cost:%.10g] [status:%b] [latency:%.3f]\n"
)
_PLAIN_KANNEL = b"%b%b%b%b] [to:%b%b%b%b%b] [parts:1] [cost:0] [status:0x0] [latency:%b]\n"
_JSON = (
    b'{"time":"%b","event":"%b","account":"%b","bind":%d,"id":"%b","smsc":"%b","from":"%b","to":"%b",'
    b'"parts":%d,"cost":%.10g,"status":%b,"latency":%.3f,"length":%d%b}\n'
)
_PLAIN_JSON = b'%b%b%b","smsc":"%b","from":"%b","to":"%b%b%b,"length":%b}\n'
_EVENTS = {
    Event.SENT: b"Sent SMS",
    Event.QUEUED: b"Queued SMS",
    Event.SIMULATED: b"Simulated SMS",
    Event.FAILED: b"FAILED Send SMS",
}
_HARMLESS = bytes(octet for octet in range(0x20, 0x7F) if octet != ord("]"))
_UNQUOTED = bytes(octet for octet in range(0x20, 0x7F) if octet not in b'"\\')
_SENT = int(Event.SENT)
_REPORT = int(SmsType.REPORT_MO)


class Style(ABC):
    """How lines look; `mask` hides the text of messages."""

    def __init__(self, mask: bool) -> None:
        self.mask = mask
        self._stamp = b""
        self._epoch = -1
        self._binds: dict[tuple[bytes, int], tuple[bytes, bytes]] = {}

    def submits(self, submits: Iterable[Submitted], epoch: int, now: float) -> list[bytes]:
        """Lines on submits that were answered at `epoch`, which is `now` in monotonic seconds.

        Most are put together of pieces that are there already; this is the way of every message.
        """
        stamp, mask, plain = self._stamp_of(epoch), self.mask, self._plain_line
        opening = self._opening(stamp)
        lines: list[bytes] = []
        add = lines.append
        read_at, latency = -1.0, b""
        bind, last = _NO_PIECES, -1
        for submitted in submits:
            sms, received_at, account, bind_id, became, status, cost = submitted
            if status or cost or became != _SENT or not (mask and _is_plain(sms)):
                add(self._submit(stamp, now, *submitted))
                continue
            if bind_id != last:
                bind = self._binds.get((account, bind_id)) or self._keep_bind(account, bind_id)
                last = bind_id
            if received_at != read_at:
                read_at = received_at
                latency = b"%.3f" % (now - read_at)
            add(plain(opening, bind, sms, latency))
        return lines

    def _keep_bind(self, account: bytes, bind_id: int) -> tuple[bytes, bytes]:
        if len(self._binds) >= MOST_PIECES:
            self._binds.clear()
        pieces = self._binds[account, bind_id] = self._bind_pieces(account, bind_id)
        return pieces

    @abstractmethod
    def _opening(self, stamp: bytes) -> bytes:
        """How a plain line starts."""

    @abstractmethod
    def _bind_pieces(self, account: bytes, bind_id: int) -> tuple[bytes, bytes]:
        """What stands in every plain line of a bind, in two places."""

    @abstractmethod
    def _plain_line(self, opening: bytes, bind: tuple[bytes, bytes], sms: Sms, latency: bytes) -> bytes:
        """The line on a submit that the bearerbox took, with nothing in it to be escaped, counted or converted."""

    def deliveries(self, deliveries: Iterable[Delivered], epoch: int, now: float) -> list[bytes]:
        """Lines on reports and messages that were answered at `epoch`."""
        stamp = self._stamp_of(epoch)
        return [self._delivery(stamp, now, *delivered) for delivered in deliveries]

    def _delivery(
        self, stamp: bytes, now: float, sms: Sms, sent_at: float, account: bytes, bind_id: int, status: int
    ) -> bytes:
        who = (stamp, _delivery_event(sms, status), account, bind_id)
        return self._line(who, sms, _id_of(sms), 0.0, status, now - sent_at)

    def _submit(
        self,
        stamp: bytes,
        now: float,
        sms: Sms,
        received_at: float,
        account: bytes,
        bind_id: int,
        event: int,
        status: int,
        cost: float,
    ) -> bytes:
        who = (stamp, _EVENTS[Event(event)], account, bind_id)
        return self._line(who, sms, _own_id(sms), 0.0 if status else cost, status, now - received_at)

    @abstractmethod
    def _line(
        self, who: Who, sms: Sms, message_id: bytes, cost: float, status: int, seconds: float
    ) -> bytes: ...

    def _stamp_of(self, epoch: int) -> bytes:
        if epoch != self._epoch:
            self._stamp = self._render_time(epoch)
            self._epoch = epoch
        return self._stamp

    @abstractmethod
    def _render_time(self, epoch: int) -> bytes: ...


Key = TypeVar("Key")


class _Pieces(dict[Key, bytes]):
    """Pieces of lines, made by `make` when they are asked for first."""

    def __init__(self, make: Callable[[Key], bytes]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Key) -> bytes:
        if len(self) >= MOST_PIECES:
            self.clear()
        piece = self[key] = self._make(key)
        return piece


def _flags(key: tuple[int, int, int, int]) -> bytes:
    """mclass, coding, mwi and dlr_mask as they stand in a line."""
    return b"] [flags:%d:%d:%d:-1:%d] [msg:" % key


class KannelStyle(Style):
    """As bearerbox writes its access log, with what only we know at the end of the line."""

    def __init__(self, mask: bool) -> None:
        super().__init__(mask)
        self._flags = _Pieces(_flags)
        self._smsc_ids = _Pieces(_clean)

    def _opening(self, stamp: bytes) -> bytes:
        return stamp + b" Sent SMS [SMSC:"

    def _bind_pieces(self, account: bytes, bind_id: int) -> tuple[bytes, bytes]:
        service = b"] [SVC:%b] [ACT:] [BINF:] [FID:] [META:] [from:" % _clean(account)
        return service, b":*] [udh:0:] [bind:%d] [id:" % bind_id

    def _plain_line(self, opening: bytes, bind: tuple[bytes, bytes], sms: Sms, latency: bytes) -> bytes:
        return _PLAIN_KANNEL % (
            opening,
            self._smsc_ids[sms.smsc_id],
            bind[0],
            sms.sender,
            sms.receiver,
            self._flags[sms.mclass, sms.coding, sms.mwi, sms.dlr_mask],
            _NUMBERS[len(sms.msgdata or b"")],
            bind[1],
            sms.id,
            latency,
        )

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

    def __init__(self, mask: bool) -> None:
        super().__init__(mask)
        self._smsc_ids = _Pieces(_quoted)

    def _opening(self, stamp: bytes) -> bytes:
        return b'{"time":"%b","event":"Sent SMS","account":"' % stamp

    def _bind_pieces(self, account: bytes, bind_id: int) -> tuple[bytes, bytes]:
        who = b'%b","bind":%d,"id":"' % (_quoted(account), bind_id)
        return who, b'","parts":1,"cost":0,"status":0,"latency":'

    def _plain_line(self, opening: bytes, bind: tuple[bytes, bytes], sms: Sms, latency: bytes) -> bytes:
        return _PLAIN_JSON % (
            opening,
            bind[0],
            sms.id,
            self._smsc_ids[sms.smsc_id],
            sms.sender,
            sms.receiver,
            bind[1],
            latency,
            _NUMBERS[len(sms.msgdata or b"")],
        )

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
    if (
        sms.account or sms.foreign_id or sms.compress != -1
    ):  # an HTTP server or a plugin that routes may set them
        return False
    if sms.id == NIL_ID:
        return False
    return (sender.isalnum() or sender.lstrip(b"+").isalnum()) and receiver.lstrip(b"+").isalnum()


def _delivery_event(sms: Sms, status: int) -> bytes:
    kind = b"DLR SMS" if sms.sms_type == _REPORT else b"Receive SMS"
    return kind if status == 0 else b"FAILED " + kind


def _id_of(sms: Sms) -> bytes:
    """The id that the ESME knows: of a report that of its message, at the end of dlr_url."""
    if sms.sms_type == _REPORT and sms.dlr_url:
        return sms.dlr_url[-36:]
    return _own_id(sms)


def _own_id(sms: Sms) -> bytes:
    """Nothing for what got no id: it was refused before, or comes from the store as a PDU."""
    return b"" if sms.id == NIL_ID else sms.id


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
    if not octets.translate(None, _HARMLESS):
        return octets
    return b"".join(bytes((octet,)) if octet in _HARMLESS else b"\\x%02x" % octet for octet in octets)


def _quoted(octets: bytes | None) -> bytes:
    """The inside of a JSON string."""
    if not octets:
        return b""
    if not octets.translate(None, _UNQUOTED):
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
