"""Accepts ESMEs, refuses blocked addresses, runs the timers of all sessions (docs/rules/smpp-session.md 1 and 2)."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from itertools import count
from time import monotonic

import gevent

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.errors import StartError
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.dlr_profiles import DlrProfiles
from ksmppd_py.esme.memory_bounds import SubmitMemory
from ksmppd_py.esme.preamble import Preamble, busiest_source, set_options
from ksmppd_py.esme.session import SmppSession
from ksmppd_py.esme.session_context import SessionContext
from ksmppd_py.esme.settings import proxies, tls_context
from ksmppd_py.ip_addresses import plain
from ksmppd_py.model.names import place
from ksmppd_py.translate.tlvs import TlvTables
from ksmppd_py.transport.descriptors import SparingServer
from ksmppd_py.transport.framed import FramedSocket
from ksmppd_py.transport.greenlets import GreenletGroup, set_log_context
from ksmppd_py.transport.listening import listen
from ksmppd_py.transport.memory import give_back

logger = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that wait to be accepted."""
TRIM_INTERVAL = 60.0
"""Least seconds between two times that memory is given back."""
SESSIONS_A_TURN = 500
"""Sessions whose timers are checked before other greenlets get a turn."""


class Listener:
    """The SMPP ports. A bind id is the number of an accepted connection; none is used twice.

    `refused` counts the connections from blocked addresses. The interface and the numbers of the ports stay those of
    the first `settings`.
    """

    def __init__(self, context: SessionContext, blocklist: BlockList) -> None:
        settings = context.settings
        self._context = context
        self._interface = settings.interface
        self._blocklist = blocklist
        self._ids = count()
        self._preamble = Preamble(
            proxies(settings), settings.max_unbound_connections, context.timings.preamble
        )
        self._tls: ssl.SSLContext | None = None
        self._tls_server: SparingServer | None = None
        self._housekeeping = GreenletGroup("smpp housekeeping")
        self._sessions: dict[int, SmppSession] = {}
        self._unbound: dict[int, SmppSession] = {}
        self._server: SparingServer | None = None
        self._busiest = 0
        self._trim_at = 0.0
        self.refused = 0

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def port(self) -> int:
        """The port that is listened on, also when port 0 was asked for."""
        assert self._server is not None
        return int(self._server.server_port)

    def ports(self) -> list[str]:
        """Return the ports that are open, in words, for the log."""
        host = self._interface
        opened = [f"SMPP on {place(host, self.port)}"] if self._server is not None else []
        if self._tls_server is not None:
            opened.append(f"SMPP over TLS on {place(host, self._tls_server.server_port)}")
        return opened

    @property
    def accepting(self) -> bool:
        """Whether a port is open."""
        return any(server is not None and not server.closed for server in (self._server, self._tls_server))

    @property
    def submit_memory(self) -> SubmitMemory:
        """The memory that unanswered submits of all binds take."""
        return self._context.submit_memory

    def start(self) -> None:
        """Open the ports. Raises StartError when one can't be opened, or a certificate can't be read."""
        settings = self._context.settings
        self._tls = tls_context(settings)
        if not settings.smpp_tls_only:
            self._server = self._listen(settings.smpp_port, self._accepted)
        if self._tls is not None:
            self._tls_server = self._listen(settings.smpp_tls_port, self._accepted_tls)
        self._housekeeping.supervise("smpp housekeeping", self._check_timers)

    def _listen(self, port: int, accepted: Callable[..., None]) -> SparingServer:
        try:
            listening = listen(self._interface, port, BACKLOG)
        except (OSError, UnicodeError) as error:
            raise StartError(f"Can't listen on SMPP port {port}: {error}") from error
        server = SparingServer(listening, accepted, spawn=self._spawn)
        server.start()
        return server

    def reconfigure(
        self,
        settings: KsmppdGroup,
        tlvs: TlvTables,
        context: ssl.SSLContext | None,
        profiles: DlrProfiles,
    ) -> None:
        """Take over other settings, also for sessions that exist; certificates and `proxies` for new ones.

        Doesn't yield.

        Without a `context` the port for TLS keeps the one that it has: it never takes plain SMPP.
        """
        self._context.settings = settings
        self._context.binder.reconfigure(settings, tlvs, profiles)
        if context is not None:
            self._tls = context
        self._preamble.proxies, self._preamble.most = proxies(settings), settings.max_unbound_connections
        for session in self._sessions.values():
            session.settings_changed()

    def _spawn(self, function: Callable[..., None], *arguments: object) -> None:
        self._context.greenlets.spawn("bind", function, *arguments)

    def _accepted(self, connected: socket.socket, address: tuple[str, int]) -> None:
        self._accept(connected, plain(address[0]), None)

    def _accepted_tls(self, connected: socket.socket, address: tuple[str, int]) -> None:
        self._accept(connected, plain(address[0]), self._tls)

    def _accept(self, connected: socket.socket, peer: str, context: ssl.SSLContext | None) -> None:
        """Find out the ESME's address, then run its session. May yield, until the connection ends."""
        from_proxy = self._preamble.is_proxy(peer)
        if not from_proxy and self._refuses(peer):
            connected.close()
            return
        set_options(connected)
        framed = FramedSocket(connected, peer)
        ip: str | None = peer
        if from_proxy or context is not None:
            ip = self._preamble.accept_connection(framed, peer, context)
        if ip is None:
            return
        if from_proxy and self._refuses(ip):
            framed.close()
            return
        self._serve(framed, ip)

    def _refuses(self, ip: str) -> bool:
        if not self._blocklist.blocks(ip, monotonic()):
            return False
        self.refused += 1
        logger.debug("%s is temporarily banned from connecting. Rejecting.", ip)
        return True

    def _serve(self, framed: FramedSocket, ip: str) -> None:
        bind_id = next(self._ids)
        framed.peer = f"bind {bind_id}"
        session = SmppSession(bind_id, framed, ip, self._context)
        set_log_context(session)
        self._sessions[bind_id] = session
        self._count_unbound(session)
        try:
            session.run()
        finally:
            del self._sessions[bind_id]
            self._unbound.pop(bind_id, None)

    def _count_unbound(self, session: SmppSession) -> None:
        """Count a new connection without a bind; above `max-unbound-connections` hang up on one of them. Doesn't yield.

        An address with more than its share loses one, so that a flood from one address shuts out no other. Otherwise it
        is the oldest that hasn't asked for a bind, or else this one: when all ESMEs come back together, those that wait
        for authentication keep their places.
        """
        unbound = self._unbound
        unbound[session.bind_id] = session
        if len(unbound) <= self._context.settings.max_unbound_connections:
            return
        unbound = self._unbound = {number: each for number, each in unbound.items() if not each.has_bound}
        if len(unbound) > self._context.settings.max_unbound_connections:
            one = unbound.pop(self._one_too_many(session).bind_id)
            logger.warning("Too many connections without a bind, the one from %s is closed", one.ip)
            one.give_up()

    def _one_too_many(self, newest: SmppSession) -> SmppSession:
        unbound = self._unbound.values()
        busiest = busiest_source(
            (each.source for each in unbound), self._context.settings.max_unbound_connections
        )
        if busiest is not None:
            theirs = [each for each in unbound if each.source == busiest]
            silent = (each for each in theirs if each.attempt is None)
            waiting = (each for each in reversed(theirs) if each.attempt is not None and each.attempt.waits)
            return next(silent, None) or next(waiting, newest)
        return next((each for each in unbound if each.attempt is None), newest)

    def _check_timers(self) -> None:
        while True:
            gevent.sleep(self._context.timings.poll)
            now = monotonic()
            for index, session in enumerate(list(self._sessions.values())):
                set_log_context(session)
                session.tick(now)
                if index % SESSIONS_A_TURN == SESSIONS_A_TURN - 1:
                    gevent.sleep(0)
            set_log_context(None)
            self._blocklist.forget_old(now)
            self._trim_memory(now)

    def _trim_memory(self, now: float) -> None:
        """Give memory back to the system after a rush of connections. May yield."""
        busy = len(self._preamble) + len(self._unbound)
        self._busiest = max(self._busiest, busy)
        if self._busiest - busy >= self._context.bounds.rush and now >= self._trim_at:
            self._busiest, self._trim_at = busy, now + TRIM_INTERVAL
            give_back()

    def stop_accepting(self) -> None:
        """Close the ports; sessions go on, and refuse new submits. Doesn't yield."""
        for server in (self._server, self._tls_server):
            if server is not None:
                server.close()
        self._context.is_stopping = True

    def finish(self, timeout: float) -> None:
        """Wait until all submits are answered, for at most `timeout` seconds. May yield."""
        deadline = monotonic() + timeout
        while monotonic() < deadline and any(session.in_flight for session in self._sessions.values()):
            gevent.sleep(0.05)

    def unbind_all(self, timeout: float) -> None:
        """Unbind every session and close it, waiting for answers for at most `timeout` seconds.

        May yield, half a second longer: a peer that reads nothing isn't waited for.
        """
        for session in list(self._sessions.values()):
            session.request_unbind(timeout)
        deadline = monotonic() + timeout + 0.5
        while self._sessions and monotonic() < deadline:
            gevent.sleep(0.02)

    def stop(self) -> None:
        """End the remaining sessions and the timers. May yield, at most 3 seconds."""
        self._housekeeping.end(1.0)
        self._context.greenlets.end(2.0)
