"""One connection of an ESME, from its first PDU to its end (docs/rules/smpp-session.md)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic, time

from gevent.event import Event

from ksmppd_py.esme import pdu_log
from ksmppd_py.esme.admission import DISCONNECTED, BindAttempt
from ksmppd_py.esme.binding import BindRefused, BindRequest
from ksmppd_py.esme.deliver_window import DeliverWindow
from ksmppd_py.esme.error_responses import (
    error_response,
    implied_status,
    malformed_response,
    unexpected_response,
)
from ksmppd_py.esme.registry import NO_ROOM
from ksmppd_py.esme.session_context import SessionContext
from ksmppd_py.esme.settings import drops_unanswered, timers
from ksmppd_py.esme.submit_queue import SubmitQueue
from ksmppd_py.ip_addresses import source_of
from ksmppd_py.model.account import Account
from ksmppd_py.model.esme import BindSnapshot, Counters
from ksmppd_py.model.meters import BIND_INTERVALS, Load
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.work import BindContext, Delivery
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandId, CommandStatus
from ksmppd_py.smpp.errors import MalformedPdu
from ksmppd_py.smpp.link import Received, SmppLink
from ksmppd_py.smpp.pdus import CancelSm, DataSm, DeliverSm, Pdu, QuerySm, SubmitMulti, SubmitSm
from ksmppd_py.smpp.session_state import FROM_ESME, FROM_SERVER, STATE_OF_BIND, SessionState
from ksmppd_py.smpp.timers import SessionTimers, TimerEvent
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.transport.framed import FramedSocket

logger = logging.getLogger(__name__)

_DELIVER_SM = int(CommandId.DELIVER_SM)
_RECEIVES = tuple(_DELIVER_SM in FROM_SERVER[state] for state in SessionState)
"""By state. Asked for several binds at each MO and report."""
_DELIVER_SM_RESP = int(CommandId.DELIVER_SM_RESP)
_ANSWERS_TO_DELIVER_SM = frozenset(
    {_DELIVER_SM_RESP, int(CommandId.DATA_SM_RESP), int(CommandId.GENERIC_NACK)}
)
_ENQUIRE_LINK_RESP = int(CommandId.ENQUIRE_LINK_RESP)


class SmppSession:
    """One TCP connection, before and after its bind.

    Its greenlet runs `run`; a second one processes submits that have to wait. Only this class and its parts
    (SubmitQueue, QueryCancelQueue, DeliverWindow) answer the ESME. Implements registry.Bound.
    """

    def __init__(self, bind_id: int, framed: FramedSocket, ip: str, context: SessionContext) -> None:
        self.bind_id = bind_id
        self.ip = ip
        self.source = source_of(ip)
        self.state = SessionState.OPEN
        self.options = BindOptions()
        self.counters = Counters()
        self.bad_in_a_row = 0
        self.attempt: BindAttempt | None = None
        """The turn of its bind request at the authenticator."""
        self._name = ""
        """The system_id of the bind request; once bound, that of its account."""
        self._socket = framed
        self._context = context
        self._link = SmppLink()
        self._connected_at = time()
        self._timers = SessionTimers(timers(context.settings), monotonic())
        self._inbound = Load(BIND_INTERVALS, int(self._connected_at))
        self._outbound = Load(BIND_INTERVALS, int(self._connected_at))
        self._inbound_processed = 0
        self._reference = 0
        self._bind_context: BindContext | None = None
        self._submits: SubmitQueue | None = None
        self._window = DeliverWindow(self._link, framed, context.access)
        self._max_open_acks = context.settings.default_max_open_acks
        self._unbound: Event | None = None
        """Set by the answer to an unbind of this side, or by the connection's end."""
        framed.tap = pdu_log.sent_logger(self) if pdu_log.is_enabled() else None

    @property
    def bind_type(self) -> int:
        """The BindType while it is bound, otherwise 0."""
        return self.state.bind_type

    @property
    def has_bound(self) -> bool:
        """Whether a bind was accepted on this connection, which may have ended since."""
        return self._bind_context is not None

    def __str__(self) -> str:
        """Return the prefix of this session's log lines."""
        return f"[system_id:{self._name}] [bind:{self.bind_id}]"

    def run(self) -> None:
        """Serve the connection until it ends. May yield."""
        try:
            self._read()
        finally:
            self._end()

    def _read(self) -> None:
        bounds = self._context.bounds
        while self.state is not SessionState.CLOSED:
            octets = self._socket.receive(bounds.read_octets)
            if not octets:
                return
            received = self._link.receive(octets)
            if received:
                now = monotonic()
                self._timers.heard(now)
                if self._submits is not None:
                    self._submits.read_at = now
                if pdu_log.is_enabled():
                    pdu_log.log_received(self, received)
                self._take(received)
            if self._link.broken is not None:
                status = int(self._link.broken.command_status)
                logger.warning("SMPP[%s] %s: %s", self._name, self.ip, self._link.broken.reason)
                self._socket.write(codec.pack_header_only(int(CommandId.GENERIC_NACK), status, 0))
                return
            if self.bad_in_a_row >= bounds.bad_pdus:
                logger.warning("SMPP[%s] %s: too many unreadable PDUs", self._name, self.ip)
                return
            if self._socket.holds_more(bounds.unsent_frames, bounds.unsent_octets):
                self._socket.drain(self._context.timings.blocked)
            if self._submits is not None:
                self._submits.wait_for_room()

    def _take(self, received: Sequence[Received]) -> None:
        """Dispatch the PDUs of one read, in order. May yield (bind, unbind)."""
        answered = 0
        for command_id, command_status, sequence_number, pdu in received:
            self._inbound_processed += 1
            kind = pdu.__class__
            if kind is SubmitSm or kind is DataSm:
                self.bad_in_a_row = 0
                self._submitted(command_id, sequence_number, pdu)  # type: ignore[arg-type]  # its class was just compared
            elif command_id in _ANSWERS_TO_DELIVER_SM:
                self.bad_in_a_row = 0
                answered += command_id == _DELIVER_SM_RESP
                if not self._window.answered(sequence_number, command_status or implied_status(command_id)):
                    logger.debug("SMPP[%s] answer to no open deliver_sm: %d", self._name, sequence_number)
            else:
                if self._submits is not None:
                    self._submits.process_batch()  # these submits came before the PDU, so they are processed before it
                self.bad_in_a_row = self.bad_in_a_row + 1 if isinstance(pdu, MalformedPdu) else 0
                self._take_other(command_id, sequence_number, pdu)
            if self.state is SessionState.CLOSED:
                break
        if self._submits is not None:
            self._submits.process_batch()
        if answered and self._bind_context is not None:
            self._context.registry.count_answers(self._bind_context.esme, self._outbound, answered)

    def _take_other(self, command_id: int, sequence_number: int, pdu: Pdu | MalformedPdu) -> None:
        """Answer a PDU that is neither a submit nor an answer to a deliver_sm. May yield (bind, unbind)."""
        if command_id == CommandId.ENQUIRE_LINK:
            self._answer(codec.pack_header_only(_ENQUIRE_LINK_RESP, 0, sequence_number))
        elif command_id == CommandId.UNBIND_RESP and self._unbound is not None:
            self._unbound.set()
        elif isinstance(pdu, MalformedPdu):
            logger.warning("SMPP[%s] %s: unreadable PDU: %s", self._name, self.ip, pdu.reason)
            self._answer(malformed_response(command_id, sequence_number, pdu))
        elif command_id not in FROM_ESME[self.state]:
            message_id = getattr(pdu, "message_id", b"")
            self._answer(unexpected_response(command_id, sequence_number, message_id))
        else:
            self._carry_out(command_id, sequence_number, pdu)

    def _carry_out(self, command_id: int, sequence_number: int, pdu: Pdu) -> None:
        """Carry out a PDU that the state allows, ignore responses that answer nothing. May yield (bind, unbind)."""
        if isinstance(pdu, BindRequest):
            self._bind(command_id, sequence_number, pdu)
        elif command_id == CommandId.UNBIND:
            self._unbind_asked(sequence_number)
        elif command_id == CommandId.REPLACE_SM:
            self._answer(error_response(command_id, sequence_number, int(CommandStatus.RREPLACEFAIL)))
        elif self._submits is not None and isinstance(pdu, SubmitMulti):
            self._submits.take_multi(sequence_number, pdu, self._inbound_processed)
        elif self._submits is not None and isinstance(pdu, QuerySm | CancelSm):
            self._submits.take_query_cancel(sequence_number, pdu)

    def _answer(self, frame: bytes | None) -> None:
        if frame is not None:
            self._socket.write(frame)

    # -- bind ------------------------------------------------------------------------------------------------

    def _bind(self, command_id: int, sequence_number: int, request: BindRequest) -> None:
        """Answer a bind request; after a refusal the connection ends. May yield (SMPP 3.4, 4.1; D-29)."""
        self._name = request.system_id.decode("latin-1").lower()
        self.attempt = BindAttempt(self.ip, (request.system_id.lower(), request.password))
        decision = self._context.binder.authenticate(request, self.attempt)
        if self.state is SessionState.CLOSED:  # this side has ended the connection meanwhile
            decision = BindRefused(int(CommandStatus.RSYSERR))
        if isinstance(decision, BindRefused):
            self._answer(error_response(command_id, sequence_number, decision.command_status))
            self.state = SessionState.CLOSED
            return
        self._bound(decision, request, STATE_OF_BIND[command_id])
        self._socket.write(self._context.binder.response(command_id, sequence_number, self.options))

    def _bound(self, account: Account, request: BindRequest, state: SessionState) -> None:
        esme, self._name = self._context.registry.esme_of(account), account.system_id
        self.state, binder = state, self._context.binder
        self._profile = binder.profile_of(account)
        self.options = options = binder.options(account, request.interface_version, self._profile)
        self._bind_context = binder.context(
            esme, account, options, self.counters, self._inbound, state.bind_type, self.bind_id
        )
        if CommandId.SUBMIT_SM in FROM_ESME[state]:
            self._submits = SubmitQueue(self._socket, self._bind_context, self._context)
        self._window = DeliverWindow(self._link, self._socket, self._context.access, self._bind_context)
        self._max_open_acks = account.max_open_acks or self._context.settings.default_max_open_acks
        self._timers.bind(monotonic())
        self._context.registry.add(account.system_id, self)

    def refresh(self, account: Account) -> None:
        """Take over changed settings of the account. Doesn't yield."""
        if (context := self._bind_context) is not None:
            binder = self._context.binder
            if account.dlr_profile != context.account.dlr_profile:
                self._profile = binder.profile_of(account)
            self.options = binder.options(account, self.options.interface_version, self._profile)
            context.account, context.options = account, self.options
            self._max_open_acks = account.max_open_acks or self._context.settings.default_max_open_acks

    def _submitted(self, command_id: int, sequence_number: int, pdu: SubmitSm | DataSm) -> None:
        submits = self._submits
        if submits is not None:
            submits.take(sequence_number, pdu, self._inbound_processed)
        else:  # the state doesn't allow it, see `_bound`
            self._answer(unexpected_response(command_id, sequence_number))

    # -- deliveries (model.ports.Receiver, registry.Bound) -----------------------------------------------------

    @property
    def receives(self) -> bool:
        """Whether its state lets it be sent deliver_sm."""
        return _RECEIVES[self.state]

    @property
    def load(self) -> int:
        """Number of deliver_sm unanswered plus frames unsent; NO_ROOM when it may be sent none now."""
        unanswered, framed = len(self._window.unanswered), self._socket
        if unanswered >= self._max_open_acks or framed.blocked_since or not _RECEIVES[self.state]:
            return NO_ROOM
        return unanswered + framed.queued

    @property
    def room(self) -> int:
        """Number of further deliver_sm that may be unanswered; 0 or less = none."""
        return self._max_open_acks - len(self._window.unanswered) if not self._socket.blocked_since else 0

    def next_reference(self) -> int:
        """Return the next reference that joins the parts of a long message, 0 to 255."""
        reference, self._reference = self._reference, (self._reference + 1) & 0xFF
        return reference

    def deliver(self, pdus: Sequence[DeliverSm], delivery: Delivery) -> None:
        """Send the parts of one message; see DeliverWindow.deliver. Doesn't yield."""
        self._window.deliver(pdus, delivery)

    # -- time, unbind, end -----------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Check the timers (SMPP 3.4, 7.2); called once a second, `now` is monotonic seconds. Doesn't yield."""
        self._socket.tap = pdu_log.sent_logger(self) if pdu_log.is_enabled() else None
        if self.state is SessionState.CLOSED:
            return
        blocked = self._socket.blocked_since
        if blocked and now - blocked > self._context.timings.blocked:
            logger.warning("SMPP[%s] bind %d reads nothing, closing", self._name, self.bind_id)
            self._socket.hang_up()
            return
        event = self._timers.due(now)
        if event is TimerEvent.ENQUIRE_LINK:
            self._ask(CommandId.ENQUIRE_LINK)
        elif event is TimerEvent.INACTIVITY:
            logger.warning("SMPP[%s] bind %d is silent, closing", self._name, self.bind_id)
            self.request_unbind(self._context.timings.close)
        elif event is TimerEvent.SESSION_INIT:
            self.give_up()
        self._expire(now)

    def settings_changed(self) -> None:
        """Take over the listener's settings, which have changed. Doesn't yield."""
        self._timers.settings = timers(self._context.settings)
        if self._bind_context is not None:
            self.refresh(self._bind_context.account)

    def _expire(self, now: float) -> None:
        before = now - self._context.settings.wait_ack_timeout
        if self._socket.blocked_since or not self._window.overdue(before):
            return  # an unsent PDU can't be answered; a peer that takes no octet is closed by `tick`
        if drops_unanswered(self._context.settings):
            dropped = self._window.expire(before, Outcome.DONE)
            logger.warning("SMPP[%s] bind %d: %d deliver_sm dropped", self._name, self.bind_id, dropped)
            return
        logger.warning("SMPP[%s] bind %d doesn't answer deliver_sm, closing", self._name, self.bind_id)
        self._leave_registry()
        self._window.expire(before, Outcome.TIMEOUT)
        self._socket.stop_reading()

    def _ask(self, command_id: int) -> None:
        self._socket.write(codec.pack_header_only(int(command_id), 0, self._link.next_sequence()))

    def _unbind_asked(self, sequence_number: int) -> None:
        """The ESME unbinds: answer what is outstanding, then unbind_resp, then close (D-16). May yield."""
        self._leave_registry()
        if self._submits is not None:
            self._submits.wait_until_quiet(0, self._context.timings.unbind)
        self._socket.write(codec.pack_header_only(int(CommandId.UNBIND_RESP), 0, sequence_number))
        self.state = SessionState.CLOSED

    def request_unbind(self, timeout: float | None = None) -> None:
        """Start `unbind` in a greenlet of its own, by default with the timeout for operators. Doesn't yield."""
        timeout = self._context.timings.unbind if timeout is None else timeout
        self._context.greenlets.spawn(f"bind {self.bind_id} unbind", self.unbind, timeout)

    def give_up(self) -> None:
        """Close a connection that hasn't bound, without counting a failure for its address. Doesn't yield."""
        self._socket.hang_up()
        if self.attempt is not None:
            self.attempt.settle(DISCONNECTED)

    def unbind(self, timeout: float) -> None:
        """Send unbind, wait for the answer for at most `timeout` seconds, close. May yield."""
        if self.state is SessionState.CLOSED or self._unbound is not None:
            return
        self._leave_registry()
        self._unbound = Event()
        if CommandId.UNBIND in FROM_SERVER[self.state]:
            self._ask(CommandId.UNBIND)
            deadline = monotonic() + timeout
            self._unbound.wait(timeout)
            if self._submits is not None:
                self._submits.finish(deadline)
        elif self.attempt is not None:
            self.attempt.settle(DISCONNECTED)
        self.state = SessionState.CLOSED
        self._socket.stop_reading()

    def _leave_registry(self) -> None:
        if self._bind_context is not None:
            self._context.registry.remove(self._bind_context.account.system_id, self)

    def _end(self) -> None:
        """End what waits for the peer; answer its submits if it may still read; close. May yield (D-31)."""
        self.state = SessionState.CLOSED
        self.attempt = None  # with too many connections without a bind, this one is closed first
        self._leave_registry()
        self._window.release()
        if self._unbound is not None:
            self._unbound.set()
        try:
            if self._submits is not None:
                if self._socket.ended:
                    self._submits.wait_until_quiet(0, self._context.timings.half_closed)
                self._submits.end()
        finally:
            self._socket.finish(self._context.timings.close, self._context.timings.linger)

    @property
    def in_flight(self) -> int:
        """Submits that aren't answered yet."""
        return self._submits.in_flight if self._submits is not None else 0

    def snapshot(self, now: float) -> BindSnapshot:
        """Return the bind's state for operators; `now` is epoch seconds."""
        return BindSnapshot(
            bind_id=self.bind_id,
            ip=self.ip,
            uptime=max(0, int(now - self._connected_at)),
            bind_type=self.state.bind_type,
            open_acks=len(self._window.unanswered),
            simulate=self._bind_context is not None and self._bind_context.account.simulation is not None,
            inbound_load=self._inbound.rate(0, int(now)),
            inbound_queued=self._submits.queued if self._submits is not None else 0,
            inbound_processed=self._inbound_processed,
            inbound_routing=self._submits.routing if self._submits is not None else 0,
            outbound_load=self._outbound.rate(0, int(now)),
            outbound_queued=self._socket.queued,
            outbound_processed=self._socket.written,
            mt=self.counters.mt,
            mo=self.counters.mo,
            dlr=self.counters.dlr,
            errors=self.counters.errors,
        )
