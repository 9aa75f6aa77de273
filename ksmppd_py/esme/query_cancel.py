"""query_sm and cancel_sm of one bind, in a greenlet of their own: they may wait for the database.

SMPP 3.4, 4.8 and 4.9; docs/rules/smpp-session.md 4.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ksmppd_py.esme.error_responses import error_response
from ksmppd_py.esme.session_context import SessionContext
from ksmppd_py.model.work import BindContext
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandId, CommandStatus
from ksmppd_py.smpp.pdus import CancelSm, QuerySm, QuerySmResp
from ksmppd_py.transport.batch_queue import BatchQueue
from ksmppd_py.transport.framed import FramedSocket

logger = logging.getLogger(__name__)

MOST_WAITING = 100
"""query_sm and cancel_sm of one bind that may be unanswered; above it they are answered ESME_RTHROTTLED."""
_CANCEL_SM_RESP = int(CommandId.CANCEL_SM_RESP)


class QueryCancelQueue:
    """Answers each request exactly once, in the order in which they came. Its greenlet starts with the first one.

    `answered` is called with the number of requests answered since its last call.
    """

    __slots__ = ("_answered", "_context", "_in_flight", "_name", "_queue", "_socket", "_system_id")

    def __init__(
        self,
        bind: BindContext,
        framed: FramedSocket,
        context: SessionContext,
        answered: Callable[[int], None],
    ) -> None:
        self._in_flight = 0
        self._answered = answered
        self._name = f"bind {bind.bind_id}"
        self._socket = framed
        self._context = context
        self._system_id = bind.account.system_id
        self._queue: BatchQueue[tuple[int, QuerySm | CancelSm]] | None = None

    def take(self, sequence_number: int, pdu: QuerySm | CancelSm) -> bool:
        """Queue a request; False when too many wait and this one has been refused. Doesn't yield."""
        if self._in_flight >= MOST_WAITING:
            self._socket.write(_answer(sequence_number, pdu, int(CommandStatus.RTHROTTLED)))
            return False
        if self._queue is None:
            self._queue = BatchQueue()
            self._context.greenlets.spawn(f"{self._name} query_sm", self._serve, self._queue)
        self._in_flight += 1
        self._queue.put((sequence_number, pdu))
        return True

    def _serve(self, queue: BatchQueue[tuple[int, QuerySm | CancelSm]]) -> None:
        while True:
            batch = queue.take()
            if not batch:
                return
            for sequence_number, pdu in batch:
                self._socket.write(self._carry_out(sequence_number, pdu))
                self._in_flight -= 1
                self._answered(1)

    def _carry_out(self, sequence_number: int, pdu: QuerySm | CancelSm) -> bytes:
        """Carry out one request and return its response. May yield (database)."""
        try:
            if isinstance(pdu, CancelSm):
                return _answer(sequence_number, pdu, self._context.lookup.cancel(self._system_id, pdu))
            reply = self._context.lookup.query(self._system_id, pdu)
        except Exception:
            logger.exception("A request of %s failed unexpectedly", self._system_id)
            return _answer(sequence_number, pdu, int(CommandStatus.RSYSERR))
        if isinstance(reply, QuerySmResp):
            return codec.pack(reply, sequence_number)
        return _answer(sequence_number, pdu, int(reply))

    def end(self) -> None:
        """End the greenlet once the requests that it has are answered; the connection is gone. Doesn't yield."""
        if self._queue is not None:
            self._queue.close()


def _answer(sequence_number: int, pdu: QuerySm | CancelSm, command_status: int) -> bytes:
    if not command_status:
        return codec.pack_header_only(_CANCEL_SM_RESP, 0, sequence_number)
    return error_response(int(pdu.command_id), sequence_number, command_status, pdu.message_id)
