"""The dashboard: static files, browser sessions, the data of the page, and its buttons."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http.cookies import CookieError, SimpleCookie
from importlib import resources
from time import monotonic, time
from typing import Any
from urllib.parse import parse_qs

from ksmppd_py import __version__
from ksmppd_py.admin.access import Gate, Session, Sessions, TooManyGuesses
from ksmppd_py.admin.audit import BY_PAGE, tell_command
from ksmppd_py.admin.commands import COMMANDS, queue_status
from ksmppd_py.admin.history import INTERVAL, QUEUES_INTERVAL, History, sums_of
from ksmppd_py.admin.listing import Wish, listing
from ksmppd_py.admin.ports import Operations
from ksmppd_py.admin.render import Reply, json_reply, plain_reply, render
from ksmppd_py.admin.render_generic import values
from ksmppd_py.admin.text import status_words
from ksmppd_py.model.esme import ServerSnapshot
from ksmppd_py.model.outcomes import Outcome, of_command_status
from ksmppd_py.model.refusals import RefusalCount

logger = logging.getLogger(__name__)

COOKIE = "ksmppd_session"
CSRF_HEADER = "HTTP_X_CSRF_TOKEN"
LONGEST_COOKIES = 8192
"""Octets of a Cookie header. Python's parser takes quadratic time for some; a session's has about a hundred."""
MOST_REFUSALS, MOST_QUEUES = 50, 200
"""Rows that the page lists; the numbers above its tables count everything."""
SAME_PICTURE = 1.5
"""Seconds for which all browsers get the same snapshot of the binds, which takes a while to make with thousands."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
GUARDS = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/dashboard/style.css": ("style.css", "text/css; charset=utf-8"),
    "/dashboard/charts.js": ("charts.js", "text/javascript; charset=utf-8"),
    "/dashboard/tables.js": ("tables.js", "text/javascript; charset=utf-8"),
    "/dashboard/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/dashboard/icon.svg": ("icon.svg", "image/svg+xml"),
}


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a browser; `body` is read when it is needed."""

    method: str
    path: str
    query: str
    environ: Mapping[str, Any]

    @property
    def cookie(self) -> str:
        """Return the session's token; "" without one."""
        cookies = self.environ.get("HTTP_COOKIE", "")
        try:
            morsel = SimpleCookie(cookies if len(cookies) <= LONGEST_COOKIES else "").get(COOKIE)
        except CookieError:
            return ""
        return morsel.value if morsel is not None else ""

    @property
    def ip(self) -> str:
        """Return the client's address."""
        return str(self.environ.get("REMOTE_ADDR", "?"))

    @property
    def is_tls(self) -> bool:
        """Whether the browser may be told to keep its cookie for TLS."""
        return bool(self.environ.get("wsgi.url_scheme") == "https")

    def json(self) -> dict[str, Any]:
        """Return the object in the body. Raises ValueError when it isn't one. Doesn't yield."""
        if not self.environ.get("CONTENT_TYPE", "").startswith("application/json"):
            raise ValueError("not JSON")  # so that no form of another site is accepted
        try:
            sent = json.loads(self.environ["wsgi.input"].read())
        except RecursionError:
            raise ValueError("nested too deep") from None
        if not isinstance(sent, dict):
            raise ValueError("not an object")
        return sent


def _refusal(refusal: RefusalCount) -> dict[str, Any]:
    told: dict[str, Any] = values(refusal)
    status = refusal.example.command_status
    for_now = of_command_status(status) is Outcome.TEMPORARY
    example = refusal.example._asdict()
    return {**told, "example": example, "status": status_words(status), "for_now": for_now}


class Panel:
    """Answers the dashboard's requests."""

    def __init__(self, operations: Operations, gate: Gate, history: History) -> None:
        self.sessions = Sessions()
        self._operations = operations
        self._gate = gate
        self._history = history
        self._picture: tuple[float, ServerSnapshot] | None = None
        folder = resources.files("ksmppd_py.admin") / "dashboard"
        self._files = {path: (folder / name).read_bytes() for path, (name, _) in _FILES.items()}
        self._doors: dict[tuple[str, str], Callable[[Visit], Reply]] = {
            ("GET", "/dashboard/session"): self._who,
            ("POST", "/dashboard/session"): self._sign_in,
            ("POST", "/dashboard/sign-out"): lambda visit: self._changing(visit, self._sign_out),
            ("GET", "/dashboard/state"): self._state,
            ("POST", "/dashboard/command"): lambda visit: self._changing(visit, self._command),
        }

    def has(self, path: str) -> bool:
        """Whether the path is the dashboard's."""
        return path in self._files or path.startswith("/dashboard/")

    def answer(self, visit: Visit) -> Reply | None:
        """Return the reply; None when the path isn't the dashboard's. May yield."""
        if visit.path in self._files and visit.method != "POST":
            return Reply(200, _FILES[visit.path][1], self._files[visit.path])
        if visit.path.startswith("/dashboard/"):
            door = self._doors.get(("GET" if visit.method == "HEAD" else visit.method, visit.path))
            return door(visit) if door is not None else plain_reply(404, "Not found")
        return None

    def _who(self, visit: Visit) -> Reply:
        session = self.sessions.find(visit.cookie)
        return json_reply(200, {"signed_in": session is not None, "csrf": session.csrf if session else None})

    def _sign_in(self, visit: Visit) -> Reply:
        try:
            given = visit.json().get("password")
        except ValueError:
            return json_reply(400, {"message": "Not understood"})
        password = given.encode("utf-8", "replace") if isinstance(given, str) else b""
        try:
            is_right = self._gate.opens(password, visit.ip)
        except TooManyGuesses as pause:
            return json_reply(429, {"message": f"Too many wrong passwords, {pause}"}, pause.headers)
        if not is_right:
            return json_reply(403, {"message": "Wrong password"})
        session = self.sessions.open()
        secure = "; Secure" if visit.is_tls else ""
        cookie = f"{COOKIE}={session.token}; Path=/; HttpOnly; SameSite=Strict{secure}"
        return json_reply(200, {"signed_in": True, "csrf": session.csrf}, (("Set-Cookie", cookie),))

    def _changing(self, visit: Visit, change: Callable[[Visit, Session], Reply]) -> Reply:
        """Make a change if the request has the session's cookie and the token that only the dashboard has."""
        session = self.sessions.find(visit.cookie)
        given = visit.environ.get(CSRF_HEADER, "").encode("latin-1", "replace")
        if session is None or not hmac.compare_digest(given, session.csrf.encode()):
            return json_reply(403, {"message": "Please sign in"})
        return change(visit, session)

    def _sign_out(self, _visit: Visit, session: Session) -> Reply:
        self.sessions.close(session)
        return json_reply(200, {"signed_in": False})

    def _command(self, visit: Visit, _session: Session) -> Reply:
        """Run one of the admin server's commands. May yield."""
        try:
            asked = visit.json()
        except ValueError:
            return json_reply(400, {"message": "Not understood"})
        read = COMMANDS.get(str(asked.get("command")))
        given = asked.get("parameters", {})
        if read is None or not isinstance(given, dict):
            return json_reply(404, {"message": "No such command"})
        parameters = {str(name): str(value) for name, value in given.items()}
        self._picture = None
        tell_command(str(asked["command"]), parameters, visit.ip, BY_PAGE)
        return render(read(parameters).run(self._operations), xml=False, json=True)

    def _snapshot(self) -> ServerSnapshot:
        now = monotonic()
        if self._picture is None or now - self._picture[0] > SAME_PICTURE:
            self._picture = now, self._operations.snapshot()
        return self._picture[1]

    def _state(self, visit: Visit) -> Reply:
        """Return everything that the page shows, with the points of the history after `since`. May yield."""
        if self.sessions.find(visit.cookie) is None:
            return json_reply(403, {"message": "Please sign in"})
        operations, overview = self._operations, self._operations.overview
        snapshot = self._snapshot()
        queues = queue_status(operations, QUEUES_INTERVAL)
        measures = overview.measures()
        since, wish = _wanted(visit.query)
        return json_reply(
            200,
            {
                "now": time(),
                "version": __version__,
                "uptime": operations.uptime(),
                "condition": {
                    "state": measures.condition.state,
                    "troubles": [trouble.details or trouble.words for trouble in measures.condition.troubles],
                },
                "accounts": len(snapshot.esmes),
                "bound": sum(1 for esme in snapshot.esmes if esme.binds),
                "binds": sum(measures.binds.values()),
                "sums": values(sums_of(measures)),
                **listing(snapshot.esmes, wish),
                "bearerboxes": values(measures.bearerboxes),
                "oldest_age": max((row.oldest_age or 0 for row in queues.queues), default=None),
                "queues": values(replace(queues, queues=queues.queues[:MOST_QUEUES])),
                "refusals": [_refusal(each) for each in measures.meters.refusals.recent()[:MOST_REFUSALS]],
                "blocked": values(list(operations.blocked_ips())[:MOST_QUEUES]),
                "log_level": operations.log_level(),
                "interval": INTERVAL,
                "points": values(self._history.since(since)),
            },
        )


def _wanted(query: str) -> tuple[float, Wish]:
    """Return the time after which the page wants the history, and the accounts that it wants."""
    asked = parse_qs(query, keep_blank_values=True, errors="replace")
    try:
        since = float(asked["since"][0])
    except (KeyError, ValueError):
        since = 0.0
    return since, Wish(
        asked.get("find", [""])[0].strip().lower(),
        frozenset(asked.get("open", ())),
        asked.get("sort", [""])[0],
        falling="falling" in asked,
    )
