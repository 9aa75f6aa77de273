"""From what was answered to what the scribe is told of it: runs, columns, and octets. Nothing in here yields."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from ksmppd_py.accesslog.frames import Event, PackedColumns, PackedRun
from ksmppd_py.kannel.codec import pack_sms
from ksmppd_py.kannel.messages import NIL_ID, Sms, SmsType
from ksmppd_py.model.work import Delivery, Submission, Submitter
from ksmppd_py.smpp.constants import ESM_TYPE_DELIVERY_RECEIPT

logger = logging.getLogger(__name__)

Answered: TypeAlias = "tuple[Delivery, int, int, float]"
"""A delivery, bind id, command_status or NO_ANSWER, when it was sent (monotonic seconds)."""
_SENT, _NO_LINE = int(Event.SENT), int(Event.NO_LINE)


def note_sent(batch: Sequence[Submission]) -> list[PackedRun]:
    """Submits that a bearerbox is being sent, in order. What the store sends makes no lines.

    Those that were read together have the same object in `received_at`, which is quick to compare.
    """
    runs: list[PackedRun] = []
    first, count = batch[0], 0
    read_at, cost = first.received_at, first.cost
    for submission in batch:
        if submission.received_at is not read_at or submission.cost != cost:
            runs.append(_run_of(first, count))
            first, count = submission, 0
            read_at, cost = first.received_at, first.cost
        count += 1
    runs.append(_run_of(first, count))
    return runs


def _run_of(first: Submission, count: int) -> PackedRun:
    """So many, of which this is the first. A defect of ours that one meets costs no other its line."""
    submitter = first.desk.submitter
    if submitter is not None and not first.row:
        try:
            times = float(first.received_at), _SENT, 0, float(first.cost)
        except Exception:
            logger.exception("A line of the access log can't be formatted")
        else:
            return count, submitter.service, submitter.bind_id, *times
    return count, b"", 0, 0.0, _NO_LINE, 0, 0.0


def note_settled(
    submitter: Submitter, settled: Sequence[Submission], runs: list[PackedRun], frames: list[bytes]
) -> None:
    """Submits of a bind, whatever became of them. A defect of ours that one meets costs no other its line."""
    for submission in settled:
        try:
            frame = _octets_of(submission.sms or _unread(submission.pdu, SmsType.MT_PUSH))
            status = int(submission.command_status or 0)  # marshal takes no IntEnum
            event = _event_of(submission, submitter)
            times = float(submission.received_at), event, status, float(submission.cost)
            runs.append((1, submitter.service, submitter.bind_id, *times))
        except Exception:
            logger.exception("A line of the access log can't be formatted")
        else:
            frames.append(frame)


def note_deliveries(answered: Sequence[Answered]) -> tuple[PackedColumns | None, list[bytes]]:
    """Deliveries in the order of their answers, and their frames; what is said of a defect above holds here, too."""
    if not answered:
        return None, []
    try:
        frames = [delivery.sms.octets for delivery, _, _, _ in answered]  # type: ignore[union-attr]  # None is caught
    except AttributeError:  # one that was stored, or came before there was an access log
        answered, frames = _read_out(answered)
        if not answered:
            return None, []
    deliveries, bind_ids, statuses, sent_at = zip(*answered, strict=True)
    system_ids = "\0".join([delivery.system_id for delivery in deliveries])
    return (sent_at, system_ids, bind_ids, list(map(int, statuses)) if any(statuses) else None), frames


def _read_out(answered: Sequence[Answered]) -> tuple[list[Answered], list[bytes]]:
    good: list[Answered] = []
    frames: list[bytes] = []
    for one in answered:
        try:
            frames.append(_octets_as_read(one[0]))
        except Exception:
            logger.exception("A line of the access log can't be formatted")
        else:
            good.append(one)
    return good, frames


def _octets_as_read(delivery: Delivery) -> bytes:
    sms = delivery.sms
    if sms is None:
        is_report = delivery.pdu.esm_class & ESM_TYPE_DELIVERY_RECEIPT
        return _octets_of(_unread(delivery.pdu, SmsType.REPORT_MO if is_report else SmsType.MO))
    return getattr(sms, "octets", b"") or _octets_of(sms)


def _octets_of(sms: Sms) -> bytes:
    try:
        return pack_sms(sms)
    except ValueError:  # a stored one may have any id
        return pack_sms(replace(sms, id=NIL_ID))


def _event_of(submission: Submission, submitter: Submitter) -> int:
    if submission.command_status:
        return int(Event.FAILED)
    if submitter.account.simulation is not None:
        return int(Event.SIMULATED)
    return int(Event.SENT if submission.result in (0, 3) else Event.QUEUED)


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
