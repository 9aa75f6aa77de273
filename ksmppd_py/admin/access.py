"""Authenticates the operator: a password in the query, as HTTP Basic (any user) or as Bearer token; browser sessions.

Guessing is slow: after some wrong passwords an address has to pause before each further one.

Browsers are never asked for Basic credentials, because they would add them to requests that other sites cause.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from ksmppd_py.ip_addresses import plain, source_of
from ksmppd_py.logs import EACH

logger = logging.getLogger(__name__)

FREE_GUESSES = 5
"""Wrong passwords that an address may send without a pause."""
FIRST_PAUSE, LAST_PAUSE = 1.0, 30.0
"""Seconds; doubles with each further wrong password."""
FORGIVEN_AFTER = 900.0
"""Seconds without a wrong password after which an address's count is forgotten."""
MOST_ADDRESSES = 10_000
IDLE = 1800.0
"""Seconds without a request after which a browser's session ends."""
LONGEST = 12 * 3600.0
MOST_SESSIONS = 100


class Password:
    """Compares in a time that reveals nothing. An empty password matches nothing."""

    def __init__(self, password: bytes) -> None:
        self._wanted = _digest(password) if password else None

    def change(self, password: bytes) -> bool:
        """Set the password; return whether it was another one before."""
        before, self._wanted = self._wanted, _digest(password) if password else None
        return before != self._wanted

    def matches(self, given: bytes) -> bool:
        """Whether `given` is the password."""
        return self._wanted is not None and hmac.compare_digest(_digest(given), self._wanted)


class TooManyGuesses(Exception):
    """An address sent too many wrong passwords and has to wait `seconds`; `headers` are for the answer."""

    def __init__(self, seconds: float) -> None:
        whole = math.ceil(seconds)
        super().__init__(f"wait {whole} s")
        self.headers = (("Retry-After", str(whole)),)


@dataclass(slots=True)
class _Guesser:
    wrong: int = 0
    last: float = 0.0
    pause: float = 0.0


class PasswordCheck:
    """Checks passwords, each address's at a bounded rate. No method yields.

    While an address has to pause its passwords aren't checked, not even the right one; otherwise guessing would go on.
    """

    def __init__(self, password: Password, now: Callable[[], float] = monotonic) -> None:
        self._password = password
        self._now = now
        self._guessers: dict[str, _Guesser] = {}

    def accepts(self, given: bytes, ip: str) -> bool:
        """Whether this is the password; a wrong one is counted and logged. Raises TooManyGuesses.

        An empty one isn't a guess.
        """
        key, now = source_of(ip), self._now()
        guesser = self._guessers.get(key)
        if guesser is not None and now - guesser.last > FORGIVEN_AFTER:
            del self._guessers[key]
            guesser = None
        if guesser is not None and now < guesser.last + guesser.pause:
            raise TooManyGuesses(guesser.last + guesser.pause - now)
        if self._password.matches(given):
            self._guessers.pop(key, None)
            return True
        if given:
            self._count(key, now)
            logger.warning("Wrong password for the administration port from %s", plain(ip), extra=EACH)
        return False

    def _count(self, key: str, now: float) -> None:
        guesser = self._guessers.pop(key, None) or _Guesser()
        self._guessers[key] = guesser  # moved to the end, so that the first was quiet longest
        guesser.wrong += 1
        guesser.last = now
        if guesser.wrong >= FREE_GUESSES:
            guesser.pause = min(LAST_PAUSE, guesser.pause * 2 or FIRST_PAUSE)
        if len(self._guessers) > MOST_ADDRESSES:
            del self._guessers[next(iter(self._guessers))]


def _digest(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


def password_in(authorization: str) -> bytes | None:
    """Return the password of an Authorization header (Latin-1, as in WSGI); None without one."""
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
class BrowserSession:
    """One browser's session. `csrf` must be in every request that changes something."""

    token: str
    csrf: str
    began: float
    seen: float


class Sessions:
    """The sessions of browsers that sent the password, in memory: a restart ends them."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._sessions: dict[bytes, BrowserSession] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self) -> BrowserSession:
        """Open a session; with too many, the one that was silent longest ends."""
        now = self._now()
        session = BrowserSession(secrets.token_urlsafe(32), secrets.token_urlsafe(32), now, now)
        self._sessions[_digest(session.token.encode())] = session
        if len(self._sessions) > MOST_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].seen)]
        return session

    def find(self, token: str) -> BrowserSession | None:
        """Return the session of a cookie; None without one, or when its time is over."""
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

    def close(self, session: BrowserSession) -> None:
        """End a session: the operator signed out."""
        self._sessions.pop(_digest(session.token.encode()), None)

    def close_all(self) -> None:
        """End all sessions."""
        self._sessions.clear()
