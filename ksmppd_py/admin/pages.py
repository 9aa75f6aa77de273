"""The pages of the admin server by path: commands, and others that are registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ksmppd_py.admin.commands import COMMANDS, Command, Parameters
from ksmppd_py.admin.ports import Operations
from ksmppd_py.admin.render import Reply, not_found, render


@dataclass(frozen=True, slots=True)
class Request:
    """A request's target: path without extension, extension with its dot ("" = none), parameters.

    Octets that are no UTF-8 are kept as surrogate escapes.
    """

    path: str
    extension: str
    parameters: Parameters

    @classmethod
    def read(cls, target: bytes) -> Request:
        """Take a request target apart. Only parameters are URL-decoded, and the first of a name counts."""
        path, _, query = target.decode("utf-8", "surrogateescape").partition("?")
        parameters: dict[str, str] = {}
        for name, value in parse_qsl(query, keep_blank_values=True, errors="surrogateescape"):
            parameters.setdefault(name, value)
        # The last dot of the whole path cuts, even in front of a slash (docs/rules/http.md 3.1).
        stem, dot, extension = path.rpartition(".")
        return cls(stem, dot + extension, parameters) if dot else cls(path, "", parameters)


Page = Callable[[Request], Reply]


class Pages:
    """The page of each path."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}
        self._listed: list[str] = []

    def add(self, path: str, page: Page, listed: bool = True) -> None:
        """Let `page` answer `path`, exact and without extension; the 404 answer lists `listed` ones."""
        if path in self._pages:
            raise ValueError(f"two pages for {path}")
        self._pages[path] = page
        if listed:
            self._listed.append(path)

    def answer(self, request: Request) -> Reply:
        """Return the reply of the page that `request` names. May yield."""
        page = self._pages.get(request.path)
        return page(request) if page else not_found(request.path, self._listed)


def command_pages(
    operations: Operations, commands: Mapping[str, Callable[[Parameters], Command]] = COMMANDS
) -> Pages:
    """Return a page for each command."""
    pages = Pages()
    for path, read in commands.items():
        pages.add(path, _command_page(operations, read))
    return pages


def _command_page(operations: Operations, read: Callable[[Parameters], Command]) -> Page:
    def page(request: Request) -> Reply:
        fact = read(request.parameters).run(operations)
        return render(fact, xml=request.extension == ".xml", json=request.extension == ".json")

    return page
