"""The two ends of HTTP that a test bed needs: exact answers of a server, and a sink that records."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.parts.waiting import PartError


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


def request(
    port: int, path: str, *, method: str = "GET", timeout: float = 10.0, **parameters: str | int
) -> HttpAnswer:
    """Ask 127.0.0.1:`port`; underscores in names become dashes. Raises OSError when there is no answer."""
    query = urlencode({name.replace("_", "-"): value for name, value in parameters.items()})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, f"{path}?{query}" if query else path, headers={"Connection": "close"})
        answer = connection.getresponse()
        body = answer.read().decode("utf-8")
        return HttpAnswer(answer.status, body, {key.lower(): value for key, value in answer.getheaders()})
    finally:
        connection.close()


@dataclass(frozen=True)
class HttpCall:
    """A request that an HttpSink received."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


class HttpSink:
    """An HTTP server on a free port that records each request and answers what `answer` says."""

    def __init__(
        self, answer: Callable[[HttpCall], tuple[int, Mapping[str, str], bytes]] | None = None
    ) -> None:
        self.calls: list[HttpCall] = []
        self._changed = threading.Condition()
        self._answer = answer or (lambda call: (200, {}, b""))
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                sink._serve(self)

            def log_message(self, *arguments: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def wait_for(self, predicate: Callable[[HttpCall], bool], timeout: float = 15.0) -> HttpCall:
        """Return the first recorded request that fits, waiting for it."""

        def found() -> HttpCall | None:
            return next((call for call in self.calls if predicate(call)), None)

        with self._changed:
            self._changed.wait_for(found, timeout)
            call = found()
        if call is None:
            raise PartError(f"no such HTTP request within {timeout:g} s; received: {self.calls}")
        return call

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        call = HttpCall(parts.path, query, {key.lower(): value for key, value in handler.headers.items()})
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        status, headers, body = self._answer(call)
        handler.send_response(status)
        for key, value in headers.items():
            handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True
