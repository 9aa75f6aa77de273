"""The submits of one bind that are not answered yet, and their answers (docs/rules/smpp-session.md 7)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from sys import maxsize
from time import monotonic

import gevent
from gevent.event import Event

from ksmppd_py.esme.error_responses import error_response
from ksmppd_py.esme.memory_bounds import EACH, octets_of
from ksmppd_py.esme.multi import ToOneOfMany, WholeMulti
from ksmppd_py.esme.query_cancel import QueryCancelQueue
from ksmppd_py.esme.session_context import SessionContext
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.work import BindContext, Submit, id_for_esme
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandId, CommandStatus
from ksmppd_py.smpp.pdus import CancelSm, DataSm, DataSmResp, QuerySm, SubmitMulti, SubmitSm
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.multi import expand
from ksmppd_py.transport.batch_queue import BatchQueue
from ksmppd_py.transport.framed import FramedSocket

logger = logging.getLogger(__name__)

_POLL_INTERVAL = 0.02
"""Seconds between two checks whether all is answered, when this side unbinds."""
_SUBMIT_SM_RESP = int(CommandId.SUBMIT_SM_RESP)
_SUBMIT_MULTI = int(CommandId.SUBMIT_MULTI)
_ACCEPTED = SubmitResult.ACCEPTED
_SYSTEM_ERROR = int(CommandStatus.RSYSERR)
_NO_ROOM = int(CommandStatus.RMSGQFUL)


class SubmitQueue:
    """Passes submits to the flow in the order in which they came, and answers each exactly once.

    The submits of one read are a batch. The bind's reader submits it itself if nothing has to be waited for. Otherwise
    a second greenlet does, so that the reader stays free, and takes all that have come meanwhile as one batch. Where
    routes come from an HTTP server or a plugin each batch has a greenlet of its own.

    `settled` answers a submit that the bearerbox accepts in the greenlet that read the ack, without waiting: so no
    receipt overtakes its submit_sm_resp.
    """

    __slots__ = (
        "_access",
        "_context",
        "_counted",
        "_ended",
        "_enough_octets",
        "_flow",
        "_fresh",
        "_handed_over",
        "_level",
        "_lookup",
        "_memory",
        "_name",
        "_query_cancel",
        "_queue",
        "_quiet",
        "_remember",
        "_socket",
        "bind",
        "in_flight",
        "read_at",
        "routing",
        "tlvs",
    )

    def __init__(self, framed: FramedSocket, bind: BindContext, context: SessionContext) -> None:
        self.bind = bind
        self.in_flight = 0
        self.tlvs = 0
        """Octets that the TLVs of unanswered submits take."""
        self._memory = context.submit_memory
        self.read_at = monotonic()
        """Monotonic seconds of the last read; set by the session."""
        self._access = context.access
        self._name = f"bind {bind.bind_id}"
        self._socket = framed
        self._flow = context.flow
        self._context = context
        self._lookup = context.lookup
        self._query_cancel: QueryCancelQueue | None = None
        self._counted = bind.ids is not None
        self._remember = context.lookup.remember_counted if self._counted else context.lookup.remember
        self._queue: BatchQueue[Submit] | None = None
        self._fresh: list[Submit] = []
        self._ended = False
        self._quiet: Event | None = None
        self._handed_over: Event | None = None
        self.routing = 0
        """Submits that wait for the answer of an HTTP server or a plugin."""
        self._level = 0
        self._enough_octets = 0

    @property
    def queued(self) -> int:
        """Submits read that the flow hasn't got yet."""
        return len(self._queue) if self._queue is not None else 0

    def take(self, sequence_number: int, pdu: SubmitSm | DataSm, ordinal: int) -> None:
        """Take in one submit; it waits until `process_batch` is called. Doesn't yield.

        While the server is stopping it is refused with ESME_RSYSERR.
        """
        if self._context.is_stopping:
            self._socket.write(error_response(int(pdu.command_id), sequence_number, _SYSTEM_ERROR))
            return
        self.in_flight += 1
        submit = Submit(self, sequence_number, pdu, ordinal)
        submit.received_at = self.read_at
        self._fresh.append(submit)
        if pdu.tlvs:
            self._hold(octets_of(pdu.tlvs))

    def _hold(self, octets: int) -> None:
        self.tlvs += octets
        self._memory.tlvs += octets

    @property
    def octets(self) -> int:
        """An estimate of the memory that unanswered submits take."""
        return self.in_flight * EACH + self.tlvs

    def process_batch(self) -> None:
        """Pass on the submits taken since the last call: those of one read. Doesn't yield."""
        fresh = self._fresh
        if not fresh:
            return
        self._fresh = []
        memory = self._memory
        memory.count += len(fresh)
        if memory.is_full:
            logger.warning("Too many submits of all binds wait, %d are refused", len(fresh))
            self._refuse(fresh, _NO_ROOM, "too much unanswered")  # an ESME tries again on ESME_RMSGQFUL
            return
        queue = self._queue
        if queue is None or queue.is_idle:
            try:
                refused = self._flow.submit_at_once(fresh, self.bind)
                if refused:
                    self._answer(refused)
            except Exception:
                self._failed(fresh)
                return
            if refused is not None:
                return
        if queue is None:
            queue = self._open()
        for submit in fresh:
            queue.put(submit)

    def _refuse(self, batch: list[Submit], command_status: int, reason: str) -> None:
        self._flow.refuse(batch, self.bind, command_status, reason)
        self._answer(batch)

    def take_query_cancel(self, sequence_number: int, pdu: QuerySm | CancelSm) -> None:
        """Take in a query_sm or cancel_sm. Doesn't yield."""
        if self._query_cancel is None:
            self._query_cancel = QueryCancelQueue(
                self.bind, self._socket, self._context, self._count_answered
            )
        taken = self._query_cancel.take(sequence_number, pdu)
        self.in_flight += taken
        self._memory.count += taken

    def take_multi(self, sequence_number: int, pdu: SubmitMulti, ordinal: int) -> None:
        """Take in a submit_multi, as one message for each destination, as `take` does. Doesn't yield."""
        if self._context.is_stopping or self._memory.is_full:
            status = _SYSTEM_ERROR if self._context.is_stopping else _NO_ROOM
            self._socket.write(error_response(_SUBMIT_MULTI, sequence_number, status))
            return
        message_id = self._lookup.new_id()
        try:
            messages = expand(pdu, message_id)
        except Untranslatable as refusal:
            logger.debug("submit_multi of %s refused: %s", self.bind.account.system_id, refusal)
            self._socket.write(error_response(_SUBMIT_MULTI, sequence_number, int(refusal.command_status)))
            return
        octets = octets_of(pdu.tlvs)
        self._hold(octets)
        submits = WholeMulti(sequence_number, message_id, octets).submits(self, messages, ordinal)
        self.in_flight += len(submits)
        for submit in submits:
            submit.received_at = self.read_at
        self._fresh.extend(submits)

    def _open(self) -> BatchQueue[Submit]:
        queue: BatchQueue[Submit] = BatchQueue()
        self._queue = queue
        self._context.greenlets.spawn(f"{self._name} submits", self._serve_queue, queue)
        return queue

    def _serve_queue(self, queue: BatchQueue[Submit]) -> None:
        """Pass on the submits that queue up, and conclude those that came back without being accepted.

        Ends with the queue.
        """
        while True:
            batch = queue.take()
            if not batch:
                return
            fresh = [submit for submit in batch if submit.result is None]
            returned = [submit for submit in batch if submit.result is not None]
            if fresh and self._flow.overlaps(self.bind):
                before, self._handed_over = self._handed_over, Event()
                self._context.greenlets.spawn(
                    f"{self._name} routing", self._submit_in_turn, fresh, before, self._handed_over
                )
            elif fresh:
                self._submit(fresh)
            if returned:
                self._conclude(returned)

    def _submit(self, batch: list[Submit], turn: Callable[[], object] | None = None) -> None:
        try:
            self._accepted(self._flow.submit(batch, self.bind, turn))
        except Exception:
            self._failed(batch)

    def _submit_in_turn(self, batch: list[Submit], before: Event | None, handed_over: Event) -> None:
        """Submit a batch while others wait for their routes too; it is sent after the one before it. May yield."""
        self.routing += len(batch)
        try:
            self._submit(batch, before.wait if before is not None else None)
        finally:
            self.routing -= len(batch)
            handed_over.set()

    def _conclude(self, batch: list[Submit]) -> None:
        try:
            self._flow.conclude(batch, self.bind)
            self._accepted(batch)
        except Exception:
            self._failed(batch)

    def _accepted(self, settled: list[Submit]) -> None:
        """Answer these, and remember for query_sm those that the store or the simulation took. Doesn't yield."""
        for submit in settled:
            if not submit.command_status:
                self._remember(submit.sms)
        self._answer(settled)

    def _failed(self, batch: list[Submit]) -> None:
        """Handle an unexpected error: refuse with ESME_RSYSERR what neither bearerbox nor store has. Doesn't yield."""
        logger.exception("Submits of %s failed unexpectedly", self.bind.account.system_id)
        stranded = [
            s for s in batch if not s.answered and (s.result is not None or not (s.sent_at or s.waits_since))
        ]
        self._refuse(stranded, _SYSTEM_ERROR, "unexpected error")

    def settled(self, submit: Submit) -> None:
        """Take back a submit with its result. One that was accepted is answered at once.

        Doesn't yield (model.work.Origin).
        """
        if submit.result is _ACCEPTED:
            bind = self.bind
            submit.command_status = 0
            bind.count(1, 0)
            self._remember(submit.sms)
            settled = (submit,)
            self._respond(settled)
            access = self._access
            if access.on:
                access.submitted(settled, bind)
        else:
            queue = self._queue if self._queue is not None else self._open()
            queue.put(submit)

    def _answer(self, settled: Sequence[Submit]) -> None:
        """Send the responses in this order, and log them in the access log. Doesn't yield."""
        self._respond(settled)
        if self._access.on:
            self._access.submitted(settled, self.bind)

    def _respond(self, settled: Sequence[Submit]) -> None:
        """Send the responses in this order; when the connection is gone they are dropped. Doesn't yield."""
        write = self._socket.write
        for submit in settled:
            submit.answered = True
            status = submit.command_status
            sms = submit.sms
            message_id = sms.id if sms is not None and not status else b""
            if message_id and self._counted:
                message_id = id_for_esme(sms)  # type: ignore[arg-type]  # it has an id
            pdu = submit.pdu
            if pdu.__class__ is not SubmitSm:
                self._answer_other(submit, message_id)
                continue
            if pdu.tlvs:
                self._hold(-octets_of(pdu.tlvs))
            if not status:
                write(codec.pack_submit_sm_resp(submit.sequence_number, message_id))
            else:
                write(codec.pack_header_only(_SUBMIT_SM_RESP, status, submit.sequence_number))
        self._count_answered(len(settled))

    def _count_answered(self, count: int) -> None:
        self.in_flight -= count
        self._memory.count -= count
        if self._quiet is not None and self.in_flight <= self._level and self.octets <= self._enough_octets:
            self._quiet.set()
        if self._ended and self.in_flight <= 0:
            self._close()

    def _close(self) -> None:
        if self._queue is not None:
            self._queue.close()
        if self._query_cancel is not None:
            self._query_cancel.end()

    def _answer_other(self, submit: Submit, message_id: bytes) -> None:
        """Answer what isn't a submit_sm; a submit_multi once all its destinations are settled."""
        if isinstance(submit, ToOneOfMany):
            if message_id and submit.sms is not None:
                # The ESME knows the message by the id that all destinations share.
                submit.whole.message_id = message_id = id_for_esme(submit.sms)
                self._remember(replace(submit.sms, id=message_id))
            response = submit.whole.destination_settled(submit)
            if response is not None:
                self._socket.write(response)
                self._hold(-submit.whole.octets)
            return
        self._hold(-octets_of(submit.pdu.tlvs))
        status = submit.command_status or 0
        self._socket.write(codec.pack(DataSmResp(message_id), submit.sequence_number, status))

    def wait_for_room(self) -> None:
        """Wait while one bind has more unanswered than it may, until half of it is answered.

        May yield, without a limit.
        """
        most = self._context.bounds.unanswered
        if self.in_flight > most:
            self.wait_until_quiet(most // 2, None)
        octets = self.in_flight * EACH + self.tlvs
        if octets > self._memory.most_of_one:
            self.wait_until_quiet(self.in_flight, None, octets // 2)

    def wait_until_quiet(self, level: int, timeout: float | None, octets: int = maxsize) -> None:
        """Wait until at most `level` submits with at most `octets` octets are unanswered, or for `timeout` seconds.

        May yield.
        """
        if self.in_flight <= level and self.octets <= octets:
            return
        self._level, self._enough_octets = level, octets
        self._quiet = Event()
        self._quiet.wait(timeout)
        self._quiet = None

    def finish(self, deadline: float) -> None:
        """Wait until all submits are answered or `deadline` (monotonic seconds) is over. May yield."""
        while self.in_flight > 0 and monotonic() < deadline:
            gevent.sleep(_POLL_INTERVAL)

    def end(self) -> None:
        """End the greenlets once all submits have their results: the connection is gone. Doesn't yield."""
        self._ended = True
        if self.in_flight <= 0:
            self._close()
