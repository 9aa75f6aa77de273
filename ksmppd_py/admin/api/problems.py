"""Errors of the API as problem documents (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus

from pydantic import ValidationError

from ksmppd_py.admin.requests import Reply
from ksmppd_py.errors import TemporaryError
from ksmppd_py.management.errors import (
    AlreadyExists,
    ChangeRefused,
    InvalidValue,
    NotFound,
    NotPossible,
    Outdated,
)

CONTENT_TYPE = "application/problem+json"
Headers = Sequence[tuple[str, str]]

_WORDS = {"string_pattern_mismatch": "has a character that isn't allowed here"}
"""Words for people in place of pydantic's."""
_STATUS_OF: dict[type[ChangeRefused], int] = {
    InvalidValue: 422,
    NotPossible: 422,
    NotFound: 404,
    AlreadyExists: 409,
    Outdated: 412,
}


class Problem(Exception):
    """A request that is answered with a problem document; `field` is the one at fault, or empty."""

    def __init__(self, status: int, detail: str, field: str = "", headers: Headers = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers

    def reply(self) -> Reply:
        """Return the HTTP answer: a JSON document of RFC 9457 with status, detail and field."""
        document: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field:
            document["field"] = self.field
        return Reply(self.status, CONTENT_TYPE, json.dumps(document).encode(), tuple(self.headers))


def problem_of(error: ChangeRefused | TemporaryError) -> Problem:
    """Return the problem for an error of the service."""
    if isinstance(error, ChangeRefused):
        return Problem(_STATUS_OF[type(error)], str(error), error.field)
    return Problem(503, str(error), headers=(("Retry-After", "1"),))


def invalid(error: ValidationError, where: str = "") -> Problem:
    """Return the problem for a body or query that its model refuses: the first field at fault."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Problem(400, "the body is no JSON")
    path = ".".join(str(part) for part in first["loc"])
    words = _WORDS.get(first["type"], first["msg"])
    return Problem(422, f"{where}{words}", path[:200])
