"""Each role on each operation of the API, sessions with their token, and guesses."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_bench import PASSWORD, ApiBench

from ksmppd_py.admin.api.handler import OPERATIONS
from ksmppd_py.admin.api.operation import Operation
from ksmppd_py.admin.users import Role, UserSettings
from ksmppd_py.config import Sqlite3Connection
from ksmppd_py.storage.sqlite import SQLiteDatabase
from tests.parts.api import ApiClient

USERS = [UserSettings(role.name.lower(), b"secret", role) for role in (Role.VIEWER, Role.OPERATOR)]
USERS.append(UserSettings("elsewhere", b"secret", Role.ADMIN, "10.0.0.0/8"))


@pytest.fixture
def with_users(tmp_path: Path) -> Iterator[ApiBench]:
    """A server with users."""
    database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(tmp_path / "ksmppd.sqlite")))
    database.start()
    bench = ApiBench(database, users=USERS)
    yield bench
    bench.close()
    database.close()


def path_of(operation: Operation) -> str:
    return operation.path.format(system_id="none", route_id="99", bind_id="99", ip="10.9.9.9", name="none")


def test_roles(with_users: ApiBench) -> None:
    """A role that suffices is told that the object isn't there, or the body; one that doesn't is told so."""
    port = with_users.server.port
    for operation in OPERATIONS:
        for role in (Role.VIEWER, Role.OPERATOR):
            client = ApiClient(port, "secret", role.name.lower())
            answer = client(
                operation.method, path_of(operation), headers={"Content-Type": "application/json"}
            )
            label = f"{role.name} {operation.method} {operation.path}"
            assert (answer.status == 403) is (role < operation.role), (label, answer)
            assert answer.status not in (401, 500), label


@pytest.mark.parametrize(
    ("username", "password", "status"),
    [
        ("admin", PASSWORD, 200),
        ("viewer", "secret", 200),
        ("viewer", PASSWORD, 401),
        ("elsewhere", "secret", 401),
        ("nobody", "secret", 401),
        ("", PASSWORD, 200),
    ],
)
def test_credentials(with_users: ApiBench, username: str, password: str, status: int) -> None:
    answer = ApiClient(with_users.server.port, password, username)("GET", "/me")
    assert answer.status == status
    if status == 401:
        assert answer.headers["www-authenticate"] == 'Bearer realm="ksmppd"'


def test_five_wrong_passwords(with_users: ApiBench) -> None:
    client = ApiClient(with_users.server.port, "wrong", "viewer")
    assert [client("GET", "/me").status for _ in range(6)] == [401] * 5 + [429]
    answer = ApiClient(with_users.server.port, PASSWORD)("GET", "/me")
    assert (answer.status, answer.body["status"]) == (429, 429)
    assert 0 < int(answer.headers["retry-after"]) <= 60


class Browser:
    """A browser that has signed in."""

    def __init__(self, port: int, username: str, password: str) -> None:
        self._port = port
        status, headers, body = self.send(
            "POST", "/dashboard/session", {"username": username, "password": password}
        )
        assert status == 200
        self.cookie = headers["set-cookie"].partition(";")[0]
        self.csrf = body["csrf"]

    def send(
        self, method: str, path: str, sent: object = None, **headers: str
    ) -> tuple[int, dict[str, str], dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        given = {"Content-Type": "application/json", **headers}
        given |= {"Cookie": self.cookie} if hasattr(self, "cookie") else {}
        connection.request(method, path, json.dumps(sent or {}).encode(), given)
        answer = connection.getresponse()
        text = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, found, json.loads(text or b"null")


def test_a_browser_reads_with_its_cookie_and_changes_with_its_token(with_users: ApiBench) -> None:
    with_users.api("POST", "/accounts", {"system_id": "acme", "password": "secret"})
    browser = Browser(with_users.server.port, "operator", "secret")
    path = "/api/v1/accounts/acme"
    assert browser.send("GET", "/api/v1/me")[2] == {"username": "operator", "role": "operator"}
    assert browser.send("POST", f"{path}/suspend")[0] == 403
    other = Browser(with_users.server.port, "operator", "secret")
    assert browser.send("POST", f"{path}/suspend", **{"X-CSRF-Token": other.csrf})[0] == 403
    token = {"X-CSRF-Token": browser.csrf}
    assert browser.send("POST", f"{path}/suspend", **token)[0] == 200
    assert browser.send("PATCH", path, {"throughput": 1}, **token)[0] == 403
    assert browser.send("POST", f"{path}/resume", **token, **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    audit = with_users.api("GET", "/audit").body["items"]
    assert [(each["username"], each["operation"]) for each in audit] == [
        ("operator", "suspend"),
        ("admin", "create"),
    ]


def test_a_session_survives_a_restart_and_ends_with_its_user(with_users: ApiBench) -> None:
    browser = Browser(with_users.server.port, "viewer", "secret")
    again = ApiBench(with_users.database, users=USERS)
    browser._port = again.server.port
    assert browser.send("GET", "/api/v1/me")[0] == 200
    again.close()
    fewer = ApiBench(with_users.database, users=USERS[1:])
    browser._port = fewer.server.port
    assert browser.send("GET", "/api/v1/me")[0] == 401
    fewer.close()


@pytest.mark.parametrize(
    "route_id", ["0" * 5000, "0" * 20 + "9" * 30, "9" * 19, "-1", "+1", "1_0", "%D9%A1", "%00", "1%20"]
)
def test_odd_numbers_of_routes(with_users: ApiBench, route_id: str) -> None:
    assert with_users.api("GET", f"/routes/{route_id}").status == 404


def test_the_greatest_number_of_a_route(with_users: ApiBench) -> None:
    with_users.run(
        f"INSERT INTO smpp_route (route_id, direction, regex, cost) VALUES ({2**63 - 1}, 2, '', 0)"
    )
    assert with_users.api("GET", f"/routes/{2**63 - 1}").status == 200
    assert with_users.api("GET", f"/routes/00{2**63 - 1}").status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("/uptime", 200), ("/metrics", 200), ("/log-level?level=0", 403), ("/esme-unbind?system-id=x", 403)],
)
def test_old_commands_by_users(with_users: ApiBench, path: str, status: int) -> None:
    """The old password does everything; a viewer reads."""
    connection = http.client.HTTPConnection("127.0.0.1", with_users.server.port, timeout=10)
    connection.request("GET", path, headers={"Authorization": "Basic dmlld2VyOnNlY3JldA=="})
    assert connection.getresponse().status == status
    connection.close()


def test_without_a_database(with_users: ApiBench) -> None:
    """Tables in memory, where nothing needs a database, aren't offered: changes would be lost."""
    with_users.management.has_database = False
    for operation in OPERATIONS:
        if operation.needs_database:
            answer = with_users.api(operation.method, path_of(operation))
            assert (answer.status, answer.body["detail"][:19]) == (404, "there are no tables")
    for path in ("/binds", "/server", "/users", "/me", "/accounts/acme/history", "/events", "/queues"):
        assert with_users.api("GET", path).status == 200, path
    assert with_users.api("DELETE", "/blocked").status == 200


def test_changes_are_logged(with_users: ApiBench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        with_users.api("POST", "/accounts", {"system_id": "acme", "password": "topsecret"})
        with_users.api("POST", "/accounts/acme/suspend")
        with_users.api("GET", "/accounts/acme")
    lines = [each for each in caplog.messages if each.startswith("Administration: ")]
    assert lines == [
        "Administration: create_account acme from 127.0.0.1 by user admin",
        "Administration: suspend acme from 127.0.0.1 by user admin",
    ]
    assert "topsecret" not in caplog.text
