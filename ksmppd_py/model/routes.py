"""Routes by regular expression, for both directions (docs/rules/flows.md 7.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import re2

from ksmppd_py.errors import NoRoute, SenderRefused
from ksmppd_py.model.posix_regex import to_re2

_BASE_MEMORY = 16 << 20
_MEMORY_PER_ROUTE = 16 << 10
_ROUTES_AT_ONCE = 500
"""Routes that are added between two pauses, which takes some milliseconds."""
_SET_SIZE = 3_000
"""Expressions in one automaton, at most: compiling it takes some 20 ms, in which no other greenlet runs."""
_SET_MEMORY = _BASE_MEMORY + _MEMORY_PER_ROUTE * _SET_SIZE
_PREFIX = re.compile(
    r"\^(?P<plus>\\\+\??)?(?:\((?P<inside>[0-9A-Za-z]+)\)|(?P<bare>[0-9A-Za-z]+))(?:\.\*)?", re.ASCII
)
"""Expressions of nearly all routes of a long list; they need no automaton."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route, or a router's answer: the target of a message and the cost of a part.

    `system_id` (lower case) is the target of an MO. `smsc_id` is the SMSC for an MT, or, of an inbound row, the SMSC
    whose messages the row takes. Both are None when not set. `cost` is credits a part.
    """

    cost: float = 0.0
    system_id: str | None = None
    smsc_id: str | None = None
    regex: str = ""
    source_regex: str | None = None
    route_id: int = 0


class RouteProblem(NamedTuple):
    """The reason why a route isn't used, or, if not `skipped`, the problem of messages that take it.

    `is_error`: the row has a mistake; otherwise it is merely useless.
    """

    route_id: int
    reason: str
    skipped: bool = True
    is_error: bool = True


def _options(max_mem: int = _BASE_MEMORY) -> Any:
    """Return RE2's options: POSIX extended, case-sensitive, octets; `.` matches any, `^` and `$` only the ends."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.posix_syntax = True
    options.word_boundary = True
    options.one_line = True
    options.dot_nl = True
    options.never_capture = True
    options.log_errors = False
    options.max_mem = max_mem
    return options


def _rewrite(regex: str) -> bytes:
    return to_re2(regex.encode("latin-1"))


def _prefixes(regex: str) -> tuple[bytes, ...]:
    """Return the prefixes that the regex takes; empty when it is more than a choice of prefixes."""
    found = _PREFIX.fullmatch(regex)
    if found is None:
        return ()
    start = (found["inside"] or found["bare"]).encode()
    plus = found["plus"]
    return (start,) if plus is None else (b"+" + start, start) if plus.endswith("?") else (b"+" + start,)


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return reason.decode("latin-1") if isinstance(reason, bytes) else str(reason)


class RegexChecker:
    """Checks whether expressions can be used, without compiling them for matching."""

    def __init__(self) -> None:
        self._set: Any = None
        self._count = 0

    def problem(self, route: Route) -> str:
        """Return why a table would skip the route; "" when it wouldn't."""
        try:
            for regex in (route.regex, route.source_regex):
                if regex and not _PREFIX.fullmatch(regex):
                    self._parse(_rewrite(regex))
        except (re2.error, ValueError) as error:
            return _reason(error)
        return ""

    def _parse(self, expression: bytes) -> None:
        if self._count % _ROUTES_AT_ONCE == 0:
            self._set = re2.Set.SearchSet(_options())  # it keeps what it parsed
        self._count += 1
        try:
            self._set.Add(expression)
        except re2.error:
            re2.compile(expression, _options())  # knows the reason
            raise


class _ExpressionSet:
    """Expressions as one automaton: matching thousands of receivers costs as much as one.

    Its last expression matches anything. RE2 returns an empty list both for "no match" and for "out of memory"; with
    that expression an empty list always means the latter, and then the expressions are tried one by one.
    """

    def __init__(self, max_mem: int = _BASE_MEMORY) -> None:
        self._expressions: list[bytes] = []
        self._set: Any = re2.Set.SearchSet(_options(max_mem))

    def add(self, expression: bytes) -> None:
        """Add an expression. Raises re2.error for a wrong one."""
        try:
            self._set.Add(expression)
        except re2.error:
            re2.compile(expression, _options())  # knows the reason
            raise
        self._expressions.append(expression)

    def complete(self) -> None:
        """Compile the automaton; no expression can be added afterwards."""
        self._set.Add(b"")
        try:
            self._set.Compile()
        except re2.error:
            self._set = None

    def matching(self, text: bytes) -> list[int]:
        """Return the positions of the expressions that match, in order."""
        found: list[int] = self._set.Match(text) if self._set is not None else []
        if not found:
            options = _options()
            return [
                position
                for position, expression in enumerate(self._expressions)
                if re2.compile(expression, options).search(text)
            ]
        found.remove(len(self._expressions))
        if len(found) > 1:
            found.sort()
        return found


def _no_pause() -> None:
    """Do nothing between routes."""


class _Receivers:
    """The receivers' expressions of a table. Prefixes are looked up; the others are in a few automata.

    RE2 stops the whole process while it compiles an automaton, 0.3 s for 50,000 expressions.
    """

    def __init__(self, max_mem: int | None, pause: Callable[[], None]) -> None:
        self._max_mem = max_mem
        self._pause = pause
        self._by_prefix: dict[bytes, int | list[int]] = {}  # lists cost the garbage collector time
        self._lengths: list[int] = []
        self._sets: list[tuple[_ExpressionSet, list[int]]] = []
        self._only_set: _ExpressionSet | None = None

    def add(self, position: int, regex: str) -> None:
        """Add the expression of the route at that position. Raises re2.error and ValueError for a wrong one."""
        prefixes = _prefixes(regex)
        for prefix in prefixes:
            known = self._by_prefix.setdefault(prefix, position)
            if isinstance(known, list):
                known.append(position)
            elif known != position:
                self._by_prefix[prefix] = [known, position]
        if prefixes:
            return
        expression = _rewrite(regex)
        if not self._sets or len(self._sets[-1][1]) == _SET_SIZE:
            self._complete_last()
            self._sets.append((_ExpressionSet(self._max_mem or _SET_MEMORY), []))
        last, positions = self._sets[-1]
        last.add(expression)
        positions.append(position)

    def complete(self) -> None:
        """Compile the rest; no expression can be added afterwards."""
        self._complete_last()
        self._lengths = sorted(set(map(len, self._by_prefix)))
        if not self._by_prefix and len(self._sets) == 1:
            self._only_set = self._sets[0][0]

    def _complete_last(self) -> None:
        if self._sets:
            self._pause()
            self._sets[-1][0].complete()
            self._pause()

    def matching(self, receiver: bytes) -> list[int]:
        """Return the positions of the expressions that take the receiver, in order."""
        if self._only_set is not None:
            return self._only_set.matching(receiver)
        found: list[int] = []
        for length in self._lengths:
            if length > len(receiver):
                break
            at = self._by_prefix.get(receiver[:length])
            if isinstance(at, int):
                found.append(at)
            elif at is not None:
                found += at
        for expressions, places in self._sets:
            found += [places[index] for index in expressions.matching(receiver)]
        if len(found) > 1:
            found.sort()
        return found


class RouteTable:
    """The routes of one account in order of preference. `problems` has the reasons of those that were skipped.

    `max_mem` is the octets that RE2 may use for each automaton; the default is enough. `pause` is called every few
    milliseconds while the table is built, so that other greenlets can run.
    """

    def __init__(
        self, routes: Iterable[Route], max_mem: int | None = None, pause: Callable[[], None] = _no_pause
    ) -> None:
        self._receivers = _Receivers(max_mem, pause)
        self._senders: dict[str, _ExpressionSet] = {}
        self._usable: list[Route] = []
        self._sender_of: dict[int, _ExpressionSet] = {}
        self.problems: list[RouteProblem] = []
        for count, route in enumerate(routes, 1):
            self._add(route)
            if count % _ROUTES_AT_ONCE == 0:
                pause()
        self._receivers.complete()

    def _add(self, route: Route) -> None:
        try:
            sender = self._sender(route.source_regex) if route.source_regex else None
            self._receivers.add(len(self._usable), route.regex)
        except (re2.error, ValueError) as error:
            self.problems.append(RouteProblem(route.route_id, _reason(error)))
        else:
            if sender is not None:
                self._sender_of[len(self._usable)] = sender
            self._usable.append(route)

    def _sender(self, source_regex: str) -> _ExpressionSet:
        """Return the sender's expression as a set of one, which matches faster than a pattern; many routes share it."""
        known = self._senders.get(source_regex)
        if known is None:
            known = _ExpressionSet()
            known.add(_rewrite(source_regex))
            known.complete()
            self._senders[source_regex] = known
        return known

    @property
    def routes(self) -> list[Route]:
        """The usable routes, in order."""
        return self._usable

    def __len__(self) -> int:
        return len(self._usable)

    def match(self, receiver: bytes, sender: bytes) -> Route:
        """Return the first route that takes both. Raises SenderRefused when one took the receiver, else NoRoute."""
        candidates = self._receivers.matching(receiver)
        for position in candidates:
            source = self._sender_of.get(position)
            if source is None or source.matching(sender):
                return self._usable[position]
        if candidates:
            raise SenderRefused("no route to this receiver takes this sender")
        raise NoRoute("no route takes this receiver")


class InboundTable:
    """The routes of MOs. One with an smsc_id takes only messages of that SMSC, in any case of letters.

    A table is made for each SMSC that messages come from: at the first message, or at once for those of `smsc_ids`.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        max_mem: int | None = None,
        pause: Callable[[], None] = _no_pause,
        smsc_ids: Collection[str | None] = (),
    ) -> None:
        self._max_mem = max_mem
        self._pause = pause
        everything = RouteTable(routes, max_mem, pause)
        self.problems = everything.problems
        self._routes = everything.routes
        self._smsc_ids = {route.smsc_id.lower() for route in self._routes if route.smsc_id}
        self._tables: dict[str | None, RouteTable] = {} if self._smsc_ids else {None: everything}
        for key in smsc_ids:
            if key in self._smsc_ids or (key is None and self._smsc_ids):
                self._tables[key] = self._table(key)

    def __len__(self) -> int:
        return len(self._routes)

    @property
    def smsc_ids(self) -> list[str | None]:
        """The SMSCs, lower case, that have a table of their own now; None stands for those without routes."""
        return list(self._tables)

    def match(self, smsc_id: bytes | None, receiver: bytes, sender: bytes) -> Route:
        """Match as RouteTable.match among the routes for that SMSC; a message without smsc_id has no route.

        Calls `pause` when a table must be made for that SMSC.
        """
        if not smsc_id:
            raise NoRoute("the message names no smsc_id")
        key: str | None = smsc_id.decode("latin-1").lower()
        if key not in self._smsc_ids:
            key = None
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = self._table(key)
        return table.match(receiver, sender)

    def _table(self, key: str | None) -> RouteTable:
        ours = (route for route in self._routes if not route.smsc_id or route.smsc_id.lower() == key)
        return RouteTable(ours, self._max_mem, self._pause)
