"""The events of the server as a bounded stream with ids: binds, refusals, blocks, bearerboxes, queues, changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

MOST_EVENTS = 10_000
"""Events that are kept; older ones are forgotten."""
MOST_AT_ONCE = 20
"""Events of one kind that one call adds; the others are counted in one further event."""

EventFields = Mapping[str, object]
"""Texts, numbers and truth values by name."""


class EventKind(str, Enum):
    """Kinds of events, by the names that the API and the event log have."""

    STARTED = "started"
    STOPPING = "stopping"
    BIND = "bind"
    UNBIND = "unbind"
    BIND_REFUSED = "bind_refused"
    SUBMIT_REFUSED = "submit_refused"
    ADDRESS_BLOCKED = "address_blocked"
    BEARERBOX_UP = "bearerbox_up"
    BEARERBOX_DOWN = "bearerbox_down"
    DATABASE_UP = "database_up"
    DATABASE_DOWN = "database_down"
    QUEUE_BEGAN = "queue_began"
    QUEUE_ENDED = "queue_ended"
    MESSAGES_ENDED = "messages_ended"
    CONFIGURATION = "configuration"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `time` is epoch seconds. `text` is for people, `fields` are for programs."""

    event_id: int
    time: float
    kind: EventKind
    text: str
    fields: EventFields = field(default_factory=dict)


class EventStream:
    """The last events, at most `most`. No method yields.

    Ids grow. They are the time in milliseconds, or one more than the last id, so they grow over restarts too as long as
    the clock isn't set back: a program that asks for events after an id misses none.
    """

    __slots__ = ("_events", "_last_id", "listener")

    def __init__(self, most: int = MOST_EVENTS) -> None:
        self._events: deque[Event] = deque(maxlen=most)
        self._last_id = 0
        self.listener: Callable[[Event], None] | None = None
        """Called with each event as it is added; must not fail."""

    def __len__(self) -> int:
        return len(self._events)

    def add(self, kind: EventKind, text: str, now: float, fields: EventFields | None = None) -> None:
        """Add an event at `now` (epoch seconds)."""
        self._last_id = max(self._last_id + 1, int(now * 1000))
        event = Event(self._last_id, now, kind, text, fields or {})
        self._events.append(event)
        if self.listener is not None:
            self.listener(event)

    def add_some(self, kind: EventKind, events: Iterable[tuple[str, EventFields]], now: float) -> None:
        """Add events of one kind, the first MOST_AT_ONCE one by one, and one event with the number of the others."""
        more = 0
        for number, (text, fields) in enumerate(events):
            if number < MOST_AT_ONCE:
                self.add(kind, text, now, fields)
            else:
                more += 1
        if more:
            self.add(kind, f"and {more} more", now, {"more": more})

    def select(self, since: int | None, limit: int, kinds: frozenset[EventKind] = frozenset()) -> list[Event]:
        """Return events after the id `since`, the oldest first, at most `limit`; `kinds` empty = all kinds.

        Of too many the first ones are returned; with `since` None the last ones.
        """
        found: list[Event] = []
        for event in reversed(self._events):
            if event.event_id <= (since or 0) or (since is None and len(found) >= limit):
                break
            if not kinds or event.kind in kinds:
                found.append(event)
        return found[::-1][:limit]
