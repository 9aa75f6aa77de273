"""A server that answers every request of ksmppctl in one way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ksmppd_py.tools.ctl.main import main


@dataclass
class Scripted:
    """The answer to every request, and the requests. Status 0 closes the connection instead."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    def problem(self, status: int, detail: str, name: str = "") -> None:
        """Answer with a problem document."""
        document = {"type": "about:blank", "title": "T", "status": status, "detail": detail}
        self.answer(status, {**document, "field": name} if name else document)

    def answer(self, status: int, body: object, **headers: str) -> None:
        """Answer with JSON."""
        self.status, self.body = status, json.dumps(body).encode()
        self.headers = {"Content-Type": "application/json", **headers}


@pytest.fixture(scope="session")
def scripted_server() -> Iterator[Scripted]:
    """The server of all tests of this package."""
    state = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            octets = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(octets) if octets else None
            state.requests.append((self.command, self.path, dict(self.headers), body))
            self.close_connection = True
            if state.status:
                self.send_response(state.status)
                for name, value in state.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(state.body)))
                self.end_headers()
                self.wfile.write(state.body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def scripted(scripted_server: Scripted) -> Scripted:
    """The server, as it is at first."""
    fresh = Scripted()
    for name in ("status", "headers", "body", "requests"):
        setattr(scripted_server, name, getattr(fresh, name))
    return scripted_server


@dataclass(frozen=True)
class Ended:
    """The result of a command."""

    code: int
    out: str
    err: str


Ctl = Callable[..., Ended]


@pytest.fixture
def ctl(scripted: Scripted, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ctl:
    """Runs ksmppctl against the scripted server."""
    monkeypatch.setenv("KSMPPD_URL", f"http://127.0.0.1:{scripted.port}")
    monkeypatch.setenv("KSMPPD_PASSWORD", "operator's")

    def run(*words: str) -> Ended:
        code = main(words)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run
