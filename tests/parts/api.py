"""A client of the management API."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PREFIX = "/api/v1"


@dataclass(frozen=True)
class ApiAnswer:
    """An answer; header names in lower case."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The ETag, as If-Match takes it."""
        return self.headers["etag"]


@dataclass(frozen=True)
class ApiClient:
    """Requests by HTTP Basic to 127.0.0.1."""

    port: int
    password: str
    username: str = "admin"

    def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> ApiAnswer:
        """Send one request; the path is below /api/v1."""
        credentials = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        sent = {"Authorization": f"Basic {credentials}", "Connection": "close", **(headers or {})}
        octets = None
        if body is not None:
            octets = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, PREFIX + path, octets, sent)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
            found = {name.lower(): value for name, value in answer.getheaders()}
            return ApiAnswer(answer.status, json.loads(text) if text else None, found)
        finally:
            connection.close()
