"""The line on each command: what, by whom, from where, and never a secret."""

from __future__ import annotations

import base64
import logging

import pytest
from admin_http import PASSWORD, Client

from ksmppd_py.admin.audit import log_command, user_of
from ksmppd_py.model.events import EventKind, EventStream


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage() for record in caplog.records if record.getMessage().startswith("Administration: ")
    ]


@pytest.mark.parametrize(
    ("authorization", "who"),
    [
        ("", "the password"),
        (f"Bearer {PASSWORD}", "the password"),
        (basic("ops"), "user ops"),
        (basic(""), "the password"),
        (basic("\xe9"), "user \xe9"),
        (basic("u" * 500), "user " + "u" * 100),
        ("basic !!", "the password"),
        ("Digest x", "the password"),
    ],
)
def test_who(authorization: str, who: str) -> None:
    assert user_of(authorization) == who


@pytest.mark.parametrize(
    ("path", "parameters", "line"),
    [
        ("/uptime", {}, "uptime from ::1 by x"),
        (
            "/esme-unbind",
            {"system-id": "Acme", "bind-id": "4"},
            "esme-unbind system-id=Acme bind-id=4 from ::1 by x",
        ),
        ("/blocked-ips", {"clear": "all", "password": "s3cret"}, "blocked-ips clear=all from ::1 by x"),
        ("/route-test", {"to": "+4917", "text": "Hello", "TEXT": "H"}, "route-test to=+4917 from ::1 by x"),
        ("/log-level", {"level": "9" * 200}, f"log-level level={'9' * 100} from ::1 by x"),
        ("/healthz", {}, None),
        ("/readyz", {}, None),
        ("/metrics", {}, None),
        ("/foo", {"a": "b"}, None),
    ],
)
def test_lines(
    path: str, parameters: dict[str, str], line: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        log_command(EventStream(), path, parameters, "::1", "x")
    assert lines(caplog) == ([] if line is None else [f"Administration: {line}"])
    assert all(record.levelno == logging.INFO for record in caplog.records)


def test_over_http(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        client.get("/uptime.json?x=1")
        client.get("/esme-unbind?system-id=smppusera", password="password=wrong")
    assert lines(caplog) == ["Administration: uptime x=1 from 127.0.0.1 by the password"]
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    ("path", "parameters", "text"),
    [
        ("/esme-unbind", {"system-id": "acme"}, "esme-unbind system-id=acme by user ops"),
        ("/log-level", {"level": "1"}, "log-level level=1 by user ops"),
        ("/rebuild-routes", {"password": PASSWORD}, "rebuild-routes by user ops"),
        ("/blocked-ips", {"clear": "all"}, "blocked-ips clear=all by user ops"),
        ("/blocked-ips", {}, None),
        ("/uptime", {}, None),
        ("/readyz", {}, None),
    ],
)
def test_changes_are_events(path: str, parameters: dict[str, str], text: str | None) -> None:
    events = EventStream()
    log_command(events, path, parameters, "::1", "user ops")
    found = events.select(None, 10)
    assert [event.text for event in found] == ([] if text is None else [text])
    if text is not None:
        assert found[0].kind is EventKind.CHANGE
        assert found[0].fields == {
            "operation": text.removesuffix(" by user ops"),
            "username": "user ops",
            "address": "::1",
        }
