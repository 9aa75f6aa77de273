"""The OpenAPI 3.1 document of the API, made from the declarations of its operations."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ksmppd_py.admin.api.operation import Operation
from ksmppd_py.admin.api.problems import CONTENT_TYPE

PREFIX = "/api/v1"
_REF = "#/components/schemas/{model}"
_ALWAYS = (401, 403, 429)
_TOO_LARGE = 413
"""The answer to a body that isn't read, and has none itself."""
_PROBLEM = {
    "type": "object",
    "description": "An error, by RFC 9457. `field` is the field at fault, where there is one.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string"},
    },
}
_HEADERS = {
    "If-Match": "the ETag of the object that was read; another one is answered 412",
    "Idempotency-Key": "a name of this change, up to 128 characters: a repeated request changes nothing",
}


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """Return the document."""
    modes: list[tuple[type[BaseModel], Any]] = []
    for operation in operations:
        modes += [(model, "validation") for model in (operation.body, operation.query) if model]
        modes += [(operation.result, "serialization")] if operation.result else []
    references, schemas = models_json_schema(list(dict.fromkeys(modes)), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ksmppd-py management API",
            "version": version,
            "description": "Accounts, routes, credit and the running server. Changes hold at once.",
        },
        "servers": [{"url": PREFIX}],
        "security": [{"basic": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas["$defs"], "Problem": _PROBLEM},
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "a user of group http-user, or admin with the password of group http-server",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "ksmppd_session",
                    "description": "a browser's session; changes also need its token in X-CSRF-Token",
                },
            },
        },
    }


def _operation(operation: Operation, references: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.run.__name__,
        "summary": operation.summary,
        "description": f"{operation.description} Needs the role {operation.role.name.lower()}.".strip(),
        "tags": [operation.path.split("/")[1]],
        "responses": _responses(operation, references),
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in operation.parameters
    ]
    parameters += _query_parameters(operation)
    for name, takes in (("If-Match", operation.takes_version), ("Idempotency-Key", operation.takes_key)):
        if takes:
            schema = {"type": "string"}
            parameters.append(
                {
                    "name": name,
                    "in": "header",
                    "required": False,
                    "description": _HEADERS[name],
                    "schema": schema,
                }
            )
    if parameters:
        found["parameters"] = parameters
    if operation.body is not None:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": references[operation.body, "validation"]}},
        }
    return found


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(ref_template=_REF)
    required = schema.get("required", ())
    parameters = []
    for name, given in schema["properties"].items():
        one = {key: value for key, value in given.items() if key not in ("title", "description", "default")}
        if "anyOf" in one:  # an absent parameter is what null is in the model
            one = next(each for each in one["anyOf"] if each.get("type") != "null")
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "description": given.get("description", ""),
                "schema": one,
            }
        )
    return parameters


def _responses(operation: Operation, references: dict[Any, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if operation.has_version:
        headers["ETag"] = {"description": "the version, for If-Match", "schema": {"type": "string"}}
    if operation.status == 201:
        headers["Location"] = {"description": "the path of the object", "schema": {"type": "string"}}
    success: dict[str, Any] = {"description": operation.summary}
    if headers:
        success["headers"] = headers
    if operation.result is not None:
        reference = references[operation.result, "serialization"]
        success["content"] = {"application/json": {"schema": reference}}
    problem = {"content": {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}}
    return {
        str(operation.status): success,
        **{
            str(status): {
                "description": HTTPStatus(status).phrase,
                **({} if status == _TOO_LARGE else problem),
            }
            for status in sorted(problems_of(operation))
        },
    }


def problems_of(operation: Operation) -> set[int]:
    """Return the statuses of the problems that an operation may answer."""
    found = {*_ALWAYS, *operation.problems, 503}
    found |= {404} if operation.parameters or operation.needs_database else set()
    found |= {400, 413, 415, 422} if operation.body is not None else set()
    found |= {422} if operation.query is not None else set()
    found |= {400, 412, 422} if operation.takes_version else set()
    found |= {422} if operation.takes_key else set()
    return found
