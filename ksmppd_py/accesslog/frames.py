"""What was answered, as octets for whoever makes lines of it, and back. Pure.

The daemon may spend less than half a microsecond on a message here, so it sends columns and no lines: the octets in
which a message travelled between us and the bearerbox are there already, and what they don't tell is the same for
most. `marshal` is quick, and fine between two processes of one interpreter; its version 2 keeps no table of references.
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ksmppd_py.kannel.codec import BoxLink, pack_sms
from ksmppd_py.kannel.messages import NIL_ID, Sms, SmsType
from ksmppd_py.smpp.constants import ESM_TYPE_DELIVERY_RECEIPT

if TYPE_CHECKING:  # the scribe loads no more than it needs
    from ksmppd_py.model.work import Delivery, Submission, Submitter

NO_ANSWER = -1
"""In place of a command_status."""
_VERSION = 2
_HEAD = struct.Struct("=IIB")
HEAD_OCTETS = _HEAD.size


class Kind(IntEnum):
    """What a frame is about: lines to write; the file and the style of all that follow; what became of lines."""

    LINES = 0
    OPEN = 1
    REPORT = 2


class Event(IntEnum):
    """What became of a submit."""

    SENT = 0
    QUEUED = 1
    SIMULATED = 2
    FAILED = 3


Submitted: TypeAlias = "tuple[Sms, float, bytes, int, int, int, float]"
"""Message, when it was read (monotonic seconds), account, bind id, Event, command_status, cost."""
Delivered: TypeAlias = "tuple[Sms, float, bytes, int, int]"
"""Message, when it was sent (monotonic seconds), account, bind id, command_status or NO_ANSWER."""


class Turn(NamedTuple):
    """What was answered in a turn of the loop that ended at `epoch`, which was `now` in monotonic seconds."""

    epoch: int
    now: float
    submits: Sequence[Submitted]
    deliveries: Sequence[Delivered]


@dataclass(slots=True)
class Collected:
    """What was answered in a few turns of the loop, to become one frame.

    `submits` and their `submitters` are in the order of the answers; `odd` once there is one that the bearerbox
    didn't simply take. `deliveries` come with bind id, command_status (or NO_ANSWER), and when they were sent.
    `turns` tell for each turn how many submits and deliveries there were when it ended, and when that was, in epoch
    and in monotonic seconds.
    """

    submits: list[Submission] = field(default_factory=list)
    submitters: list[Submitter] = field(default_factory=list)
    deliveries: list[tuple[Delivery, int, int, float]] = field(default_factory=list)
    turns: list[tuple[int, int, float, float]] = field(default_factory=list)
    odd: bool = False

    def __len__(self) -> int:
        return len(self.submits) + len(self.deliveries)

    def singly(self) -> Iterator[Collected]:
        """Each message by itself."""
        first_submit = first_delivery = 0
        for end_submit, end_delivery, epoch, now in self.turns:
            for number in range(first_submit, end_submit):
                submit, submitter = [self.submits[number]], [self.submitters[number]]
                yield Collected(submit, submitter, [], [(1, 0, epoch, now)], self.odd)
            for number in range(first_delivery, end_delivery):
                yield Collected([], [], [self.deliveries[number]], [(0, 1, epoch, now)])
            first_submit, first_delivery = end_submit, end_delivery


def pack(kind: Kind, lines: int, content: tuple[Any, ...]) -> bytes:
    """A frame: four octets with the length of the content, four with how many lines it makes, its kind; the content."""
    octets = marshal.dumps(content, _VERSION)
    return _HEAD.pack(len(octets), lines, kind) + octets


def unpack_head(octets: bytes | bytearray, position: int = 0) -> tuple[int, int, int]:
    """Octets that follow the head, lines that they make, kind."""
    length, lines, kind = _HEAD.unpack_from(octets, position)
    return length, lines, kind


def unpack(content: bytes | bytearray | memoryview) -> Any:
    """What follows the head."""
    return marshal.loads(content)


def pack_collected(collected: Collected) -> bytes:
    """The frame of what was answered. Raises whatever a message does that can't be packed."""
    submits = _submit_columns(collected) if collected.submits else None
    deliveries = _delivery_columns(collected) if collected.deliveries else None
    return pack(Kind.LINES, len(collected), (collected.turns, submits, deliveries))


def turns_of(content: Any) -> Iterator[Turn]:
    """What pack_collected packed, turn by turn."""
    turns, submit_columns, delivery_columns = content
    submits = _submits_of(*submit_columns) if submit_columns else []
    deliveries = _deliveries_of(*delivery_columns) if delivery_columns else []
    first_submit = first_delivery = 0
    for end_submit, end_delivery, epoch, now in turns:
        yield Turn(int(epoch), now, submits[first_submit:end_submit], deliveries[first_delivery:end_delivery])
        first_submit, first_delivery = end_submit, end_delivery


def _submit_columns(collected: Collected) -> tuple[object, ...]:
    submits, submitters = collected.submits, collected.submitters
    octets = [submission.octets for submission in submits]
    if b"" in octets:  # no bearerbox was sent it
        octets = [s.octets or _octets_of(s.sms or _unread(s.pdu, SmsType.MT_PUSH)) for s in submits]
    bind_ids = [submitter.bind_id for submitter in submitters]
    costs = [submission.cost for submission in submits]
    odd = None
    if collected.odd:
        odd = (
            bytes(map(_event_of, submits, submitters)),
            [int(submission.command_status or 0) for submission in submits],  # marshal takes no IntEnum
        )
    return (
        b"".join(octets),
        [submission.received_at for submission in submits],
        bind_ids,
        {
            bind_id: submitter.service
            for bind_id, submitter in dict(zip(bind_ids, submitters, strict=True)).items()
        },
        costs if any(costs) else None,
        odd,
    )


def _submits_of(
    octets: bytes,
    received_at: list[float],
    bind_ids: list[int],
    services: dict[int, bytes],
    costs: list[float] | None,
    odd: tuple[bytes, list[int]] | None,
) -> list[Submitted]:
    events, statuses = odd or (repeat(int(Event.SENT)), repeat(0))
    accounts = [services[bind_id] for bind_id in bind_ids]
    all_costs = costs or repeat(0.0)
    columns = zip(_read(octets), received_at, accounts, bind_ids, events, statuses, all_costs)  # noqa: B905 - the same
    return list(columns)


def _delivery_columns(collected: Collected) -> tuple[object, ...]:
    deliveries, bind_ids, statuses, sent_at = zip(*collected.deliveries, strict=True)
    try:
        octets = [delivery.sms.octets for delivery in deliveries]
    except AttributeError:  # one that was stored, or came before there was an access log
        octets = [_octets_as_read(delivery) for delivery in deliveries]
    system_ids = "\0".join([delivery.system_id for delivery in deliveries])  # C-Octet Strings
    told = list(map(int, statuses)) if any(statuses) else None
    return b"".join(octets), sent_at, system_ids, bind_ids, told


def _deliveries_of(
    octets: bytes,
    sent_at: Sequence[float],
    system_ids: str,
    bind_ids: Sequence[int],
    statuses: Sequence[int] | None,
) -> list[Delivered]:
    accounts = system_ids.encode().split(b"\0")
    return list(zip(_read(octets), sent_at, accounts, bind_ids, statuses or repeat(0)))  # noqa: B905 - one is endless


def _read(octets: bytes) -> list[Any]:
    """The messages. Raises ValueError."""
    link = BoxLink()
    messages = link.receive(octets)
    if link.broken:
        raise ValueError(link.broken)
    return messages


def _octets_of(sms: Sms) -> bytes:
    try:
        return pack_sms(sms)
    except ValueError:  # a stored one may have any id
        return pack_sms(replace(sms, id=NIL_ID))


def _octets_as_read(delivery: Delivery) -> bytes:
    sms = delivery.sms
    if sms is None:
        is_report = delivery.pdu.esm_class & ESM_TYPE_DELIVERY_RECEIPT
        return _octets_of(_unread(delivery.pdu, SmsType.REPORT_MO if is_report else SmsType.MO))
    return getattr(sms, "octets", b"") or _octets_of(sms)


def _event_of(submission: Submission, submitter: Submitter) -> int:
    if submission.command_status:
        return Event.FAILED
    if submitter.account.simulation is not None:
        return Event.SIMULATED
    return Event.SENT if submission.result in (0, 3) else Event.QUEUED


def _unread(pdu: object, sms_type: SmsType) -> Sms:
    """What a submit says that was refused before it was translated, or a deliver_sm that was stored as such."""
    return Sms(
        sms_type=int(sms_type),
        sender=getattr(pdu, "source_addr", b""),
        receiver=getattr(pdu, "destination_addr", b""),
        msgdata=getattr(pdu, "short_message", b""),
        binfo=getattr(pdu, "service_type", b""),
        coding=1,
    )
