"""The declaration of one operation of the API, from which requests are checked and the OpenAPI document is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from pydantic import BaseModel

from ksmppd_py.admin.account_history import AccountHistory
from ksmppd_py.admin.history import History
from ksmppd_py.admin.ports import Operations
from ksmppd_py.admin.prometheus import Prometheus
from ksmppd_py.admin.users import Role, User, Users
from ksmppd_py.management.records import Actor
from ksmppd_py.management.service import Management

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(slots=True)
class Console:
    """The administration's own state; `prometheus` None = no longer histories than an hour."""

    server_id: str
    users: Users
    history: History
    accounts: AccountHistory
    prometheus: Prometheus | None = None


@dataclass(frozen=True, slots=True)
class Backend:
    """The service, the running server and its administration, which every operation works on."""

    management: Management
    operations: Operations
    console: Console


@dataclass(frozen=True, slots=True)
class Call:
    """One checked request. `version` is If-Match's, empty = any; `key` is Idempotency-Key."""

    user: User
    address: str
    path: Mapping[str, str]
    query: Any = None
    body: Any = None
    version: str = ""
    key: str = ""

    @property
    def actor(self) -> Actor:
        """Return the operator for the audit."""
        return Actor(self.user.username, self.address)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an operation: its object, its ETag if it has one, and the path of a new object below /api/v1."""

    result: BaseModel | None = None
    version: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path.

    `path` has parameters in braces. `result` None = an answer without body. `has_version`: the answer has an ETag;
    `takes_version`: If-Match is looked at; `takes_key`: Idempotency-Key is. `needs_database`: it is about tables, which
    are there where a database is configured. `problems` are statuses besides those that
    every operation may answer.

    `run` returns the answer. It may raise Problem, management.errors.ChangeRefused (NotFound for an object that isn't
    there, Outdated for another version than If-Match's) or TemporaryError; the handler answers with their status.
    """

    method: str
    path: str
    role: Role
    summary: str
    run: Callable[[Backend, Call], Answer]
    status: int = 200
    result: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    has_version: bool = False
    takes_version: bool = False
    takes_key: bool = False
    needs_database: bool = True
    problems: tuple[int, ...] = ()
    description: str = ""
    expression: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the path."""
        object.__setattr__(self, "expression", re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", self.path)))

    @property
    def parameters(self) -> list[str]:
        """Return the names of the path's parameters."""
        return _PARAMETER.findall(self.path)

    def match(self, path: str) -> dict[str, str] | None:
        """Return the path's parameters, URL-decoded; None for another path.

        `path` has a character for each octet. Octets that are no UTF-8 become U+FFFD, which no name contains.
        """
        found = self.expression.fullmatch(path)
        if found is None:
            return None
        return {
            name: unquote_to_bytes(value.encode("latin-1")).decode("utf-8", "replace")
            for name, value in found.groupdict().items()
        }
