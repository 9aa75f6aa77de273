"""route-test: its parameters, and its answer in three formats."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from admin_fakes import FakeOperations, run_target

from ksmppd_py.admin.commands import COMMANDS, RECEIVER_MISSING, SYSTEM_ID_MISSING
from ksmppd_py.admin.requests import Reply
from ksmppd_py.model.route_test import RouteTestQuery, RouteTestResult

REFUSED = RouteTestResult(
    "1", "2", 0x0B, reason="no route & none", parts=1, is_known=False, refusal="no route"
)


def run(operations: FakeOperations, **parameters: str) -> object:
    named = {name.replace("_", "-"): value for name, value in parameters.items()}
    return COMMANDS["/route-test"](operations, named)


def answer(operations: FakeOperations, extension: str = "") -> Reply:
    return run_target(operations, f"/route-test{extension}?system-id=a&from=1&to=2")


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ({"system_id": "SmppUserA", "from": "1", "to": "+2"}, RouteTestQuery("smppusera", "1", "+2")),
        (
            {"system_id": "a", "to": "2", "text": "h\u00e9", "data_coding": "8"},
            RouteTestQuery("a", "", "2", "h\u00e9", 8),
        ),
        ({"system_id": "\udcc9t\udce9", "to": "2"}, RouteTestQuery("\xe9t\xe9", "", "2")),
        ({"system_id": "\u20ac", "to": "2"}, RouteTestQuery("\u20ac", "", "2")),
        ({"system_id": "a", "to": "2", "data_coding": "x"}, RouteTestQuery("a", "", "2")),
        ({"system_id": "a", "to": "2", "data_coding": "264"}, RouteTestQuery("a", "", "2", "", 8)),
    ],
)
def test_parameters(operations: FakeOperations, parameters: dict[str, str], query: RouteTestQuery) -> None:
    assert run(operations, **parameters) is operations.trial
    assert operations.queries == [query]


def test_missing_parameters(operations: FakeOperations) -> None:
    assert run(operations, to="1") is SYSTEM_ID_MISSING
    assert run(operations, system_id="a") is RECEIVER_MISSING
    assert operations.queries == []
    reply = run_target(operations, "/route-test?system-id=a")
    assert (reply.status, reply.body) == (406, b"You must specify a 'to' parameter\n")


def test_plain(operations: FakeOperations) -> None:
    reply = answer(operations)
    assert (reply.status, reply.body.decode()) == (
        200,
        "status: routed\ncommand-status: 0x00000000\nsender: 12345\nreceiver: +49170\nparts: 2\n"
        "decided-by: route\nroute-id: 12\nsmsc-id: one<two\ncost-per-part: 1.5\ncost: 3\nprepaid: yes\n"
        "account-known: yes\n",
    )


def test_plain_refusal(operations: FakeOperations) -> None:
    operations.trial = REFUSED
    assert answer(operations).body.decode() == (
        "status: refused\ncommand-status: 0x0000000b\nsender: 1\nreceiver: 2\nparts: 1\n"
        "reason: no route & none\naccount-known: no\nrefusal: no route\n"
    )


def test_plain_refusal_of_what_has_a_route(operations: FakeOperations) -> None:
    """New facts come behind the old ones, numbers without an exponent."""
    operations.trial = replace(
        operations.trial,
        command_status=0x45,
        reason="3 credits are needed, 1 are there",
        refusal="no credit",
        credit=1234567.25,
        throughput=2.5,
        is_outdated=True,
    )
    assert answer(operations).body.decode() == (
        "status: refused\ncommand-status: 0x00000045\nsender: 12345\nreceiver: +49170\nparts: 2\n"
        "decided-by: route\nroute-id: 12\nsmsc-id: one<two\ncost-per-part: 1.5\ncost: 3\nprepaid: yes\n"
        "reason: 3 credits are needed, 1 are there\naccount-known: yes\n"
        "refusal: no credit\ncredit: 1234567.25\nthroughput: 2.5\nbinds-outdated: yes\n"
    )


@pytest.mark.parametrize("refused", [False, True])
def test_xml_and_json_have_the_same_members(operations: FakeOperations, refused: bool) -> None:
    if refused:
        operations.trial = REFUSED
    plain = dict(line.split(": ", 1) for line in answer(operations).body.decode().splitlines())
    root = ElementTree.fromstring(answer(operations, ".xml").body)
    assert root.tag == "route-test"
    assert {element.tag: element.text or "" for element in root} == plain
    facts = json.loads(answer(operations, ".json").body)
    assert [name.replace("_", "-") for name in facts] == list(plain)
    assert (facts["parts"], facts["command_status"]) == (int(plain["parts"]), plain["command-status"])
