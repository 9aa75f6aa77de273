"""The submits of one bind that are not answered yet, and their answers (spec/smpp-session.md 7)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from gevent.event import Event

from ksmppd_py.model.ports import Submissions
from ksmppd_py.model.work import Submission, Submitter
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandId, CommandStatus
from ksmppd_py.smpp.pdus import DataSm, DataSmResp, SubmitSm
from ksmppd_py.transport.desk import Desk
from ksmppd_py.transport.framed import FramedSocket
from ksmppd_py.transport.greenlets import Owner

logger = logging.getLogger(__name__)

_SUBMIT_SM_RESP = int(CommandId.SUBMIT_SM_RESP)
_SYSTEM_ERROR = int(CommandStatus.RSYSERR)


class Submits:
    """Lets submits walk down in the order in which they came, and answers each exactly once.

    Its greenlet takes all that the bind has sent meanwhile as one batch. What the bearerbox accepts is answered by
    `put`, in the greenlet that read the ack: so no receipt overtakes its submit_sm_resp, and nothing is waited for.
    """

    __slots__ = (
        "_desk",
        "_ended",
        "_flow",
        "_level",
        "_name",
        "_owner",
        "_quiet",
        "_socket",
        "in_hand",
        "submitter",
    )

    def __init__(
        self, name: str, framed: FramedSocket, flow: Submissions, submitter: Submitter, owner: Owner
    ) -> None:
        self.submitter = submitter
        self.in_hand = 0
        self._name = name
        self._socket = framed
        self._flow = flow
        self._owner = owner
        self._desk: Desk[Submission] | None = None
        self._ended = False
        self._quiet: Event | None = None
        self._level = 0

    @property
    def queued(self) -> int:
        """Submits read and not yet on their way."""
        return len(self._desk) if self._desk is not None else 0

    def take(self, sequence_number: int, pdu: SubmitSm | DataSm, ordinal: int) -> None:
        """Take a submit in hand. Doesn't yield."""
        if self._desk is None:
            self._desk = Desk()
            self._owner.spawn(f"{self._name} submits", self._walk, self._desk)
        self.in_hand += 1
        self._desk.put(Submission(self, sequence_number, pdu, ordinal))

    def _walk(self, desk: Desk[Submission]) -> None:
        """Take submits down to their next holder, and up again those that aren't simply accepted."""
        while True:
            batch = desk.take()
            if not batch:
                return
            try:
                self._walk_batch(batch)
            except Exception:
                logger.exception("Submits of %s failed unexpectedly", self.submitter.account.system_id)
                self._answer_stranded(batch)

    def _walk_batch(self, batch: list[Submission]) -> None:
        fresh = [submission for submission in batch if submission.result is None]
        if fresh:
            self._answer(self._flow.submit(fresh, self.submitter))
        if len(fresh) < len(batch):
            returned = [submission for submission in batch if submission.result is not None]
            self._flow.conclude(returned, self.submitter)
            self._answer(returned)

    def _answer_stranded(self, batch: list[Submission]) -> None:
        """After an error of ours: whatever nobody holds is refused for now."""
        stranded = [s for s in batch if not s.answered and (s.result is not None or not s.sent_at)]
        for submission in stranded:
            submission.command_status = _SYSTEM_ERROR
        self._answer(stranded)

    def put(self, submission: Submission) -> None:
        """Take back a submit whose fate is known; what was accepted is answered at once. Doesn't yield."""
        result = submission.result
        if result == 0 or result == 3:
            submitter = self.submitter
            submission.command_status = 0
            submitter.counters.mt += 1
            submitter.esme.counters.mt += 1
            self._answer((submission,))
        elif self._desk is not None:
            self._desk.put(submission)

    def _answer(self, settled: Sequence[Submission]) -> None:
        """Send the responses, in this order; into the void when the connection is gone. Doesn't yield."""
        write = self._socket.write
        for submission in settled:
            submission.answered = True
            status = submission.command_status
            sms = submission.sms
            message_id = sms.id if sms is not None and not status else b""
            if submission.pdu.__class__ is not SubmitSm:
                write(codec.pack(DataSmResp(message_id), submission.sequence_number, status or 0))
            elif not status:
                write(codec.pack_submit_sm_resp(submission.sequence_number, message_id))
            else:
                write(codec.pack_header_only(_SUBMIT_SM_RESP, status, submission.sequence_number))
        self.in_hand -= len(settled)
        if self._quiet is not None and self.in_hand <= self._level:
            self._quiet.set()
        if self._ended and self.in_hand <= 0 and self._desk is not None:
            self._desk.close()

    def wait_until_quiet(self, level: int, timeout: float | None) -> None:
        """Wait until at most `level` submits are in hand. May yield."""
        if self.in_hand <= level:
            return
        self._level = level
        self._quiet = Event()
        self._quiet.wait(timeout)
        self._quiet = None

    def end(self) -> None:
        """The connection is gone: settle what is in hand, then end the greenlet. Doesn't yield."""
        self._ended = True
        if self.in_hand <= 0 and self._desk is not None:
            self._desk.close()
