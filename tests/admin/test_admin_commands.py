"""Commands: the meaning of parameters, the requests to the server, and the results."""

from __future__ import annotations

import logging

import pytest
from admin_fakes import FakeOperations, PlainHashChecks, routes_down, run_target

from ksmppd_py.admin.command_handler import CommandHandler, CommandRequest
from ksmppd_py.admin.commands import COMMANDS, NO_BIND, ROUTES_KEPT, SYSTEM_ID_MISSING, leading_integer
from ksmppd_py.admin.render import plain_reply
from ksmppd_py.admin.results import Message, RoutesUpdated, Uptime
from ksmppd_py.admin.users import Users
from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.routes import RouteProblem


def run(operations: FakeOperations, path: str, **parameters: str) -> object:
    """Run a command; `_` in names stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in parameters.items()}
    return COMMANDS[path](operations, named)


def invalid_level(level: int | None, explanation: str) -> Message:
    return Message(200, "Invalid level specified", {"level": level}, explanation)


def disconnected(count: int) -> Message:
    return Message(200, "{count} binds disconnected", {"count": count})


def unknown(system_id: str) -> Message:
    return Message(404, "No such system-id '{system_id}' found", {"system_id": system_id})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("007", 7),
        (" 3", 3),
        ("+2", 2),
        ("-1", -1),
        ("4abc", 4),
        ("2.9", 2),
        ("", None),
        ("abc", None),
        ("-", None),
        ("- 1", None),
        ("٣", None),
        ("9" * 18, int("9" * 18)),
        ("9" * 19, None),
        ("9" * 5000, None),
    ],
)
def test_leading_integer(text: str, value: int | None) -> None:
    assert leading_integer(text) == value


def test_uptime(operations: FakeOperations) -> None:
    assert run(operations, "/uptime") == Uptime(11)


@pytest.mark.parametrize(("level", "set_to"), [("0", 0), ("1", 1), ("4", 4), (" 2 ", 2)])
def test_log_level(operations: FakeOperations, level: str, set_to: int) -> None:
    assert run(operations, "/log-level", level=level) == Message(
        200, "Log level set to {level}", {"level": set_to}
    )
    assert operations.levels == [set_to]


@pytest.mark.parametrize(
    "parameters",
    [{}]
    + [{"level": each} for each in ("", "-1", "abc", "5", "99", "2x", "1.5", "01", "\u0662", "1" * 5000)],
)
def test_invalid_log_level(operations: FakeOperations, parameters: dict[str, str]) -> None:
    assert run(operations, "/log-level", **parameters) == invalid_level(None, "There is no log file")
    operations.set_log_level(2)
    assert run(operations, "/log-level", **parameters) == invalid_level(2, "The log level is 2 (warning)")
    assert operations.levels == [2]


def test_esme_status(operations: FakeOperations) -> None:
    assert run(operations, "/esme-status") is operations.state


@pytest.mark.parametrize(
    ("parameters", "asked", "result"),
    [
        ({"system_id": "smppusera"}, ("smppusera", None), disconnected(2)),
        ({"system_id": "SmppUserA"}, ("smppusera", None), disconnected(2)),
        ({"system_id": "smppusera", "bind_id": "7"}, ("smppusera", 7), disconnected(1)),
        ({"system_id": "smppusera", "bind_id": ""}, ("smppusera", None), disconnected(2)),
        ({"system_id": "smppusera", "bind_id": "5"}, ("smppusera", 5), disconnected(0)),
        ({"system_id": "smppusera", "bind_id": "x"}, ("smppusera", NO_BIND), disconnected(0)),
        ({"system_id": "smppuserb"}, ("smppuserb", None), disconnected(0)),
        ({"system_id": "FOO"}, ("foo", None), unknown("foo")),
        ({"system_id": "foo", "bind_id": "4"}, ("foo", 4), unknown("foo")),
    ],
)
def test_esme_unbind(
    operations: FakeOperations, parameters: dict[str, str], asked: tuple[str, int | None], result: object
) -> None:
    assert run(operations, "/esme-unbind", **parameters) == result
    assert operations.unbinds == [asked]


@pytest.mark.parametrize("parameters", [{}, {"system_id": ""}, {"bind_id": "4"}])
def test_esme_unbind_needs_a_system_id(operations: FakeOperations, parameters: dict[str, str]) -> None:
    assert run(operations, "/esme-unbind", **parameters) is SYSTEM_ID_MISSING
    assert operations.unbinds == []


def test_rebuild_routes(operations: FakeOperations) -> None:
    assert run(operations, "/rebuild-routes") == RoutesUpdated()
    operations.report = RouteReport(8, 1, (RouteProblem(3, "odd"),))
    assert run(operations, "/rebuild-routes") == RoutesUpdated(operations.report)
    assert operations.rebuilds == 2


@pytest.mark.parametrize("error", [routes_down(), DatabaseUnavailable("no answer")])
def test_rebuild_routes_that_fails(
    operations: FakeOperations, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    operations.routes_error = error
    with caplog.at_level(logging.WARNING):
        assert run(operations, "/rebuild-routes") is ROUTES_KEPT
    assert caplog.messages == [f"Routes could not be updated: {error}"]


@pytest.mark.parametrize(
    ("target", "path", "extension", "parameters"),
    [
        (b"/uptime", "/uptime", "", {}),
        (b"/uptime.xml?password=x", "/uptime", ".xml", {"password": "x"}),
        (b"/uptime.foo", "/uptime", ".foo", {}),
        (b"/uptime.", "/uptime", ".", {}),
        (b"/uptime.txt.xml", "/uptime.txt", ".xml", {}),
        (b"/a.b/uptime", "/a", ".b/uptime", {}),
        (b"/uptime?x=a.xml", "/uptime", "", {"x": "a.xml"}),
        (b"/upt%69me?%70=1", "/upt%69me", "", {"p": "1"}),
        (b"/x?a=1&a=2&b", "/x", "", {"a": "1", "b": ""}),
        (b"/x?a=b+c%2B%26%3d%C3%A9", "/x", "", {"a": "b c+&=é"}),
        (b"/x?a=\xc3\xa9", "/x", "", {"a": "é"}),
        (b"/x?a=%E9", "/x", "", {"a": "\udce9"}),
        (b"/x?a=1?b=2", "/x", "", {"a": "1?b=2"}),
        (b"/x?&&=1&a=", "/x", "", {"": "1", "a": ""}),
    ],
)
def test_request_target(target: bytes, path: str, extension: str, parameters: dict[str, str]) -> None:
    assert CommandRequest.from_target(target) == CommandRequest(path, extension, parameters)


def test_further_pages(operations: FakeOperations) -> None:
    commands = CommandHandler(
        operations, Users(b"x", (), PlainHashChecks()), {"/hello": lambda: plain_reply(200, "hello")}
    )
    assert commands.run_command(CommandRequest("/hello", ".x", {})).body == b"hello"
    listing = commands.run_command(CommandRequest("/hello/", "", {}))
    assert listing.status == 404
    assert b"\n/rebuild-routes\n/blocked-ips\n/route-test\n" in listing.body
    assert listing.body.endswith(b"\n/readyz\n/hello\n")


@pytest.mark.parametrize("path", ["/Uptime", "/uptime/", "uptime", "//uptime", "/", "", "/uptim"])
def test_paths_are_case_sensitive_and_exact(operations: FakeOperations, path: str) -> None:
    assert run_target(operations, path).status == 404
