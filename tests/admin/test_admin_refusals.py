"""/refusals and /readyz: the last refusals, and the problems of a server that accepts messages."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from admin_fakes import LAST, FakeOperations, run_target

from ksmppd_py.admin.text import one_line, status_words
from ksmppd_py.model.condition import Trouble

REFUSES = Trouble("bearerbox_refuses", "a bearerbox refuses messages", "box@10.0.0.1:13001 refused 9 of 9")
CLOSED = Trouble("closed", "the SMPP port is closed")


def run(operations: FakeOperations, target: str) -> tuple[int, str]:
    reply = run_target(operations, target)
    return reply.status, reply.body.decode()


def test_the_last_of_each_kind_with_code_addresses_and_id(operations: FakeOperations) -> None:
    status, body = run(operations, "/refusals.json")
    first, second = json.loads(body)["refusals"]
    assert status == 200
    assert first == {
        "kind": "submit",
        "system_id": "smppusera",
        "ip": "",
        "reason": "refused by the bearerbox",
        "command_status": "ESME_RSUBMITFAIL (0x45)",
        "count": 3,
        "last": datetime.fromtimestamp(LAST).astimezone().isoformat(),
        "sender": "12345",
        "receiver": "+49170?",
        "message_id": "0a1b",
    }
    assert (second["kind"], second["ip"], second["command_status"]) == (
        "bind",
        "10.0.0.9",
        "ESME_RBINDFAIL (0x0d)",
    )


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", 2),
        ("?system-id=", 2),
        ("?system-id=SmppUserA", 1),
        ("?system-id=%3Cscript%3E", 1),
        ("?system-id=x", 0),
    ],
)
def test_of_one_account(operations: FakeOperations, query: str, listed: int) -> None:
    status, body = run(operations, f"/refusals{query}")
    assert (status, body.splitlines()[0]) == (200, f"listed: {listed}")
    assert len(body.splitlines()) == (listed + 2 if listed else 1)


@pytest.mark.parametrize(
    ("command_status", "words"),
    [(0x45, "ESME_RSUBMITFAIL (0x45)"), (0x401, "0x401"), (0, "ESME_ROK (0x00)"), (0x99999, "0x99999")],
)
def test_statuses_in_words(command_status: int, words: str) -> None:
    assert status_words(command_status) == words


def test_strangers_write_no_lines() -> None:
    assert one_line("a\nkind:bind\x85\x1b") == "a?kind:bind??"
    assert one_line("\xe9t\xe9") == "\xe9t\xe9"


@pytest.mark.parametrize(
    ("troubles", "status", "body"),
    [
        ((), 200, "ok\n"),
        ((REFUSES,), 200, "ok, degraded: a bearerbox refuses messages\n"),
        ((REFUSES, REFUSES), 200, "ok, degraded: a bearerbox refuses messages\n"),
        ((CLOSED,), 503, "not ok: the SMPP port is closed\n"),
        ((CLOSED, REFUSES), 503, "not ok: the SMPP port is closed; a bearerbox refuses messages\n"),
    ],
)
def test_readiness(operations: FakeOperations, troubles: tuple[Trouble, ...], status: int, body: str) -> None:
    """Refused traffic doesn't take a server out of its load balancer; names and addresses aren't public."""
    operations.server_status.troubles = troubles
    assert run(operations, "/readyz") == (status, body)
    facts = json.loads(run(operations, "/readyz.json")[1])
    assert facts["troubles"] == list(dict.fromkeys(trouble.kind for trouble in troubles))
    assert "10.0.0.1" not in json.dumps(facts)
