"""The admin HTTP server: opens the port, checks the password, shows pages (docs/rules/http.md 3)."""

from __future__ import annotations

import logging
import socket as stdlib_socket
import ssl
from collections.abc import Sequence

import bottle
from gevent import socket

from ksmppd_py.admin.access import Gate, Password, TooManyGuesses, password_in
from ksmppd_py.admin.audit import BY_PASSWORD, tell_command, user_of
from ksmppd_py.admin.commands import PUBLIC
from ksmppd_py.admin.history import History
from ksmppd_py.admin.hosts import HostNames
from ksmppd_py.admin.http import Server
from ksmppd_py.admin.loop import LoopWatch
from ksmppd_py.admin.metrics import CONTENT_TYPE, Metrics
from ksmppd_py.admin.pages import Request, command_pages
from ksmppd_py.admin.panel import GUARDS, Panel, Visit
from ksmppd_py.admin.patience import REQUEST_TIME
from ksmppd_py.admin.ports import Operations
from ksmppd_py.admin.render import Reply, denied, guessed_too_often, not_this_host
from ksmppd_py.errors import StartError
from ksmppd_py.model.names import place
from ksmppd_py.server_certificate import load_server_certificate
from ksmppd_py.transport.greenlets import GreenletGroup
from ksmppd_py.transport.listening import listen
from ksmppd_py.transport.tls import server_context

logger = logging.getLogger(__name__)

IDLE_TIMEOUT = 60.0
"""Seconds."""
MAX_CONNECTIONS = 500
BACKLOG = 128


def _octets(password: str) -> bytes:
    return password.encode("utf-8", "surrogateescape")


class AdminServer:
    """Serves `operations` to clients with the password; further pages can be added to `pages`.

    `interface` is an address or host name to bind to, "" = all interfaces, IPv4 and IPv6. `certfile` (PEM) switches TLS
    on; `keyfile` None = the key is in the certificate's file. `port` 0 = any free one, known after start().
    `host_names` are further names under which browsers may show the dashboard, besides `interface`, this machine's and
    those that HostNames always allows. `idle_timeout` and `request_time` are in seconds. Octets of `password` that
    aren't UTF-8 are surrogate escapes.
    """

    def __init__(
        self,
        operations: Operations,
        port: int,
        password: str,
        interface: str = "",
        *,
        keyfile: str | None = None,
        certfile: str | None = None,
        host_names: Sequence[str] = (),
        idle_timeout: float = IDLE_TIMEOUT,
        request_time: float = REQUEST_TIME,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.port = port
        self.pages = command_pages(operations)
        self._password = Password(_octets(password))
        self._loop = LoopWatch()
        self._history = History(operations.overview, self._loop)
        self._gate = Gate(self._password)
        self._panel = Panel(operations, self._gate, self._history)
        self._hosts = self._names(interface, host_names)
        metrics = Metrics(operations.overview, self._loop)
        self.pages.add("/metrics", lambda request: Reply(200, CONTENT_TYPE, metrics.text()))
        self._greenlets = GreenletGroup("admin")
        self._interface = interface
        self._keyfile = keyfile
        self._certfile = certfile
        self._idle_timeout = idle_timeout
        self._request_time = request_time
        self._max_connections = max_connections
        self._server: Server | None = None
        self._context: ssl.SSLContext | None = None

    def start(self) -> None:
        """Open the port and serve it in the background.

        Raises StartError for a port or certificate that can't be used.
        """
        self._context = context = self._tls_context(self._certfile, self._keyfile)
        application = self._application()
        listener = self._listen()
        self._server = Server(
            listener,
            application,
            self._idle_timeout,
            self._max_connections,
            self._request_time,
            **({"ssl_context": context, "do_handshake_on_connect": False} if context else {}),
        )
        self._server.start()
        self.port = listener.getsockname()[1]
        self._greenlets.supervise("event loop watch", self._loop.watch)
        self._greenlets.supervise("history", self._history.keep)
        self._greenlets.supervise("queue watch", self._history.look_at_queues)

    @property
    def opened(self) -> str:
        """The address of the port, in words."""
        secured = " (HTTPS)" if self._context is not None else ""
        return f"administration on {place(self._interface, self.port)}{secured}"

    def stop(self, timeout: float = 1.0) -> None:
        """Close the port, wait `timeout` seconds for open connections, then close these too. May yield."""
        server, self._server = self._server, None
        self._greenlets.end(timeout)
        if server is not None:
            server.stop(timeout)

    def check(self, certfile: str | None, keyfile: str | None) -> None:
        """Raise StartError when `change` could not use this certificate. Doesn't yield."""
        if self._context is not None:
            self._tls_context(certfile, keyfile)

    def change(
        self, password: str, certfile: str | None, keyfile: str | None, host_names: Sequence[str] = ()
    ) -> None:
        """Set another password (which ends all browsers' sessions) and names; read certificate and key again.

        TLS stays on or off as at the start. Raises StartError. Doesn't yield.
        """
        self.check(certfile, keyfile)
        if self._context is not None and certfile is not None:
            load_server_certificate(self._context, certfile, keyfile or "")
        self._hosts = self._names(self._interface, host_names)
        if self._password.change(_octets(password)):
            self._panel.sessions.close_all()

    @staticmethod
    def _names(interface: str, host_names: Sequence[str]) -> HostNames:
        return HostNames([*host_names, interface, stdlib_socket.gethostname()])

    def _tls_context(self, certfile: str | None, keyfile: str | None) -> ssl.SSLContext | None:
        if not certfile:
            if keyfile:
                raise StartError(f"Admin HTTP port {self.port}: a key {keyfile} without a certificate")
            return None
        try:
            return server_context(certfile, keyfile or "")
        except StartError as error:
            raise StartError(f"Admin HTTP port {self.port}: {error}") from error

    def _listen(self) -> socket.socket:
        """Return a listening socket. A host name may ask the DNS."""
        if not 0 <= self.port <= 65535:  # getaddrinfo would take it modulo 65536
            raise self._start_error("no port number")
        try:
            return listen(self._interface, self.port, BACKLOG)
        except (OSError, UnicodeError) as error:
            raise self._start_error(error) from error

    def _start_error(self, reason: Exception | str) -> StartError:
        return StartError(
            f"Can't open admin HTTP port {self.port} on {self._interface or 'all interfaces'}: {reason}"
        )

    def _application(self) -> bottle.Bottle:
        """Return the application. It has one route, since the password comes before the path (docs/rules/http.md 3.1).

        Only the dashboard's paths and those of PUBLIC commands come before the password.
        """
        application = bottle.Bottle()
        application.config["catchall"] = False  # the HTTP handler logs and answers unexpected errors
        application.route("<_target:re:.*>", method="ANY", callback=self._serve)
        return application

    def _serve(self, _target: str) -> bottle.HTTPResponse:
        environ = bottle.request.environ
        target: str = environ["REQUEST_URI"]
        path, _, query = target.partition("?")
        visit = Visit(environ["REQUEST_METHOD"], path, query, environ)
        if self._panel.has(path) and not self._hosts.knows(host := environ.get("HTTP_HOST", "")):
            logger.warning("The dashboard was asked for as %r from %s; see host-names", host[:100], visit.ip)
            reply: Reply | None = not_this_host()
        else:
            reply = self._panel.answer(visit)
        if reply is None:
            authorization = environ.get("HTTP_AUTHORIZATION", "")
            reply = self._answer(Request.read(target.encode("latin-1")), authorization, visit.ip)
        headers = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body))}
        return bottle.HTTPResponse(
            reply.body, reply.status, {**headers, **dict(GUARDS), **dict(reply.headers)}
        )

    def _answer(self, request: Request, authorization: str, ip: str) -> Reply:
        """Answer a command. A password in the query takes precedence over the header's."""
        given: bytes | None
        if "password" in request.parameters:
            given = request.parameters["password"].encode("utf-8", "surrogateescape")
        else:
            given = password_in(authorization)
        if request.path in PUBLIC:
            return self.pages.answer(request)
        try:
            if not given or not self._gate.opens(given, ip):
                return denied()
        except TooManyGuesses as pause:
            return guessed_too_often(pause.headers)
        by_header = "password" not in request.parameters
        tell_command(
            request.path, request.parameters, ip, user_of(authorization) if by_header else BY_PASSWORD
        )
        return self.pages.answer(request)
