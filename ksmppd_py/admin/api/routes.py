"""The operations below /routes: rows of the route table. Errors: see Operation."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from ksmppd_py.admin.api import models
from ksmppd_py.admin.api.operation import Answer, Backend, Call, Operation
from ksmppd_py.admin.api.paging import PageQuery, cut, page_of
from ksmppd_py.admin.api.problems import Problem
from ksmppd_py.admin.users import Role
from ksmppd_py.errors import NoRoute
from ksmppd_py.management.records import RouteRecord
from ksmppd_py.model.routes import Route, RouteTable

_ROUTE_ID = re.compile(r"0*([0-9]{1,19})", re.ASCII)
_MOST_ID = 2**63 - 1


class RoutesQuery(PageQuery):
    """A page of routes, all or those of an account or direction (1 = from ESMEs, 2 = to ESMEs)."""

    system_id: str | None = Field(None, max_length=64, pattern="^[ -~]*$", description="of this account only")
    direction: int | None = Field(None, ge=1, le=2, description="of this direction only")


class RouteListQuery(models.Model, strict=False):
    """The account and direction whose routes are replaced."""

    system_id: str = Field(min_length=1, max_length=64, pattern="^[ -~]*$")
    direction: int = Field(ge=1, le=2)


class RegexTest(models.Model):
    """An expression and addresses to try it on, as routes see them: `+` in front of international ones."""

    regex: str = Field(max_length=10_000)
    addresses: list[Annotated[str, Field(max_length=64)]] = Field(default_factory=list, max_length=50)


class RegexTestAnswer(models.Model):
    """The addresses that the expression takes. `problem` is the reason when it can't be used, else empty."""

    problem: str
    matching: list[str]


def try_regex(_backend: Backend, call: Call) -> Answer:
    """Return the addresses that an expression takes, by the engine that routes messages. Doesn't yield."""
    body: RegexTest = call.body
    try:
        table = RouteTable([Route(regex=body.regex)])
    except UnicodeEncodeError:
        return Answer(RegexTestAnswer(problem="characters beyond Latin-1 are in no address", matching=[]))
    if table.problems:
        return Answer(RegexTestAnswer(problem=table.problems[0].reason, matching=[]))
    return Answer(
        RegexTestAnswer(problem="", matching=[each for each in body.addresses if _takes(table, each)])
    )


def _takes(table: RouteTable, address: str) -> bool:
    try:
        table.match(address.encode("latin-1", "replace"), b"")
    except NoRoute:
        return False
    return True


def _route(route: RouteRecord) -> models.Route:
    columns: dict[str, Any] = {**route.settings}
    return models.Route.model_construct(route_id=route.route_id, **columns)


def _route_id(call: Call) -> int:
    found = _ROUTE_ID.fullmatch(call.path["route_id"])
    if found is None or int(found[1]) > _MOST_ID:
        raise Problem(404, "there is no such route")
    return int(found[1])


def list_routes(backend: Backend, call: Call) -> Answer:
    """Return a page of routes in the order in which they are tried. May yield."""
    query: RoutesQuery = call.query
    store = backend.management.stores.routes
    rows = store.page(query.direction, query.system_id, page_of(query, int, str, int, int))
    rows, following = cut(rows, query, store.key)
    return Answer(models.Routes.model_construct(items=list(map(_route, rows)), next=following))


def create_route(backend: Backend, call: Call) -> Answer:
    """Insert a route; messages take it from now on. May yield."""
    route = backend.management.routes.create(call.actor, call.body.model_dump(exclude_unset=True))
    return Answer(_route(route), route.version, f"/routes/{route.route_id}")


def get_route(backend: Backend, call: Call) -> Answer:
    """Return the route of the path's route_id. May yield."""
    route = backend.management.stores.routes.get(_route_id(call))
    return Answer(_route(route), route.version)


def change_route(backend: Backend, call: Call) -> Answer:
    """Set those columns of a route that the body has. May yield."""
    settings = call.body.model_dump(exclude_unset=True)
    route = backend.management.routes.change(call.actor, _route_id(call), settings, call.version)
    return Answer(_route(route), route.version)


def delete_route(backend: Backend, call: Call) -> Answer:
    """Delete a route; messages don't take it from now on. May yield."""
    backend.management.routes.delete(call.actor, _route_id(call), call.version)
    return Answer()


def replace_routes(backend: Backend, call: Call) -> Answer:
    """Put the body's routes in the place of all that an account has in one direction. May yield."""
    query: RouteListQuery = call.query
    rows = [item.model_dump(exclude_unset=True) for item in call.body.items]
    backend.management.routes.replace(call.actor, query.direction, query.system_id, rows)
    return Answer()


OPERATIONS = (
    Operation(
        method="GET",
        path="/routes",
        role=Role.VIEWER,
        summary="List routes in the order in which they are tried",
        run=list_routes,
        query=RoutesQuery,
        result=models.Routes,
    ),
    Operation(
        method="POST",
        path="/routes",
        role=Role.ADMIN,
        summary="Create a route",
        description="It takes the next message. The account must exist where accounts are in the database.",
        run=create_route,
        status=201,
        body=models.NewRoute,
        result=models.Route,
        has_version=True,
    ),
    Operation(
        method="PUT",
        path="/routes",
        role=Role.ADMIN,
        summary="Replace all routes of an account in one direction",
        description="Messages are routed by the rows of before until the new ones are there, all at one moment.",
        run=replace_routes,
        status=204,
        query=RouteListQuery,
        body=models.RouteList,
    ),
    Operation(
        method="POST",
        path="/routes/try-regex",
        role=Role.VIEWER,
        summary="Try an expression on addresses",
        description="By the engine that routes messages; the problem of a wrong expression is in the answer.",
        run=try_regex,
        body=RegexTest,
        result=RegexTestAnswer,
    ),
    Operation(
        method="GET",
        path="/routes/{route_id}",
        role=Role.VIEWER,
        summary="Show a route",
        run=get_route,
        result=models.Route,
        has_version=True,
    ),
    Operation(
        method="PATCH",
        path="/routes/{route_id}",
        role=Role.ADMIN,
        summary="Change a route",
        description="Fields that aren't given stay as they are.",
        run=change_route,
        body=models.RouteChange,
        result=models.Route,
        has_version=True,
        takes_version=True,
    ),
    Operation(
        method="DELETE",
        path="/routes/{route_id}",
        role=Role.ADMIN,
        summary="Delete a route",
        run=delete_route,
        status=204,
        takes_version=True,
    ),
)
