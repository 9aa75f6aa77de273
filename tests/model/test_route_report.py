"""The report on the rows of a route table, and which of them are routes."""

from __future__ import annotations

import contextlib

import pytest

from ksmppd_py.errors import NoRoute
from ksmppd_py.model import costs
from ksmppd_py.model.route_report import MOST_LISTED, RouteReading, RouteRow
from ksmppd_py.model.routes import InboundTable, RegexChecker, Route, RouteProblem, RouteTable

MT, MO = 1, 2


def row(direction: int = MT, priority: int | None = 0, cost_problem: str = "", **fields: object) -> RouteRow:
    route = Route(**{"route_id": 7, "system_id": "a", "regex": "^1", **fields})  # type: ignore[arg-type]
    return RouteRow(direction, priority, route, cost_problem)


TOO_MANY = "its intervals stand for more than 2000 characters"


def does_match(table: RouteTable, receiver: bytes) -> bool:
    with contextlib.suppress(NoRoute):
        table.match(receiver, b"")
        return True
    return False


def read(*rows: RouteRow, missing: tuple[str, ...] = ()) -> RouteReading:
    reading = RouteReading(["a"])
    reading.take(rows)
    for system_id in missing:
        reading.miss(system_id)
    return reading


@pytest.mark.parametrize(
    ("odd", "problem"),
    [
        (row(3), RouteProblem(7, "direction 3 is neither 1 (MT) nor 2 (MO)")),
        (row(0), RouteProblem(7, "direction 0 is neither 1 (MT) nor 2 (MO)")),
        (row(-1), RouteProblem(7, "direction -1 is neither 1 (MT) nor 2 (MO)")),
        (row(regex="("), RouteProblem(7, "missing ): (")),
        (row(MO, regex="("), RouteProblem(7, "missing ): (")),
        (row(source_regex="["), RouteProblem(7, "missing ]")),
        (row(regex="*1"), RouteProblem(7, "nothing to repeat before *")),
        (row(regex=r"(1)\1"), RouteProblem(7, "back-references aren't supported")),
        (row(regex="a{0,1000}" * 1000), RouteProblem(7, TOO_MANY)),
        (row(regex="((a{10}b){10}c){30}"), RouteProblem(7, TOO_MANY)),
        (row(source_regex=f"({'a' * 2001}){{2}}"), RouteProblem(7, TOO_MANY)),
        (row(MO, regex=f"a{{{'9' * 5000}}}"), RouteProblem(7, "invalid repetition size")),
        (row(regex="^46[0-9]{7,9}$|" * 200 + "^47"), None),
        (row(regex="(a{1}|b{,2}){0,3}){2,}"), None),
        (row(system_id=None), RouteProblem(7, "it names no system_id")),
        (
            row(MO, system_id=None),
            RouteProblem(7, "it names no system_id, so its messages are refused", skipped=False),
        ),
        (row(system_id="gone"), RouteProblem(7, "there is no account 'gone'", is_error=False)),
        (
            row(MO, system_id="gone"),
            RouteProblem(
                7,
                "there is no account 'gone', so no account gets its messages",
                skipped=False,
                is_error=False,
            ),
        ),
        (row(cost=costs.UNUSABLE, cost_problem="bad cost"), RouteProblem(7, "bad cost", skipped=False)),
        (row(MO, cost=costs.UNUSABLE, cost_problem="bad cost"), None),
        (row(), None),
        (row(MO), None),
        (row(regex=""), None),
    ],
)
def test_what_is_wrong_with_a_row(odd: RouteRow, problem: RouteProblem | None) -> None:
    report = read(odd, row(route_id=9), missing=("gone",)).report()
    assert report.rows == 2
    if problem is None:
        assert (report.skipped, report.problems) == (0, ())
    else:
        [found] = report.problems
        assert found == problem
        assert report.skipped == problem.skipped


def test_routes_are_in_matching_order() -> None:
    rows = [
        row(priority=priority, route_id=number) for number, priority in enumerate((None, 0, 5, -3, 5, None))
    ]
    reading = read(*rows, row(MO, route_id=20), row(MO, 1, route_id=21), row(system_id="b"))
    assert [route.route_id for route in reading.outbound("a")] == [2, 4, 1, 3, 0, 5]
    assert [route.route_id for route in reading.inbound()] == [21, 20]
    assert list(reading.known) == ["a"]
    assert sorted(reading.target_accounts) == ["a", "b"]


def test_no_more_than_so_many_are_told() -> None:
    report = read(*(row(3, route_id=number) for number in range(MOST_LISTED + 5))).report()
    assert (report.rows, report.skipped) == (MOST_LISTED + 5, MOST_LISTED + 5)
    assert (len(report.problems), report.more) == (MOST_LISTED, 5)


@pytest.mark.parametrize(
    "regex",
    ["", "(", "[", "^1", "^(1", "1{2", "a{1001}", "*", "^*", r"\d", "(a|b", "^(46)(47)", "[[:nope:]]", "^1)", "+",
     "a**", "[z-a]", r"a\\", "\\", "(?:x)", "^(12", "é", "x{,3}", "(()", "$^", "^[0-9]+$"],
)  # fmt: skip
def test_the_checker_says_what_a_table_does(regex: str) -> None:
    for route in (Route(regex=regex, route_id=1), Route(source_regex=regex, route_id=1)):
        problems = RouteTable([route]).problems
        assert RegexChecker().problem(route) == (problems[0].reason if problems else "")


@pytest.mark.parametrize(
    "regex", ["^1", "^(1)", "^1.*", "^(1).*", r"^\+?1", r"^\+1", r"^\+?(1)", "^(ab1)", "^1[0-9]"]
)
def test_prefixes_match_as_the_automaton_does(regex: str) -> None:
    """Parentheses around the same expression makes it one for the automaton."""
    quick, slow = RouteTable([Route(regex=regex)]), RouteTable([Route(regex=f"({regex})")])
    receivers = [
        b"",
        b"1",
        b"12",
        b"+1",
        b"+12",
        b"21",
        b"++1",
        b"ab1",
        b"ab",
        b"AB1",
        b"1\n2",
        b"\n1",
        b"+",
        b"1+",
    ]
    for receiver in receivers:
        answers = [does_match(table, receiver) for table in (quick, slow)]
        assert answers[0] == answers[1], receiver


def test_prefixes_and_other_expressions_keep_their_order() -> None:
    regexes = ["^461", "46.*", "^46", "^(4)", "6$", r"^\+?46"]
    table = RouteTable(Route(regex=regex, route_id=number) for number, regex in enumerate(regexes))
    matched = {
        receiver: table.match(receiver, b"").route_id for receiver in (b"461", b"462", b"4", b"36", b"+46")
    }
    assert matched == {b"461": 0, b"462": 1, b"4": 3, b"36": 4, b"+46": 1}
    assert RouteTable([Route(regex="^4"), Route(regex="4")]).match(b"4", b"") == Route(regex="^4")
    senders = [Route(regex="^4", source_regex="^x"), Route(regex="^4", source_regex="^y", route_id=1)]
    assert RouteTable(senders).match(b"4", b"y").route_id == 1


def test_tables_of_smscs_are_made_beforehand() -> None:
    routes = [Route(route_id=1, system_id="a", smsc_id="X"), Route(route_id=2, system_id="b")]
    before = InboundTable(routes)
    assert before.smsc_ids == []
    assert before.match(b"x", b"1", b"").route_id == 1
    assert before.match(b"other", b"1", b"").route_id == 2
    after = InboundTable(routes, smsc_ids=before.smsc_ids)
    assert after.smsc_ids == ["x", None]
    assert InboundTable(routes[1:], smsc_ids=before.smsc_ids).smsc_ids == [None]
