"""Access to the admin pages: passwords in the query and in headers, and browsers' sessions."""

from __future__ import annotations

import base64

import pytest
from admin_fakes import FakeOperations
from admin_http import PASSWORD, PASSWORD_QUERY, Client, StartServer

from ksmppd_py.admin import access
from ksmppd_py.admin.access import IDLE, LONGEST, MOST_SESSIONS, Password, Sessions, password_in
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
    assert password_in(header) == password


def test_passwords() -> None:
    assert Password(b"secret").matches(b"secret")
    assert not any(Password(b"secret").matches(given) for given in (b"", b"secre", b"secrets", b"SECRET"))
    assert not Password(b"").matches(b"")


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


class TestSessions:
    def test_silence_ends_them(self) -> None:
        now = [0.0]
        sessions = Sessions(lambda: now[0])
        session = sessions.open()
        now[0] += IDLE
        assert sessions.find(session.token) is session
        now[0] += IDLE + 1
        assert sessions.find(session.token) is None
        assert len(sessions) == 0

    def test_they_end_anyway(self) -> None:
        now = [0.0]
        sessions = Sessions(lambda: now[0])
        session = sessions.open()
        while now[0] + 1000 <= LONGEST:
            now[0] += 1000
            assert sessions.find(session.token) is session
        now[0] += 1000
        assert sessions.find(session.token) is None

    def test_the_quietest_makes_room(self) -> None:
        now = [0.0]
        sessions = Sessions(lambda: now[0])
        first = [sessions.open() for _ in range(MOST_SESSIONS)]
        now[0] = 1.0
        for session in (*first[:3], *first[4:]):
            sessions.find(session.token)
        sessions.open()
        assert len(sessions) == MOST_SESSIONS
        assert sessions.find(first[3].token) is None

    def test_tokens(self) -> None:
        sessions = Sessions()
        session = sessions.open()
        assert len({session.token, session.csrf, sessions.open().token}) == 3
        assert len(session.token) >= 43
        assert sessions.find("") is None
        assert sessions.find(session.csrf) is None
        sessions.close(session)
        assert sessions.find(session.token) is None

    def test_the_token_itself_isnt_kept_as_a_key(self) -> None:
        sessions = Sessions()
        session = sessions.open()
        assert session.token.encode() not in sessions._sessions
        assert access._digest(session.token.encode()) in sessions._sessions


def test_servers_have_sessions_of_their_own(start: StartServer, server: AdminServer) -> None:
    token = server._dashboard.sessions.open().token
    assert start()._dashboard.sessions.find(token) is None


def test_another_password_ends_all_sessions(server: AdminServer, client: Client) -> None:
    sessions = server._dashboard.sessions
    sessions.open()
    server.change(AdminSettings(server.port, PASSWORD))
    assert len(sessions) == 1
    server.change(AdminSettings(server.port, "another"))
    assert len(sessions) == 0
    assert get(client, f"Bearer {PASSWORD}") == 403
    assert get(client, "Bearer another") == 200


def test_wrong_passwords_are_logged_and_absent_ones_are_not(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert get(client, "") == 403
    assert caplog.records == []
    assert get(client, "Bearer wrong-one") == 403
    assert get(client, "", "/uptime?password=wrong-two") == 403
    body = b'{"password": "wrong-three"}'
    head = "POST /dashboard/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    client.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert client.read().status == 403
    assert [record.getMessage() for record in caplog.records] == [
        "Wrong password for the administration port from 127.0.0.1"
    ] * 3
