"""Route tables. glibc's own regcomp is the law for what an operator's expression means."""

from __future__ import annotations

import ctypes
import locale
import time
from collections.abc import Iterator

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from ksmppd_py.errors import NoRoute, SenderRefused
from ksmppd_py.model.routes import InboundTable, RegexChecker, Route, RouteTable

LIBC = ctypes.CDLL(None)
REG_EXTENDED, REG_NOSUB = 1, 8


@pytest.fixture(autouse=True, scope="module")
def c_locale() -> Iterator[None]:
    """Kannel never calls setlocale: an octet is a character."""
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    yield
    locale.setlocale(locale.LC_CTYPE, before)


def glibc_search(expression: bytes, text: bytes) -> bool | None:
    """Match as the C daemon does; None when the expression doesn't compile."""
    compiled = ctypes.create_string_buffer(1024)
    if LIBC.regcomp(compiled, expression, REG_EXTENDED | REG_NOSUB):
        return None
    try:
        return bool(LIBC.regexec(compiled, text, 0, None, 0) == 0)
    finally:
        LIBC.regfree(compiled)


def search(expression: bytes, text: bytes) -> bool | None:
    """Match by a route of ours with that expression."""
    table = RouteTable([Route(regex=expression.decode("latin-1"), route_id=7)])
    if table.problems:
        assert table.problems[0].route_id == 7
        assert table.problems[0].reason
        return None
    try:
        table.match(text, b"")
    except NoRoute:
        return False
    return True


EXPRESSIONS = [
    b"^(1800)",
    b"1800",
    b"^1800$",
    b"^\\+46",
    b"\\+",
    b"^[[:digit:]]{3,4}$",
    b"^[[:digit:][:alpha:]]+$",
    b"^[^[:digit:]]",
    b"\\w",
    b"\\W",
    b"\\s",
    b"\\S",
    b"\\b46",
    b"\\<46\\>",
    b"\\d",
    b"^\\d+$",
    b"[\\d]",
    b"[\\w]",
    b"[]x]",
    b"[^]x]",
    b"[a-]",
    b"[-a]",
    b"[a\\]",
    b"[a\\-z]",
    b"[[.-.]x]",
    b"[[=a=]]",
    b"^4{2,3}6",
    b"^4{,2}6",
    b"a{2",
    b"a{x}",
    b"(a|b)*c",
    b"a|b|",
    b"()",
    b"",
    b".",
    b"^.$",
    b"^A",
    b"[A-C]",
    b"\\.",
    b"\\",
    b"(",
    b"[",
    b"[[:foo:]]",
    b"*a",
    b"+46",
    b"a**",
    b"a+?",
    b"^*",
    b"\xe9",
    b"^[\xe0-\xef]+$",
    b"a$b",
    b"a^b",
    b"(^a)",
    b"\\`4",
    b"6\\'",
    b"\\/",
    b"x{0}",
    b"(?:a)",
    b"(?i)a",
    b"\\n",
    b"\\t",
    b"\\x41",
    b"\\Qa",
    b"\\pL",
    b"[z-a]",
    b"a{",
    b"{",
    b"{1}",
    b"^{1}a",
    b"a|{1}",
    b"a{,}",
    b"a{2,1}",
    b"a{1}{2}",
    b"a|*b",
    b"(*a)",
    b"\\<*",
    b"a$*",
    b"(^)*",
    b")",
    b"(a))",
    b"a|)",
    b"(()",
]
TEXTS = [
    b"",
    b"1800",
    b"18005551",
    b"+46700",
    b"46",
    b"4466",
    b"46 46",
    b"dwx",
    b"d",
    b"a",
    b"A",
    b"b",
    b"ac",
    b"]",
    b"-",
    b"\\",
    b"a{2",
    b"\xe9",
    b"\xe9\xea",
    b"_",
    b"\n",
    b"i",
    b"n",
    b"x41",
    b"/",
    b"6.4",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_glibc(expression: bytes) -> None:
    for text in TEXTS:
        assert (text, search(expression, text)) == (text, glibc_search(expression, text))


def test_back_references_are_skipped_with_their_reason() -> None:
    table = RouteTable([Route(regex="(a)\\1", route_id=3), Route(regex="a", route_id=4)])
    assert [problem.route_id for problem in table.problems] == [3]
    assert "back-reference" in table.problems[0].reason
    assert table.match(b"aa", b"").route_id == 4


PIECES = st.sampled_from(
    [
        b"4",
        b"6",
        b"a",
        b".",
        b"[46]",
        b"[^4]",
        b"[[:digit:]]",
        b"\\w",
        b"\\b",
        b"\\d",
        b"\\+",
        b")",
        b"[a-c\\]",
    ]
)
REPEATED = st.builds(bytes.__add__, PIECES, st.sampled_from([b"", b"", b"*", b"+", b"?", b"{2}", b"{1,2}"]))
SEQUENCES = st.lists(REPEATED, max_size=4).map(b"".join)
GROUPS = st.lists(SEQUENCES.filter(bool), min_size=1, max_size=3).map(
    lambda each: b"(" + b"|".join(each) + b")"
)
WHOLE = st.tuples(st.sampled_from([b"", b"^"]), SEQUENCES, GROUPS, SEQUENCES, st.sampled_from([b"", b"$"]))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(WHOLE.map(b"".join), st.lists(st.sampled_from(b"46ad+\\ _b"), max_size=6).map(bytes))
def test_any_expression_as_glibc(expression: bytes, text: bytes) -> None:
    ours, theirs = search(expression, text), glibc_search(expression, text)
    assert ours == theirs


ROUTES = [
    Route(route_id=1, regex="^1800", source_regex="^me"),
    Route(route_id=2, regex="^18", source_regex="^you"),
    Route(route_id=3, regex="^1900", cost=2.0, smsc_id="a"),
    Route(route_id=4, regex="^19"),
]


@pytest.mark.parametrize(
    ("receiver", "sender", "expected"),
    [
        (b"18001", b"me", 1),
        (b"18001", b"you", 2),
        (b"18001", b"he", SenderRefused),
        (b"18001", b"", SenderRefused),
        (b"1810", b"me", SenderRefused),
        (b"19001", b"", 3),
        (b"191", b"", 4),
        (b"20", b"me", NoRoute),
        (b"", b"", NoRoute),
    ],
)
def test_first_full_match(receiver: bytes, sender: bytes, expected: int | type[Exception]) -> None:
    table = RouteTable(ROUTES)
    if isinstance(expected, int):
        assert table.match(receiver, sender).route_id == expected
    else:
        with pytest.raises(expected):
            table.match(receiver, sender)


def test_order_among_many() -> None:
    routes = [Route(route_id=number, regex="1" * (1 + number % 3)) for number in range(200)]
    assert RouteTable(routes).match(b"111", b"").route_id == 0
    assert RouteTable(routes[2:]).match(b"111", b"").route_id == 2
    assert RouteTable(reversed(routes)).match(b"111", b"").route_id == 199


def test_bad_source_regex_skips_the_route() -> None:
    table = RouteTable([Route(regex="1", source_regex="(", route_id=1), Route(regex="1", route_id=2)])
    assert [problem.route_id for problem in table.problems] == [1]
    assert table.match(b"1", b"x").route_id == 2
    assert len(table) == 1


def test_empty_table_and_empty_regex() -> None:
    with pytest.raises(NoRoute):
        RouteTable([]).match(b"1", b"")
    assert RouteTable([Route(route_id=1)]).match(b"", b"").route_id == 1


@pytest.mark.parametrize("max_mem", [2_000, 60_000, 200_000])
def test_too_little_memory_for_the_automaton(max_mem: int) -> None:
    """RE2 gives up silently; the answers stay right."""
    routes = [Route(route_id=n, regex=f"(4|6)*4(4|6){{{n}}}a") for n in range(20)]
    table = RouteTable(routes, max_mem)
    usual = RouteTable(routes)
    for text in (b"46" * 40 + b"a", b"4" * 12 + b"6666666a", b"x", b"6" * 300):
        results = []
        for each in (table, usual):
            try:
                results.append(each.match(text, b"").route_id)
            except NoRoute:
                results.append(-1)
        assert results[0] == results[1], text


def test_routes_of_one_prefix_and_one_sender() -> None:
    """Routes with the same prefix or the same sender keep their order, also when there are many."""
    routes = [Route(route_id=n, regex="^46", source_regex=f"^{n % 100}$") for n in range(1, 1001)]
    pauses: list[None] = []
    table = RouteTable(routes, pause=lambda: pauses.append(None))
    assert table.match(b"4612", b"7").route_id == 7
    assert table.match(b"4612", b"0").route_id == 100
    assert pauses


def test_an_expression_that_only_a_set_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason of RE2's compiler is asked for; without one the set's own error counts."""
    compile = re2.compile
    monkeypatch.setattr(re2, "compile", lambda expression, options: compile(b"x", options))
    wrong = Route(route_id=1, regex="(4")
    assert RouteTable([wrong]).problems[0].route_id == 1
    checker = RegexChecker()
    assert checker.problem(wrong)
    assert not checker.problem(Route(route_id=3, regex="(4|6)", source_regex="(4|6)"))
    assert RouteTable([Route(route_id=2, regex="^4", source_regex="(4")]).problems[0].route_id == 2


@pytest.mark.slow
def test_fifty_thousand_routes_cost_microseconds() -> None:
    pauses: list[None] = []
    routes = (Route(route_id=number, regex=f"^{number:05}") for number in range(50_000))
    table = RouteTable(routes, pause=lambda: pauses.append(None))
    assert len(pauses) == 100
    assert table.match(b"49999123", b"").route_id == 49_999
    start = time.perf_counter()
    for _ in range(1000):
        table.match(b"49999123", b"")
    assert time.perf_counter() - start < 0.05  # some 1 ms; trying all of them takes seconds


INBOUND = [
    Route(route_id=1, system_id="a", regex="^1", smsc_id="SMSC1"),
    Route(route_id=2, system_id="b", regex="^1"),
    Route(route_id=3, system_id="c", regex="^2", smsc_id="smsc2", source_regex="^me"),
]


@pytest.mark.parametrize(
    ("smsc_id", "receiver", "expected"),
    [
        (b"smsc1", b"1", 1),
        (b"SmsC1", b"1", 1),
        (b"smsc2", b"1", 2),
        (b"unknown", b"1", 2),
        (b"smsc1", b"2", NoRoute),
        (b"smsc2", b"2", SenderRefused),
        (b"", b"1", NoRoute),
        (None, b"1", NoRoute),
        (b"\xc4", b"1", 2),
    ],
)
def test_inbound(smsc_id: bytes | None, receiver: bytes, expected: int | type[Exception]) -> None:
    table = InboundTable(INBOUND)
    if isinstance(expected, int):
        for _ in range(2):  # the first match makes the SMSC's table
            assert table.match(smsc_id, receiver, b"").route_id == expected
    else:
        with pytest.raises(expected):
            table.match(smsc_id, receiver, b"")


def test_inbound_problems_and_size() -> None:
    table = InboundTable([*INBOUND, Route(route_id=9, regex="[")])
    assert [problem.route_id for problem in table.problems] == [9]
    assert len(table) == 3
