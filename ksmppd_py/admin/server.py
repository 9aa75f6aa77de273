"""The administration's HTTP server: opens the port and has each request answered by the handler of its path."""

from __future__ import annotations

import socket as stdlib_socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import bottle
from gevent import socket

from ksmppd_py.admin.access import Access
from ksmppd_py.admin.account_history import AccountHistory
from ksmppd_py.admin.api.handler import ApiHandler
from ksmppd_py.admin.api.operation import Backend, Console
from ksmppd_py.admin.command_handler import CommandHandler
from ksmppd_py.admin.dashboard_api import DashboardApi
from ksmppd_py.admin.history import History
from ksmppd_py.admin.hosts import HostNames
from ksmppd_py.admin.http import HttpLimits, Server
from ksmppd_py.admin.loop import LoopWatch
from ksmppd_py.admin.metrics import CONTENT_TYPE, Metrics
from ksmppd_py.admin.ports import Operations
from ksmppd_py.admin.prometheus import Prometheus
from ksmppd_py.admin.requests import Accepted, Reply, Request, RequestHandler
from ksmppd_py.admin.sessions import Sessions
from ksmppd_py.admin.users import HashChecks, Users, UserSettings
from ksmppd_py.errors import StartError
from ksmppd_py.management.service import Management
from ksmppd_py.model.names import place
from ksmppd_py.server_certificate import load_server_certificate
from ksmppd_py.transport.greenlets import GreenletGroup
from ksmppd_py.transport.listening import listen
from ksmppd_py.transport.tls import server_context

BACKLOG = 128
"""Connections that wait to be accepted."""
_DEFAULT_LIMITS = HttpLimits()
_SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class AdminSettings:
    """The settings of the administration port.

    `interface` is an address or host name to bind to, "" = all interfaces, IPv4 and IPv6; `port` 0 = any free one.
    `certfile` (PEM) switches TLS on; `keyfile` None = the key is in the certificate's file. Octets of `password` that
    aren't UTF-8 are surrogate escapes. `host_names` are further names under which browsers may show the dashboard,
    besides `interface`, this machine's name and those that HostNames always allows. `more_secrets` are further secrets
    of the configuration, which make the key of browsers' sessions hard to guess. `server_id` is shown by the console;
    `prometheus_url` is asked for histories of more than an hour, "" = none.
    """

    port: int
    password: str
    interface: str = ""
    certfile: str | None = None
    keyfile: str | None = None
    host_names: Sequence[str] = ()
    users: Sequence[UserSettings] = ()
    more_secrets: bytes = b""
    server_id: str = ""
    prometheus_url: str = ""

    @property
    def password_octets(self) -> bytes:
        """Return the password in UTF-8, as clients send it."""
        return self.password.encode("utf-8", "surrogateescape")

    @property
    def session_secret(self) -> bytes:
        """Return the secret of browsers' sessions: a change of any password ends them all."""
        users = [(user.username, user.password) for user in self.users]
        return repr((self.password_octets, users, self.more_secrets)).encode()

    @property
    def known_hosts(self) -> HostNames:
        """Return the names under which browsers may show the dashboard."""
        return HostNames([*self.host_names, self.interface, stdlib_socket.gethostname()])


class AdminServer:
    """Serves commands, metrics and the dashboard for `operations`, and the API of `management`, if it is given."""

    def __init__(
        self,
        operations: Operations,
        settings: AdminSettings,
        hash_checks: HashChecks,
        limits: HttpLimits = _DEFAULT_LIMITS,
        management: Management | None = None,
    ) -> None:
        self.port = settings.port
        """The port's number; once started, the one that was chosen for 0."""
        self._settings = settings
        self._hash_checks = hash_checks
        self._limits = limits
        self._access = access = Access(
            Users(settings.password_octets, settings.users, hash_checks), Sessions(settings.session_secret)
        )
        self._loop = LoopWatch()
        self._history = History(operations.server_status, self._loop)
        self._dashboard = DashboardApi(operations, access, self._history, settings.known_hosts)
        metrics = Metrics(operations.server_status, self._loop)
        pages = {"/metrics": lambda: Reply(200, CONTENT_TYPE, metrics.text())}
        self._accounts = AccountHistory(operations.server_status)
        prometheus = Prometheus(settings.prometheus_url) if settings.prometheus_url else None
        console = Console(settings.server_id, access.users, self._history, self._accounts, prometheus)
        api = [ApiHandler(Backend(management, operations, console), access)] if management else []
        self._handlers: Sequence[RequestHandler] = (
            *api,
            self._dashboard,
            CommandHandler(operations, access.users, pages),
        )
        self._greenlets = GreenletGroup("admin")
        self._server: Server | None = None
        self._context: ssl.SSLContext | None = None

    def start(self) -> None:
        """Open the port and serve it in the background.

        Raises StartError for a port or certificate that can't be used.
        """
        self._context = context = self._tls_context(self._settings)
        listener = self._listen()
        self._server = Server(
            listener,
            self._application(),
            self._limits,
            self._accepted,
            **({"ssl_context": context, "do_handshake_on_connect": False} if context else {}),
        )
        self._server.start()
        self.port = listener.getsockname()[1]
        self._greenlets.supervise("event loop watch", self._loop.measure)
        self._greenlets.supervise("history", self._history.add_points)
        self._greenlets.supervise("account history", self._accounts.add_points)
        self._greenlets.supervise("queue watch", self._history.refresh_queues)

    @property
    def opened(self) -> str:
        """The address of the port, in words."""
        secured = " (HTTPS)" if self._context is not None else ""
        return f"administration on {place(self._settings.interface, self.port)}{secured}"

    def stop(self, timeout: float = 1.0) -> None:
        """Close the port, wait `timeout` seconds for open connections, then close these too. May yield."""
        server, self._server = self._server, None
        self._greenlets.end(timeout)
        if server is not None:
            server.stop(timeout)
        self._hash_checks.close()

    def check(self, settings: AdminSettings) -> None:
        """Raise StartError when `change` could not use the certificate of these settings. Doesn't yield."""
        if self._context is not None:
            self._tls_context(settings)

    def reconfigure(self, settings: AdminSettings) -> None:
        """Use other passwords (which ends browsers' sessions), users and host names; read certificate and key again.

        TLS stays on or off as at the start, and port and interface stay. Raises StartError. Doesn't yield.
        """
        self.check(settings)
        if self._context is not None and settings.certfile is not None:
            load_server_certificate(self._context, settings.certfile, settings.keyfile or "")
        self._dashboard.hosts = settings.known_hosts
        self._access.users.reconfigure(settings.password_octets, settings.users)
        self._access.sessions.reconfigure(settings.session_secret)

    def _tls_context(self, settings: AdminSettings) -> ssl.SSLContext | None:
        if not settings.certfile:
            if settings.keyfile:
                raise StartError(
                    f"Admin HTTP port {self.port}: a key {settings.keyfile} without a certificate"
                )
            return None
        try:
            return server_context(settings.certfile, settings.keyfile or "")
        except StartError as error:
            raise StartError(f"Admin HTTP port {self.port}: {error}") from error

    def _listen(self) -> socket.socket:
        """Return a listening socket. A host name may ask the DNS."""
        if not 0 <= self.port <= 65535:  # getaddrinfo would take it modulo 65536
            raise self._start_error("no port number")
        try:
            return listen(self._settings.interface, self.port, BACKLOG)
        except (OSError, UnicodeError) as error:
            raise self._start_error(error) from error

    def _start_error(self, reason: Exception | str) -> StartError:
        interface = self._settings.interface or "all interfaces"
        return StartError(f"Can't open admin HTTP port {self.port} on {interface}: {reason}")

    def _application(self) -> bottle.Bottle:
        """Return the application. It has one route: the handlers choose by path, without any decoding."""
        application = bottle.Bottle()
        application.config["catchall"] = False  # the HTTP handler logs and answers unexpected errors
        application.route(r"<_target:re:[\s\S]*>", method="ANY", callback=self._serve)
        return application

    def _handler(self, path: str) -> RequestHandler:
        return next(handler for handler in self._handlers if handler.has(path))

    def _accepted(self, target: str) -> Accepted:
        return self._handler(target.partition("?")[0]).accepted

    def _serve(self, _target: str) -> bottle.HTTPResponse:
        request = Request.from_environ(bottle.request.environ)
        reply = self._handler(request.path).answer(request)
        headers = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body))}
        return bottle.HTTPResponse(
            reply.body, reply.status, {**headers, **_SECURITY_HEADERS, **dict(reply.headers)}
        )
