"""The stream of events: ids, bounds, and the choice of those that a program hasn't seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.model.events import MOST_AT_ONCE, Event, EventKind, EventStream


def stream(*kinds: EventKind) -> EventStream:
    events = EventStream()
    for number, kind in enumerate(kinds):
        events.add(kind, str(number), 1.0)
    return events


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events]


@given(st.lists(st.floats(0, 2e9), max_size=50))
def test_ids_grow_whatever_the_clock_does(times: list[float]) -> None:
    events = EventStream()
    for now in times:
        events.add(EventKind.BIND, "x", now)
    ids = [event.event_id for event in events.select(None, 100)]
    assert ids == sorted(set(ids))
    assert len(ids) == len(times)


def test_ids_grow_over_a_restart() -> None:
    before, after = EventStream(), EventStream()
    before.add(EventKind.BIND, "x", 1000.0)
    after.add(EventKind.STARTED, "x", 1000.5)
    assert before.select(None, 1)[0].event_id < after.select(None, 1)[0].event_id


def test_the_oldest_events_make_room() -> None:
    events = EventStream(most=3)
    for number in range(5):
        events.add(EventKind.BIND, str(number), 1.0)
    assert len(events) == 3
    assert texts(events.select(None, 10)) == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("since", "limit", "kinds", "found"),
    [
        (None, 10, (), "0123"),
        (None, 2, (), "23"),
        (None, 1, (EventKind.BIND,), "2"),
        (None, 10, (EventKind.CHANGE,), ""),
        (0, 10, (), "0123"),
        (0, 2, (), "01"),
        (1001, 10, (), "23"),
        (1001, 1, (), "2"),
        (1001, 10, (EventKind.UNBIND,), "3"),
        (1003, 10, (), ""),
        (10**15, 10, (), ""),
    ],
)
def test_select(since: int | None, limit: int, kinds: tuple[EventKind, ...], found: str) -> None:
    events = stream(EventKind.BIND, EventKind.UNBIND, EventKind.BIND, EventKind.UNBIND)
    assert texts(events.select(since, limit, frozenset(kinds))) == list(found)


def test_polling_with_the_last_id_misses_nothing_and_repeats_nothing() -> None:
    events = stream(*[EventKind.BIND] * 25)
    seen: list[str] = []
    since = 0
    while found := events.select(since, 10):
        seen += texts(found)
        since = found[-1].event_id
    assert seen == [str(number) for number in range(25)]


def test_many_at_once_are_counted() -> None:
    events = EventStream()
    events.add_some(EventKind.QUEUE_BEGAN, ((str(n), {"rows": n}) for n in range(MOST_AT_ONCE + 7)), 1.0)
    *first, last = events.select(None, 100)
    assert texts(first) == [str(number) for number in range(MOST_AT_ONCE)]
    assert (last.text, last.fields) == ("and 7 more", {"more": 7})
    events.add_some(EventKind.QUEUE_BEGAN, [], 1.0)
    assert len(events) == MOST_AT_ONCE + 1


def test_the_listener_gets_each_event() -> None:
    events, heard = EventStream(), list[Event]()
    events.add(EventKind.BIND, "before", 1.0)
    events.listener = heard.append
    events.add(EventKind.UNBIND, "after", 1.0, {"bind_id": 1})
    assert heard == events.select(None, 1)
