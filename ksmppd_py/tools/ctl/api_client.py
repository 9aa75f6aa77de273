"""Requests to the management API, and its answers as values or errors of one line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError, SSLError, TimeoutError

from ksmppd_py.tools.ctl.errors import NO_ANSWER, ApiProblem, CtlError
from ksmppd_py.tools.ctl.target import Target

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 30.0
PAGE = 500
"""Rows that are asked for at once."""
_HINTS = {
    401: "the username or the password is wrong",
    412: "it was changed by another hand meanwhile; look again",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API; `version` is its ETag as If-Match takes it, empty without one."""

    body: Any
    version: str = ""


class Document(dict[str, Any]):
    """An object of an answer. Raises CtlError for a field that isn't there: the server is of another version."""

    def __missing__(self, name: str) -> Any:
        """See dict."""
        raise CtlError(f"the server's answer lacks the field {name}; is it of another version?", NO_ANSWER)


def path_of(*parts: str) -> str:
    """Return a path below /api/v1 of these parts, each escaped."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


class ApiClient:
    """Asks one server. Every method raises CtlError, ApiProblem for what the server refused."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._headers = urllib3.make_headers(
            basic_auth=f"{target.username}:{target.password}", user_agent="ksmppctl"
        )
        unchecked = target.insecure or bool(target.fingerprint)
        if target.insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._pool = urllib3.PoolManager(
            cert_reqs="CERT_NONE" if unchecked else "CERT_REQUIRED",
            ca_certs=target.ca_file or None,
            assert_fingerprint=None if target.insecure else target.fingerprint or None,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
            retries=False,
        )

    def get(self, path: str, **query: Any) -> Answer:
        """Return an object. Parameters that are None aren't sent."""
        return self.send("GET", path, query=query)

    def items(self, path: str, most: int | None = None, **query: Any) -> Iterator[Any]:
        """Yield the objects of a list, page by page; at most `most`."""
        left, after = most, None
        while left is None or left > 0:
            limit = PAGE if left is None else min(PAGE, left)
            page = self.get(path, limit=limit, after=after, **query).body
            yield from page["items"]
            left = None if left is None else left - len(page["items"])
            after = page["next"]
            if after is None:
                return

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        version: str = "",
        key: str = "",
    ) -> Answer:
        """Send a request; `version` is If-Match, `key` Idempotency-Key."""
        headers = dict(self._headers)
        octets = None
        if body is not None:
            octets = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if version:
            headers["If-Match"] = version
        if key:
            headers["Idempotency-Key"] = key
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        url = f"{self.target.url}/api/v1{path}{'?' if given else ''}{urlencode(given)}"
        try:
            answer = self._pool.request(method, url, body=octets, headers=headers, redirect=False)
        except (HTTPError, OSError) as error:
            raise CtlError(f"no answer from {self.target.url}: {_reason(error)}", NO_ANSWER) from None
        return self._read(answer)

    def _read(self, answer: urllib3.BaseHTTPResponse) -> Answer:
        try:
            body = json.loads(answer.data, object_hook=Document) if answer.data else None
        except ValueError:
            body = None
        if answer.status >= 400 and isinstance(body, Document) and "detail" in body:
            detail = _HINTS.get(answer.status) or str(body["detail"])
            raise ApiProblem(answer.status, detail, str(body.get("field", "")))
        is_right = 200 <= answer.status < 300 and isinstance(body, Document)
        if not is_right and answer.status != 204:
            text = f"{self.target.url} doesn't answer as ksmppd's administration port does"
            raise CtlError(f"{text} (HTTP {answer.status})", NO_ANSWER)
        return Answer(body, answer.headers.get("ETag", ""))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reason(error: Exception) -> str:
    if isinstance(error, SSLError):
        return f"its certificate isn't trusted ({error}); see --ca-file"
    if isinstance(error, TimeoutError) and not isinstance(error, urllib3.exceptions.NewConnectionError):
        return "it takes too long"
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause).rpartition(": ")[2] or type(cause).__name__
