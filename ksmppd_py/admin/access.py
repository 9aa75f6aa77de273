"""Who is the operator: the password in the query, as HTTP Basic (any user) or as a Bearer token; browser sessions.

We never ask a browser for Basic credentials: it would send them with what other sites make it request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

IDLE = 1800.0
"""Seconds without a request after which a browser's session ends."""
LONGEST = 12 * 3600.0
MOST_SESSIONS = 100


class Password:
    """Compares in a time that tells nothing. An empty password is nobody's."""

    def __init__(self, password: bytes) -> None:
        self._wanted = _digest(password) if password else None

    def change(self, password: bytes) -> bool:
        """From now on it is this one; whether it was another before."""
        before, self._wanted = self._wanted, _digest(password) if password else None
        return before != self._wanted

    def matches(self, given: bytes) -> bool:
        """Whether `given` is it."""
        return self._wanted is not None and hmac.compare_digest(_digest(given), self._wanted)


def _digest(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


def password_in(authorization: str) -> bytes | None:
    """The password that an Authorization header carries (as WSGI has it: Latin-1); None when it has none."""
    scheme, _, credentials = authorization.strip().partition(" ")
    octets = credentials.strip().encode("latin-1", "replace")
    if scheme.lower() == "bearer":
        return octets
    if scheme.lower() != "basic":
        return None
    try:
        _user, colon, password = base64.b64decode(octets, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return password if colon else None


@dataclass(slots=True)
class Session:
    """One browser. `csrf` comes back with everything that changes something."""

    token: str
    csrf: str
    began: float
    seen: float


class Sessions:
    """Browsers that gave the password, in memory only: a restart ends all."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._sessions: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self) -> Session:
        """A new session; with too many, the one that was silent longest ends."""
        now = self._now()
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), now, now)
        self._sessions[_digest(session.token.encode())] = session
        if len(self._sessions) > MOST_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].seen)]
        return session

    def find(self, token: str) -> Session | None:
        """The session of a cookie, None when there is none or its time is over."""
        key = _digest(token.encode("utf-8", "replace"))
        session = self._sessions.get(key)
        now = self._now()
        if session is None:
            return None
        if now - session.seen > IDLE or now - session.began > LONGEST:
            del self._sessions[key]
            return None
        session.seen = now
        return session

    def close(self, session: Session) -> None:
        """The operator leaves."""
        self._sessions.pop(_digest(session.token.encode()), None)

    def close_all(self) -> None:
        """Everybody has to sign in anew."""
        self._sessions.clear()
