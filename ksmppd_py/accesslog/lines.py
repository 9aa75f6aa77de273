"""Lines of the access log, in the style of bearerbox's or as JSON. Formats, and nothing else."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ksmppd_py.accesslog.escapes import HARMLESS, UNQUOTED, clean, quoted, text_of
from ksmppd_py.accesslog.frames import NO_ANSWER, Event, Run, Turn, end_of, read
from ksmppd_py.accesslog.pending import Accepted, Pending, Sent
from ksmppd_py.kannel.codec import ACK_OCTETS
from ksmppd_py.kannel.cutter import SHORT, Columns, Cutter, Likeness, Row
from ksmppd_py.kannel.messages import NIL_ID, Sms, SmsType
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.udh import count_parts


class Who(NamedTuple):
    """Whose line, and when."""

    stamp: bytes
    event: bytes
    account: bytes
    bind_id: int


MASK = b"*"
MOST_TEMPLATES = 20_000
"""Templates of lines that are kept."""
_BLANK, _STAMP, _LATENCY = b"\0", b"\1", b"\2"
"""What stands in a line that becomes a template, where other octets are to stand; no field has such octets."""
_BLANKS: Row = (_BLANK, _BLANK, _BLANK, _BLANK)
_KANNEL = (
    b"%b %b [SMSC:%b] [SVC:%b] [ACT:%b] [BINF:%b] [FID:%b] [META:%b] [from:%b] [to:%b] [flags:%d:%d:%d:%d:%d] "
    b"[msg:%b:%b] [udh:%d:%b] [bind:%d] [id:%b] [parts:%d] [cost:%.10g] [status:%b] [latency:%b]\n"
)
_JSON = (
    b'{"time":"%b","event":"%b","account":"%b","bind":%d,"smsc":"%b","from":"%b","to":"%b","length":%b,'
    b'"id":"%b","parts":%d,"cost":%.10g,"status":%b,"latency":%b%b}\n'
)
_EVENTS = {
    Event.SENT: b"Sent SMS",
    Event.QUEUED: b"Queued SMS",
    Event.SIMULATED: b"Simulated SMS",
    Event.FAILED: b"FAILED Send SMS",
}
_REPORT = int(SmsType.REPORT_MO)


class Style(ABC):
    """How lines look; `mask` hides the text of messages.

    `escape` makes a field of any octets, `harmless` are the octets that stay as they are.
    """

    escape: Callable[[bytes | None], bytes]
    harmless: bytes

    def __init__(self, mask: bool) -> None:
        self.mask = mask
        self._cutter = Cutter()
        self._stamp = b""
        self._epoch = -1
        self._templates: dict[tuple[Likeness, bytes, int, float], list[bytes]] = {}
        self._pending: dict[int, Pending] = {}

    def sent(self, link: int, runs: Sequence[Run], octets: bytes, *, are_alike: bool = False) -> None:
        """Keep in mind what a connection was sent, for `acked`; `are_alike`: they differ in no more than codec.LIKELY.

        Raises ValueError, struct.error or IndexError.
        """
        pending = self._pending.setdefault(link, Pending())
        position = 0
        for run in runs:
            if run.event == Event.NO_LINE:
                position = end_of(octets, position, run.messages)
                continue
            found, position = self._read(octets, position, run, are_alike)
            for sent in found:
                pending.add(sent)

    def acked(self, link: int, acks: bytes, epoch: int, now: float) -> tuple[list[bytes], int]:
        """Lines on submits that were sent and are acked now; and how many acks are for others.

        `now` is `epoch` in monotonic seconds. Raises struct.error, ValueError.
        """
        pending = self._pending.get(link)
        if pending is None:
            return [], len(acks) // ACK_OCTETS
        accepted, strays = pending.take(acks)
        return [self._lines_of(one, epoch, now) for one in accepted], strays

    def lost(self, link: int | None) -> None:
        """Forget what that connection was sent; None: what any was."""
        if link is None:
            self._pending.clear()
        else:
            self._pending.pop(link, None)

    def submits(self, turn: Turn) -> list[bytes]:
        """Lines on submits; many that follow each other may be in one item."""
        position = 0
        lines: list[bytes] = []
        for run in turn.runs:
            found, position = self._read(turn.octets, position, run)
            lines += [
                self._lines_of(Accepted(sent, 0, len(sent.ids)), turn.epoch, turn.now) for sent in found
            ]
        return lines

    def _read(
        self, octets: bytes, position: int, run: Run, are_alike: bool = False
    ) -> tuple[list[Sent], int]:
        """The submits of a run, by columns as far as possible, and where they end."""
        if run.event != Event.SENT or run.command_status or not self.mask:
            end = end_of(octets, position, run.messages)
            return [_as_read(run, read(octets[position:end]))], end
        alike = self._cutter.cut_alike(octets, position, run.messages, run.account, are_alike)
        if alike is not None:
            likeness, columns, end = alike
            _, _, _, ids = columns
            return [Sent(run, tuple(ids), likeness, columns)], end
        groups, end = self._cutter.cut(octets, position, run.messages, run.account)
        found = []
        for common, rows in groups:
            if common is None:
                found.append(_as_read(run, rows))
            else:
                senders, receivers, lengths, ids = zip(*rows, strict=True)
                found.append(Sent(run, ids, common, (senders, receivers, lengths, ids)))
        return found, end

    def _lines_of(self, accepted: Accepted, epoch: int, now: float) -> bytes:
        sent, first, end = accepted
        stamp, latency = self._stamp_of(epoch), b"%.3f" % (now - sent.run.read_at)
        if sent.likeness is None or sent.columns is None:
            return b"".join(self._singly(sent.run, sent.messages[first:end], stamp, latency))
        columns = sent.columns
        if end - first < len(sent.ids):
            senders, receivers, lengths, ids = columns
            columns = (
                senders if len(senders) == 1 else senders[first:end],
                receivers[first:end],
                lengths if len(lengths) == 1 else lengths[first:end],
                ids[first:end],
            )
        return self._alike(sent.run, sent.likeness, columns, stamp, latency)

    def _alike(self, run: Run, likeness: Likeness, columns: Columns, stamp: bytes, latency: bytes) -> bytes:
        """Lines on what the bearerbox took, made by a template as all look alike; this is the way of most."""
        template = self._templates.get((likeness, run.account, run.bind_id, run.cost))
        if template is None:
            template = self._make_template(likeness, run)
        first, *between, last = template
        parts = [first.replace(_STAMP, stamp), *between, last.replace(_LATENCY, latency)]
        return _fill(parts, self._escaped(columns))

    def _make_template(self, likeness: Likeness, run: Run) -> list[bytes]:
        """What stands before, between and behind the fields of a Row: a stamp in the first, a latency in the last."""
        if len(self._templates) >= MOST_TEMPLATES:
            self._templates.clear()
        who = Who(_STAMP, _EVENTS[Event.SENT], run.account, run.bind_id)
        template = self._line(who, likeness.sms, _BLANKS, run.cost, 0, _LATENCY).split(_BLANK)
        self._templates[likeness, run.account, run.bind_id, run.cost] = template
        return template

    def _escaped(self, columns: Columns) -> Columns:
        senders, receivers, lengths, ids = columns
        if not b"".join((*set(senders), *receivers)).translate(None, self.harmless):
            return columns
        escape = self.escape
        return list(map(escape, senders)), list(map(escape, receivers)), lengths, ids

    def _singly(self, run: Run, messages: Sequence[Sms], stamp: bytes, latency: bytes) -> list[bytes]:
        who = Who(stamp, _EVENTS[Event(run.event)], run.account, run.bind_id)
        status = run.command_status
        cost = 0.0 if status else run.cost
        return [self._line(who, sms, self._row(sms, _own_id(sms)), cost, status, latency) for sms in messages]

    def _row(self, sms: Sms, message_id: bytes) -> Row:
        length = b"%d" % len(sms.msgdata or b"")
        return self.escape(sms.sender), self.escape(sms.receiver), length, self.escape(message_id)

    def deliveries(self, turn: Turn) -> list[bytes]:
        """Lines on reports and messages."""
        stamp, now = self._stamp_of(turn.epoch), turn.now
        lines: list[bytes] = []
        for sms, sent_at, account, bind_id, status in turn.deliveries:
            who = Who(stamp, _delivery_event(sms, status), account, bind_id)
            lines.append(
                self._line(who, sms, self._row(sms, _id_of(sms)), 0.0, status, b"%.3f" % (now - sent_at))
            )
        return lines

    @abstractmethod
    def _line(self, who: Who, sms: Sms, row: Row, cost: float, status: int, latency: bytes) -> bytes:
        """One line; what `row` has is escaped already, and not taken from `sms`."""

    def _stamp_of(self, epoch: int) -> bytes:
        if epoch != self._epoch:
            self._stamp = self._render_time(epoch)
            self._epoch = epoch
        return self._stamp

    @abstractmethod
    def _render_time(self, epoch: int) -> bytes: ...


class KannelStyle(Style):
    """As bearerbox writes its access log, with what only we know at the end of the line."""

    escape = staticmethod(clean)
    harmless = HARMLESS

    def _line(self, who: Who, sms: Sms, row: Row, cost: float, status: int, latency: bytes) -> bytes:
        stamp, event, account, bind_id = who
        sender, receiver, length, message_id = row
        udh = sms.udhdata or b""
        return _KANNEL % (
            stamp,
            event,
            clean(sms.smsc_id),
            clean(account),
            clean(sms.account),
            clean(sms.binfo),
            clean(sms.foreign_id),
            b"" if self.mask else clean(sms.meta_data),
            sender,
            receiver,
            sms.mclass,
            sms.coding,
            sms.mwi,
            sms.compress,
            sms.dlr_mask,
            length,
            MASK if self.mask else text_of(sms),
            len(udh),
            udh.hex().encode(),
            bind_id,
            message_id,
            _parts(sms),
            cost,
            b"none" if status == NO_ANSWER else b"0x%X" % status,
            latency,
        )

    def _render_time(self, epoch: int) -> bytes:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch)).encode()


class JsonStyle(Style):
    """One JSON object a line. `length` is that of the text, in octets; `text` is there when it isn't masked."""

    escape = staticmethod(quoted)
    harmless = UNQUOTED

    def _line(self, who: Who, sms: Sms, row: Row, cost: float, status: int, latency: bytes) -> bytes:
        stamp, event, account, bind_id = who
        sender, receiver, length, message_id = row
        return _JSON % (
            stamp,
            event,
            quoted(account),
            bind_id,
            quoted(sms.smsc_id),
            sender,
            receiver,
            length,
            message_id,
            _parts(sms),
            cost,
            b"null" if status == NO_ANSWER else b"%d" % status,
            latency,
            b"" if self.mask else b',"text":"%b"' % quoted(text_of(sms)),
        )

    def _render_time(self, epoch: int) -> bytes:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(epoch))
        return f"{stamp[:-2]}:{stamp[-2:]}".encode()


def _as_read(run: Run, messages: Sequence[Sms]) -> Sent:
    return Sent(run, tuple([sms.id for sms in messages]), None, None, messages)


def _fill(parts: Sequence[bytes], columns: Columns) -> bytes:
    """Lines of these parts, with a value of each column between them. One join is quicker than a format for each."""
    first, *others = parts
    between, differing = [first], []
    for column, part in zip(columns, others, strict=True):
        if len(column) == 1:
            between[-1] += column[0] + part
        else:
            between.append(part)
            differing.append(column)
    if not differing:
        return between[0]
    first, *between, last = between
    pieces = [last + first, b""]
    for part in between:
        pieces += part, b""
    pieces *= len(differing[0])
    for number, column in enumerate(differing):
        pieces[2 * number + 1 :: 2 * len(differing)] = column
    pieces[0] = first
    pieces.append(last)
    return b"".join(pieces)


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
