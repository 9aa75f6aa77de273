"""The dashboard: static files, browser sessions, the data of the page, and its buttons."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from time import monotonic, time
from typing import Any
from urllib.parse import parse_qs

from ksmppd_py import __version__
from ksmppd_py.admin.access import Access, BrowserIdentity, NotSignedIn
from ksmppd_py.admin.audit import BY_PAGE, log_command
from ksmppd_py.admin.commands import COMMANDS, queue_status, role_needed
from ksmppd_py.admin.generic_format import values
from ksmppd_py.admin.guesses import TooManyGuesses
from ksmppd_py.admin.history import INTERVAL, QUEUES_INTERVAL, History, sums_of
from ksmppd_py.admin.hosts import HostNames
from ksmppd_py.admin.listing import Filter, listing
from ksmppd_py.admin.ports import Operations
from ksmppd_py.admin.render import json_reply, plain_reply, render, wrong_host
from ksmppd_py.admin.requests import Accepted, Reply, Request
from ksmppd_py.admin.sessions import cookie_header
from ksmppd_py.admin.text import status_words
from ksmppd_py.admin.users import ADMIN, User
from ksmppd_py.errors import TemporaryError
from ksmppd_py.model.esme import ServerSnapshot
from ksmppd_py.model.outcomes import Outcome, of_command_status
from ksmppd_py.model.refusals import RefusalCount

logger = logging.getLogger(__name__)

MOST_REFUSALS, MOST_QUEUES = 50, 200
"""Rows that the page lists; the numbers above its tables count everything."""
SNAPSHOT_AGE = 1.5
"""Seconds for which all browsers get the same snapshot of the binds, which takes a while to make with thousands."""

_CONTENT_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}


def page_files() -> dict[str, tuple[str, bytes]]:
    """Return content type and octets of each file of the console, by path."""
    folder = resources.files("ksmppd_py.admin") / "dashboard"
    found = {}
    for place, prefix in ((folder, "/dashboard/"), (folder / "vendor", "/dashboard/vendor/")):
        for entry in place.iterdir():
            content_type = _CONTENT_TYPES.get(entry.name.rpartition(".")[2])
            if entry.is_file() and content_type is not None:
                path = "/" if entry.name == "index.html" else prefix + entry.name
                found[path] = (content_type, entry.read_bytes())
    return found


def _refusal(refusal: RefusalCount) -> dict[str, Any]:
    members: dict[str, Any] = values(refusal)
    status = refusal.example.command_status
    is_temporary = of_command_status(status) is Outcome.TEMPORARY
    example = refusal.example._asdict()
    return {**members, "example": example, "status": status_words(status), "is_temporary": is_temporary}


def _signed_in(user: User, csrf: str) -> dict[str, Any]:
    return {"signed_in": True, "csrf": csrf, "username": user.username, "role": user.role.name.lower()}


class DashboardApi:
    """Answers the requests of the dashboard's pages under the names in `hosts`. Implements RequestHandler."""

    accepted = Accepted()

    def __init__(self, operations: Operations, access: Access, history: History, hosts: HostNames) -> None:
        self._access = access
        self._operations = operations
        self._history = history
        self.hosts = hosts
        self._latest: tuple[float, ServerSnapshot] | None = None
        self._files = page_files()
        self._endpoints: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", "/dashboard/session"): self._session_state,
            ("POST", "/dashboard/session"): self._sign_in,
            ("POST", "/dashboard/sign-out"): lambda request: self._signed_in(request, self._sign_out),
            ("GET", "/dashboard/state"): lambda request: self._signed_in(request, self._state),
            ("POST", "/dashboard/command"): lambda request: self._signed_in(request, self._command),
        }

    def has(self, path: str) -> bool:
        """Whether the path is the dashboard's."""
        return path in self._files or path.startswith("/dashboard/")

    def answer(self, request: Request) -> Reply:
        """Return the reply. May yield."""
        host = request.header("Host")
        if not self.hosts.knows(host):
            logger.warning(
                "The dashboard was asked for as %r from %s; see host-names", host[:100], request.ip
            )
            return wrong_host()
        method = "GET" if request.method == "HEAD" else request.method
        if request.path in self._files and method == "GET":
            return Reply(200, *self._files[request.path])
        endpoint = self._endpoints.get((method, request.path))
        return endpoint(request) if endpoint is not None else plain_reply(404, "Not found")

    def _session_state(self, request: Request) -> Reply:
        try:
            identity = self._access.identify_browser(request, changes=False)
        except NotSignedIn:
            return json_reply(200, {"signed_in": False, "csrf": None})
        return json_reply(200, _signed_in(identity.user, identity.session.csrf), identity.headers)

    def _sign_in(self, request: Request) -> Reply:
        try:
            sent = request.json()
        except ValueError:
            return json_reply(400, {"message": "The request isn't understood"})
        username, password = (
            each if isinstance(each, str) else ""
            for each in (sent.get("username", ADMIN), sent.get("password"))
        )
        try:
            user = self._access.users.check(username, password.encode("utf-8", "replace"), request.ip)
        except TooManyGuesses as pause:
            return json_reply(429, {"message": f"Too many wrong passwords, {pause}"}, pause.headers)
        except TemporaryError as error:
            return json_reply(503, {"message": str(error)})
        if user is None:
            return json_reply(403, {"message": "Wrong password"})
        session = self._access.sessions.open(user.username)
        cookie = cookie_header(session.token, request.is_tls)
        return json_reply(200, _signed_in(user, session.csrf), (cookie,))

    def _signed_in(self, request: Request, answer: Callable[[Request, BrowserIdentity], Reply]) -> Reply:
        """Answer if the request has the session's cookie and, to change something, the token of the dashboard."""
        try:
            identity = self._access.identify_browser(request, changes=request.method == "POST")
        except NotSignedIn:
            return json_reply(403, {"message": "Please sign in"})
        reply = answer(request, identity)
        return replace(reply, headers=(*identity.headers, *reply.headers))

    def _sign_out(self, request: Request, identity: BrowserIdentity) -> Reply:
        self._access.sessions.close(identity.session)
        return json_reply(200, {"signed_in": False}, (cookie_header("", request.is_tls),))

    def _command(self, request: Request, identity: BrowserIdentity) -> Reply:
        """Run one of the admin server's commands. May yield."""
        try:
            asked = request.json()
        except ValueError:
            return json_reply(400, {"message": "The request isn't understood"})
        path = str(asked.get("command"))
        run = COMMANDS.get(path)
        given = asked.get("parameters", {})
        if run is None or not isinstance(given, dict):
            return json_reply(404, {"message": "No such command"})
        parameters = {str(name): str(value) for name, value in given.items()}
        user = identity.user
        if user.role < role_needed(path, parameters):
            return json_reply(403, {"message": f"The role {user.role.name.lower()} may not do this"})
        self._latest = None
        name = BY_PAGE if user.username == ADMIN else f"user {user.username} on {BY_PAGE}"
        log_command(self._operations.server_status.events, path, parameters, request.ip, name)
        return render(path, run(self._operations, parameters), ".json")

    def _snapshot(self) -> ServerSnapshot:
        now = monotonic()
        if self._latest is None or now - self._latest[0] > SNAPSHOT_AGE:
            self._latest = now, self._operations.snapshot()
        return self._latest[1]

    def _state(self, request: Request, _identity: BrowserIdentity) -> Reply:
        """Return everything that the page shows, with the points of the history after `since`. May yield."""
        operations, server_status = self._operations, self._operations.server_status
        snapshot = self._snapshot()
        queues = queue_status(operations, QUEUES_INTERVAL)
        metrics = server_status.metrics()
        since, chosen = _history_and_filter(request.query)
        return json_reply(
            200,
            {
                "now": time(),
                "version": __version__,
                "uptime": operations.uptime(),
                "condition": {
                    "state": metrics.condition.state,
                    "troubles": [trouble.details or trouble.words for trouble in metrics.condition.troubles],
                },
                "accounts": len(snapshot.esmes),
                "bound": sum(1 for esme in snapshot.esmes if esme.binds),
                "binds": sum(metrics.binds.values()),
                "sums": values(sums_of(metrics)),
                **listing(snapshot.esmes, chosen),
                "bearerboxes": values(metrics.bearerboxes),
                "oldest_age": max((row.oldest_age or 0 for row in queues.queues), default=None),
                "queues": values(replace(queues, queues=queues.queues[:MOST_QUEUES])),
                "refusals": [_refusal(each) for each in metrics.meters.refusals.recent()[:MOST_REFUSALS]],
                "blocked": values(list(operations.blocked_ips())[:MOST_QUEUES]),
                "log_level": operations.log_level(),
                "interval": INTERVAL,
                "points": values(self._history.points_since(since)),
            },
        )


def _history_and_filter(query: str) -> tuple[float, Filter]:
    """Return the time after which the page wants the history, and the accounts that it wants."""
    asked = parse_qs(query, keep_blank_values=True, errors="replace")
    try:
        since = float(asked["since"][0])
    except (KeyError, ValueError):
        since = 0.0
    return since, Filter(
        asked.get("find", [""])[0].strip().lower(),
        frozenset(asked.get("open", ())),
        asked.get("sort", [""])[0],
        descending="descending" in asked,
    )
