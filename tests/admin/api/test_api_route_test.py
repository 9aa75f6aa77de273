"""The route test of the API: the same result as the command's, in fields and words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from api_bench import ApiBench

from ksmppd_py.model.route_test import RouteTestQuery, RouteTestResult

ROUTED = RouteTestResult(
    "12345", "+4670", 0, "route", "", 12, "one", 2, 1.5, True, credit=9.0, has_queue=True
)
QUERY = {"system_id": "Acme", "from": "12345", "to": "+4670"}


@pytest.mark.parametrize(
    ("result", "expected", "away"),
    [
        (
            ROUTED,
            {"outcome": "routed", "reason": "", "route_id": 12, "smsc_id": "one", "parts": 2, "price": 3.0},
            "While the SMSC one is away the bearerbox keeps the message for it",
        ),
        (
            replace(ROUTED, decided_by="default-smsc", route_id=0, smsc_id="", has_queue=False),
            {"outcome": "routed", "decided_by": "default-smsc", "route_id": None, "command_status": 0},
            "is refused with ESME_RSYSERR (0x08).",
        ),
        (
            replace(ROUTED, command_status=0x45, refusal="no credit", reason="3 credits are needed"),
            {"outcome": "refused", "reason": "no credit", "command_status": 0x45, "credit": 9.0},
            "",
        ),
        (
            RouteTestResult("12345", "+4670", 13, reason="suspended", refusal="suspended"),
            {"outcome": "refused", "reason": "suspended", "command_status": 13, "price": 0.0, "parts": 0},
            "",
        ),
    ],
)
def test_from_an_esme(
    bench: ApiBench, result: RouteTestResult, expected: dict[str, object], away: str
) -> None:
    bench.operations.trial = result
    answer = bench.api("POST", "/routes/test", {**QUERY, "ip": "10.0.0.1"})
    assert answer.status == 200
    assert {name: answer.body[name] for name in expected} == expected
    assert away in answer.body["when_away"]
    assert bool(away) is bool(answer.body["when_away"])
    assert bench.operations.queries[-1] == RouteTestQuery("acme", "12345", "+4670", ip="10.0.0.1")


def test_to_an_esme(bench: ApiBench) -> None:
    body = {"direction": 2, "smsc_id": "one", "from": "+4670", "to": "12345"}
    answer = bench.api("POST", "/routes/test", body).body
    assert (answer["outcome"], answer["system_id"], answer["route_id"]) == ("routed", "smppusera", 7)
    assert answer["bound"] is True
    assert "is stored until one does" in answer["when_away"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"from": "1", "to": "2"}, "system_id"),
        ({"direction": 2, "system_id": "acme", "from": "1", "to": "2"}, "smsc_id"),
        ({"system_id": "acme", "from": "1"}, "to"),
        ({"system_id": "acme", "from": "1", "to": ""}, "to"),
        ({"system_id": "acme", "sender": "1", "to": "2"}, "sender"),
    ],
)
def test_incomplete_requests(bench: ApiBench, body: dict[str, object], field: str) -> None:
    answer = bench.api("POST", "/routes/test", body)
    assert (answer.status, answer.body["field"]) == (422, field)
