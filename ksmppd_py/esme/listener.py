"""Accept ESMEs, refuse blocked addresses, keep every session's time (spec/smpp-session.md 2)."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from itertools import count
from time import monotonic

import gevent
from gevent.server import StreamServer

from ksmppd_py.errors import StartError
from ksmppd_py.esme.binding import Binder
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.esme.session import Session
from ksmppd_py.esme.settings import SessionSettings
from ksmppd_py.model.ports import Enquiries, Submissions
from ksmppd_py.transport.framed import FramedSocket
from ksmppd_py.transport.greenlets import Owner

logger = logging.getLogger(__name__)

BACKLOG = 1024
ROUND = 1.0
"""Seconds between two looks at the sessions' timers."""
SESSIONS_A_TURN = 500
"""Sessions whose timers are looked at before others get a turn."""


class Listener:
    """The SMPP port. Bind ids count every connection that isn't refused for its address; none is used twice.

    `refused` counts the others.
    """

    def __init__(
        self,
        interface: str,
        port: int,
        binder: Binder,
        flow: Submissions,
        registry: EsmeRegistry,
        blocklist: BlockList,
        settings: SessionSettings,
        enquiries: Enquiries | None = None,
    ) -> None:
        self._address = (interface, port)
        self._binder = binder
        self._flow = flow
        self._registry = registry
        self._blocklist = blocklist
        self._settings = settings
        self._enquiries = enquiries
        self._ids = count()
        self._owner = Owner("smpp")
        self._housekeeping = Owner("smpp housekeeping")
        self._sessions: dict[int, Session] = {}
        self._unbound: dict[int, Session] = {}
        self._server: StreamServer | None = None
        self.refused = 0

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def port(self) -> int:
        """The port that is listened on, also when port 0 was asked for."""
        assert self._server is not None
        return int(self._server.server_port)

    @property
    def accepting(self) -> bool:
        """Whether the port is open."""
        return self._server is not None and not self._server.closed

    def start(self) -> None:
        """Listen. Raises StartError when the port can't be had."""
        server = StreamServer(self._address, self._accepted, backlog=BACKLOG, spawn=self._spawn)
        try:
            server.start()
        except OSError as error:
            raise StartError(f"Can't listen on SMPP port {self._address[1]}: {error}") from error
        self._server = server
        self._housekeeping.supervise("smpp housekeeping", self._keep_house)

    def _spawn(self, function: Callable[..., None], *arguments: object) -> None:
        self._owner.spawn("bind", function, *arguments)

    def _accepted(self, connected: socket.socket, address: tuple[str, int]) -> None:
        ip = address[0]
        if self._blocklist.blocks(ip, monotonic()):
            self.refused += 1
            logger.debug("%s is temporarily banned from connecting. Rejecting.", ip)
            connected.close()
            return
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        bind_id = next(self._ids)
        framed = FramedSocket(connected, f"bind {bind_id}")
        session = Session(
            bind_id,
            framed,
            ip,
            self._binder,
            self._flow,
            self._registry,
            self._settings,
            self._owner,
            self._enquiries,
        )
        self._sessions[bind_id] = session
        self._make_room(session)
        try:
            session.run()
        finally:
            del self._sessions[bind_id]
            self._unbound.pop(bind_id, None)
            self._judge(session)

    def _make_room(self, session: Session) -> None:
        """Hang up on the connection that has been without a bind for longest when there are too many of them.

        So a flood of silent connections can't keep those away that bind at once. Doesn't yield.
        """
        unbound = self._unbound
        unbound[session.bind_id] = session
        if len(unbound) <= self._settings.max_unbound:
            return
        unbound = self._unbound = {number: each for number, each in unbound.items() if not each.bind_type}
        if len(unbound) > self._settings.max_unbound:
            oldest = unbound.pop(next(iter(unbound)))
            logger.warning("Too many connections without a bind, the one from %s is closed", oldest.ip)
            oldest.give_up()

    def _judge(self, session: Session) -> None:
        """Count a connection that failed to bind for the block list."""
        if session.bind_type:
            return
        if session.refusal is not None:
            if session.refusal.counts:
                self._blocklist.failed(session.ip, monotonic())
        elif session.heard_anything and not session.timed_out:
            self._blocklist.failed(session.ip, monotonic())

    def _keep_house(self) -> None:
        while True:
            gevent.sleep(ROUND)
            now = monotonic()
            for index, session in enumerate(list(self._sessions.values())):
                session.tick(now)
                if index % SESSIONS_A_TURN == SESSIONS_A_TURN - 1:
                    gevent.sleep(0)
            self._blocklist.forget_old(now)

    def stop_accepting(self) -> None:
        """Close the port; sessions go on, but refuse new submits. Doesn't yield."""
        if self._server is not None:
            self._server.close()
        for session in self._sessions.values():
            session.refuse_submits()

    def finish(self, patience: float) -> None:
        """Wait until every submit in hand is answered, at most `patience` seconds. May yield."""
        deadline = monotonic() + patience
        while monotonic() < deadline and any(session.in_hand for session in self._sessions.values()):
            gevent.sleep(0.05)

    def unbind_all(self, patience: float) -> None:
        """Unbind every session and close it, waiting for answers at most `patience` seconds. May yield."""
        for session in list(self._sessions.values()):
            self._owner.spawn("unbind", session.unbind, patience)
        deadline = monotonic() + patience + 1.0
        while self._sessions and monotonic() < deadline:
            gevent.sleep(0.02)

    def stop(self) -> None:
        """End what is left. May yield."""
        self._housekeeping.end(1.0)
        self._owner.end(2.0)
