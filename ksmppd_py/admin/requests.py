"""HTTP requests and replies, and the port of everything that answers requests on the administration port."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple, Protocol

LONGEST_COOKIES = 8192
"""Octets of a Cookie header. Python's parser takes quadratic time for some; a session's has about a hundred."""


class Accepted(NamedTuple):
    """The requests that a handler takes. Other methods are answered 400, bodies of more octets 413."""

    methods: frozenset[str] = frozenset({"GET", "POST", "HEAD"})
    longest_body: int = 16_384


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. `path` and `query` are as sent, not URL-decoded; a character of them is an octet (Latin-1)."""

    method: str
    path: str
    query: str = ""
    environ: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_environ(cls, environ: Mapping[str, Any]) -> Request:
        """Return the request of a WSGI environment that has its target as REQUEST_URI."""
        path, _, query = environ["REQUEST_URI"].partition("?")
        return cls(environ["REQUEST_METHOD"], path, query, environ)

    def header(self, name: str) -> str:
        """Return a header field, Latin-1 as in WSGI; "" without one."""
        return str(self.environ.get(f"HTTP_{name.upper().replace('-', '_')}", ""))

    def cookie(self, name: str) -> str:
        """Return a cookie's value; "" without one."""
        cookies = self.header("Cookie")
        try:
            morsel = SimpleCookie(cookies if len(cookies) <= LONGEST_COOKIES else "").get(name)
        except CookieError:
            return ""
        return morsel.value if morsel is not None else ""

    @property
    def ip(self) -> str:
        """Return the client's address."""
        return str(self.environ.get("REMOTE_ADDR", "?"))

    @property
    def is_tls(self) -> bool:
        """Whether the request came over TLS, so that a cookie may be for TLS only."""
        return bool(self.environ.get("wsgi.url_scheme") == "https")

    def body(self) -> bytes:
        """Return the body, which has been received; a second call returns b"". Doesn't yield."""
        return bytes(self.environ["wsgi.input"].read())

    def json(self) -> dict[str, Any]:
        """Return the object in the body. Raises ValueError when it isn't one. Doesn't yield."""
        if not self.environ.get("CONTENT_TYPE", "").startswith("application/json"):
            raise ValueError("not JSON")  # so that no form of another site is accepted
        try:
            sent = json.loads(self.body())
        except RecursionError:
            raise ValueError("nested too deep") from None
        if not isinstance(sent, dict):
            raise ValueError("not an object")
        return sent


class RequestHandler(Protocol):
    """Answers all requests below some paths. The first handler of the server that has a path answers it."""

    @property
    def accepted(self) -> Accepted:
        """Return the requests that the handler takes."""

    def has(self, path: str) -> bool:
        """Whether this handler answers the path (Request.path). Doesn't yield."""

    def answer(self, request: Request) -> Reply:
        """Return the reply. An exception is logged and answered 500. May yield."""
