"""The interface that MySQL, MariaDB, PostgreSQL and SQLite share, and the gate before a database that fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

import gevent
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import ClauseElement

from ksmppd_py.errors import DatabaseUnavailable, StartError
from ksmppd_py.logs import EACH
from ksmppd_py.model.meters import Histogram
from ksmppd_py.model.status import DatabaseMeter
from ksmppd_py.storage.values import Value

logger = logging.getLogger(__name__)

T = TypeVar("T")

OPERATION_TIMEOUT = 5.0
"""Seconds that one operation may take, including the wait for a connection."""
PORTION = 500
"""Rows of a long result that are read at a time, which takes some milliseconds."""
BACK_OFF = 1.0
"""Seconds after a failure during which the database isn't asked again."""
STALE = 60.0
"""Seconds after which a failed change says nothing of the next: a balancer that reads /readyz may keep them away."""


_READING = ("SELECT", "(SELECT", "SHOW", "WITH")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL in the driver's parameter style, and the values that the statement brings along."""

    text: str
    defaults: Mapping[str, Value] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether it may change something: anything but SELECT, SHOW, WITH and a UNION of SELECTs in parentheses."""
        return not self.text.startswith(_READING)


class StatementRefused(DatabaseUnavailable):
    """The database refused the statement; `number` is its error number or code, 0 without one."""

    def __init__(self, reason: str, number: int | str = 0) -> None:
        super().__init__(reason)
        self.number = number


class StatementResult(NamedTuple):
    """The result of a statement: its rows, the number of rows that a change matched, the first id of an INSERT."""

    rows: Sequence[tuple[Any, ...]]
    matched: int
    first_id: int = 0


class Transaction(Protocol):
    """A connection in a transaction. SQLite's runs in another thread: use it for SQL and arithmetic only."""

    def execute(self, statement: Statement, values: Mapping[str, Value] | None = None) -> StatementResult:
        """Run one statement. `work` lets the driver's errors pass: Database.transaction handles them. May yield."""

    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Value]]) -> None:
        """Run one statement for each of `rows`, as `execute` does."""


class Database(Protocol):
    """A database. Every method that runs SQL may yield, takes at most 5 s, and raises DatabaseUnavailable."""

    dialect: Dialect

    def literal(self, value: Value) -> str:
        """Return a value as SQL, for statements that are put together. Doesn't yield."""

    @property
    def meter(self) -> DatabaseMeter:
        """Latency, failures and availability so far. Doesn't yield."""

    def start(self, within: float = 30.0) -> None:
        """Wait until the database answers. Raises StartError after `within` seconds. May yield."""

    def close(self) -> None:
        """Close idle connections; the database isn't used afterwards. May yield."""

    def execute(
        self, statement: Statement, values: Mapping[str, Value] | None = None, *, repeatable: bool
    ) -> StatementResult:
        """Run one statement and commit it.

        A `repeatable` statement whose connection is lost is sent again over a new one; it may then have run twice.
        """

    def stream(
        self, statement: Statement, values: Mapping[str, Value] | None = None
    ) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Yield the rows of one SELECT, as of one moment, in portions of at most PORTION rows.

        For long results: no other operation waits for this one's connection, and the caller may yield between portions.
        Each portion takes at most 5 s.
        """

    def transaction(self, work: Callable[[Transaction], T]) -> T:
        """Commit what `work` does, or nothing; return its result.

        It may be called again after a lost connection or deadlock.
        """


def wait_for_answer(
    ask: Callable[[], object], within: float, words_of: Callable[[DatabaseUnavailable], str]
) -> None:
    """Repeat `ask` until it raises no DatabaseUnavailable any more. May yield.

    After `within` seconds raises StartError with `words_of` the last error.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            ask()
            return
        except DatabaseUnavailable as error:
            if time.monotonic() >= deadline:
                raise StartError(words_of(error)) from error
        gevent.sleep(min(0.25, within))


def compile_statement(clause: ClauseElement, dialect: Dialect) -> Statement:
    """Render a Core statement once, for many executions."""
    compiled = clause.compile(dialect=dialect)
    defaults = {key: value for key, value in (compiled.params or {}).items() if value is not None}
    return Statement(str(compiled), defaults)


class _Breaker:
    """Refuses operations for `back_off` seconds after one failed, then lets one at a time try."""

    __slots__ = ("_back_off", "_can", "_clock", "down_until", "probing", "reason")

    def __init__(self, can: tuple[str, str], back_off: float, clock: Callable[[], float]) -> None:
        self._can = can
        self._back_off = back_off
        self._clock = clock
        self.down_until: float | None = None
        self.probing = False
        self.reason = ""

    def enter(self) -> bool:
        """Return whether the caller is the one that tries. Raises DatabaseUnavailable."""
        if self.down_until is None:
            return False
        if self.probing or self._clock() < self.down_until:
            raise DatabaseUnavailable(self.reason)
        self.probing = True
        return True

    def failed(self, reason: str, at_once: bool = False) -> None:
        """`at_once`: it failed without delay, so the next one may try again at once."""
        if self.down_until is None:
            logger.error("The database %s: %s", self._can[0], reason, extra=EACH)
        self.down_until = self._clock() + (0.0 if at_once else self._back_off)
        self.reason = reason

    def worked(self) -> None:
        if self.down_until is not None:
            logger.info("The database %s", self._can[1])
        self.down_until = None


class Gate:
    """Refuses operations of a database that just failed, or only those that would change something.

    While a disk is full or another process holds a lock, changes fail or hang, but reading works: binds and routes
    aren't kept waiting then. Of each kind one operation at a time tries again. `latency` measures every operation that
    was let through; `failures` counts those of the database.
    """

    def __init__(self, back_off: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.everything = _Breaker(("doesn't answer", "answers again"), back_off, clock)
        self.changes = _Breaker(("takes no changes", "takes changes again"), back_off, clock)
        self.latency = Histogram()
        self.failures = 0

    def enter(self, changes: bool) -> Passage:
        """Let an operation through; `changes` says whether it does more than read. Raises DatabaseUnavailable.

        Call `leave` of the Passage when the operation has ended, and before it one of the methods for its result.
        """
        changes_probe = self.changes.enter() if changes else False
        try:
            probe = self.everything.enter()
        except DatabaseUnavailable:
            if changes_probe:
                self.changes.probing = False
            raise
        return Passage(self, changes, probe, changes_probe, self._clock())

    @property
    def meter(self) -> DatabaseMeter:
        """The measurements. A database that can only be read counts as available."""
        failed = self.changes.down_until
        takes_changes = failed is None or self._clock() >= failed + STALE
        return DatabaseMeter(self.latency, self.failures, self.everything.down_until is None, takes_changes)


class Passage:
    """One operation that the gate let through."""

    __slots__ = ("_began", "_changes", "_changes_probe", "_gate", "_probe")

    def __init__(self, gate: Gate, changes: bool, probe: bool, changes_probe: bool, began: float) -> None:
        self._gate = gate
        self._changes = changes
        self._probe = probe
        self._changes_probe = changes_probe
        self._began = began

    def leave(self) -> None:
        """Note the end of the operation, with any result."""
        gate = self._gate
        if self._probe:
            gate.everything.probing = False
        if self._changes_probe:
            gate.changes.probing = False
        gate.latency.observe(gate._clock() - self._began)

    def lost(self, reason: str) -> None:
        """Note that the database can't be reached; all operations are refused for a while."""
        self._gate.failures += 1
        self._gate.everything.failed(reason)

    def failed(self, reason: str) -> None:
        """Note that the operation failed; all of its kind are refused for a while."""
        self._gate.failures += 1
        (self._gate.changes if self._changes else self._gate.everything).failed(reason)

    def refused(self, reason: str) -> None:
        """The database answered that it changes nothing now: its disk is full, or it may only be read."""
        self._gate.failures += 1
        self._gate.everything.worked()
        self._gate.changes.failed(reason, at_once=True)

    def answered(self) -> None:
        """Note that the database answered, even with an error of the statement."""
        self._gate.everything.worked()
        if self._changes:
            self._gate.changes.worked()
