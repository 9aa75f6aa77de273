"""RowWalk: the bookkeeping of stored rows, by example and against random histories (docs/rules/flows.md 5)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ksmppd_py.flows import rows
from ksmppd_py.flows.rows import FIRST_DELAY, LAST_DELAY, RowWalk


def test_a_row_in_flight_isnt_taken_again() -> None:
    walk = RowWalk()
    assert walk.takes(5, 0.0)
    assert walk.after == 5
    walk.start_over()
    assert walk.after == 0
    assert not walk.takes(5, 0.0)
    walk.done(5)
    assert walk.in_flight == set()


def test_stepping_back_reads_the_row_again() -> None:
    walk = RowWalk()
    assert walk.takes(5, 0.0)
    walk.step_back(5)
    assert walk.after == 4
    assert walk.takes(5, 0.0)


def test_delays_double_up_to_the_longest() -> None:
    """docs/rules/flows.md 4: 30 s doubling to 10 min."""
    walk = RowWalk()
    now = 1000.0
    delays = []
    for _ in range(7):
        walk.start_over()
        assert walk.takes(1, now)
        walk.retry_later(1, now)
        began = now
        while not walk.due(now):
            now += 0.5
        delays.append(now - began)
    assert (FIRST_DELAY, LAST_DELAY) == (30.0, 600.0)
    assert delays == [30, 60, 120, 240, 480, 600, 600]


def test_before_its_delay_is_over_a_row_is_passed() -> None:
    walk = RowWalk()
    assert walk.takes(1, 0.0)
    walk.retry_later(1, 0.0)
    walk.start_over()
    assert not walk.takes(1, 29.9)
    assert walk.takes(2, 29.9)
    assert walk.due(30.0)  # passing it noted when to come back


def test_a_row_that_ends_well_starts_afresh() -> None:
    walk = RowWalk()
    assert walk.takes(1, 0.0)
    walk.retry_later(1, 0.0)
    walk.start_over()
    assert walk.takes(1, 30.0)
    walk.done(1)
    walk.start_over()
    assert walk.takes(1, 30.0)  # the same number in another table's life
    walk.retry_later(1, 30.0)
    assert walk.due(60.0)


def test_retry_at_once_is_due_at_once() -> None:
    walk = RowWalk()
    assert walk.takes(1, 0.0)
    assert not walk.due(0.0)
    walk.retry_at_once(1, 7.0)
    assert walk.due(7.0)
    walk.start_over()
    assert not walk.due(1e9)
    assert walk.takes(1, 7.0)


def test_the_earliest_retry_is_due_first() -> None:
    walk = RowWalk()
    for row in (1, 2):
        assert walk.takes(row, 0.0)
    walk.retry_later(1, 50.0)
    walk.retry_later(2, 0.0)
    assert not walk.due(29.0)
    assert walk.due(30.0)


def test_an_unreadable_row_is_told_once_and_never_taken() -> None:
    walk = RowWalk()
    assert walk.set_aside(3)
    assert not walk.set_aside(3)
    assert not walk.takes(3, 0.0)
    assert walk.in_flight == set()


def test_so_many_delays_are_remembered_and_no_more() -> None:
    walk = RowWalk()
    limit = rows.MOST_WAITING
    for row in range(1, limit + 1):
        assert not walk.must_stop_before(row)
        assert walk.takes(row, 0.0)
        walk.retry_later(row, 0.0)
    assert walk.must_stop_before(limit + 1)
    walk.start_over()
    assert not walk.must_stop_before(1)
    assert not walk.takes(1, 1.0)
    assert walk.takes(1, 30.0)
    walk.done(1)
    assert not walk.must_stop_before(limit + 1)


def test_rows_that_somebody_else_deleted_stop_no_walk() -> None:
    """An operator tidies up: what waited for another try is gone, and must not count for ever."""
    walk = RowWalk()
    limit = rows.MOST_WAITING
    for row in range(1, limit + 1):
        assert walk.takes(row, 0.0)
        walk.retry_later(row, 0.0)
    walk.start_over()
    reading = walk.begin_page()
    assert walk.keeps_page(reading, [7, limit + 1, limit + 2], 3)
    assert not walk.takes(7, 1.0)  # this one is still there, and waits
    assert not walk.must_stop_before(limit + 1)


def test_only_what_the_page_should_have_held_is_gone() -> None:
    walk = RowWalk()
    for row in (1, 5, 9):
        assert walk.takes(row, 0.0)
        walk.retry_later(row, 0.0)
    walk.start_over()
    assert not walk.takes(1, 1.0)
    reading = walk.begin_page()
    walk.retry_later(3, 0.0)  # stored and refused while the page was being read
    assert walk.keeps_page(reading, [4, 6], 2)
    walk.start_over()
    assert [walk.takes(row, 1.0) for row in (1, 3, 5, 9)] == [False, False, True, False]


def test_a_page_of_an_older_walk_isnt_looked_at() -> None:
    """Or the new walk would begin where the old one was."""
    walk = RowWalk()
    assert walk.takes(5, 0.0)
    reading = walk.begin_page()
    walk.start_over()
    assert not walk.keeps_page(reading, [6], 10)
    assert walk.after == 0


@dataclass
class Row:
    """The state of a stored row, as the test expects it."""

    in_flight: bool = False
    not_before: float = 0.0
    delay: float = 15.0
    taken: list[float] = field(default_factory=list)


class Walks(RuleBasedStateMachine):
    """Random inserts, walks, answers and pauses; the model is the plain reading of the specification."""

    def __init__(self) -> None:
        super().__init__()
        self.walk = RowWalk()
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
        if start_over or self.walk.due(self.now):
            self.walk.start_over()
        expected = self.walk.after
        for number in sorted(row for row in self.table if row > expected):
            row = self.table[number]
            may = not row.in_flight and row.not_before <= self.now
            assert self.walk.takes(number, self.now) is may
            if not may:
                continue
            if room == 0:
                self.walk.step_back(number)
                assert self.walk.after < number
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
            self.walk.start_over()
            assert self.walk.keeps_page(self.walk.begin_page(), sorted(self.table), 1000)

    @precondition(lambda self: self.in_flight())
    @rule(data=st.data(), kind=st.sampled_from(["done", "later", "at once"]))
    def answer(self, data: st.DataObject, kind: str) -> None:
        number = data.draw(st.sampled_from(self.in_flight()))
        row = self.table[number]
        row.in_flight = False
        if kind == "done":
            self.walk.done(number)
            del self.table[number]
        elif kind == "later":
            self.walk.retry_later(number, self.now)
            row.delay = min(600.0, row.delay * 2)
            row.not_before = self.now + row.delay
        else:
            self.walk.retry_at_once(number, self.now)

    def in_flight(self) -> list[int]:
        return sorted(number for number, row in self.table.items() if row.in_flight)

    @invariant()
    def both_agree_on_what_is_in_flight(self) -> None:
        assert sorted(self.walk.in_flight) == self.in_flight()

    @invariant()
    def what_waits_is_in_the_table(self) -> None:
        assert set(self.walk._waiting) <= set(self.table)

    @invariant()
    def nothing_that_was_passed_is_forgotten(self) -> None:
        """A row behind the walk that isn't in flight is found again: by its time the walk is due."""
        behind = [r for n, r in self.table.items() if n <= self.walk.after and not r.in_flight]
        for row in behind:
            assert self.walk.due(max(self.now, row.not_before))

    def teardown(self) -> None:
        """In the end every row goes: none is lost."""
        for number in self.in_flight():
            self.walk.retry_at_once(number, self.now)
        self.now += 2 * LAST_DELAY
        self.walk.start_over()
        assert all(self.walk.takes(number, self.now) for number in sorted(self.table))


TestWalks = Walks.TestCase
TestWalks.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
