"""Route rows and the router over them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from ksmppd_py.config import KsmppdGroup, Sqlite3Connection
from ksmppd_py.errors import DatabaseUnavailable, NoRoute
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model import costs
from ksmppd_py.model.ports import Router
from ksmppd_py.model.route_report import RouteReading, RouteRow
from ksmppd_py.model.routes import Route
from ksmppd_py.storage.router import DatabaseRouter
from ksmppd_py.storage.routes import DatabaseRoutes
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.storage.upgrade import prepare
from tests.parts.routing import route_one
from tests.storage.conftest import Place


def test_rows(place: Place) -> None:
    place.add_route(1, "^(1800)", "SMPPUserA", cost=1, smsc_id="ksmppd2", priority=None)
    place.add_route(1, "^(7800)", "smppusera", cost=None, priority=5, source_regex="^me")
    place.add_route(1, None, "smppusera", cost=0.25)
    place.add_route(1, "", "smppusera", cost=2, priority=0)
    place.add_route(1, "x", "other")
    place.add_route(1, "x", None)
    place.add_route(2, "^(6800)", "SMPPUserA", cost=None, smsc_id="KSMPPD3")
    place.add_route(2, "y", None)
    routes = DatabaseRoutes(place.database, place.layout)
    common = {"system_id": "smppusera"}
    assert routes.outbound("smppusera") == [
        Route(0.0, regex="^(7800)", source_regex="^me", route_id=2, **common),
        Route(0.25, route_id=3, **common),
        Route(2.0, route_id=4, **common),
        Route(1.0, regex="^(1800)", smsc_id="ksmppd2", route_id=1, **common),
    ]
    [rows] = routes.everything()
    assert [(row.direction, row.priority, row.route.route_id) for row in rows] == [
        (1, None, 1), (1, 5, 2), (1, 0, 3), (1, 0, 4), (1, 0, 5), (1, 0, 6), (2, 0, 7), (2, 0, 8)
    ]  # fmt: skip
    assert rows[0] == RouteRow(1, None, Route(1.0, "smppusera", "ksmppd2", "^(1800)", None, 1))
    reading = RouteReading(["smppusera"])
    reading.take(rows)
    assert reading.outbound("smppusera") == routes.outbound("smppusera")
    assert reading.inbound() == [
        Route(0.0, regex="^(6800)", smsc_id="KSMPPD3", route_id=7, **common),
        Route(0.0, regex="y", route_id=8),
    ]


def test_routing(place: Place) -> None:
    place.add_route(1, "^1", "smppusera", cost=1, smsc_id="out")
    place.add_route(2, "^2", "smppusera", smsc_id="in")
    router: Router = DatabaseRouter(DatabaseRoutes(place.database, place.layout))
    assert route_one(router, "smppusera", Sms(receiver=b"12", sender=b"x")).smsc_id == "out"
    assert router.route_mo(Sms(receiver=b"22", smsc_id=b"IN")).system_id == "smppusera"
    place.add_route(2, "^3", "other")
    with pytest.raises(NoRoute):
        router.route_mo(Sms(receiver=b"33", smsc_id=b"in"))
    router.rebuild()
    assert router.route_mo(Sms(receiver=b"33", smsc_id=b"in")).system_id == "other"


@dataclass
class Source:
    """Routes in memory, of every account and inbound; the test sets when they fail and answer."""

    routes: list[Route] = field(default_factory=list)
    down: bool = False
    calls: list[str] = field(default_factory=list)
    ready: Event = field(default_factory=Event)
    account: str = "a"

    def __post_init__(self) -> None:
        self.ready.set()

    def outbound(self, system_id: str) -> list[Route]:
        self.calls.append(system_id)
        return self._answer()

    def everything(self) -> Iterator[list[RouteRow]]:
        self.calls.append("everything")
        rows = [replace(route, system_id=self.account) for route in self._answer()]
        yield [RouteRow(1, 0, route) for route in rows]
        yield [RouteRow(2, 0, route) for route in rows]

    def _answer(self) -> list[Route]:
        rows = list(self.routes)
        self.ready.wait()
        if self.down:
            raise DatabaseUnavailable("down")
        return rows


MT = Sms(receiver=b"1", sender=b"x")


def test_rows_are_read_once_until_a_rebuild() -> None:
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    assert [route_one(router, "a", MT).route_id for _ in range(3)] == [1, 1, 1]
    source.routes = [Route(route_id=2)]
    assert route_one(router, "a", MT).route_id == 1
    router.rebuild()
    assert router.is_ready("a")
    assert route_one(router, "a", MT).route_id == 2
    assert source.calls == ["a", "everything"]


def test_concurrent_first_messages_share_a_query() -> None:
    source = Source([Route(route_id=1)])
    source.ready.clear()
    router = DatabaseRouter(source)
    greenlets = [gevent.spawn(route_one, router, "a", MT) for _ in range(20)]
    gevent.idle()
    source.ready.set()
    gevent.joinall(greenlets, raise_error=True)
    assert source.calls == ["a"]


def test_a_failure_isnt_cached() -> None:
    source = Source([Route(route_id=1)], down=True)
    router = DatabaseRouter(source)
    for route in (partial(route_one, router), lambda _, sms: router.route_mo(sms)):
        with pytest.raises(DatabaseUnavailable):
            route("a", Sms(receiver=b"1", smsc_id=b"x"))
    source.down = False
    assert route_one(router, "a", MT).route_id == 1
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 1


def test_the_reader_going_away_fails_the_others_only_once() -> None:
    source = Source([Route(route_id=1)])
    source.ready.clear()
    router = DatabaseRouter(source)
    reader = gevent.spawn(route_one, router, "a", MT)
    gevent.idle()
    other = gevent.spawn(route_one, router, "a", MT)
    gevent.idle()
    reader.kill()
    with pytest.raises(DatabaseUnavailable):
        other.get()
    source.ready.set()
    assert route_one(router, "a", MT).route_id == 1


def test_old_routes_stay_while_the_database_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """An outage concerns unknown accounts only: known ones aren't read again."""
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    router.rebuild()
    route_one(router, "a", MT)
    source.routes, source.down = [Route(route_id=2)], True
    for again in (router.rebuild, router.refresh):
        with pytest.raises(DatabaseUnavailable):
            again()
        assert router.is_ready("a")
        assert route_one(router, "a", MT).route_id == 1
        assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 1
    with pytest.raises(DatabaseUnavailable):
        route_one(router, "b", MT)
    assert "Routes of b can't be read: down" in caplog.text
    source.down = False
    router.rebuild()
    assert route_one(router, "a", MT).route_id == 2


def test_routes_of_before_hold_until_the_new_ones_are_there() -> None:
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    router.rebuild()
    route_one(router, "a", MT)
    source.routes = [Route(route_id=2)]
    source.ready.clear()
    rebuild = gevent.spawn(router.rebuild)
    gevent.idle()
    assert router.is_ready("a")
    assert route_one(router, "a", MT).route_id == 1
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 1
    source.ready.set()
    assert rebuild.get().rows == 2
    assert route_one(router, "a", MT).route_id == 2
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 2


def test_a_rebuild_overtakes_a_reading() -> None:
    """An account's rows that were asked for before, and came after, don't replace newer ones."""
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    router.rebuild()
    source.ready.clear()
    early = gevent.spawn(route_one, router, "a", MT)
    gevent.idle()
    source.routes = [Route(route_id=2)]
    answer, source.ready = source.ready, Event()
    source.ready.set()
    router.rebuild()
    assert route_one(router, "a", MT).route_id == 2
    answer.set()
    assert early.get().route_id == 1
    assert route_one(router, "a", MT).route_id == 2


def test_rebuilds_wait_for_each_other() -> None:
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    source.ready.clear()
    first = gevent.spawn(router.rebuild)
    gevent.idle()
    source.routes = [Route(route_id=2)]
    second = gevent.spawn(router.rebuild)
    gevent.idle()
    assert source.calls == ["everything"]
    source.ready.set()
    gevent.joinall([first, second], raise_error=True)
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 2


def test_an_account_without_rows_any_more_has_no_routes() -> None:
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    router.rebuild()
    route_one(router, "a", MT)
    source.routes = []
    router.rebuild()
    with pytest.raises(NoRoute):
        route_one(router, "a", MT)


def test_a_rebuild_makes_tables_for_known_accounts_and_smscs_only_of_changed_rows() -> None:
    source = Source([Route(route_id=1), Route(route_id=2, smsc_id="X")])
    router = DatabaseRouter(source)
    router.rebuild()
    route_one(router, "a", MT)
    router.rebuild()  # rows as they were read the other way
    router.route_mo(Sms(receiver=b"1", smsc_id=b"x"))
    before = router._inbound, router._outbound["a"]
    router.rebuild()
    assert (router._inbound, router._outbound["a"]) == before
    source.routes = [Route(route_id=3), Route(route_id=2, smsc_id="X")]
    router.rebuild()
    assert router._inbound is not None
    assert router._inbound.smsc_ids == ["x"]  # no MO waits for that
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 3


def test_what_is_told_of_the_rows(caplog: pytest.LogCaptureFixture) -> None:
    """At the start and by rebuild-routes always, by a refresh when it has changed."""
    caplog.set_level(logging.INFO)
    source = Source([Route(route_id=1), Route(route_id=2, regex="(")])
    router = DatabaseRouter(source, lambda system_ids: set())
    report = router.rebuild()
    assert (report.rows, report.skipped, report.more) == (4, 2, 0)
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert lines[:4] == [
        ("WARNING", "Routes: 4 rows read, 2 skipped"),
        ("WARNING", "Route 1 skipped: there is no account 'a'"),
        ("WARNING", "Route 1: there is no account 'a', so no account gets its messages"),
        ("ERROR", "Route 2 skipped: missing ): ("),
    ]
    caplog.clear()
    router.refresh()
    assert caplog.text == ""
    source.routes = [Route(route_id=1)]
    router.refresh()
    assert "Routes: 2 rows read, 1 skipped" in caplog.text
    caplog.clear()
    assert DatabaseRouter(source).rebuild().problems == ()  # accounts are read elsewhere
    assert [record.levelname for record in caplog.records] == ["INFO"]


def test_broken_routes_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    router = DatabaseRouter(Source([Route(route_id=8, regex="(")]))
    with pytest.raises(NoRoute):
        route_one(router, "a", MT)
    [error] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert error.startswith("Route 8 skipped: ")


def test_a_refresh_takes_over_what_changed(caplog: pytest.LogCaptureFixture) -> None:
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    router.rebuild()
    route_one(router, "a", MT)
    source.routes = [Route(route_id=2), Route(route_id=3, regex="(")]
    router.refresh()
    assert route_one(router, "a", MT).route_id == 2
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 2
    assert caplog.text.count("Route 3 skipped") == 2


def test_names_and_odd_rows(place: Place) -> None:
    """The check whether a route's account exists ignores case under every collation."""
    place.add_user("SmppUserA")
    place.add_user("jos_e")
    place.add_route(1, "^1", "SMPPUSERA")
    routes = DatabaseRoutes(place.database, place.layout)
    assert [route.system_id for route in routes.outbound("smppusera")] == ["smppusera"]
    many = [f"nobody{number}" for number in range(250)]
    assert routes.existing(["smppusera", *many, "jos_e"]) == {"smppusera", "jos_e"}
    assert routes.existing(["joste", "jos\xe9", "x' OR 'x' = 'x"]) == set()
    assert routes.existing([]) == set()


def test_many_rows_come_in_portions(place: Place) -> None:
    values = ", ".join(f"(1, '^{number}', 'a', {number % 3})" for number in range(1300))
    place.run(f"INSERT INTO smpp_route (direction, regex, system_id, priority) VALUES {values}")
    routes = DatabaseRoutes(place.database, place.layout)
    portions = list(routes.everything())
    assert [len(portion) for portion in portions] == [500, 500, 300]
    ids = [route.route_id for route in routes.outbound("a")]
    reading = RouteReading(["a"])
    for portion in portions:
        reading.take(portion)
    assert [route.route_id for route in reading.outbound("a")] == ids
    assert sorted(ids) == list(range(1, 1301))
    assert ids[:2] == [3, 6]
    broken_off = routes.everything()
    next(iter(broken_off))
    broken_off.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(list(routes.everything())) == 3


@pytest.mark.parametrize(
    ("cost", "shown"),
    [("0,05", "'0,05'"), ("NaN", "'NaN'"), ("1e303", "1e+303"), ("-9e999", "-inf"), ("5 EUR", "'5 EUR'")],
)
def test_a_cost_that_cant_be_charged(
    tmp_path: Path, cost: str, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    """D-33: SQLite's columns hold any text; the row stays a route, is logged, and its messages are refused."""
    database = SQLiteDatabase(Sqlite3Connection(id="db", database=str(tmp_path / "odd.sqlite")))
    database.start()
    place = Place(database, prepare(database, KsmppdGroup()))
    place.add_route(1, "^1", "a", cost=cost)
    router = DatabaseRouter(DatabaseRoutes(place.database, place.layout))
    for _ in range(2):
        assert route_one(router, "a", MT).cost is costs.UNUSABLE
        told = f"Route 1: cost {shown} is no decimal number, its messages are refused"
        assert told in caplog.text
        caplog.clear()
        assert [problem.skipped for problem in router.rebuild().problems] == [False]
    database.close()


@pytest.mark.slow
def test_fifty_thousand_routes_keep_nobody_waiting(place: Place) -> None:
    """Not when they are read, nor compiled, nor when their account is new; turns of the loop stay short."""
    forms = ("^{0:06}", "^\\\\+?46({0:06}|9{0:06})$")
    for start in range(0, 50_000, 1000):
        values = ", ".join(
            f"(1, '{forms[number % 2].format(number)}', 'a', 1)" for number in range(start, start + 1000)
        )
        place.run(f"INSERT INTO smpp_route (direction, regex, system_id, cost) VALUES {values}")
    routes = DatabaseRoutes(place.database, place.layout)
    router = DatabaseRouter(routes, routes.existing)
    turns: list[float] = []

    def tick() -> None:
        last = time.process_time()
        while True:
            gevent.sleep(0)
            now = time.process_time()
            turns.append(now - last)
            last = now

    ticker = gevent.spawn(tick)
    report = router.rebuild()
    assert (report.rows, report.skipped, report.more) == (50_000, 50_000, 49_900)
    place.add_user("a")
    assert route_one(router, "a", Sms(receiver=b"049998")).route_id == 49_999
    place.run("UPDATE smpp_route SET cost = 2")
    assert router.rebuild().problems == ()
    assert route_one(router, "a", Sms(receiver=b"049998")).cost == 2
    ticker.kill()
    turns.sort()
    assert turns[-1] < 0.5  # the machine may be slow; all of it takes seconds
    assert sum(turn > 0.05 for turn in turns) < 20
