"""GET /api/v1/events, and the events of changes by operators."""

from __future__ import annotations

import io
import json
from typing import Any, cast

import pytest
from admin_fakes import FakeOperations

from ksmppd_py.admin.access import Access, Identity
from ksmppd_py.admin.api.handler import OPERATIONS, ApiHandler
from ksmppd_py.admin.api.operation import Answer, Backend, Call, Operation
from ksmppd_py.admin.requests import Request
from ksmppd_py.admin.users import Role, User
from ksmppd_py.model.events import EventKind


class AdminAccess:
    """Takes every client for the administrator."""

    def identify(self, _request: Request, **_options: bool) -> Identity:
        """Return the administrator."""
        return Identity(User("admin", Role.ADMIN))


def done(_backend: Backend, _call: Call) -> Answer:
    return Answer()


CHANGE = Operation(
    method="POST",
    path="/x/{name}",
    role=Role.OPERATOR,
    summary="Do x",
    run=done,
    status=204,
    needs_database=False,
)
QUESTION = Operation(
    method="POST", path="/y", role=Role.VIEWER, summary="Ask y", run=done, status=204, needs_database=False
)


def send(operations: FakeOperations, method: str, target: str, *declared: Operation) -> tuple[int, Any]:
    backend = Backend(cast(Any, None), operations, cast(Any, None))
    api = ApiHandler(backend, cast(Access, AdminAccess()), (*OPERATIONS, *declared))
    environ = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": f"/api/v1{target}",
        "REMOTE_ADDR": "10.0.0.7",
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(b""),
    }
    reply = api.answer(Request.from_environ(environ))
    return reply.status, json.loads(reply.body or b"null")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["one", "two", "three"]),
        ("?limit=2", ["two", "three"]),
        ("?since=0&limit=2", ["one", "two"]),
        ("?since=1000", ["two", "three"]),
        ("?since=1002", []),
        ("?kind=unbind", ["two"]),
        ("?kind=unbind,bind&since=1000", ["two", "three"]),
    ],
)
def test_events(operations: FakeOperations, query: str, found: list[str]) -> None:
    events = operations.server_status.events
    events.add(EventKind.BIND, "one", 1.0, {"ip": "::1"})
    events.add(EventKind.UNBIND, "two", 1.0)
    events.add(EventKind.BIND, "three", 1.0, {"system_id": "\ud800"})
    status, body = send(operations, "GET", f"/events{query}")
    assert status == 200
    assert [event["text"] for event in body["items"]] == found
    if query == "":
        assert body["last"] == 1002
        assert body["items"][0] == {
            "event_id": 1000,
            "time": 1.0,
            "kind": "bind",
            "text": "one",
            "fields": {"ip": "::1"},
        }
        assert body["items"][2]["fields"] == {"system_id": "?"}
    if query == "?since=1002":
        assert body["last"] == 1002


@pytest.mark.parametrize("query", ["?kind=nonsense", "?since=-1", "?since=x", "?limit=0", "?limit=1001"])
def test_wrong_queries(operations: FakeOperations, query: str) -> None:
    status, body = send(operations, "GET", f"/events{query}")
    assert status == 422
    assert body["field"] == query[1:].partition("=")[0]


def test_a_change_is_an_event_and_a_question_is_none(operations: FakeOperations) -> None:
    assert send(operations, "POST", "/x/acme", CHANGE, QUESTION)[0] == 204
    assert send(operations, "POST", "/y", CHANGE, QUESTION)[0] == 204
    [event] = operations.server_status.events.select(None, 10)
    assert (event.kind, event.text) == (EventKind.CHANGE, "Do x: acme by admin")
    assert event.fields == {"operation": "Do x: acme", "username": "admin", "address": "10.0.0.7"}
