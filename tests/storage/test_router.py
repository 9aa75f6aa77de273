"""Route rows and the router over them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import gevent
import pytest
from gevent.event import Event

from ksmppd_py.errors import DatabaseUnavailable, NoRoute
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.ports import Router
from ksmppd_py.model.routes import Route
from ksmppd_py.storage.router import DatabaseRouter
from ksmppd_py.storage.routes import DatabaseRoutes
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
    assert routes.inbound() == [
        Route(0.0, regex="^(6800)", smsc_id="KSMPPD3", route_id=7, **common),
        Route(0.0, regex="y", route_id=8),
    ]


def test_routing(place: Place) -> None:
    place.add_route(1, "^1", "smppusera", cost=1, smsc_id="out")
    place.add_route(2, "^2", "smppusera", smsc_id="in")
    router: Router = DatabaseRouter(DatabaseRoutes(place.database, place.layout))
    assert router.route_mt("smppusera", Sms(receiver=b"12", sender=b"x")).smsc_id == "out"
    assert router.route_mo(Sms(receiver=b"22", smsc_id=b"IN")).system_id == "smppusera"
    place.add_route(2, "^3", "other")
    with pytest.raises(NoRoute):
        router.route_mo(Sms(receiver=b"33", smsc_id=b"in"))
    router.rebuild()
    assert router.route_mo(Sms(receiver=b"33", smsc_id=b"in")).system_id == "other"


@dataclass
class Source:
    """Routes in memory, told when to fail and when to answer."""

    routes: list[Route] = field(default_factory=list)
    down: bool = False
    calls: list[str] = field(default_factory=list)
    ready: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.ready.set()

    def outbound(self, system_id: str) -> list[Route]:
        self.calls.append(system_id)
        return self._answer()

    def inbound(self) -> list[Route]:
        self.calls.append("inbound")
        return self._answer()

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
    assert [router.route_mt("a", MT).route_id for _ in range(3)] == [1, 1, 1]
    router.rebuild()
    source.routes = [Route(route_id=2)]
    assert router.route_mt("a", MT).route_id == 2
    assert source.calls == ["a", "inbound", "a"]


def test_concurrent_first_messages_share_a_query() -> None:
    source = Source([Route(route_id=1)])
    source.ready.clear()
    router = DatabaseRouter(source)
    greenlets = [gevent.spawn(router.route_mt, "a", MT) for _ in range(20)]
    gevent.idle()
    source.ready.set()
    gevent.joinall(greenlets, raise_error=True)
    assert source.calls == ["a"]


def test_a_failure_isnt_cached() -> None:
    source = Source([Route(route_id=1)], down=True)
    router = DatabaseRouter(source)
    for route in (router.route_mt, lambda _, sms: router.route_mo(sms)):
        with pytest.raises(DatabaseUnavailable):
            route("a", Sms(receiver=b"1", smsc_id=b"x"))
    source.down = False
    assert router.route_mt("a", MT).route_id == 1
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 1


def test_the_reader_going_away_fails_the_others_only_once() -> None:
    source = Source([Route(route_id=1)])
    source.ready.clear()
    router = DatabaseRouter(source)
    reader = gevent.spawn(router.route_mt, "a", MT)
    gevent.idle()
    other = gevent.spawn(router.route_mt, "a", MT)
    gevent.idle()
    reader.kill()
    with pytest.raises(DatabaseUnavailable):
        other.get()
    source.ready.set()
    assert router.route_mt("a", MT).route_id == 1


def test_old_routes_stay_while_the_database_is_away(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source, clock=lambda: now)
    router.rebuild()
    router.route_mt("a", MT)
    router.rebuild()
    source.routes = [Route(route_id=2)]
    source.down = True
    assert [router.route_mt("a", MT).route_id for _ in range(3)] == [1, 1, 1]
    assert source.calls.count("a") == 2  # the second one failed, a third one comes a second later
    with pytest.raises(DatabaseUnavailable):
        router.rebuild()
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 1
    source.down = False
    now += 1
    assert router.route_mt("a", MT).route_id == 2
    assert "stay as they were" in caplog.text


def test_a_rebuild_overtakes_a_reading() -> None:
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    router.rebuild()
    source.ready.clear()
    early = gevent.spawn(router.route_mt, "a", MT)
    gevent.idle()
    source.routes = [Route(route_id=2)]
    source.ready.set()
    router.rebuild()
    assert early.get().route_id == 1
    assert router.route_mt("a", MT).route_id == 2


def test_broken_routes_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    source = Source([Route(route_id=8, regex="(")])
    router = DatabaseRouter(source)
    router.rebuild()
    with pytest.raises(NoRoute):
        router.route_mt("a", MT)
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert all(message.startswith("Route 8 skipped: ") for message in errors)


def test_a_refresh_takes_over_what_changed(caplog: pytest.LogCaptureFixture) -> None:
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    router.rebuild()
    router.route_mt("a", MT)
    inbound, outbound = router._inbound, router._outbound["a"]
    router.refresh()
    assert (router._inbound, router._outbound["a"]) == (inbound, outbound)  # nothing was made anew
    source.routes = [Route(route_id=2), Route(route_id=3, regex="(")]
    router.refresh()
    assert router.route_mt("a", MT).route_id == 2
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 2
    assert caplog.text.count("Route 3 skipped") == 2


def test_a_refresh_that_fails_keeps_the_routes() -> None:
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    router.rebuild()
    router.route_mt("a", MT)
    source.routes, source.down = [], True
    with pytest.raises(DatabaseUnavailable):
        router.refresh()
    assert router.route_mt("a", MT).route_id == 1
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 1


def test_a_rebuild_overtakes_a_refresh() -> None:
    source = Source([Route(route_id=1)])
    router = DatabaseRouter(source)
    router.rebuild()
    router.route_mt("a", MT)
    source.routes = [Route(route_id=2)]
    source.ready.clear()
    refresh = gevent.spawn(router.refresh)
    gevent.idle()
    source.routes = [Route(route_id=3)]
    source.ready.set()
    router.rebuild()
    refresh.get()
    assert router.route_mo(Sms(receiver=b"1", smsc_id=b"x")).route_id == 3
    assert router.route_mt("a", MT).route_id == 3
