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


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL in the driver's parameter style, and the values that the statement itself brings along."""

    text: str
    defaults: Mapping[str, Value] = field(default_factory=dict)


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


class Breaker:
    """Keeps callers off a database that just failed; after the back-off one caller at a time tries it.

    It also measures: `latency` of all operations that were let through, `failures` of the database.
    """

    def __init__(self, back_off: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._back_off = back_off
        self._clock = clock
        self._down_until: float | None = None
        self._probing = False
        self._reason = ""
        self.latency = Histogram()
        self.failures = 0

    def enter(self) -> bool:
        """Return whether the caller is the one that tries a failed database. Raises DatabaseUnavailable."""
        if self._down_until is None:
            return False
        if self._probing or self._clock() < self._down_until:
            raise DatabaseUnavailable(self._reason)
        self._probing = True
        return True

    def leave(self, probing: bool, began: float | None = None) -> None:
        """End what `enter` began, at `began` by the clock."""
        if probing:
            self._probing = False
        if began is not None:
            self.latency.observe(self._clock() - began)

    @property
    def meter(self) -> DatabaseMeter:
        """What was measured."""
        return DatabaseMeter(self.latency, self.failures, self._down_until is None)

    def failed(self, reason: str) -> None:
        """The database didn't answer."""
        if self._down_until is None:
            logger.error("The database doesn't answer: %s", reason, extra=EACH)
        self.failures += 1
        self._down_until = self._clock() + self._back_off
        self._reason = reason

    def worked(self) -> None:
        """The database answered, be it with an error."""
        if self._down_until is not None:
            logger.info("The database answers again")
        self._down_until = None
