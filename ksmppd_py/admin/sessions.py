"""Browsers' sessions: signed cookies, which survive a restart."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer

COOKIE = "ksmppd_session"
IDLE = 1800
"""Seconds without a request after which a session ends."""
LONGEST = 12 * 3600
"""Seconds after which it ends anyway."""
RENEWAL = 60
"""Seconds after which a request gets a new cookie, which is how the time without a request is known."""
MOST_CLOSED = 1000
"""Sessions that were signed out and would still be valid; of more the first ones are forgotten."""
LONGEST_TOKEN = 1000
"""Characters of a cookie's token; a longer one isn't checked."""
_SALT = b"ksmppd-py browser session"


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """One browser's session. `csrf` must be in every request that changes something.

    `token` is the cookie to be set; empty when the browser's own is new enough.
    """

    username: str
    session_id: str
    began: int
    csrf: str
    token: str = ""


class Sessions:
    """Signs and checks cookies. The key is made of `secret`; another secret ends all sessions.

    A cookie holds no password. To guess at the secret with a stolen cookie costs a scrypt for each guess. Sessions that
    were signed out are remembered in memory: a restart within IDLE seconds makes such a cookie valid again.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock
        self._key = b""
        self._closed: dict[str, None] = {}

    def reconfigure(self, secret: bytes) -> None:
        """Take over another secret. Doesn't yield."""
        if secret != self._secret:
            self._secret, self._key = secret, b""

    def open(self, username: str) -> BrowserSession:
        """Open a session. May yield."""
        return self._session(username, secrets.token_urlsafe(16), int(self._clock()), is_new=True)

    def find(self, token: str) -> BrowserSession | None:
        """Return the session of a cookie; None without one, or when its time is over. May yield."""
        if not token or len(token) > LONGEST_TOKEN:
            return None
        try:
            payload, signed_at = self._serializer().loads(token, max_age=IDLE, return_timestamp=True)
            username, session_id, began = payload
        except (BadData, ValueError, TypeError):
            return None
        now = self._clock()
        if now - began > LONGEST or session_id in self._closed:
            return None
        return self._session(username, session_id, began, is_new=now - signed_at.timestamp() >= RENEWAL)

    def close(self, session: BrowserSession) -> None:
        """End a session: the operator signed out. Doesn't yield."""
        self._closed[session.session_id] = None
        if len(self._closed) > MOST_CLOSED:
            del self._closed[next(iter(self._closed))]

    def _session(self, username: str, session_id: str, began: int, is_new: bool) -> BrowserSession:
        serializer = self._serializer()
        csrf = hmac.new(self._key, b"csrf " + session_id.encode(), "sha256").hexdigest()
        token = str(serializer.dumps([username, session_id, began])) if is_new else ""
        return BrowserSession(username, session_id, began, csrf, token)

    def _serializer(self) -> URLSafeTimedSerializer:
        if not self._key:  # in a thread: it takes 50 ms
            secret = self._secret
            key = gevent.get_hub().threadpool.apply(_stretched, (secret,))
            if secret == self._secret:
                self._key = key
        clock = self._clock

        class Signer(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(clock())

        options: dict[str, Any] = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        return URLSafeTimedSerializer(self._key, salt=_SALT, signer=Signer, signer_kwargs=options)


def _stretched(secret: bytes) -> bytes:
    return hashlib.scrypt(secret, salt=_SALT, n=2**14, r=8, p=1, dklen=32)


def cookie_header(token: str, is_tls: bool) -> tuple[str, str]:
    """Return the header that sets the cookie; an empty token removes it."""
    secure = "; Secure" if is_tls else ""
    ending = "" if token else "; Max-Age=0"
    return "Set-Cookie", f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{ending}"
