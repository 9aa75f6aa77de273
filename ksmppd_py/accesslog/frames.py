"""What travels between the daemon and its scribe: a head, and values. Pure.

The daemon may spend a quarter of a microsecond on a message here, so it makes no lines: the octets in which a message
travelled between us and the bearerbox are there already, and what they don't tell is the same for most. `marshal` is
quick, and fine between two processes of one interpreter; its version 2 keeps no table of references.
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import repeat
from typing import Any, NamedTuple, TypeAlias

from ksmppd_py.kannel.codec import ACK_OCTETS, BoxLink
from ksmppd_py.kannel.messages import Sms

NO_ANSWER = -1
"""In place of a command_status."""
_VERSION = 2
_HEAD = struct.Struct("=IIB")
HEAD_OCTETS = _HEAD.size
_length_at = struct.Struct(">i").unpack_from


class Kind(IntEnum):
    """What a frame is about: lines to write; the file and the style of all that follow; what became of lines."""

    LINES = 0
    OPEN = 1
    REPORT = 2


class Step(IntEnum):
    """What a frame of LINES tells, in the order in which it was: a value of these is the first of each tuple.

    A bearerbox was sent submits; it acked some; a connection was lost with all that wasn't acked (None: each one was,
    as far as lines are concerned); a turn of the loop ended, and all that was answered in it is told in full. Of what a
    bearerbox was sent most was read from one bind at a time: READ tells that in as few values as do.
    """

    SENT = 0
    ACKED = 1
    LOST = 2
    TURN = 3
    READ = 4


class Event(IntEnum):
    """What became of a submit. NO_LINE: a stored one, which has had its line when it was stored."""

    SENT = 0
    QUEUED = 1
    SIMULATED = 2
    FAILED = 3
    NO_LINE = 4


class Run(NamedTuple):
    """Submits that follow each other and have everything here in common.

    `read_at` is when they were read (monotonic seconds), `account` the system_id in lower case.
    """

    messages: int
    account: bytes
    bind_id: int
    read_at: float
    event: int
    command_status: int
    cost: float


class Columns(NamedTuple):
    """Of deliveries: monotonic seconds of sending, system_ids (C-Octet Strings), binds, statuses if any isn't 0."""

    sent_at: Sequence[float]
    system_ids: str
    bind_ids: Sequence[int]
    statuses: Sequence[int] | None


PackedRun: TypeAlias = "tuple[int, bytes, int, float, int, int, float]"
PackedColumns: TypeAlias = "tuple[Sequence[float], str, Sequence[int], Sequence[int] | None]"
"""Run and Columns as marshal takes them: no subclasses."""
PackedPlace: TypeAlias = "tuple[int, int] | bytes"
"""Where octets begin in the shared memory, and how many they are; or they themselves."""
PackedSent: TypeAlias = "tuple[int, int, list[PackedRun], PackedPlace]"
"""Step.SENT, the connection, submits and their octets."""
PackedRead: TypeAlias = "tuple[int, int, bool, int, bytes, int, float, int, int]"
"""Step.READ, the connection, whether they are alike, the first four of a Run, where their octets begin and end."""
PackedAcked: TypeAlias = "tuple[int, int, float, PackedPlace]"
"""Step.ACKED, the connection, monotonic seconds, the acks' octets."""
PackedLost: TypeAlias = "tuple[int, int | None]"
"""Step.LOST, the connection."""
PackedTurn: TypeAlias = (
    "tuple[int, int, float, list[PackedRun], PackedPlace, PackedColumns | None, PackedPlace]"
)
"""Step.TURN, epoch, monotonic seconds, submits and their octets, deliveries and theirs."""
Packed: TypeAlias = "PackedSent | PackedRead | PackedAcked | PackedLost | PackedTurn"
Delivered: TypeAlias = "tuple[Sms, float, bytes, int, int]"
"""Message, when it was sent (monotonic seconds), account, bind id, command_status or NO_ANSWER."""
Get: TypeAlias = Callable[[int, int], bytes]
"""Reads octets from the shared memory."""


class Turn(NamedTuple):
    """What was answered in a turn of the loop that ended at `epoch`, which was `now` in monotonic seconds.

    `octets` are the frames of the submits in `runs`.
    """

    epoch: int
    now: float
    octets: bytes
    runs: Sequence[Run]
    deliveries: Sequence[Delivered]


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


def turn_of(packed: PackedTurn, get: Get) -> Turn:
    """What the daemon noted of a turn. Raises ValueError."""
    _, epoch, now, runs, place, columns, delivered = packed
    deliveries: list[Delivered] = []
    if columns:
        deliveries = _deliveries_of(octets_at(delivered, get), Columns(*columns))
    return Turn(epoch, now, octets_at(place, get), list(map(Run._make, runs)), deliveries)


def count_lines(step: Any) -> tuple[int, int]:
    """How many lines hang on a Packed: of those that were announced with it, and of those that would be later."""
    if step[0] == Step.SENT:
        _, _, runs, _ = step
        return 0, sum(run[0] for run in runs)
    if step[0] == Step.READ:
        _, _, _, count, *_ = step
        return 0, count
    if step[0] == Step.ACKED:
        _, _, _, place = step
        return (len(place) if isinstance(place, bytes) else place[1]) // ACK_OCTETS, 0
    if step[0] == Step.LOST:
        return 0, 0
    _, _, _, runs, _, columns, _ = step
    return sum(run[0] for run in runs) + (len(columns[0]) if columns else 0), 0


def octets_at(place: PackedPlace, get: Get) -> bytes:
    """The octets themselves."""
    return place if isinstance(place, bytes) else get(*place)


def _deliveries_of(octets: bytes, columns: Columns) -> list[Delivered]:
    accounts = columns.system_ids.encode().split(b"\0")
    statuses = columns.statuses or repeat(0)
    return list(zip(read(octets), columns.sent_at, accounts, columns.bind_ids, statuses))  # noqa: B905 - one is endless


def read(octets: bytes) -> list[Any]:
    """The messages. Raises ValueError."""
    link = BoxLink()
    messages = link.receive(octets)
    if link.broken:
        raise ValueError(link.broken)
    return messages


def end_of(octets: bytes, position: int, messages: int) -> int:
    """Where the frames of so many messages end. Raises struct.error."""
    for _ in range(messages):
        position += 4 + _length_at(octets, position)[0]
    return position
