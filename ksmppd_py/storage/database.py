"""The one interface behind which MySQL, MariaDB and SQLite look alike."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import ClauseElement

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.logs import EACH
from ksmppd_py.model.meters import Histogram
from ksmppd_py.model.operation import DatabaseMeter
from ksmppd_py.storage.values import Value

logger = logging.getLogger(__name__)

T = TypeVar("T")

OPERATION_TIMEOUT = 5.0
"""Seconds that any operation may take, waiting for a connection included."""
PORTION = 500
"""Rows of a long answer that are read at a time: some milliseconds."""
BACK_OFF = 1.0
"""Seconds after a failure in which the database isn't asked again."""


_READING = ("SELECT", "(SELECT", "SHOW", "WITH")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL in the driver's parameter style, and the values that the statement itself brings along."""

    text: str
    defaults: Mapping[str, Value] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether it may change something: all but SELECT, SHOW and a UNION of SELECTs in parentheses."""
        return not self.text.startswith(_READING)


class StatementRefused(DatabaseUnavailable):
    """The database is there but refused the statement; `number` is its reason, 0 when it has none."""

    def __init__(self, reason: str, number: int = 0) -> None:
        super().__init__(reason)
        self.number = number


class Reply(NamedTuple):
    """What a statement gave: its rows, how many rows a change matched, the first id that an INSERT made."""

    rows: Sequence[tuple[Any, ...]]
    matched: int
    first_id: int = 0


class Session(Protocol):
    """A connection in a transaction. SQLite's lives in another thread: use it for SQL and arithmetic only."""

    def execute(self, statement: Statement, values: Mapping[str, Value] | None = None) -> Reply:
        """Run one statement."""

    def execute_many(self, statement: Statement, rows: Sequence[Mapping[str, Value]]) -> None:
        """Run one statement for each of `rows`."""


class Database(Protocol):
    """A database. Every method that runs SQL may yield, takes at most 5 s and raises DatabaseUnavailable."""

    dialect: Dialect

    @property
    def meter(self) -> DatabaseMeter:
        """How it has been doing. Doesn't yield."""

    def start(self, within: float = 30.0) -> None:
        """Wait until the database answers; StartError after `within` seconds. May yield."""

    def close(self) -> None:
        """Close what is idle; the database isn't used again. May yield."""

    def execute(
        self, statement: Statement, values: Mapping[str, Value] | None = None, *, repeatable: bool
    ) -> Reply:
        """Run one statement and commit it.

        A `repeatable` one that breaks is sent again over a fresh connection; it may then have run twice.
        """

    def stream(
        self, statement: Statement, values: Mapping[str, Value] | None = None
    ) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The rows of one SELECT, as they were at one moment, in portions of at most PORTION.

        For what may be long: nobody waits for a connection meanwhile, and the caller may let others have their turns
        between portions. Each takes at most 5 s.
        """

    def transaction(self, work: Callable[[Session], T]) -> T:
        """Commit what `work` does, or nothing. It may be called again after a lost connection or deadlock."""


def compile_statement(clause: ClauseElement, dialect: Dialect) -> Statement:
    """Render a Core statement once, for many executions."""
    compiled = clause.compile(dialect=dialect)
    defaults = {key: value for key, value in (compiled.params or {}).items() if value is not None}
    return Statement(str(compiled), defaults)


class _Breaker:
    """Keeps callers off what just failed; after the back-off one caller at a time tries it."""

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

    def failed(self, reason: str) -> None:
        if self.down_until is None:
            logger.error("The database %s: %s", self._can[0], reason, extra=EACH)
        self.down_until = self._clock() + self._back_off
        self.reason = reason

    def worked(self) -> None:
        if self.down_until is not None:
            logger.info("The database %s", self._can[1])
        self.down_until = None


class Gate:
    """Keeps callers off a database that just failed, or only those that would change something.

    While a disk is full, or somebody else holds a lock, changes fail or hang and reading works: binds and routes
    don't wait for that. Of each kind one caller at a time tries again. The gate measures, too: `latency` of all
    operations that were let through, `failures` of the database.
    """

    def __init__(self, back_off: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.everything = _Breaker(("doesn't answer", "answers again"), back_off, clock)
        self.changes = _Breaker(("takes no changes", "takes changes again"), back_off, clock)
        self.latency = Histogram()
        self.failures = 0

    def enter(self, changes: bool) -> Passage:
        """Let an operation through; `changes` tells whether it is more than reading. Raises DatabaseUnavailable."""
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
        """What was measured. A database that can only be read is available."""
        return DatabaseMeter(self.latency, self.failures, self.everything.down_until is None)


class Passage:
    """One operation that was let through."""

    __slots__ = ("_began", "_changes", "_changes_probe", "_gate", "_probe")

    def __init__(self, gate: Gate, changes: bool, probe: bool, changes_probe: bool, began: float) -> None:
        self._gate = gate
        self._changes = changes
        self._probe = probe
        self._changes_probe = changes_probe
        self._began = began

    def leave(self) -> None:
        """It is over, whatever came of it."""
        gate = self._gate
        if self._probe:
            gate.everything.probing = False
        if self._changes_probe:
            gate.changes.probing = False
        gate.latency.observe(gate._clock() - self._began)

    def lost(self, reason: str) -> None:
        """The database can't be reached: nothing will work."""
        self._gate.failures += 1
        self._gate.everything.failed(reason)

    def failed(self, reason: str) -> None:
        """It didn't do this: nothing like it will work."""
        self._gate.failures += 1
        (self._gate.changes if self._changes else self._gate.everything).failed(reason)

    def answered(self) -> None:
        """The database answered, be it with an error of the statement's."""
        self._gate.everything.worked()
        if self._changes:
            self._gate.changes.worked()
