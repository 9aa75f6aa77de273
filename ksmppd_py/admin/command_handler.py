"""Answers the operator's commands over HTTP: checks the password, logs the command, runs it (docs/rules/http.md 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ksmppd_py.admin.access import PasswordCheck, TooManyGuesses, password_in
from ksmppd_py.admin.audit import BY_PASSWORD, log_command, user_of
from ksmppd_py.admin.commands import COMMANDS, PUBLIC, Parameters
from ksmppd_py.admin.ports import Operations
from ksmppd_py.admin.render import denied, not_found, render, too_many_guesses
from ksmppd_py.admin.requests import Accepted, Reply, Request


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
        self, operations: Operations, passwords: PasswordCheck, pages: Mapping[str, Callable[[], Reply]]
    ) -> None:
        self._operations = operations
        self._passwords = passwords
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
        given = (
            command.parameters["password"].encode("utf-8", "surrogateescape")
            if by_query
            else password_in(authorization)
        )
        try:
            if not given or not self._passwords.accepts(given, request.ip):
                return denied()
        except TooManyGuesses as pause:
            return too_many_guesses(pause.headers)
        user = BY_PASSWORD if by_query else user_of(authorization)
        log_command(command.path, command.parameters, request.ip, user)
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
