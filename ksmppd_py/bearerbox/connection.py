"""One bearerbox: identify, send, read, heartbeats, reconnect (docs/rules/box-protocol.md 4 to 7)."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from time import monotonic
from typing import Protocol

import gevent
from gevent import socket as gevent_socket
from gevent.event import Event

from ksmppd_py.bearerbox.acks import AcksOfLastMinute
from ksmppd_py.bearerbox.inbound import InboundMessages, InboundServices
from ksmppd_py.bearerbox.timings import BoxLimits, BoxTimings
from ksmppd_py.config import BearerboxConnection
from ksmppd_py.kannel.codec import BoxLink, pack, pack_all, pack_sms
from ksmppd_py.kannel.messages import Ack, AckStatus, Admin, AdminCommand, Heartbeat, Sms, SmsType
from ksmppd_py.logs import EACH
from ksmppd_py.model.meters import Histogram
from ksmppd_py.model.outcomes import SubmitResult, result_of_ack
from ksmppd_py.model.status import BearerboxSnapshot
from ksmppd_py.model.work import Submit
from ksmppd_py.translate.dlr_url import message_id_of
from ksmppd_py.transport.framed import FramedSocket
from ksmppd_py.transport.greenlets import GreenletGroup
from ksmppd_py.transport.tls import unverified_client_context

logger = logging.getLogger(__name__)

RECEIVE_OCTETS = 65536
"""Octets read at a time, at most."""
MOST_UNREAD = 4 * 1024 * 1024
"""Octets unsent, while the bearerbox reads nothing, above which it gets no more MTs."""
LARGE = 256 * 1024
"""Octets of a batch from which it is flushed at once, to find out whether the bearerbox reads."""
CONNECT_TIMEOUT = 5.0
"""Seconds until the TCP connection to a bearerbox stands."""
PEER_TIMEOUT_MS = 30_000
"""Milliseconds of TCP_USER_TIMEOUT: the box protocol has no ping, so a dead peer shows by octets left unconfirmed."""
_HEARTBEAT = pack(Heartbeat(load=0))
_FAILED, _FAILED_TMP, _BUFFERED = int(AckStatus.FAILED), int(AckStatus.FAILED_TMP), int(AckStatus.BUFFERED)
_REPORT_MO = int(SmsType.REPORT_MO)
_FOR_NOW = SubmitResult.REFUSED_TEMPORARILY


class Pool(Protocol):
    """The pool, as its connections use it. No method yields."""

    def came_online(self, connection: BoxConnection) -> None:
        """Note that the connection can take messages."""

    def leaving(self, connection: BoxConnection) -> None:
        """Note that the connection gets no more messages, though it still reads acks."""

    def went_offline(self, connection: BoxConnection, unanswered: list[Submit]) -> None:
        """Note that the connection is lost; `unanswered` were sent and not acked, in sending order."""

    def has_room(self, connection: BoxConnection) -> None:
        """Note that acks came, so that the connection may take messages that wait."""

    def refused(self, message_id: bytes) -> None:
        """Note that the bearerbox refused this MT permanently."""

    def is_duplicate_report(self, report: Sms) -> bool:
        """Whether to drop a report, because its MT was already refused to the ESME."""


class BoxConnection:
    """Keeps one connection up. `open` holds the MTs sent and not acked, in sending order.

    `acks` counts acks of them by AckStatus; `ack_latency` takes the seconds of one MT of each read. `changed_at` is
    when the connection last came up or was lost (monotonic seconds), None before the first time. `proven` says whether
    a bearerbox really answered on the last connection. `inbound` has the messages that came from it.
    """

    def __init__(
        self,
        settings: BearerboxConnection,
        pool: Pool,
        services: InboundServices,
        greenlets: GreenletGroup,
        timings: BoxTimings,
        limits: BoxLimits,
    ) -> None:
        self.settings = settings
        self.online = False
        self.open: dict[bytes, Submit] = {}
        self.acks = [0, 0, 0, 0]
        self.ack_latency = Histogram()
        self.acks_of_last_minute = AcksOfLastMinute()
        self.connects = 0
        self.changed_at: float | None = None
        self.proven = False
        self._boxc_id = settings.id.encode() if settings.id else None
        self._pool = pool
        self._socket: FramedSocket | None = None
        self._idle = Event()
        self._idle.set()
        self._last_heartbeat = 0.0
        self._early_reports: dict[bytes, list[Sms]] = {}
        self._stopping = False
        self._timings = timings
        self.inbound = InboundMessages(settings, services, self._write, greenlets, timings, limits)

    def run(self) -> None:
        """Connect and serve, again and again, until `stop`. May yield."""
        pause = self._timings.first_pause
        while not self._stopping:
            try:
                framed = self._connect()
            except Exception as error:  # OSError, or UnicodeError for a name that can't be resolved
                level = logging.WARNING if pause == self._timings.first_pause else logging.DEBUG
                logger.log(level, "Can't connect to bearerbox %s: %s", self.settings.name, error)
                gevent.sleep(pause)
                pause = min(self._timings.last_pause, pause * 2)
                continue
            self._idle.clear()
            try:
                self._serve(framed)
            except Exception:
                logger.exception("Bearerbox %s: unexpected error, connecting again", self.settings.name)
            finally:
                framed.finish(self._timings.shutdown_timeout)
                self._idle.set()
            pause = self._timings.first_pause if self.proven else min(self._timings.last_pause, pause * 2)
            if not self._stopping:
                gevent.sleep(pause)

    def _connect(self) -> FramedSocket:
        connected: socket.socket = gevent_socket.create_connection(
            (self.settings.host, self.settings.port), CONNECT_TIMEOUT
        )
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PEER_TIMEOUT_MS)
        framed = FramedSocket(connected, self.settings.name)
        if self.settings.ssl:
            try:
                framed.start_tls(unverified_client_context(), False, self.settings.host)
            except BaseException:
                framed.close()
                raise
        connected.settimeout(None)
        return framed

    def _serve(self, framed: FramedSocket) -> None:
        self._socket = framed
        framed.write(pack(Admin(AdminCommand.IDENTIFY, self._boxc_id)))
        self._last_heartbeat = monotonic()
        self.online = True
        self.proven = False
        self.connects += 1
        self.changed_at = monotonic()
        logger.info("Bearerbox %s: Successfully connected and identified.", self.settings.name)
        self._pool.came_online(self)
        try:
            self._read(framed)
        finally:
            self.online = False
            now = monotonic()
            self.proven = self.proven or now - self.changed_at >= self._timings.silent_accept_time
            self.changed_at = now
            self._socket = None
            unanswered = list(self.open.values())
            self.open = {}
            self._early_reports.clear()
            self._pool.went_offline(self, unanswered)
            if not self._stopping:
                logger.error("Connection to bearerbox broke! (%s)", self.settings.name, extra=EACH)

    def _read(self, framed: FramedSocket) -> None:
        link = BoxLink()
        while True:
            octets = framed.receive(RECEIVE_OCTETS)
            if not octets:
                return
            self.proven = True
            sent_at = 0.0
            for message in link.receive(octets):
                if message.__class__ is Ack:
                    sent_at = self._acked(message)
                    continue
                if message.__class__ is Sms:
                    self._take(message)
                elif message.__class__ is Admin and message.command in _SHUTDOWNS:
                    logger.warning("Bearerbox %s shuts down", self.settings.name)
                    self._leave(framed)
            if link.broken:
                logger.error("Bearerbox %s sent what isn't its protocol: %s", self.settings.name, link.broken)
                return
            if sent_at:
                self.ack_latency.observe(monotonic() - sent_at)
            self._pool.has_room(self)

    def _leave(self, framed: FramedSocket) -> None:
        """Close after the acks of open MTs, because the bearerbox shuts down and waits for that. Doesn't yield."""
        self._pool.leaving(self)
        gevent.spawn_later(self._timings.shutdown_timeout if self.open else 0.0, framed.stop_reading)

    def _acked(self, ack: Ack) -> float:
        """Settle the MT of an ack; return when it was sent (monotonic seconds), 0 without such an MT. Doesn't yield."""
        submit = self.open.pop(ack.id, None)
        if submit is None:
            logger.warning("Bearerbox %s acked %r, which isn't waiting", self.settings.name, ack.id)
            return 0.0
        nack = ack.nack
        self.acks[nack if 0 <= nack <= _BUFFERED else _FAILED_TMP] += 1
        if nack == _FAILED:
            self._pool.refused(ack.id)
        submit.result = result_of_ack(nack)
        try:
            # This answers the ESME now, so that no report overtakes its submit_sm_resp.
            submit.origin.settled(submit)
        except Exception:  # the connection goes on, or the next bearerbox would get what is acked behind it
            logger.exception("The ack of %r can't be passed on", ack.id)
        if self._early_reports:
            for report in self._early_reports.pop(ack.id, ()):
                self._take(report)
        return submit.sent_at

    def _take(self, sms: Sms) -> None:
        """Take in an MO or DLR; after an unexpected error it is refused later, and the connection goes on.

        May yield.
        """
        try:
            if sms.sms_type != _REPORT_MO or not self._is_early_or_late(sms):
                self.inbound.receive(sms)
        except Exception:
            logger.exception("Message %r from bearerbox %s failed unexpectedly", sms.id, self.settings.name)
            self.inbound.nack_later(sms.id)

    def _is_early_or_late(self, report: Sms) -> bool:
        """Handle a report that came before its MT's ack, or whose MT was refused; False for any other. Doesn't yield.

        The first waits for the ack, the second is acked and dropped (docs/rules/box-protocol.md 6.1).
        """
        if not report.dlr_url:
            return False
        message_id = message_id_of(report.dlr_url)
        if message_id in self.open:
            self._early_reports.setdefault(message_id, []).append(report)
            return True
        if self._pool.is_duplicate_report(report):
            self.inbound.ack_and_drop(report)
            return True
        return False

    @property
    def is_clogged(self) -> bool:
        """Whether so much is unsent that the bearerbox gets no more MTs."""
        framed = self._socket
        return framed is not None and framed.blocked_since > 0 and framed.queued_octets > MOST_UNREAD

    def send_all(self, batch: Sequence[Submit], now: float) -> None:
        """Send MTs; each is settled by its ack, by its timeout or by the loss of the connection. Doesn't yield."""
        boxc_id, framed = self._boxc_id, self._socket
        messages: list[Sms] = []
        for submit in batch:
            sms = submit.sms
            assert sms is not None
            sms.boxc_id = boxc_id
            submit.sent_at = now
            messages.append(sms)
        try:
            frames = pack_all(messages)
        except Exception:
            batch, frames = self._pack_singly(batch)
        self._open_all(batch, frames)
        if framed is None or not frames:
            return
        try:
            octets = b"".join(frames)
            framed.write(octets)
        except MemoryError:
            framed.hang_up()  # nothing was sent; open MTs go to the next bearerbox
            return
        if len(octets) > LARGE:
            framed.flush()

    def _open_all(self, batch: Sequence[Submit], frames: list[bytes]) -> None:
        """Register MTs that wait for their acks; one whose id is waiting already is refused and leaves `frames`."""
        open_ = self.open
        copies: list[int] = []
        for number, submit in enumerate(batch):
            sms = submit.sms
            assert sms is not None
            if open_.setdefault(sms.id, submit) is not submit:
                copies.append(number)
                logger.warning("Bearerbox %s has a message %r already", self.settings.name, sms.id)
        for number in reversed(copies):  # a copied row: one ack can't tell which of them it is for
            del frames[number]
        for number in copies:
            self._refuse(batch[number])

    def _pack_singly(self, batch: Sequence[Submit]) -> tuple[list[Submit], list[bytes]]:
        """Return those that can be packed and their frames; the others are refused temporarily."""
        good: list[Submit] = []
        frames: list[bytes] = []
        for submit in batch:
            assert submit.sms is not None
            try:
                frames.append(pack_sms(submit.sms))
            except Exception:
                message_id = submit.sms.id
                logger.exception(
                    "Message %r for bearerbox %s can't be packed", message_id, self.settings.name
                )
                self._refuse(submit)
            else:
                good.append(submit)
        return good, frames

    def _refuse(self, submit: Submit) -> None:
        """Return it as refused temporarily. Doesn't yield."""
        submit.result = _FOR_NOW
        submit.origin.settled(submit)

    def _write(self, octets: bytes) -> None:
        if self._socket is not None:
            self._socket.write(octets)

    def tick(self, now: float) -> None:
        """Send heartbeats, refuse MTs without ack, refuse delayed messages; called once a second. May yield."""
        if self.online and now - self._last_heartbeat >= self._timings.heartbeat_interval:
            self._last_heartbeat = now
            self._write(_HEARTBEAT)
        self.refuse_for_now(now - self._timings.ack_timeout)
        self.inbound.tick(now)
        self.acks_of_last_minute.tick(self.acks)

    def refuse_for_now(self, before: float) -> None:
        """Refuse temporarily the MTs that were sent before that time (monotonic seconds) and not acked. May yield."""
        overdue = []
        for submit in self.open.values():
            if submit.sent_at > before:
                break
            overdue.append(submit)
        for submit in overdue:
            assert submit.sms is not None
            message_id = submit.sms.id
            del self.open[message_id]
            logger.warning("Bearerbox %s didn't ack %r in time", self.settings.name, message_id)
            self._refuse(submit)
            for report in self._early_reports.pop(message_id, ()):
                self._take(report)

    def snapshot(self, now: float) -> BearerboxSnapshot:
        """Return the connection's state for operators; `now` is monotonic seconds."""
        settings, accepted, refused = self.settings, *self.acks_of_last_minute.now(self.acks)
        oldest = next(iter(self.open.values()), None)
        return BearerboxSnapshot(
            name=settings.name,
            host=settings.host,
            port=settings.port,
            boxc_id=settings.id,
            online=self.online,
            since=0 if self.changed_at is None else int(now - self.changed_at),
            open_acks=len(self.open),
            incoming=len(self.inbound),
            received=self.inbound.received,
            accepted=self.acks[AckStatus.SUCCESS] + self.acks[AckStatus.BUFFERED],
            refused=self.acks[AckStatus.FAILED],
            refused_for_now=self.acks[AckStatus.FAILED_TMP],
            connects=self.connects,
            accepted_lately=accepted,
            refused_lately=refused,
            unanswered_for=0 if oldest is None else int(now - oldest.sent_at),
        )

    def stop(self, timeout: float) -> None:
        """Settle messages, send what is unsent, close, don't reconnect.

        May yield, about `timeout` seconds at most.
        """
        self._stopping = True
        deadline = monotonic() + timeout
        self.inbound.finish(timeout / 2)
        if self._socket is not None:
            self._socket.drain(max(0.0, deadline - monotonic()))
            self._socket.stop_reading()
            self._idle.wait(max(0.1, deadline - monotonic()))


_SHUTDOWNS = (AdminCommand.SHUTDOWN, AdminCommand.RESTART)
