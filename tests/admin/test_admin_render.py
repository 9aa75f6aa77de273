"""Every body of docs/rules/http.md 3.2 to 3.4, octet by octet."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args
from xml.etree import ElementTree

import pytest
from admin_bodies import NOT_FOUND, STATUS_PLAIN, STATUS_XML
from admin_fakes import BIND, BOX, SMPPUSERA, SMPPUSERB, server_snapshot

from ksmppd_py.admin.commands import COMMANDS
from ksmppd_py.admin.facts import (
    AddressesCleared,
    BindsDisconnected,
    BlockedAddresses,
    Fact,
    Healthy,
    LogLevelInvalid,
    LogLevelSet,
    NotReady,
    QueueRow,
    QueueStatus,
    Ready,
    ReceiverMissing,
    RecentRefusals,
    RefusalRow,
    RoutesKept,
    RoutesUpdated,
    Running,
    SystemIdMissing,
    SystemIdUnknown,
    Version,
)
from ksmppd_py.admin.render import JSON, PLAIN, RENDERINGS, XML, denied, not_found, render
from ksmppd_py.admin.text import duration, escape
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
    reply = render(RoutesUpdated(RouteReport(4, 4, problems)), xml=True)
    assert reply.body.startswith(b"<status>Routes updated</status>\n<!-- 4 rows read")
    assert ElementTree.fromstring(reply.body).text == "Routes updated"


BLOCKED = BlockedAddresses((BlockedAddress("10.0.0.9", 5, 280), BlockedAddress("10.0.0.8", 7, 3)))
ROWS = [
    (Running(11), 200, b"Uptime 0d 0h 0m 11s\n", b"<uptime>11</uptime>"),
    (LogLevelSet(1), 200, b"Log level set to 1\n", b"<message>Log level set to 1</message>\n"),
    (
        LogLevelInvalid(2),
        200,
        b"Invalid level specified\nThe log level is 2 (warning)\n",
        b"<message>Invalid level specified</message>\n",
    ),
    (
        LogLevelInvalid(None),
        200,
        b"Invalid level specified\nThere is no log file\n",
        b"<message>Invalid level specified</message>\n",
    ),
    (RoutesUpdated(), 200, b"Routes updated", b"<status>Routes updated</status>"),
    (
        RoutesUpdated(RouteReport(8, 0)),
        200,
        b"Routes updated\n8 rows read, 0 skipped\n",
        b"<status>Routes updated</status>\n<!-- 8 rows read, 0 skipped -->\n",
    ),
    (
        RoutesUpdated(RouteReport(300, 101, (RouteProblem(3, "a < b"), RouteProblem(4, "odd", False)), 99)),
        200,
        b"Routes updated\n300 rows read, 101 skipped\nroute 3 skipped: a < b\nroute 4: odd\nand 99 more\n",
        b"<status>Routes updated</status>\n<!-- 300 rows read, 101 skipped\nroute 3 skipped: a < b\n"
        b"route 4: odd\nand 99 more -->\n",
    ),
    (RoutesKept(), 500, b"Routes could not be updated", b"<status>Routes could not be updated</status>"),
    (
        SystemIdMissing(),
        406,
        b"You must specify a 'system-id' parameter\n",
        b"<status>You must specify a 'system-id' parameter</status>",
    ),
    (
        SystemIdUnknown("foo"),
        404,
        b"No such system-id 'foo' found\n",
        b"<status>No such system-id 'foo' found</status>",
    ),
    (BindsDisconnected(2), 200, b"2 binds disconnected\n", b"<status>2 binds disconnected</status>"),
    (server_snapshot(SMPPUSERA, SMPPUSERB), 200, STATUS_PLAIN, STATUS_XML),
    (
        BLOCKED,
        200,
        b"2 addresses blocked\n10.0.0.9 failed binds:5 blocked for:280s\n10.0.0.8 failed binds:7 blocked for:3s\n",
        b"<blocked-ips><address><ip>10.0.0.9</ip><failed-binds>5</failed-binds><seconds-left>280</seconds-left>"
        b"</address><address><ip>10.0.0.8</ip><failed-binds>7</failed-binds><seconds-left>3</seconds-left>"
        b"</address></blocked-ips>",
    ),
    (
        RouteTestResult("1", "2", 0x45, reason="no & no"),
        200,
        b"status: refused\ncommand-status: 0x00000045\nsender: 1\nreceiver: 2\nparts: 0\nreason: no & no\n"
        b"account-known: yes\n",
        b"<route-test><status>refused</status><command-status>0x00000045</command-status><sender>1</sender>"
        b"<receiver>2</receiver><parts>0</parts><reason>no &amp; no</reason><account-known>yes</account-known>"
        b"</route-test>",
    ),
    (
        ReceiverMissing(),
        406,
        b"You must specify a 'to' parameter\n",
        b"<status>You must specify a 'to' parameter</status>",
    ),
    (AddressesCleared(2), 200, b"2 addresses unblocked\n", b"<status>2 addresses unblocked</status>"),
    (
        BearerboxStatus(1, 9, (BOX,)),
        200,
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
        QueueStatus(1, 5, None, False, (QueueRow("mt", "a<b", 5, 60),)),
        200,
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
        Version("1.2", "3.11.2", "24.2", "2.0"),
        200,
        b"version: 1.2\npython: 3.11.2\ngevent: 24.2\nsqlalchemy: 2.0\n",
        b"<version>\n\t<version>1.2</version>\n\t<python>3.11.2</python>\n\t<gevent>24.2</gevent>\n"
        b"\t<sqlalchemy>2.0</sqlalchemy>\n</version>",
    ),
    (Healthy(), 200, b"ok\n", b"<status>ok</status>"),
    (Ready("ready", (), ""), 200, b"ok\n", b"<status>ok</status>"),
    (
        Ready("degraded", ("x", "y"), "a bearerbox <; two"),
        200,
        b"ok, degraded: a bearerbox <; two\n",
        b"<status>ok, degraded: a bearerbox &lt;; two</status>",
    ),
    (
        NotReady("not ready", ("closed",), "the SMPP port is closed"),
        503,
        b"not ok: the SMPP port is closed\n",
        b"<status>not ok: the SMPP port is closed</status>",
    ),
    (
        RecentRefusals(0, ()),
        200,
        b"listed: 0\n",
        b"<recent-refusals>\n\t<listed>0</listed>\n\t<refusals>\n\t</refusals>\n</recent-refusals>",
    ),
    (
        RecentRefusals(1, (REFUSED,)),
        200,
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


def test_json() -> None:
    reply = render(BLOCKED, xml=False, json=True)
    assert (reply.status, reply.content_type) == (200, JSON)
    assert json.loads(reply.body) == {
        "blocked": [
            {"ip": "10.0.0.9", "attempts": 5, "seconds_left": 280},
            {"ip": "10.0.0.8", "attempts": 7, "seconds_left": 3},
        ]
    }
    assert json.loads(render(AddressesCleared(1), xml=False, json=True).body) == {"unblocked": 1}
    assert json.loads(render(Running(11), xml=False, json=True).body) == {"uptime": 11}


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        (LogLevelSet(2), {"message": "Log level set to 2", "level": 2}),
        (SystemIdUnknown("a\udce9"), {"message": "No such system-id 'a?' found", "system_id": "a?"}),
        (
            LogLevelInvalid(0),
            {"message": "Invalid level specified. The log level is 0 (debug)", "level": 0},
        ),
        (RoutesUpdated(), {"message": "Routes updated"}),
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
        (Healthy(), {"message": "ok"}),
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
def test_json_of_any_fact(fact: Fact, value: object) -> None:
    assert json.loads(render(fact, xml=False, json=True).body) == value


def test_json_of_the_status() -> None:
    status = json.loads(render(server_snapshot(SMPPUSERA), xml=False, json=True).body)
    assert status["inbound_load"] == [0.02, 0.0, 0.08]
    [esme] = status["esmes"]
    assert (esme["system_id"], esme["max_binds"], esme["mt"]) == ("smppusera", 2, 5)
    assert esme["binds"][0]["ip"] == "10.0.0.5"
    assert esme["binds"][0]["simulate"] is False


@pytest.mark.parametrize(("fact", "status", "plain", "xml"), ROWS)
def test_bodies(fact: Fact, status: int, plain: bytes, xml: bytes) -> None:
    as_plain = render(fact, xml=False)
    as_xml = render(fact, xml=True)
    assert (as_plain.status, as_plain.content_type, as_plain.body) == (status, PLAIN, plain)
    assert (as_xml.status, as_xml.content_type, as_xml.body) == (status, XML, xml)


def test_every_fact_has_its_rendering() -> None:
    assert set(RENDERINGS) == set(get_args(Fact)) == {type(row[0]) for row in ROWS}


def test_refusals() -> None:
    listing = tuple(COMMANDS)
    listing = [*COMMANDS, "/metrics"]
    assert (denied().status, denied().content_type, denied().body) == (403, PLAIN, b"Denied")
    reply = not_found("/foo", listing)
    assert (reply.status, reply.content_type, reply.body) == (404, PLAIN, NOT_FOUND)


def test_status_without_accounts() -> None:
    empty = server_snapshot()
    plain = STATUS_PLAIN[: STATUS_PLAIN.index(b"\nsmppusera")].replace(b"ESME's: 2", b"ESME's: 0")
    summary = STATUS_XML[: STATUS_XML.index(b"\n<esme>")].replace(b"<unique>2", b"<unique>0")
    assert render(empty, xml=False).body == plain
    assert render(empty, xml=True).body == summary + b"</esmes>"


def test_accounts_are_sorted_and_binds_keep_their_order() -> None:
    binds = (replace(BIND, bind_id=9), replace(BIND, bind_id=2, simulate=True))
    shuffled = server_snapshot(SMPPUSERB, replace(SMPPUSERA, binds=binds))
    plain = render(shuffled, xml=False).body
    assert plain.index(b"smppusera") < plain.index(b"-- id:9 ") < plain.index(b"-- id:2 ")
    assert plain.index(b"simulate: yes") < plain.index(b"smppuserb")
    assert b"smppusera - binds:2/2, " in plain
    xml = render(shuffled, xml=True).body
    assert xml.index(b"<bind-id>9<") < xml.index(b"<bind-id>2<") < xml.index(b"smppuserb")
    assert b"\n\t</bind>\n\t<bind>\n\t\t<bind-id>2</bind-id>" in xml
    assert b"<simulate>yes</simulate>" in xml


def test_names_are_escaped_in_xml_only() -> None:
    name = "a&<b>\"'\x01é"
    status = server_snapshot(replace(SMPPUSERB, system_id=name))
    escaped = "a&amp;&lt;b&gt;&quot;&apos;\ufffdé".encode()
    assert b"\t<system-id>" + escaped + b"</system-id>\n" in render(status, xml=True).body
    assert b"\n" + name.encode() + b" - binds:0/0" in render(status, xml=False).body
    unknown = SystemIdUnknown(name)
    assert render(unknown, xml=True).body == b"<status>No such system-id '" + escaped + b"' found</status>"
    assert render(unknown, xml=False).body == b"No such system-id '" + name.encode() + b"' found\n"


def test_octets_that_are_no_utf8() -> None:
    unknown = SystemIdUnknown(b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert render(unknown, xml=False).body == b"No such system-id 'caf\xe9' found\n"
    assert "'caf\ufffd'".encode() in render(unknown, xml=True).body


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
