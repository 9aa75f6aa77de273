"""Access to the admin pages: passwords in the query and in headers, and browsers' sessions."""

from __future__ import annotations

import base64

import pytest
from admin_fakes import FakeOperations
from admin_http import PASSWORD, PASSWORD_QUERY, Client

from ksmppd_py.admin.access import Credentials, credentials_in
from ksmppd_py.admin.server import AdminServer, AdminSettings
from ksmppd_py.model.condition import Trouble


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def get(client: Client, header: str, target: str = "/uptime") -> int:
    client.send(f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\n\r\n".encode())
    return client.read().status


@pytest.mark.parametrize(
    ("header", "password"),
    [
        (basic("me:secret"), b"secret"),
        (basic(":se:cret"), b"se:cret"),
        (basic("me:pässword"), "pässword".encode()),
        ("bAsIc  " + basic("a:b")[6:] + " ", b"b"),
        ("Bearer secret", b"secret"),
        ("bearer  s=e/c+ret== ", b"s=e/c+ret=="),
        ("Bearer", b""),
        (basic("nocolon"), None),
        ("Basic !!!", None),
        ("Basic bWU6\xe9", None),
        ("Digest username=me", None),
        ("", None),
    ],
)
def test_authorization_headers(header: str, password: bytes | None) -> None:
    found = credentials_in(header)
    assert (found.password if found else None) == password


def test_usernames_in_headers() -> None:
    assert credentials_in(basic("mé:secret")) == Credentials("mé", b"secret")
    assert credentials_in("Bearer secret") == Credentials("", b"secret")


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_headers_let_in(client: Client, scheme: str) -> None:
    def header(password: str) -> str:
        return basic(f"anybody:{password}") if scheme == "basic" else f"Bearer {password}"

    assert get(client, header(PASSWORD)) == 200
    assert get(client, header(PASSWORD + "x")) == 403
    assert get(client, header("")) == 403


def test_a_password_in_the_query_counts_before_the_header(client: Client) -> None:
    assert get(client, f"Bearer {PASSWORD}", "/uptime?password=wrong") == 403
    assert get(client, "Bearer wrong", f"/uptime?{PASSWORD_QUERY}") == 200


def test_browsers_are_not_asked_for_basic_credentials(client: Client) -> None:
    assert "www-authenticate" not in client.get("/uptime", password="").headers


def test_health_needs_no_password(client: Client, operations: FakeOperations) -> None:
    for path in ("/healthz", "/healthz.xml", "/readyz", "/readyz.json"):
        assert client.get(path, password="").status == 200
    operations.server_status.troubles = (Trouble("database", "the database doesn't answer", "10.0.0.1:3306"),)
    assert client.get("/healthz", password="").status == 200
    answer = client.get("/readyz", password="password=wrong")
    assert (answer.status, answer.body) == (503, b"not ok: the database doesn't answer\n")


def test_nothing_logs_passwords_in_headers(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0):
        get(client, f"Bearer {PASSWORD}")
        get(client, basic(f"x:{PASSWORD}x"))
    assert "s3cr" not in caplog.text


def test_another_password_ends_all_sessions(server: AdminServer, client: Client) -> None:
    sessions = server._access.sessions
    token = sessions.open("admin").token
    server.reconfigure(AdminSettings(server.port, PASSWORD))
    assert sessions.find(token) is not None
    server.reconfigure(AdminSettings(server.port, "another"))
    assert sessions.find(token) is None
    assert get(client, f"Bearer {PASSWORD}") == 403
    assert get(client, "Bearer another") == 200
