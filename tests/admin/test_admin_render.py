"""Every body of docs/rules/http.md 3.2 to 3.4, octet by octet."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from admin_bodies import NOT_FOUND, STATUS_PLAIN, STATUS_XML
from admin_fakes import (
    BIND,
    BOX,
    SMPPUSERA,
    SMPPUSERB,
    FakeOperations,
    routes_down,
    run_target,
    server_snapshot,
)

from ksmppd_py.admin import legacy_format
from ksmppd_py.admin.commands import COMMANDS
from ksmppd_py.admin.render import JSON, PLAIN, XML, denied, not_found, render
from ksmppd_py.admin.results import (
    AddressesCleared,
    BlockedAddresses,
    Message,
    QueueRow,
    QueueStatus,
    RecentRefusals,
    RefusalRow,
    RoutesUpdated,
    Uptime,
    Version,
)
from ksmppd_py.admin.text import duration, escape
from ksmppd_py.model.condition import Trouble
from ksmppd_py.model.esme import BlockedAddress
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.route_test import RouteTestResult
from ksmppd_py.model.routes import RouteProblem
from ksmppd_py.model.status import BearerboxStatus

REFUSED = RefusalRow(
    "submit",
    "acme",
    "",
    "refused by the bearerbox",
    "ESME_RSUBMITFAIL (0x45)",
    3,
    "2026-01-31T09:05:01+01:00",
    "12345",
    "+46701",
    "0a1b",
)


def test_a_report_is_well_formed_whatever_an_expression_holds() -> None:
    problems = tuple(
        RouteProblem(number, text) for number, text in enumerate(["--", "---->", "\x01", "]]>&\ud800-"])
    )
    reply = render("/rebuild-routes", RoutesUpdated(RouteReport(4, 4, problems)), ".xml")
    assert reply.body.startswith(b"<status>Routes updated</status>\n<!-- 4 rows read")
    assert ElementTree.fromstring(reply.body).text == "Routes updated"


BLOCKED = BlockedAddresses((BlockedAddress("10.0.0.9", 5, 280), BlockedAddress("10.0.0.8", 7, 3)))
ROWS = [
    ("/uptime", Uptime(11), b"Uptime 0d 0h 0m 11s\n", b"<uptime>11</uptime>"),
    ("/rebuild-routes", RoutesUpdated(), b"Routes updated", b"<status>Routes updated</status>"),
    (
        "/rebuild-routes",
        RoutesUpdated(RouteReport(8, 0)),
        b"Routes updated\n8 rows read, 0 skipped\n",
        b"<status>Routes updated</status>\n<!-- 8 rows read, 0 skipped -->\n",
    ),
    (
        "/rebuild-routes",
        RoutesUpdated(RouteReport(300, 101, (RouteProblem(3, "a < b"), RouteProblem(4, "odd", False)), 99)),
        b"Routes updated\n300 rows read, 101 skipped\nroute 3 skipped: a < b\nroute 4: odd\nand 99 more\n",
        b"<status>Routes updated</status>\n<!-- 300 rows read, 101 skipped\nroute 3 skipped: a < b\n"
        b"route 4: odd\nand 99 more -->\n",
    ),
    ("/esme-status", server_snapshot(SMPPUSERA, SMPPUSERB), STATUS_PLAIN, STATUS_XML),
    (
        "/blocked-ips",
        BLOCKED,
        b"2 addresses blocked\n10.0.0.9 failed binds:5 blocked for:280s\n10.0.0.8 failed binds:7 blocked for:3s\n",
        b"<blocked-ips><address><ip>10.0.0.9</ip><failed-binds>5</failed-binds><seconds-left>280</seconds-left>"
        b"</address><address><ip>10.0.0.8</ip><failed-binds>7</failed-binds><seconds-left>3</seconds-left>"
        b"</address></blocked-ips>",
    ),
    (
        "/route-test",
        RouteTestResult("1", "2", 0x45, reason="no & no"),
        b"status: refused\ncommand-status: 0x00000045\nsender: 1\nreceiver: 2\nparts: 0\nreason: no & no\n"
        b"account-known: yes\n",
        b"<route-test><status>refused</status><command-status>0x00000045</command-status><sender>1</sender>"
        b"<receiver>2</receiver><parts>0</parts><reason>no &amp; no</reason><account-known>yes</account-known>"
        b"</route-test>",
    ),
    (
        "/bearerbox-status",
        BearerboxStatus(1, 9, (BOX,)),
        b"""online: 1
waiting: 9

name:KSMPPD@127.0.0.1:14001, host:127.0.0.1, port:14001, boxc-id:KSMPPD, online:yes, since:7, \
open-acks:3, incoming:1, received:12, accepted:40, refused:2, refused-for-now:1, connects:1, \
accepted-lately:0, refused-lately:0, unanswered-for:0
""",
        b"""<bearerbox-status>
	<online>1</online>
	<waiting>9</waiting>
	<bearerboxes>
		<bearerbox>
			<name>KSMPPD@127.0.0.1:14001</name>
			<host>127.0.0.1</host>
			<port>14001</port>
			<boxc-id>KSMPPD</boxc-id>
			<online>yes</online>
			<since>7</since>
			<open-acks>3</open-acks>
			<incoming>1</incoming>
			<received>12</received>
			<accepted>40</accepted>
			<refused>2</refused>
			<refused-for-now>1</refused-for-now>
			<connects>1</connects>
			<accepted-lately>0</accepted-lately>
			<refused-lately>0</refused-lately>
			<unanswered-for>0</unanswered-for>
		</bearerbox>
	</bearerboxes>
</bearerbox-status>""",
    ),
    (
        "/queue-status",
        QueueStatus(1, 5, None, False, (QueueRow("mt", "a<b", 5, 60),)),
        b"""waiting: 1
stored: 5
age:\x20
complete: no

queue:mt, system-id:a<b, rows:5, oldest-age:60
""",
        b"""<queue-status>
	<waiting>1</waiting>
	<stored>5</stored>
	<age></age>
	<complete>no</complete>
	<queues>
		<queue>
			<queue>mt</queue>
			<system-id>a&lt;b</system-id>
			<rows>5</rows>
			<oldest-age>60</oldest-age>
		</queue>
	</queues>
</queue-status>""",
    ),
    (
        "/version",
        Version("1.2", "3.11.2", "24.2", "2.0"),
        b"version: 1.2\npython: 3.11.2\ngevent: 24.2\nsqlalchemy: 2.0\n",
        b"<version>\n\t<version>1.2</version>\n\t<python>3.11.2</python>\n\t<gevent>24.2</gevent>\n"
        b"\t<sqlalchemy>2.0</sqlalchemy>\n</version>",
    ),
    (
        "/refusals",
        RecentRefusals(0, ()),
        b"listed: 0\n",
        b"<recent-refusals>\n\t<listed>0</listed>\n\t<refusals>\n\t</refusals>\n</recent-refusals>",
    ),
    (
        "/refusals",
        RecentRefusals(1, (REFUSED,)),
        b"listed: 1\n\nkind:submit, system-id:acme, ip:, reason:refused by the bearerbox, "
        b"command-status:ESME_RSUBMITFAIL (0x45), count:3, last:2026-01-31T09:05:01+01:00, sender:12345, "
        b"receiver:+46701, message-id:0a1b\n",
        b"<recent-refusals>\n\t<listed>1</listed>\n\t<refusals>\n\t\t<refusal>\n\t\t\t<kind>submit</kind>\n"
        b"\t\t\t<system-id>acme</system-id>\n\t\t\t<ip></ip>\n"
        b"\t\t\t<reason>refused by the bearerbox</reason>\n"
        b"\t\t\t<command-status>ESME_RSUBMITFAIL (0x45)</command-status>\n\t\t\t<count>3</count>\n"
        b"\t\t\t<last>2026-01-31T09:05:01+01:00</last>\n\t\t\t<sender>12345</sender>\n"
        b"\t\t\t<receiver>+46701</receiver>\n\t\t\t<message-id>0a1b</message-id>\n\t\t</refusal>\n"
        b"\t</refusals>\n</recent-refusals>",
    ),
]


MESSAGES = [
    ("/log-level{}?level=1", 200, b"Log level set to 1\n", b"<message>Log level set to 1</message>\n"),
    (
        "/log-level{}",
        200,
        b"Invalid level specified\nThere is no log file\n",
        b"<message>Invalid level specified</message>\n",
    ),
    (
        "/esme-unbind{}",
        406,
        b"You must specify a 'system-id' parameter\n",
        b"<status>You must specify a 'system-id' parameter</status>",
    ),
    (
        "/esme-unbind{}?system-id=Foo",
        404,
        b"No such system-id 'foo' found\n",
        b"<status>No such system-id 'foo' found</status>",
    ),
    (
        "/esme-unbind{}?system-id=smppusera",
        200,
        b"2 binds disconnected\n",
        b"<status>2 binds disconnected</status>",
    ),
    (
        "/route-test{}?system-id=a",
        406,
        b"You must specify a 'to' parameter\n",
        b"<status>You must specify a 'to' parameter</status>",
    ),
    (
        "/blocked-ips{}?clear=10.0.0.9",
        200,
        b"1 addresses unblocked\n",
        b"<status>1 addresses unblocked</status>",
    ),
    ("/healthz{}", 200, b"ok\n", b"<status>ok</status>"),
    ("/readyz{}", 200, b"ok\n", b"<status>ok</status>"),
]


@pytest.mark.parametrize(("target", "status", "plain", "xml"), MESSAGES)
def test_messages(operations: FakeOperations, target: str, status: int, plain: bytes, xml: bytes) -> None:
    as_xml = run_target(operations, target.format(".xml"))
    operations.levels, operations.blocked = [], list(BLOCKED.blocked)
    as_plain = run_target(operations, target.format(""))
    assert (as_plain.status, as_plain.content_type, as_plain.body) == (status, PLAIN, plain)
    assert (as_xml.status, as_xml.content_type, as_xml.body) == (status, XML, xml)


def test_an_invalid_level_is_answered_with_the_present_one(operations: FakeOperations) -> None:
    operations.set_log_level(2)
    plain = run_target(operations, "/log-level?level=5")
    assert plain.body == b"Invalid level specified\nThe log level is 2 (warning)\n"


def test_routes_that_are_kept(operations: FakeOperations) -> None:
    operations.routes_error = routes_down()
    plain, xml = run_target(operations, "/rebuild-routes"), run_target(operations, "/rebuild-routes.xml")
    assert (plain.status, plain.body) == (500, b"Routes could not be updated")
    assert (xml.status, xml.body) == (500, b"<status>Routes could not be updated</status>")


@pytest.mark.parametrize(
    ("trouble", "status", "plain", "xml"),
    [
        (
            Trouble("bearerbox_away", "a bearerbox <; two"),
            200,
            b"ok, degraded: a bearerbox <; two\n",
            b"<status>ok, degraded: a bearerbox &lt;; two</status>",
        ),
        (
            Trouble("closed", "the SMPP port is closed"),
            503,
            b"not ok: the SMPP port is closed\n",
            b"<status>not ok: the SMPP port is closed</status>",
        ),
    ],
)
def test_troubles(
    operations: FakeOperations, trouble: Trouble, status: int, plain: bytes, xml: bytes
) -> None:
    operations.server_status.troubles = (trouble,)
    as_plain, as_xml = run_target(operations, "/readyz"), run_target(operations, "/readyz.xml")
    assert (as_plain.status, as_plain.body) == (as_xml.status, plain) == (status, plain)
    assert as_xml.body == xml


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("/uptime", {"uptime": 11}),
        (
            "/blocked-ips",
            {
                "blocked": [
                    {"ip": "10.0.0.9", "attempts": 5, "seconds_left": 280},
                    {"ip": "10.0.0.8", "attempts": 7, "seconds_left": 3},
                ]
            },
        ),
        ("/blocked-ips.json?clear=all", {"unblocked": 2}),
        ("/log-level.json?level=2", {"message": "Log level set to 2", "level": 2}),
        (
            "/log-level.json",
            {"message": "Invalid level specified. There is no log file", "level": None},
        ),
        (
            "/esme-unbind.json?system-id=a%E9",
            {"message": "No such system-id 'a?' found", "system_id": "a?"},
        ),
        ("/rebuild-routes", {"message": "Routes updated"}),
        ("/healthz", {"message": "ok"}),
        ("/readyz", {"message": "ok", "state": "ready", "troubles": [], "words": ""}),
    ],
)
def test_json(operations: FakeOperations, target: str, value: object) -> None:
    reply = run_target(operations, target if ".json" in target else f"{target}.json")
    assert reply.content_type == JSON
    assert json.loads(reply.body) == value


@pytest.mark.parametrize(
    ("result", "value"),
    [
        (
            RoutesUpdated(RouteReport(8, 1, (RouteProblem(3, "odd"),))),
            {
                "message": "Routes updated",
                "rows": 8,
                "skipped": 1,
                "problems": [{"route_id": 3, "skipped": True, "reason": "odd"}],
                "more": 0,
            },
        ),
        (
            QueueStatus(1, 5, 3, True, (QueueRow("mt", "x", 5, None),)),
            {
                "waiting": 1,
                "stored": 5,
                "age": 3,
                "complete": True,
                "queues": [{"queue": "mt", "system_id": "x", "rows": 5, "oldest_age": None}],
            },
        ),
    ],
)
def test_json_of_a_result(result: object, value: object) -> None:
    assert json.loads(render("/x", result, ".json").body) == value


def test_json_of_the_status() -> None:
    status = json.loads(render("/esme-status", server_snapshot(SMPPUSERA), ".json").body)
    assert status["inbound_load"] == [0.02, 0.0, 0.08]
    [esme] = status["esmes"]
    assert (esme["system_id"], esme["max_binds"], esme["mt"]) == ("smppusera", 2, 5)
    assert esme["binds"][0]["ip"] == "10.0.0.5"
    assert esme["binds"][0]["simulate"] is False


@pytest.mark.parametrize(("command", "result", "plain", "xml"), ROWS)
def test_bodies(command: str, result: object, plain: bytes, xml: bytes) -> None:
    as_plain = render(command, result, ".foo")
    as_xml = render(command, result, ".xml")
    assert (as_plain.status, as_plain.content_type, as_plain.body) == (200, PLAIN, plain)
    assert (as_xml.status, as_xml.content_type, as_xml.body) == (200, XML, xml)


def test_the_octets_of_every_command_are_here() -> None:
    assert {row[0] for row in ROWS} | {row[0].partition("{")[0] for row in MESSAGES} == set(COMMANDS)
    kinds = {type(row[1]) for row in ROWS} | {AddressesCleared}
    assert {*legacy_format.PLAIN, *legacy_format.XML} <= kinds


def test_refusals() -> None:
    listing = [*COMMANDS, "/metrics"]
    assert (denied().status, denied().content_type, denied().body) == (403, PLAIN, b"Denied")
    reply = not_found("/foo", listing)
    assert (reply.status, reply.content_type, reply.body) == (404, PLAIN, NOT_FOUND)


def test_status_without_accounts() -> None:
    empty = server_snapshot()
    plain = STATUS_PLAIN[: STATUS_PLAIN.index(b"\nsmppusera")].replace(b"ESME's: 2", b"ESME's: 0")
    summary = STATUS_XML[: STATUS_XML.index(b"\n<esme>")].replace(b"<unique>2", b"<unique>0")
    assert render("/esme-status", empty).body == plain
    assert render("/esme-status", empty, ".xml").body == summary + b"</esmes>"


def test_accounts_are_sorted_and_binds_keep_their_order() -> None:
    binds = (replace(BIND, bind_id=9), replace(BIND, bind_id=2, simulate=True))
    shuffled = server_snapshot(SMPPUSERB, replace(SMPPUSERA, binds=binds))
    plain = render("/esme-status", shuffled).body
    assert plain.index(b"smppusera") < plain.index(b"-- id:9 ") < plain.index(b"-- id:2 ")
    assert plain.index(b"simulate: yes") < plain.index(b"smppuserb")
    assert b"smppusera - binds:2/2, " in plain
    xml = render("/esme-status", shuffled, ".xml").body
    assert xml.index(b"<bind-id>9<") < xml.index(b"<bind-id>2<") < xml.index(b"smppuserb")
    assert b"\n\t</bind>\n\t<bind>\n\t\t<bind-id>2</bind-id>" in xml
    assert b"<simulate>yes</simulate>" in xml


def test_names_are_escaped_in_xml_only() -> None:
    name = "a&<b>\"'\x01é"
    status = server_snapshot(replace(SMPPUSERB, system_id=name))
    escaped = "a&amp;&lt;b&gt;&quot;&apos;\ufffdé".encode()
    assert b"\t<system-id>" + escaped + b"</system-id>\n" in render("/esme-status", status, ".xml").body
    assert b"\n" + name.encode() + b" - binds:0/0" in render("/esme-status", status).body
    unknown = Message(404, "No such system-id '{system_id}' found", {"system_id": name})
    assert (
        render("/esme-unbind", unknown, ".xml").body
        == b"<status>No such system-id '" + escaped + b"' found</status>"
    )
    assert render("/esme-unbind", unknown).body == b"No such system-id '" + name.encode() + b"' found\n"


def test_octets_that_are_no_utf8() -> None:
    unknown = Message(
        404,
        "No such system-id '{system_id}' found",
        {"system_id": b"caf\xe9".decode("utf-8", "surrogateescape")},
    )
    assert render("/esme-unbind", unknown).body == b"No such system-id 'caf\xe9' found\n"
    assert "'caf\ufffd'".encode() in render("/esme-unbind", unknown, ".xml").body


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0d 0h 0m 0s"),
        (59, "0d 0h 0m 59s"),
        (3600, "0d 1h 0m 0s"),
        (86399, "0d 23h 59m 59s"),
        (90061, "1d 1h 1m 1s"),
        (100 * 86400, "100d 0h 0m 0s"),
    ],
)
def test_duration(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_escape_leaves_text_alone() -> None:
    assert escape("smppusera-1.x\t\U0001f600") == "smppusera-1.x\t\U0001f600"
