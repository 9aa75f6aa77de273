"""Finds out which operator asks: HTTP Basic, the password of http-server as a Bearer token, or a browser's session.

Browsers are never asked for Basic credentials, because they would add them to requests that other sites cause.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass

from ksmppd_py.admin.guesses import TooManyGuesses
from ksmppd_py.admin.requests import Request
from ksmppd_py.admin.sessions import COOKIE, BrowserSession, Sessions, cookie_header
from ksmppd_py.admin.users import ADMIN, User, Users

CSRF_HEADER = "X-CSRF-Token"
_CHALLENGE = (("WWW-Authenticate", 'Bearer realm="ksmppd"'),)
_OWN_SITE = ("", "same-origin", "none")
"""Values of Sec-Fetch-Site that no other site's page can cause."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The username, empty without one, and the password of an Authorization header."""

    username: str
    password: bytes


def credentials_in(authorization: str) -> Credentials | None:
    """Return the credentials of an Authorization header (Latin-1, as in WSGI); None without any."""
    scheme, _, text = authorization.strip().partition(" ")
    octets = text.strip().encode("latin-1", "replace")
    if scheme.lower() == "bearer":
        return Credentials("", octets)
    if scheme.lower() != "basic":
        return None
    try:
        username, colon, password = base64.b64decode(octets, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return Credentials(username.decode("utf-8", "replace"), password) if colon else None


class NotSignedIn(Exception):
    """A request without valid credentials; `status` and `headers` are for the answer."""

    def __init__(self, status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Identity:
    """The operator who asks; `headers` are for the answer (a renewed cookie)."""

    user: User
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserIdentity(Identity):
    """The operator who asks with a browser."""

    session: BrowserSession


class Access:
    """Finds the operator of a request."""

    def __init__(self, users: Users, sessions: Sessions) -> None:
        self.users = users
        self.sessions = sessions

    def identify(self, request: Request, changes: bool) -> Identity:
        """Return who asks. A request that `changes` something needs the session's CSRF token, if it has a session.

        Raises NotSignedIn. May yield. Raises errors.QueueFull.
        """
        if changes and request.header("Sec-Fetch-Site") not in _OWN_SITE:
            raise NotSignedIn(403, "another site's page can't change anything here")
        credentials = credentials_in(request.header("Authorization"))
        if credentials is None:
            return self.identify_browser(request, changes)
        try:
            name = credentials.username or ADMIN
            user = self.users.check(name, credentials.password, request.ip)
        except TooManyGuesses as pause:
            detail = f"too many wrong passwords from this address, {pause}"
            raise NotSignedIn(429, detail, pause.headers) from None
        if user is None:
            raise NotSignedIn(401, "username or password is wrong", _CHALLENGE)
        return Identity(user)

    def identify_browser(self, request: Request, changes: bool) -> BrowserIdentity:
        """Do as `identify`, but look at the session only."""
        session = self.sessions.find(request.cookie(COOKIE))
        user = self.users.find(session.username, request.ip) if session is not None else None
        if session is None or user is None:
            raise NotSignedIn(401, "username and password are needed", _CHALLENGE)
        given = request.header(CSRF_HEADER).encode("latin-1", "replace")
        if changes and not hmac.compare_digest(given, session.csrf.encode()):
            raise NotSignedIn(403, f"a change needs the session's token in {CSRF_HEADER}")
        headers = (cookie_header(session.token, request.is_tls),) if session.token else ()
        return BrowserIdentity(user, headers, session=session)
