"""Answers the requests of the API: who asks, what is asked, whether it is well-formed, and the result."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from ksmppd_py import __version__
from ksmppd_py.admin.access import Access, Identity, NotSignedIn
from ksmppd_py.admin.api import accounts, audit, console, events, live, route_tests, routes
from ksmppd_py.admin.api.openapi import PREFIX, document
from ksmppd_py.admin.api.operation import Answer, Backend, Call, Operation
from ksmppd_py.admin.api.problems import Problem, invalid, problem_of
from ksmppd_py.admin.audit import add_change
from ksmppd_py.admin.requests import Accepted, Reply, Request
from ksmppd_py.admin.users import Role, User
from ksmppd_py.errors import TemporaryError
from ksmppd_py.management.errors import ChangeRefused

logger = logging.getLogger(__name__)

OPERATIONS: Sequence[Operation] = (
    *accounts.OPERATIONS,
    *route_tests.OPERATIONS,
    *routes.OPERATIONS,
    *live.OPERATIONS,
    *audit.OPERATIONS,
    *events.OPERATIONS,
    *console.OPERATIONS,
)
DOCUMENT_PATH = f"{PREFIX}/openapi.json"
LONGEST_BODY = 262_144
"""Octets of a request's body: room for a thousand routes at once."""
_JSON = "application/json"
_TAG = re.compile(r'\s*"([!#-~]*)"\s*')
_SAFE = ("GET", "HEAD")


class ApiHandler:
    """Answers all paths below /api/. Implements RequestHandler."""

    accepted = Accepted(frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}), LONGEST_BODY)

    def __init__(
        self, backend: Backend, access: Access, operations: Sequence[Operation] = OPERATIONS
    ) -> None:
        self._backend = backend
        self._access = access
        self._operations = operations
        self._document = json.dumps(document(operations, __version__)).encode()

    def has(self, path: str) -> bool:
        """Whether the path is below /api/."""
        return path.startswith("/api/")

    def answer(self, request: Request) -> Reply:
        """Return the reply: the object, or a problem document. May yield."""
        try:
            if request.path == DOCUMENT_PATH and request.method in _SAFE:
                return Reply(200, _JSON, self._document)
            identity = self._identify(request)
            user = identity.user
            operation, path = self._find(request)
            if user.role < operation.role:
                detail = (
                    f"the role {user.role.name.lower()} may not do this, {operation.role.name.lower()} may"
                )
                raise Problem(403, detail)
            if operation.needs_database and not self._backend.management.has_database:
                raise Problem(404, "there are no tables: no database is configured")
            reply = self._run(operation, self._call(operation, request, user, path))
            return replace(reply, headers=(*identity.headers, *reply.headers))
        except (ChangeRefused, TemporaryError) as error:
            return problem_of(error).reply()
        except Problem as problem:
            return problem.reply()

    def _identify(self, request: Request) -> Identity:
        try:
            return self._access.identify(request, changes=request.method not in _SAFE)
        except NotSignedIn as refusal:
            raise Problem(refusal.status, str(refusal), headers=refusal.headers) from None

    def _find(self, request: Request) -> tuple[Operation, dict[str, str]]:
        """Return the operation of the request, and the parameters of its path. Raises Problem."""
        method = "GET" if request.method == "HEAD" else request.method
        path = request.path.removeprefix(PREFIX)
        allowed = []
        for operation in self._operations if request.path.startswith(f"{PREFIX}/") else ():
            parameters = operation.match(path)
            if parameters is None:
                continue
            if operation.method == method:
                return operation, parameters
            allowed.append(operation.method)
        if not allowed:
            raise Problem(404, "there is nothing at this path; /api/v1/openapi.json lists what there is")
        methods = ", ".join(sorted({*allowed, *(["HEAD"] if "GET" in allowed else [])}))
        raise Problem(405, f"this path takes {methods}", headers=(("Allow", methods),))

    def _call(self, operation: Operation, request: Request, user: User, path: dict[str, str]) -> Call:
        return Call(
            user,
            request.ip,
            path,
            query=_query(operation, request),
            body=_body(operation, request),
            version=_version(request) if operation.takes_version else "",
            key=request.header("Idempotency-Key") if operation.takes_key else "",
        )

    def _run(self, operation: Operation, call: Call) -> Reply:
        answer: Answer = operation.run(self._backend, call)
        if operation.role > Role.VIEWER and operation.method not in _SAFE:
            self._report_change(operation, call, answer)
        headers = []
        if answer.version:
            headers.append(("ETag", f'"{answer.version}"'))
        if answer.location:
            headers.append(("Location", f"{PREFIX}{answer.location}"))
        body = answer.result.model_dump_json().encode() if answer.result is not None else b""
        return Reply(operation.status, _JSON, body, tuple(headers))

    def _report_change(self, operation: Operation, call: Call, answer: Answer) -> None:
        """Log a change and add it to the events. Doesn't yield."""
        subject = " ".join(call.path.values()) or answer.location.rpartition("/")[2]
        words = f"{operation.summary}: {subject}" if subject else operation.summary
        name = f"{operation.run.__name__} {subject}".strip()
        logger.info("Administration: %s from %s by user %s", name, call.address, call.user.username)
        add_change(self._backend.operations.server_status.events, words, call.address, call.user.username)


def _query(operation: Operation, request: Request) -> BaseModel | None:
    """Return the query's parameters. Raises Problem for unknown and repeated ones, and for wrong values."""
    given: dict[str, str] = {}
    try:
        for name, value in parse_qsl(
            request.query, keep_blank_values=True, errors="replace", max_num_fields=100
        ):
            if name in given or operation.query is None:
                raise Problem(422, "is given twice" if name in given else "is no parameter here", name[:200])
            given[name] = value
        return operation.query.model_validate(given) if operation.query is not None else None
    except ValidationError as error:
        raise invalid(error) from None
    except ValueError:
        raise Problem(422, "the query has too many parameters") from None


def _body(operation: Operation, request: Request) -> Any:
    """Return the body's object. Raises Problem."""
    body = request.body()
    if operation.body is None:
        if body.strip() not in (b"", b"{}"):
            raise Problem(422, "this operation takes no body")
        return None
    content_type = str(request.environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    if content_type != _JSON:
        raise Problem(415, f"the body must be {_JSON}")
    try:
        return operation.body.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None


def _version(request: Request) -> str:
    """Return the version of If-Match; empty without one or for `*`. Raises Problem."""
    given = request.header("If-Match").strip()
    if given in ("", "*"):
        return ""
    found = _TAG.fullmatch(given)
    if found is None:
        raise Problem(400, "If-Match must be one ETag in quotes, or *", "If-Match")
    return found[1] or "none"
