"""The daemon's condition (ready, degraded or not ready) for each fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ksmppd_py.model.condition import KINDS
from ksmppd_py.model.judgement import FEW, SILENCE_TIMEOUT, judge
from ksmppd_py.model.status import BearerboxSnapshot, BearerboxStatus

UP = BearerboxSnapshot("box@h:1", "h", 1, "box", True, 7, 0, 0, 0, 1000, 0, 0, 1)
AWAY = replace(UP, name="other@h:2", online=False)


def refusing(accepted: int, refused: int) -> BearerboxSnapshot:
    return replace(UP, accepted_lately=accepted, refused_lately=refused)


@pytest.mark.parametrize(
    ("boxes", "queue", "state", "kinds"),
    [
        ((UP,), True, "ready", []),
        ((UP,), False, "ready", []),
        ((), True, "degraded", ["bearerboxes_away"]),
        ((AWAY,), True, "degraded", ["bearerboxes_away"]),
        ((AWAY,), False, "not ready", ["no_bearerbox"]),
        ((UP, AWAY), False, "degraded", ["bearerbox_away"]),
        ((refusing(0, FEW),), False, "degraded", ["bearerbox_refuses"]),
        ((refusing(0, FEW - 1),), True, "ready", []),
        ((refusing(FEW, FEW),), True, "ready", []),
        ((refusing(FEW, FEW + 1),), True, "degraded", ["bearerbox_refuses"]),
        ((refusing(100_000, 40_000),), True, "ready", []),
        ((replace(refusing(0, FEW), online=False),), True, "degraded", ["bearerboxes_away"]),
        ((replace(UP, unanswered_for=SILENCE_TIMEOUT),), True, "degraded", ["bearerbox_silent"]),
        ((replace(UP, unanswered_for=SILENCE_TIMEOUT - 1),), True, "ready", []),
    ],
)
def test_bearerboxes(boxes: tuple[BearerboxSnapshot, ...], queue: bool, state: str, kinds: list[str]) -> None:
    status = BearerboxStatus(sum(box.online for box in boxes), 0, boxes)
    condition = judge(status, accepting=True, database=True, changes=True, queue=queue)
    assert (condition.state, [trouble.kind for trouble in condition.troubles]) == (state, kinds)
    assert condition.ready == (state != "not ready")
    assert bool(condition.words) == bool(kinds)
    assert set(kinds) <= set(KINDS)


@pytest.mark.parametrize(
    ("accepting", "database", "kinds"),
    [(False, True, ["closed"]), (True, False, ["database"]), (False, False, ["closed", "database"])],
)
@pytest.mark.parametrize("changes", [True, False])
def test_port_and_database(accepting: bool, database: bool, changes: bool, kinds: list[str]) -> None:
    status = BearerboxStatus(1, 0, (UP,))
    condition = judge(status, accepting=accepting, database=database, changes=changes or database, queue=True)
    assert (condition.state, [trouble.kind for trouble in condition.troubles]) == ("not ready", kinds)


@pytest.mark.parametrize(
    ("boxes", "queue", "state", "words"),
    [
        ((UP,), True, "degraded", "the database takes no changes"),
        ((UP,), False, "degraded", "the database takes no changes"),
        ((AWAY,), True, "not ready", "the database takes no changes; no bearerbox is connected"),
        ((AWAY,), False, "not ready", "the database takes no changes; no bearerbox is connected"),
    ],
)
def test_a_database_that_takes_no_changes_stores_nothing(
    boxes: tuple[BearerboxSnapshot, ...], queue: bool, state: str, words: str
) -> None:
    status = BearerboxStatus(sum(box.online for box in boxes), 0, boxes)
    condition = judge(status, accepting=True, database=True, changes=False, queue=queue)
    assert (condition.state, condition.words) == (state, words)
    assert {trouble.kind for trouble in condition.troubles} <= set(KINDS)


def test_names_are_in_the_details_only() -> None:
    boxes = (refusing(1, 4115), AWAY)
    status = BearerboxStatus(1, 0, boxes)
    condition = judge(status, accepting=True, database=True, changes=True, queue=True)
    assert [trouble.details for trouble in condition.troubles] == [
        "box@h:1 refused 4,115 of 4,116 messages in the last minute",
        "other@h:2 is not connected",
    ]
    assert condition.words == "a bearerbox refuses messages; a bearerbox is not connected"
