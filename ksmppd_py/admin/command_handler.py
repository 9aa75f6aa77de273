"""Answers the operator's commands over HTTP: checks the password, logs the command, runs it (docs/rules/http.md 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ksmppd_py.admin.access import Credentials, credentials_in
from ksmppd_py.admin.audit import BY_PASSWORD, log_command, user_of
from ksmppd_py.admin.commands import COMMANDS, PUBLIC, Parameters, role_needed
from ksmppd_py.admin.guesses import TooManyGuesses
from ksmppd_py.admin.ports import Operations
from ksmppd_py.admin.render import denied, not_found, plain_reply, render, too_many_guesses
from ksmppd_py.admin.requests import Accepted, Reply, Request
from ksmppd_py.admin.users import ADMIN, Users
from ksmppd_py.errors import TemporaryError


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command's path without extension, the extension with its dot ("" = none), and the parameters.

    Octets that aren't UTF-8 are surrogate escapes.
    """

    path: str
    extension: str
    parameters: Parameters

    @classmethod
    def from_target(cls, target: bytes) -> CommandRequest:
        """Take a request target apart. Only parameters are URL-decoded, and the first of a name counts."""
        path, _, query = target.decode("utf-8", "surrogateescape").partition("?")
        parameters: dict[str, str] = {}
        for name, value in parse_qsl(query, keep_blank_values=True, errors="surrogateescape"):
            parameters.setdefault(name, value)
        # The last dot of the whole path cuts, even in front of a slash (docs/rules/http.md 3.1).
        stem, dot, extension = path.rpartition(".")
        return cls(stem, dot + extension, parameters) if dot else cls(path, "", parameters)


class CommandHandler:
    """Answers every path: the password comes before the path (docs/rules/http.md 3.1), but for PUBLIC commands.

    `pages` are further paths, whose replies aren't results of commands. Implements RequestHandler.
    """

    accepted = Accepted()

    def __init__(
        self, operations: Operations, users: Users, pages: Mapping[str, Callable[[], Reply]]
    ) -> None:
        self._operations = operations
        self._users = users
        self._pages = pages

    def has(self, path: str) -> bool:
        """Return True: unknown commands are answered with a list of the known ones."""
        return True

    def answer(self, request: Request) -> Reply:
        """Return the reply. A password in the query takes precedence over the header's. May yield."""
        command = CommandRequest.from_target(f"{request.path}?{request.query}".encode("latin-1"))
        if command.path in PUBLIC:
            return self.run_command(command)
        authorization = request.header("Authorization")
        by_query = "password" in command.parameters
        if by_query:
            octets = command.parameters["password"].encode("utf-8", "surrogateescape")
            given: Credentials | None = Credentials(ADMIN, octets)
        else:
            given = credentials_in(authorization)
        if given is None:
            return denied()
        try:
            user = self._users.check(given.username, given.password, request.ip, any_name=True)
        except TooManyGuesses as pause:
            return too_many_guesses(pause.headers)
        except TemporaryError as error:
            return plain_reply(503, f"{error}\n")
        if user is None or user.role < role_needed(command.path, command.parameters):
            return denied()
        name = BY_PASSWORD if by_query else user_of(authorization)
        log_command(self._operations.server_status.events, command.path, command.parameters, request.ip, name)
        return self.run_command(command)

    def run_command(self, command: CommandRequest) -> Reply:
        """Run a command without any check, and return its reply. May yield."""
        page = self._pages.get(command.path)
        if page is not None:
            return page()
        run = COMMANDS.get(command.path)
        if run is None:
            return not_found(command.path, (*COMMANDS, *self._pages))
        return render(command.path, run(self._operations, command.parameters), command.extension)
