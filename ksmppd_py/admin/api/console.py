"""The operations that the console needs besides: the server, histories for charts, users."""

from __future__ import annotations

from time import time
from typing import Any, cast

from pydantic import Field

from ksmppd_py import __version__
from ksmppd_py.admin.api.models import Model
from ksmppd_py.admin.api.operation import Answer, Backend, Call, Console, Operation
from ksmppd_py.admin.api.problems import Problem
from ksmppd_py.admin.history import SERIES
from ksmppd_py.admin.users import Role

HOUR = 3600
LONGEST = 90 * 24
"""Hours of a history that can be asked for."""


class ServerState(Model):
    """The running server. `time` is its clock, seconds since 1970, UTC; `utc_offset` its zone, in seconds."""

    server_id: str
    version: str
    uptime: int = Field(description="seconds")
    time: float
    state: str = Field(description="ready, degraded or not ready")
    troubles: list[str]
    longest_history: int = Field(description="hours: 1, or more with prometheus-url")


class HistoryQuery(Model, strict=False):
    """The hours until now for which values are wanted."""

    hours: int = Field(1, ge=1, le=LONGEST, description="more than 1 needs prometheus-url")


class HistoryValues(Model):
    """Values at each time; null = none. All but `binds` are messages a second."""

    submits: list[float | None]
    refused: list[float | None]
    deliveries: list[float | None]
    reports: list[float | None]
    binds: list[float | None]


class Past(Model):
    """Throughput and binds over time, oldest first. `times` are seconds since 1970, UTC."""

    source: str = Field(description="memory, or prometheus for more than an hour")
    times: list[int]
    values: HistoryValues


class UserItem(Model):
    """An operator as configured."""

    username: str
    role: str = Field(description="viewer, operator or admin")
    allow_ip: str = Field(description="addresses, patterns or networks; empty = from everywhere")
    password_form: str = Field(description="plain or bcrypt")


class UserItems(Model):
    """All operators. They are groups http-user of the configuration file; admin is the password of http-server."""

    items: list[UserItem]


def show_server(backend: Backend, _call: Call) -> Answer:
    """Return the server's state. Doesn't yield."""
    operations, console = backend.operations, backend.console
    condition = operations.server_status.condition()
    return Answer(
        ServerState(
            server_id=console.server_id,
            version=__version__,
            uptime=operations.uptime(),
            time=time(),
            state=condition.state,
            troubles=[trouble.details or trouble.words for trouble in condition.troubles],
            longest_history=LONGEST if console.prometheus else 1,
        )
    )


def account_past(backend: Backend, call: Call) -> Answer:
    """Return the past of an account. Raises Problem, and BackendUnavailable for Prometheus. May yield."""
    return _past(backend.console, call.query, call.path["system_id"].lower())


def server_past(backend: Backend, call: Call) -> Answer:
    """Return the past of the whole server. Raises Problem, and BackendUnavailable for Prometheus. May yield."""
    return _past(backend.console, call.query, None)


def _past(console: Console, query: HistoryQuery, system_id: str | None) -> Answer:
    if query.hours == 1:
        in_memory = console.history.columns() if system_id is None else console.accounts.columns(system_id)
        times, columns = in_memory[0], cast("dict[str, Any]", in_memory[1])
        past = HistoryValues.model_construct(**columns)
        return Answer(Past.model_construct(source="memory", times=times, values=past))
    if console.prometheus is None:
        raise Problem(422, "more than an hour needs prometheus-url in group http-server", "hours")
    times, longer = console.prometheus.columns(system_id, query.hours * HOUR, time())
    return Answer(Past(source="prometheus", times=times, values=HistoryValues(**longer)))


def list_users(backend: Backend, _call: Call) -> Answer:
    """Return all operators. Doesn't yield."""
    return Answer(
        UserItems(
            items=[
                UserItem(
                    username=user.username,
                    role=user.role.name.lower(),
                    allow_ip=user.allow_ip,
                    password_form=user.password_form,
                )
                for user in backend.console.users.all()
            ]
        )
    )


assert set(HistoryValues.model_fields) == set(SERIES)

OPERATIONS = (
    Operation(
        method="GET",
        path="/server",
        role=Role.VIEWER,
        needs_database=False,
        summary="Show the server's id, version and condition",
        run=show_server,
        result=ServerState,
    ),
    Operation(
        method="GET",
        path="/history",
        role=Role.VIEWER,
        needs_database=False,
        summary="Show the server's rates and binds of the last hour, or of longer with Prometheus",
        description="The hour is kept in memory, in points of five seconds; a restart forgets it.",
        run=server_past,
        query=HistoryQuery,
        result=Past,
    ),
    Operation(
        method="GET",
        path="/accounts/{system_id}/history",
        role=Role.VIEWER,
        needs_database=False,
        summary="Show an account's rates and binds of the last hour, or of longer with Prometheus",
        description="The hour is kept in memory, in points of ten seconds; a restart forgets it.",
        run=account_past,
        query=HistoryQuery,
        result=Past,
    ),
    Operation(
        method="GET",
        path="/users",
        role=Role.ADMIN,
        needs_database=False,
        summary="List the operators that are configured",
        run=list_users,
        result=UserItems,
    ),
)
