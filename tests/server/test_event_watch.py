"""Events of differences between two looks at the server, and of refusals."""

from __future__ import annotations

import pytest

from ksmppd_py.model.events import EventKind
from ksmppd_py.model.refusals import BIND, SUBMIT, Example, RefusalCount
from ksmppd_py.model.status import Backlog, BearerboxSnapshot, QueueDepth
from ksmppd_py.server.event_watch import Observation, changes, observe, refusal_event


def box(online: bool, connects: int, name: str = "b") -> BearerboxSnapshot:
    return BearerboxSnapshot(name, "h", 1, "", online, 0, 0, 0, 0, 0, 0, 0, connects)


def backlog(complete: bool = True, **rows: int) -> Backlog:
    return Backlog(0.0, complete, tuple(QueueDepth("mt", name, count, None) for name, count in rows.items()))


def kinds(before: Observation, now: Observation) -> list[str]:
    return [kind.value for kind, _, _ in changes(before, now)]


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        (None, box(False, 0), []),
        (None, box(True, 1), ["bearerbox_up"]),
        (box(False, 0), box(True, 1), ["bearerbox_up"]),
        (box(True, 1), box(True, 1), []),
        (box(True, 1), box(False, 1), ["bearerbox_down"]),
        (box(True, 1), box(True, 2), ["bearerbox_down", "bearerbox_up"]),
        (box(True, 1), box(False, 2), ["bearerbox_down"]),
        (box(False, 1), box(False, 1), []),
    ],
)
def test_bearerboxes(before: BearerboxSnapshot | None, now: BearerboxSnapshot, found: list[str]) -> None:
    old = observe([before] if before is not None else [], None, True)
    assert kinds(old, observe([now], None, True)) == found


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        (None, None, []),
        (None, backlog(), []),
        (None, backlog(acme=2), ["queue_began"]),
        (backlog(), backlog(acme=2), ["queue_began"]),
        (backlog(acme=2), backlog(acme=9), []),
        (backlog(acme=2), backlog(), ["queue_ended"]),
        (backlog(acme=2), backlog(other=1), ["queue_began", "queue_ended"]),
        (backlog(acme=2), backlog(complete=False), []),
    ],
)
def test_queues(before: Backlog | None, now: Backlog | None, found: list[str]) -> None:
    assert kinds(observe([], before, True), observe([], now, True)) == found


def test_ends_of_messages() -> None:
    before = Observation(ends={("acme", "DELIVRD"): 2, ("acme", "UNDELIV"): 1})
    now = Observation(ends={("acme", "DELIVRD"): 5, ("acme", "UNDELIV"): 1, ("b", "EXPIRED"): 1})
    assert list(changes(before, now)) == [
        (
            EventKind.MESSAGES_ENDED,
            "3 message(s) of acme ended: DELIVRD",
            {"system_id": "acme", "stat": "DELIVRD", "count": 3},
        ),
        (
            EventKind.MESSAGES_ENDED,
            "1 message(s) of b ended: EXPIRED",
            {"system_id": "b", "stat": "EXPIRED", "count": 1},
        ),
    ]


def test_a_queue_names_its_account() -> None:
    [(_, text, fields)] = changes(Observation(), observe([], backlog(acme=2), True))
    assert text == "2 messages for a bearerbox wait, account acme"
    assert fields == {"queue": "mt", "system_id": "acme", "rows": 2}


def test_the_database() -> None:
    there, away = observe([], None, True), observe([], None, False)
    assert [kinds(there, away), kinds(away, there), kinds(away, away)] == [
        ["database_down"],
        ["database_up"],
        [],
    ]


def test_refusals() -> None:
    bind = RefusalCount(BIND, "acme", "10.0.0.9", "credentials", 3, 0.0, 1.0, Example(0x0D))
    text, fields = refusal_event(bind)
    assert text == "3 bind(s) of acme from 10.0.0.9 refused: credentials, 0x0D ESME_RBINDFAIL"
    assert fields == {
        "system_id": "acme",
        "ip": "10.0.0.9",
        "reason": "credentials",
        "count": 3,
        "command_status": 13,
    }
    submit = RefusalCount(SUBMIT, "acme", "", "no route", 1, 0.0, 1.0, Example(0x0B, "1", "+46", "id7"))
    text, fields = refusal_event(submit)
    assert text == "1 message(s) of acme refused: no route, 0x0B ESME_RINVDSTADR"
    assert (fields["from"], fields["to"], fields["message_id"]) == ("1", "+46", "id7")
    assert EventKind("submit_refused") is EventKind.SUBMIT_REFUSED
