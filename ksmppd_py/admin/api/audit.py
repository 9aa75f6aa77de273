"""The operations on the audit and the schema, and the one that returns the caller's own name and role."""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field

from ksmppd_py.admin.api import models
from ksmppd_py.admin.api.operation import Answer, Backend, Call, Operation
from ksmppd_py.admin.api.paging import PageQuery, cut, page_of
from ksmppd_py.admin.users import Role
from ksmppd_py.management.records import AuditEntry, AuditQuery


class AuditPageQuery(PageQuery):
    """A page of audit entries, all or those of a subject or username."""

    subject: str = Field("", max_length=255, pattern="^[ -~]*$", description="such as `account acme`")
    username: str = Field("", max_length=255, pattern="^[ -~]*$")


class Me(models.Model):
    """The name and the role of the operator who sent the request."""

    username: str
    role: str = Field(description="viewer, operator or admin")


class Schema(models.Model):
    """The optional columns that the user table lacks."""

    missing: list[str]


class SchemaUpgrade(models.Model):
    """The optional columns that were added to the user table; a restart makes use of them."""

    added: list[str]
    restart_needed: bool


def get_schema(backend: Backend, _call: Call) -> Answer:
    """Return the optional columns that are missing. Doesn't yield."""
    return Answer(Schema(missing=list(backend.management.stores.schema.missing())))


def upgrade_schema(backend: Backend, call: Call) -> Answer:
    """Add the optional columns that the user table lacks, and return their names. May yield."""
    added = list(backend.management.upgrade_schema(call.actor))
    return Answer(SchemaUpgrade(added=added, restart_needed=bool(added)))


def list_audit(backend: Backend, call: Call) -> Answer:
    """Return a page of audit entries, newest first. May yield."""
    query: AuditPageQuery = call.query
    audit = backend.management.stores.audit
    rows = audit.page(AuditQuery(page_of(query, int), query.subject, query.username))
    rows, following = cut(rows, query, lambda row: [row.entry_id])
    return Answer(models.Audit.model_construct(items=list(map(_entry, rows)), next=following))


def show_me(_backend: Backend, call: Call) -> Answer:
    """Return the operator who sent the request. Doesn't yield."""
    return Answer(Me(username=call.user.username, role=call.user.role.name.lower()))


def _entry(entry: AuditEntry) -> models.AuditEntry:
    return models.AuditEntry(
        entry_id=entry.entry_id,
        time=entry.time,
        username=entry.username,
        address=entry.address,
        operation=entry.operation,
        subject=entry.subject,
        before=_value(entry.before),
        after=_value(entry.after),
    )


def _value(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:  # written by another hand
        return text


OPERATIONS = (
    Operation(
        method="GET",
        path="/audit",
        role=Role.VIEWER,
        summary="List changes by operators, newest first",
        run=list_audit,
        query=AuditPageQuery,
        result=models.Audit,
    ),
    Operation(
        method="GET",
        path="/schema",
        role=Role.VIEWER,
        summary="List the optional columns that the user table lacks",
        run=get_schema,
        result=Schema,
    ),
    Operation(
        method="POST",
        path="/schema/upgrade",
        role=Role.ADMIN,
        summary="Add the optional columns to the user table",
        description="The C daemon isn't disturbed by them. The server uses them after a restart.",
        run=upgrade_schema,
        result=SchemaUpgrade,
        problems=(422,),
    ),
    Operation(
        method="GET",
        path="/me",
        role=Role.VIEWER,
        needs_database=False,
        summary="Show who asks",
        run=show_me,
        result=Me,
    ),
)
