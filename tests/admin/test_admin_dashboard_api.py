"""The dashboard's server side: files, signing in, what may be changed and by whom."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from admin_fakes import FakeOperations, routes_down
from admin_http import PASSWORD, Answer, Client

from ksmppd_py.admin.dashboard_api import page_files
from ksmppd_py.admin.listing import MOST_ACCOUNTS, MOST_BINDS

FILES = sorted(path for path in page_files() if path != "/")


class Browser:
    """A client with a cookie jar for one cookie."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.cookie = ""
        self.csrf = ""

    def get(self, path: str) -> Answer:
        cookie = f"Cookie: other=1; {self.cookie}\r\n" if self.cookie else ""
        self.client.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n{cookie}\r\n".encode())
        return self.client.read()

    def post(self, path: str, sent: object = None, *, csrf: str | None = None, **headers: str) -> Answer:
        body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        lines = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(body))}
        if self.cookie:
            lines["Cookie"] = self.cookie
        token = self.csrf if csrf is None else csrf
        if token:
            lines["X-CSRF-Token"] = token
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.client.send(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return self.client.read()

    def sign_in(self, password: str = PASSWORD) -> Answer:
        answer = self.post("/dashboard/session", {"password": password})
        if answer.status == 200:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
            self.csrf = json.loads(answer.body)["csrf"]
        return answer

    def command(self, command: str, **parameters: str) -> Answer:
        return self.post("/dashboard/command", {"command": command, "parameters": parameters})


@pytest.fixture
def browser(client: Client) -> Iterator[Browser]:
    """Before anyone has signed in."""
    return Browser(client)


@pytest.fixture
def operator(browser: Browser) -> Browser:
    """Signed in."""
    assert browser.sign_in().status == 200
    return browser


class TestFiles:
    @pytest.mark.parametrize("path", ["/", "/?password=x", *FILES])
    def test_they_are_served_under_guard(self, browser: Browser, path: str) -> None:
        answer = browser.get(path)
        assert answer.status == 200
        assert answer.body
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"

    def test_all_of_the_folder_is_served_and_nothing_else(self, browser: Browser) -> None:
        folder = resources.files("ksmppd_py.admin") / "dashboard"
        there = {
            entry.name
            for place in (folder, folder / "vendor")
            for entry in place.iterdir()
            if entry.is_file()
        }
        assert there == {path.rpartition("/")[2] or "index.html" for path in page_files()}
        for path in ("/dashboard/", "/dashboard/../server.py", "/dashboard/%2e%2e/server.py", "/dashboard/x"):
            assert browser.get(path).status == 404

    def test_head(self, client: Client) -> None:
        answer = client.get("/", password="", method="HEAD")
        assert int(answer.headers["content-length"]) > 1000

    def test_nothing_comes_from_other_hosts_and_nothing_is_inline(self) -> None:
        folder = resources.files("ksmppd_py.admin") / "dashboard"
        for path, (_, octets) in page_files().items():
            text = octets.decode().replace("http://www.w3.org/", "")
            text = text.replace("https://github.com/leeoniya/uPlot", "")  # in a comment
            own = "" if "vendor" in path else "|innerHTML"
            if not path.endswith(".txt"):
                assert not re.search(rf"https?://|//cdn|@import|\beval\({own}", text), path
        page = (folder / "index.html").read_text("utf-8")
        assert not re.search(r"<style|\bstyle=|\bon[a-z]+=|<script(?![^>]*\bsrc=)", page)


class TestSignIn:
    def test_cookie(self, browser: Browser) -> None:
        answer = browser.sign_in()
        assert answer.status == 200
        attributes = set(answer.headers["set-cookie"].split("; ")[1:])
        assert attributes == {"Path=/", "HttpOnly", "SameSite=Strict"}
        assert PASSWORD not in answer.headers["set-cookie"]
        state = json.loads(browser.get("/dashboard/session").body)
        assert state == {"signed_in": True, "csrf": browser.csrf, "username": "admin", "role": "admin"}

    @pytest.mark.parametrize("password", ["", "wrong", PASSWORD + "x", "\udce9"])
    def test_wrong_password(self, browser: Browser, password: str) -> None:
        answer = browser.sign_in(password)
        assert (answer.status, json.loads(answer.body)) == (403, {"message": "Wrong password"})
        assert "set-cookie" not in answer.headers
        assert json.loads(browser.get("/dashboard/session").body) == {"signed_in": False, "csrf": None}

    @pytest.mark.parametrize(
        ("sent", "headers"),
        [
            (b"", {}),
            (b"{", {}),
            (b"[1]", {}),
            (b"\xff\xfe", {}),
            (b"[" * 16_000, {}),
            (b'{"password":' * 1_300, {}),
            (b'{"password": ' + b"[" * 16_000, {}),
            (b"1" * 16_000, {}),
            (b"null", {}),
            (b"\0" * 16, {}),
            (json.dumps({"password": PASSWORD}).encode(), {"Content_Type": "text/plain"}),
            (
                json.dumps({"password": PASSWORD}).encode(),
                {"Content_Type": "application/x-www-form-urlencoded"},
            ),
        ],
    )
    def test_what_is_no_request_of_ours(self, browser: Browser, sent: bytes, headers: dict[str, str]) -> None:
        assert browser.post("/dashboard/session", sent, **headers).status == 400

    def test_password_of_another_type(self, browser: Browser) -> None:
        assert browser.post("/dashboard/session", {"password": [PASSWORD]}).status == 403

    def test_sign_out(self, operator: Browser) -> None:
        assert operator.post("/dashboard/sign-out").status == 200
        assert operator.get("/dashboard/state").status == 403

    def test_bad_cookies(self, browser: Browser) -> None:
        for cookie in (
            "ksmppd_session=x",
            "ksmppd_session=",
            "ksmppd_session",
            ";=;",
            'a="',
            "a=" + 9000 * "\\",
        ):
            browser.cookie = cookie
            assert browser.get("/dashboard/state").status == 403


class TestCommands:
    def test_unbind(self, operator: Browser, operations: FakeOperations) -> None:
        answer = operator.command("/esme-unbind", **{"system-id": "SmppUserA", "bind-id": "7"})
        assert answer.status == 200
        assert json.loads(answer.body) == {"message": "1 binds disconnected", "count": 1}
        assert operations.unbinds == [("smppusera", 7)]

    def test_others(self, operator: Browser, operations: FakeOperations) -> None:
        assert operator.command("/log-level", level="3").status == 200
        assert operations.levels == [3]
        assert json.loads(operator.command("/blocked-ips", clear="10.0.0.9").body) == {"unblocked": 1}
        operations.routes_error = routes_down()
        answer = operator.command("/rebuild-routes")
        assert (answer.status, json.loads(answer.body)) == (500, {"message": "Routes could not be updated"})

    @pytest.mark.parametrize("csrf", ["", "wrong", "\xe9"])
    def test_a_cookie_alone_changes_nothing(
        self, operator: Browser, operations: FakeOperations, csrf: str
    ) -> None:
        operator.csrf = ""
        sent = {"command": "/rebuild-routes", "parameters": {}}
        assert operator.post("/dashboard/command", sent, csrf=csrf).status == 403
        assert operator.post("/dashboard/sign-out", csrf=csrf).status == 403
        assert operations.rebuilds == 0
        assert operator.get("/dashboard/state").status == 200

    def test_a_cookie_opens_no_command_of_the_admin_server(self, operator: Browser) -> None:
        assert operator.get("/uptime").status == 403
        assert operator.get("/metrics").status == 403

    def test_the_token_of_another_session_does_not_fit(
        self, operator: Browser, operations: FakeOperations
    ) -> None:
        other = Browser(operator.client)
        other.sign_in()
        operator.csrf = other.csrf
        assert operator.command("/rebuild-routes").status == 403
        assert operations.rebuilds == 0

    def test_a_password_alone_does_not_either(self, browser: Browser, operations: FakeOperations) -> None:
        sent = {"command": "/rebuild-routes", "parameters": {}}
        answer = browser.post("/dashboard/command", sent, Authorization=f"Bearer {PASSWORD}")
        assert answer.status == 403
        assert operations.rebuilds == 0

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            ({"command": "/nothing"}, 404),
            ({"command": "/uptime", "parameters": [1]}, 404),
            ({"command": ["/uptime"]}, 404),
            ({}, 404),
            ([], 400),
        ],
    )
    def test_nonsense(self, operator: Browser, sent: Any, status: int) -> None:
        assert operator.post("/dashboard/command", sent).status == status

    def test_get_changes_nothing(self, operator: Browser) -> None:
        assert operator.get("/dashboard/command?command=/rebuild-routes").status == 404


def test_a_pressed_button_is_a_line(operator: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        operator.command("/esme-unbind", **{"system-id": "smppusera"})
        operator.get("/dashboard/state")
    line = "Administration: esme-unbind system-id=smppusera from 127.0.0.1 by the dashboard"
    assert [record.getMessage() for record in caplog.records] == [line]


class TestState:
    def test_everything(self, operator: Browser, operations: FakeOperations) -> None:
        operations.server_status.boxes = operations.server_status.boxes
        state = json.loads(operator.get("/dashboard/state").body)
        assert (state["uptime"], state["accounts"], state["bound"]) == (11, 2, 1)
        assert state["condition"] == {"state": "ready", "troubles": []}
        assert state["sums"] == {"submits": 5, "refused": 4, "deliveries": 1, "reports": 2}
        assert [esme["system_id"] for esme in state["esmes"]] == ["smppusera", "smppuserb"]
        assert state["esmes"][0]["bind_count"] == 1
        assert [box["online"] for box in state["bearerboxes"]["bearerboxes"]] == [True, False]
        assert state["queues"]["queues"][0]["rows"] == 5
        assert [each["reason"] for each in state["refusals"]] == ["refused by the bearerbox", "credentials"]
        assert state["refusals"][0]["status"] == "ESME_RSUBMITFAIL (0x45)"
        assert state["refusals"][0]["example"]["message_id"] == "0a1b"
        assert state["refusals"][1]["system_id"] == "<script>"
        assert [each["ip"] for each in state["blocked"]] == ["10.0.0.9", "10.0.0.8"]
        assert state["points"] == []

    def test_needs_a_session(self, browser: Browser) -> None:
        assert browser.get("/dashboard/state").status == 403
        assert browser.get(f"/dashboard/state?password={PASSWORD}").status == 403

    @pytest.mark.parametrize("since", ["", "?since=", "?since=x", "?since=0", "?since=nan"])
    def test_since(self, operator: Browser, since: str) -> None:
        assert operator.get(f"/dashboard/state{since}").status == 200

    def test_many_binds_are_folded(self, operator: Browser, operations: FakeOperations) -> None:
        """An answer stays small: the binds of one account are listed when it is opened."""
        esme = operations.state.esmes[0]
        many = replace(esme, binds=esme.binds * (MOST_BINDS - 1))
        other = replace(esme, system_id="other", binds=esme.binds * 2)
        operations.state = replace(operations.state, esmes=(other, many))
        state = json.loads(operator.get("/dashboard/state").body)
        assert state["folded"]
        assert [(each["binds"], each["bind_count"]) for each in state["esmes"]] == [
            ([], 2),
            ([], MOST_BINDS - 1),
        ]
        state = json.loads(operator.get("/dashboard/state?open=other&open=smppusera").body)
        assert [len(each["binds"]) for each in state["esmes"]] == [2, MOST_BINDS - 2]

    def test_accounts_are_found_by_name_and_address(
        self, operator: Browser, operations: FakeOperations
    ) -> None:
        first, second = operations.state.esmes
        elsewhere = replace(first, system_id="b", binds=(replace(first.binds[0], ip="192.168.1.7"),))
        operations.state = replace(operations.state, esmes=(elsewhere, first, second))
        for find, names in (
            ("USERa", ["smppusera"]),
            ("user", ["smppusera", "smppuserb"]),
            ("192.168", ["b"]),
            ("%20", ["b", "smppusera", "smppuserb"]),
            ("nobody", []),
            ("%ff", []),
        ):
            state = json.loads(operator.get(f"/dashboard/state?find={find}").body)
            assert [each["system_id"] for each in state["esmes"]] == names
            assert (state["fit"], state["accounts"]) == (len(names), 3)

    def test_of_many_accounts_those_without_binds_are_left_out(
        self, operator: Browser, operations: FakeOperations
    ) -> None:
        bound, silent = operations.state.esmes
        crowd = [replace(silent, system_id=f"a{number:04}") for number in range(MOST_ACCOUNTS)]
        operations.state = replace(operations.state, esmes=(*crowd, bound))
        state = json.loads(operator.get("/dashboard/state").body)
        assert (len(state["esmes"]), state["fit"]) == (MOST_ACCOUNTS, MOST_ACCOUNTS + 1)
        assert (state["esmes"][0]["system_id"], state["esmes"][-1]["system_id"]) == ("a0000", "smppusera")

    def test_browsers_share_a_snapshot_until_a_command_runs(
        self, operator: Browser, operations: FakeOperations
    ) -> None:
        assert json.loads(operator.get("/dashboard/state").body)["accounts"] == 2
        operations.state = replace(operations.state, esmes=())
        assert json.loads(operator.get("/dashboard/state").body)["accounts"] == 2
        operator.command("/rebuild-routes")
        assert json.loads(operator.get("/dashboard/state").body)["accounts"] == 0
