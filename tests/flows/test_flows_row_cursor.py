"""RowCursor: the bookkeeping of stored rows, by example and against random histories (docs/rules/flows.md 5)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ksmppd_py.flows import row_cursor
from ksmppd_py.flows.row_cursor import FIRST_DELAY, LAST_DELAY, RowCursor


def test_a_row_in_flight_isnt_taken_again() -> None:
    cursor = RowCursor()
    assert cursor.takes(5, 0.0)
    assert cursor.after == 5
    cursor.start_over()
    assert cursor.after == 0
    assert not cursor.takes(5, 0.0)
    cursor.done(5)
    assert cursor.in_flight == set()


def test_stepping_back_reads_the_row_again() -> None:
    cursor = RowCursor()
    assert cursor.takes(5, 0.0)
    cursor.step_back(5)
    assert cursor.after == 4
    assert cursor.takes(5, 0.0)


def test_delays_double_up_to_the_longest() -> None:
    """docs/rules/flows.md 4: 30 s doubling to 10 min."""
    cursor = RowCursor()
    now = 1000.0
    delays = []
    for _ in range(7):
        cursor.start_over()
        assert cursor.takes(1, now)
        cursor.retry_later(1, now)
        began = now
        while not cursor.due(now):
            now += 0.5
        delays.append(now - began)
    assert (FIRST_DELAY, LAST_DELAY) == (30.0, 600.0)
    assert delays == [30, 60, 120, 240, 480, 600, 600]


def test_before_its_delay_is_over_a_row_is_passed() -> None:
    cursor = RowCursor()
    assert cursor.takes(1, 0.0)
    cursor.retry_later(1, 0.0)
    cursor.start_over()
    assert not cursor.takes(1, 29.9)
    assert cursor.takes(2, 29.9)
    assert cursor.due(30.0)  # passing it noted when to come back


def test_a_row_that_ends_well_starts_afresh() -> None:
    cursor = RowCursor()
    assert cursor.takes(1, 0.0)
    cursor.retry_later(1, 0.0)
    cursor.start_over()
    assert cursor.takes(1, 30.0)
    cursor.done(1)
    cursor.start_over()
    assert cursor.takes(1, 30.0)  # the same number in another table's life
    cursor.retry_later(1, 30.0)
    assert cursor.due(60.0)


def test_retry_at_once_is_due_at_once() -> None:
    cursor = RowCursor()
    assert cursor.takes(1, 0.0)
    assert not cursor.due(0.0)
    cursor.retry_at_once(1, 7.0)
    assert cursor.due(7.0)
    cursor.start_over()
    assert not cursor.due(1e9)
    assert cursor.takes(1, 7.0)


def test_the_earliest_retry_is_due_first() -> None:
    cursor = RowCursor()
    for row in (1, 2):
        assert cursor.takes(row, 0.0)
    cursor.retry_later(1, 50.0)
    cursor.retry_later(2, 0.0)
    assert not cursor.due(29.0)
    assert cursor.due(30.0)


def test_an_unreadable_row_is_told_once_and_never_taken() -> None:
    cursor = RowCursor()
    assert cursor.set_aside(3)
    assert not cursor.set_aside(3)
    assert not cursor.takes(3, 0.0)
    assert cursor.in_flight == set()


def test_so_many_delays_are_remembered_and_no_more() -> None:
    cursor = RowCursor()
    limit = row_cursor.MOST_WAITING
    for row in range(1, limit + 1):
        assert not cursor.must_stop_before(row)
        assert cursor.takes(row, 0.0)
        cursor.retry_later(row, 0.0)
    assert cursor.must_stop_before(limit + 1)
    cursor.start_over()
    assert not cursor.must_stop_before(1)
    assert not cursor.takes(1, 1.0)
    assert cursor.takes(1, 30.0)
    cursor.done(1)
    assert not cursor.must_stop_before(limit + 1)


def test_rows_that_somebody_else_deleted_stop_no_walk() -> None:
    """An operator tidies up: what waited for another try is gone, and must not count for ever."""
    cursor = RowCursor()
    limit = row_cursor.MOST_WAITING
    for row in range(1, limit + 1):
        assert cursor.takes(row, 0.0)
        cursor.retry_later(row, 0.0)
    cursor.start_over()
    reading = cursor.begin_page()
    assert cursor.keeps_page(reading, [7, limit + 1, limit + 2], 3)
    assert not cursor.takes(7, 1.0)  # this one is still there, and waits
    assert not cursor.must_stop_before(limit + 1)


def test_only_what_the_page_should_have_held_is_gone() -> None:
    cursor = RowCursor()
    for row in (1, 5, 9):
        assert cursor.takes(row, 0.0)
        cursor.retry_later(row, 0.0)
    cursor.start_over()
    assert not cursor.takes(1, 1.0)
    reading = cursor.begin_page()
    cursor.retry_later(3, 0.0)  # stored and refused while the page was being read
    assert cursor.keeps_page(reading, [4, 6], 2)
    cursor.start_over()
    assert [cursor.takes(row, 1.0) for row in (1, 3, 5, 9)] == [False, False, True, False]


def test_a_page_of_an_older_walk_isnt_looked_at() -> None:
    """Or the new pass would begin where the old one was."""
    cursor = RowCursor()
    assert cursor.takes(5, 0.0)
    reading = cursor.begin_page()
    cursor.start_over()
    assert not cursor.keeps_page(reading, [6], 10)
    assert cursor.after == 0


@dataclass
class Row:
    """The state of a stored row, as the test expects it."""

    in_flight: bool = False
    not_before: float = 0.0
    delay: float = 15.0
    taken: list[float] = field(default_factory=list)


class Cursors(RuleBasedStateMachine):
    """Random inserts, passes, answers and pauses; the model is the plain reading of the specification."""

    def __init__(self) -> None:
        super().__init__()
        self.cursor = RowCursor()
        self.now = 0.0
        self.last = 0
        self.table: dict[int, Row] = {}

    @rule(count=st.integers(1, 4))
    def insert(self, count: int) -> None:
        for _ in range(count):
            self.last += 1
            self.table[self.last] = Row()

    @rule(seconds=st.sampled_from([0.0, 0.5, 15.0, 30.0, 100.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(start_over=st.booleans(), room=st.integers(1, 5))
    def advance(self, start_over: bool, room: int) -> None:
        """Read on by pages; a row beyond the room is stepped back to."""
        if start_over or self.cursor.due(self.now):
            self.cursor.start_over()
        expected = self.cursor.after
        for number in sorted(row for row in self.table if row > expected):
            row = self.table[number]
            may = not row.in_flight and row.not_before <= self.now
            assert self.cursor.takes(number, self.now) is may
            if not may:
                continue
            if room == 0:
                self.cursor.step_back(number)
                assert self.cursor.after < number
                return
            room -= 1
            row.in_flight = True

    @precondition(lambda self: self.table)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Delete a row that isn't in flight, as another process would, and read all pages once."""
        number = data.draw(st.sampled_from(sorted(self.table)))
        if not self.table[number].in_flight:
            del self.table[number]
            self.cursor.start_over()
            assert self.cursor.keeps_page(self.cursor.begin_page(), sorted(self.table), 1000)

    @precondition(lambda self: self.in_flight())
    @rule(data=st.data(), kind=st.sampled_from(["done", "later", "at once"]))
    def answer(self, data: st.DataObject, kind: str) -> None:
        number = data.draw(st.sampled_from(self.in_flight()))
        row = self.table[number]
        row.in_flight = False
        if kind == "done":
            self.cursor.done(number)
            del self.table[number]
        elif kind == "later":
            self.cursor.retry_later(number, self.now)
            row.delay = min(600.0, row.delay * 2)
            row.not_before = self.now + row.delay
        else:
            self.cursor.retry_at_once(number, self.now)

    def in_flight(self) -> list[int]:
        return sorted(number for number, row in self.table.items() if row.in_flight)

    @invariant()
    def both_agree_on_what_is_in_flight(self) -> None:
        assert sorted(self.cursor.in_flight) == self.in_flight()

    @invariant()
    def what_waits_is_in_the_table(self) -> None:
        assert set(self.cursor._waiting) <= set(self.table)

    @invariant()
    def nothing_that_was_passed_is_forgotten(self) -> None:
        """A row behind the cursor that isn't in flight is found again: by its time the cursor is due."""
        behind = [r for n, r in self.table.items() if n <= self.cursor.after and not r.in_flight]
        for row in behind:
            assert self.cursor.due(max(self.now, row.not_before))

    def teardown(self) -> None:
        """In the end every row goes: none is lost."""
        for number in self.in_flight():
            self.cursor.retry_at_once(number, self.now)
        self.now += 2 * LAST_DELAY
        self.cursor.start_over()
        assert all(self.cursor.takes(number, self.now) for number in sorted(self.table))


TestCursors = Cursors.TestCase
TestCursors.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
