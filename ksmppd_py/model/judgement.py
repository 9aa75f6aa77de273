"""Finds the daemon's problems from the state of bearerboxes, database and SMPP port."""

from __future__ import annotations

from collections.abc import Iterator

from ksmppd_py.model.condition import Condition, Trouble
from ksmppd_py.model.status import BearerboxSnapshot, BearerboxStatus

FEW = 10
"""Refusals within a minute up to which a bearerbox counts as working."""
SILENCE_TIMEOUT = 10
"""Seconds for which a bearerbox may leave everything unacked before that is a problem."""


def judge(
    boxes: BearerboxStatus, *, accepting: bool, database: bool, changes: bool, queue: bool
) -> Condition:
    """Return the condition.

    `accepting`: the SMPP port is open; `database`: it answers; `changes`: it takes changes; `queue`: messages that find
    no bearerbox are stored in it.
    """
    return Condition(tuple(_troubles(boxes, accepting, database, changes, queue)))


def _troubles(
    boxes: BearerboxStatus, accepting: bool, database: bool, changes: bool, queue: bool
) -> Iterator[Trouble]:
    if not accepting:
        yield Trouble("closed", "the SMPP port is closed")
    if not database:
        yield Trouble("database", "the database doesn't answer")
    elif not changes:
        yield Trouble("database_changes", "the database takes no changes")
    if not boxes.online:
        if queue and changes:
            yield Trouble("bearerboxes_away", "no bearerbox is connected, messages wait in the database")
        else:
            yield Trouble("no_bearerbox", "no bearerbox is connected")
    for box in boxes.bearerboxes:
        if not box.online:
            if boxes.online:
                yield Trouble(
                    "bearerbox_away", "a bearerbox is not connected", f"{box.name} is not connected"
                )
            continue
        yield from _troubles_of(box)


def _troubles_of(box: BearerboxSnapshot) -> Iterator[Trouble]:
    refused, answered = box.refused_lately, box.refused_lately + box.accepted_lately
    if refused >= FEW and refused > box.accepted_lately:
        details = f"{box.name} refused {refused:,} of {answered:,} messages in the last minute"
        yield Trouble("bearerbox_refuses", "a bearerbox refuses messages", details)
    if box.unanswered_for >= SILENCE_TIMEOUT:
        details = f"{box.name} has left messages without an answer for {box.unanswered_for} s"
        yield Trouble("bearerbox_silent", "a bearerbox does not answer", details)
