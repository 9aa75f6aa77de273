"""The operation below /events: the server's last events, or those after a number. Errors: see Operation."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ksmppd_py.admin.api import models
from ksmppd_py.admin.api.operation import Answer, Backend, Call, Operation
from ksmppd_py.admin.api.problems import Problem
from ksmppd_py.admin.users import Role
from ksmppd_py.model.events import Event, EventKind

MOST = 1000
"""Events of one answer."""


class EventsQuery(models.Model, strict=False):
    """The events to return: those after a number, or the latest ones."""

    since: int | None = Field(
        None, ge=0, le=2**53, description="`event_id` of the last known event; absent for the latest events"
    )
    kind: str = Field(
        "", max_length=200, pattern="^[a-z_,]*$", description="kinds, `,` between; all if empty"
    )
    limit: int = Field(100, ge=1, le=MOST)


class EventItem(models.Model):
    """One event. `time` is seconds since 1970, UTC; `fields` depend on the kind."""

    event_id: int
    time: float
    kind: str = Field(json_schema_extra={"enum": [kind.value for kind in EventKind]})
    text: str
    fields: dict[str, Any]


class Events(models.Model):
    """Events, the oldest first. `last` is `since` of the next request."""

    items: list[EventItem]
    last: int


def list_events(backend: Backend, call: Call) -> Answer:
    """Return the events after `since`, or the latest ones. Raises Problem. Doesn't yield."""
    query: EventsQuery = call.query
    events = backend.operations.server_status.events
    found = events.select(query.since, query.limit, _kinds(query.kind))
    last = found[-1].event_id if found else query.since or 0
    return Answer(Events.model_construct(items=list(map(_item, found)), last=last))


def _kinds(names: str) -> frozenset[EventKind]:
    try:
        return frozenset(EventKind(name) for name in names.split(",") if name)
    except ValueError as error:
        raise Problem(
            422, f"{error}; kinds are {', '.join(kind.value for kind in EventKind)}", "kind"
        ) from None


def _item(event: Event) -> EventItem:
    return EventItem(
        event_id=event.event_id,
        time=event.time,
        kind=event.kind.value,
        text=_text(event.text),
        fields={name: _text(value) for name, value in event.fields.items()},
    )


def _text(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


OPERATIONS = (
    Operation(
        method="GET",
        path="/events",
        role=Role.VIEWER,
        needs_database=False,
        summary="Show events: binds, refusals, blocks, bearerboxes, queues, changes",
        description="The last 10,000 events are kept, in memory. Poll with `since` for new ones.",
        run=list_events,
        query=EventsQuery,
        result=Events,
    ),
)
