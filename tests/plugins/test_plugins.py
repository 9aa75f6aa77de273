"""Plugins: loading, what they may return, what becomes of their errors (issue: decisions by plugin)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event

from ksmppd_py.config import KsmppdPlugin
from ksmppd_py.errors import (
    BackendUnavailable,
    KsmppdError,
    NoRoute,
    QueueFull,
    RouteRefused,
    StartError,
)
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.outcomes import command_status_of
from ksmppd_py.plugins import Account, Direction, PluginContext, Refusal, Route, Simulation
from ksmppd_py.plugins.calls import Calls
from ksmppd_py.plugins.load import load_plugin
from ksmppd_py.plugins.roles import PluginAuthenticator, PluginRouter
from tests.parts.routing import route_one

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "plugins" / "block_list.py"
ID = b"dcd3c2b4-1111-4222-8333-0123456789ab"


def mt(**fields: object) -> Sms:
    known = {"sender": b"123", "receiver": b"+491701234567", "service": b"smppusera", "smsc_id": b"default"}
    return Sms(**{**known, "id": ID, "sms_type": SmsType.MT_PUSH, **fields})


def mo(**fields: object) -> Sms:
    return Sms(**{"receiver": b"123", "smsc_id": b"FAKE", "id": ID, "sms_type": SmsType.MO, **fields})


def router(function: Callable[..., object], timeout: float = 1.0) -> PluginRouter:
    context = PluginContext("p", "")
    context.route_message = function
    return PluginRouter(context, timeout)


def authenticator(function: Callable[..., object], timeout: float = 1.0) -> PluginAuthenticator:
    context = PluginContext("p", "")
    context.authenticate = function
    return PluginAuthenticator(context, timeout)


def fail(*_: object) -> None:
    raise KeyError("x")


class TestLoading:
    def load(self, directory: Path, text: str, **options: str) -> PluginContext:
        path = directory / "plugin.py"
        path.write_text(text)
        return load_plugin(KsmppdPlugin(id="my-plugin", path=str(path), **options))

    def test_a_file(self, tmp_path: Path) -> None:
        context = self.load(tmp_path, "def init(context):\n    context.route_message = print\n", args="a b")
        assert (context.id, context.args, context.route_message) == ("my-plugin", "a b", print)
        assert context.authenticate is None

    def test_another_init_function(self, tmp_path: Path) -> None:
        text = "def start(context):\n    context.authenticate = len\n"
        assert self.load(tmp_path, text, init_function="start").authenticate is len

    def test_a_module_by_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "my_decisions.py").write_text("def init(context):\n    context.authenticate = len\n")
        monkeypatch.syspath_prepend(tmp_path)
        assert load_plugin(KsmppdPlugin(id="x", path="my_decisions")).authenticate is len
        del sys.modules["my_decisions"]

    def test_dataclasses_work_in_a_file(self, tmp_path: Path) -> None:
        text = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        text += "@dataclass\nclass A:\n    a: int\ndef init(context): context.authenticate = A(1).__eq__\n"
        assert self.load(tmp_path, text).authenticate is not None

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("x = 1\n", r"no function init\(context\)"),
            ("init = 1\n", r"no function init\(context\)"),
            ("def init(context): 1 / 0\n", "ZeroDivisionError"),
            ("def init(): pass\n", "TypeError"),
            ("def init(:\n", "SyntaxError"),
            ("import no_such_module\n", "no_such_module"),
            ("def init(context): context.routes = 1\n", "AttributeError"),
        ],
    )
    def test_what_cant_be_loaded(self, tmp_path: Path, text: str, complaint: str) -> None:
        with pytest.raises(StartError, match=complaint) as caught:
            self.load(tmp_path, text)
        assert "'my-plugin'" in str(caught.value)

    @pytest.mark.parametrize(
        ("path", "complaint"),
        [
            ("/nowhere/plugin.py", "there is no file"),
            ("no_such_module", "no_such_module"),
        ],
    )
    def test_what_isnt_there(self, path: str, complaint: str) -> None:
        with pytest.raises(StartError, match=complaint):
            load_plugin(KsmppdPlugin(id="x", path=path))

    def test_a_role_that_nobody_plays(self) -> None:
        with pytest.raises(StartError, match=r"context\.authenticate"):
            PluginAuthenticator(PluginContext("x", ""))
        with pytest.raises(StartError, match=r"context\.route_message"):
            PluginRouter(PluginContext("x", ""))


class TestAuthentication:
    def test_what_it_is_told(self) -> None:
        calls = []
        plugin = authenticator(lambda *arguments: calls.append(arguments))
        assert plugin.authenticate(b"SmppUser\xe4", b"pw\xff", "10.0.0.1") is None
        assert calls == [("SmppUserä", "pwÿ", "10.0.0.1")]

    def test_an_account(self) -> None:
        plugin = authenticator(lambda system_id, *_: Account(system_id, max_binds=2))
        assert plugin.authenticate(b"SmppUserA", b"x", "10.0.0.1") == Account("smppusera", max_binds=2)

    @pytest.mark.parametrize("function", [fail, lambda *_: True, lambda: None, lambda *_: "smppusera"])
    def test_errors_are_no_refusal(
        self, function: Callable[..., object], caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(BackendUnavailable):
            authenticator(function).authenticate(b"a", b"secret", "10.0.0.1")
        assert "Plugin 'p' failed" in caplog.text
        assert "secret" not in caplog.text

    @pytest.mark.parametrize(
        "settings",
        [
            {"throughput": "10"},
            {"throughput": float("nan")},
            {"throughput": float("inf")},
            {"max_binds": None},
            {"max_binds": 1.5},
            {"default_smsc": b"smsc"},
            {"simulation": {"deliver_every": 1}},
            {"max_open_acks": "5"},
            {"default_cost": 1e303},
            {"default_cost": float("nan")},
        ],
    )
    def test_settings_that_no_account_can_have(self, settings: dict[str, Any]) -> None:
        with pytest.raises(BackendUnavailable, match=next(iter(settings))):
            authenticator(lambda *_: Account("a", **settings)).authenticate(b"a", b"b", "10.0.0.1")

    def test_whole_numbers_are_numbers(self) -> None:
        account = Account("a", throughput=10, default_cost=1, simulation=Simulation(1), alt_charset="cp1252")
        assert authenticator(lambda *_: account).authenticate(b"a", b"b", "10.0.0.1") == account

    def test_one_that_hangs(self, caplog: pytest.LogCaptureFixture) -> None:
        plugin = authenticator(lambda *_: gevent.sleep(60), 0.05)
        with pytest.raises(BackendUnavailable, match="more than"):
            plugin.authenticate(b"a", b"b", "10.0.0.1")
        assert "Plugin 'p' took more than" in caplog.text


class TestRouting:
    def test_what_it_is_told(self) -> None:
        calls = []

        def route(*arguments: object) -> Route:
            calls.append(arguments)
            return Route(system_id="x")

        plugin = router(route)
        outbound, inbound = mt(), mo(service=b"svc")
        route_one(plugin, "smppusera", outbound)
        plugin.route_mo(inbound)
        assert calls == [
            (Direction.OUTBOUND, "default", "smppusera", outbound),
            (Direction.INBOUND, "FAKE", "svc", inbound),
        ]
        plugin.rebuild()

    def test_routes(self) -> None:
        plugin = router(lambda *_: Route(0.5, "SmppUserB", "out"))
        assert route_one(plugin, "a", mt()) == Route(0.5, "SmppUserB", "out")
        assert plugin.route_mo(mo()) == Route(0.5, "smppuserb", "out")

    def test_no_route(self) -> None:
        for ask in (lambda plugin: route_one(plugin, "a", mt()), lambda plugin: plugin.route_mo(mo())):
            with pytest.raises(NoRoute):
                ask(router(lambda *_: None))
        with pytest.raises(NoRoute):
            router(lambda *_: Route()).route_mo(mo())

    @pytest.mark.parametrize(
        ("status", "expected"), [(None, None), (0x0B, 0x0B), (0x400, 0x400), (0x100, None), (0, None)]
    )
    def test_refusals_are_final(self, status: int | None, expected: int | None) -> None:
        with pytest.raises(RouteRefused, match="because") as caught:
            route_one(router(lambda *_: Refusal(status, "because")), "a", mt())
        assert (caught.value.code, caught.value.is_final) == (expected, True)

    @pytest.mark.parametrize("answer", [True, "smsc", {}, Exception("x"), Route])
    def test_other_answers_are_errors(self, answer: object) -> None:
        with pytest.raises(BackendUnavailable, match="neither a Route nor a Refusal nor None"):
            route_one(router(lambda *_: answer), "a", mt())

    @pytest.mark.parametrize(
        "settings",
        [{"cost": cost} for cost in ("0,05", None, float("nan"), 1e303, -float("inf"), 10**400)],
    )
    def test_costs_that_cant_be_charged(
        self, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        """D-33, as for other routers; an MO costs nothing, so a defect of the plugin only delays it."""
        route = Route(**{"system_id": "x", **settings})

        def decide(_direction: Direction, _smsc_id: str | None, _system_id: str, message: Sms) -> Route:
            message.smsc_id = b"other"
            return route

        message = mt()
        with pytest.raises(RouteRefused) as caught:
            route_one(router(decide), "a", message)
        assert (command_status_of(caught.value), caught.value.is_final) == (0x45, True)
        assert message == mt()
        [record] = caplog.records
        assert record.levelname == "WARNING"
        assert f"the cost {settings['cost']!r} is no number" in record.getMessage()
        with pytest.raises(BackendUnavailable, match="cost"):
            router(decide).route_mo(mo())

    @pytest.mark.parametrize("settings", [{"smsc_id": b"x"}, {"system_id": 5}])
    def test_routes_that_cant_be(self, settings: dict[str, Any]) -> None:
        route = Route(**{"system_id": "x", **settings})
        for ask in (lambda plugin: route_one(plugin, "a", mt()), lambda plugin: plugin.route_mo(mo())):
            with pytest.raises(BackendUnavailable, match=next(iter(settings))):
                ask(router(lambda *_: route))

    def test_an_exception_is_logged_with_its_place(self, caplog: pytest.LogCaptureFixture) -> None:
        [error] = router(fail).route_mt("a", [mt()])
        assert isinstance(error, BackendUnavailable)
        [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert "Plugin 'p' failed: KeyError: 'x' (" in record.getMessage()
        assert Path(__file__).name in record.getMessage()

    def test_one_error_costs_one_message(self) -> None:
        plugin = router(lambda *arguments: Route() if arguments[3].receiver == b"1" else fail())
        answers = plugin.route_mt("a", [mt(receiver=b"%d" % (number % 2)) for number in range(10)])
        assert [type(answer) for answer in answers] == [BackendUnavailable, Route] * 5

    def test_changes_of_the_message(self) -> None:
        def change(direction: Direction, smsc_id: str | None, system_id: str, message: Sms) -> Route:
            message.sender, message.priority, message.smsc_id = b"new", 3, b"other"
            message.service, message.id, message.dlr_url = b"x", ID.replace(b"d", b"a"), b"x"
            return Route(system_id="x")

        outbound, inbound = mt(dlr_url=b"u"), mo(service=b"svc")
        route_one(router(change), "a", outbound)
        assert outbound == mt(dlr_url=b"u", sender=b"new", priority=3, smsc_id=b"other")
        router(change).route_mo(inbound)
        assert inbound == mo(service=b"x", sender=b"new", priority=3)

    @pytest.mark.parametrize("answer", [None, Refusal(), "nonsense"])
    def test_without_a_route_nothing_is_changed(self, answer: object) -> None:
        def change(*arguments: object) -> object:
            arguments[3].sender = b"new"
            return answer

        sms = mt()
        with pytest.raises(KsmppdError):
            route_one(router(change), "a", sms)
        assert sms == mt()

    @pytest.mark.parametrize(
        ("name", "value"), [("sender", "text"), ("priority", "high"), ("priority", None), ("msgdata", 5)]
    )
    def test_changes_that_no_message_can_have(self, name: str, value: object) -> None:
        def change(*arguments: object) -> Route:
            setattr(arguments[3], name, value)
            return Route()

        sms = mt()
        with pytest.raises(BackendUnavailable):
            route_one(router(change), "a", sms)
        assert sms == mt()


class TestCalls:
    def test_blocking_calls_overlap_and_keep_their_order(self) -> None:
        running: list[int] = []
        most = 0

        def work(number: int) -> int:
            nonlocal most
            running.append(number)
            most = max(most, len(running))
            gevent.sleep(0.01 if number % 2 else 0.02)
            running.remove(number)
            return number

        assert Calls("p", 5.0, greenlets=8).call_all(work, range(40)) == list(range(40))
        assert most == 8

    def test_quick_calls_need_no_greenlets(self) -> None:
        seen = set()
        Calls("p", 5.0).call_all(lambda _: seen.add(gevent.getcurrent()), range(100))
        assert len(seen) == 1

    def test_nothing_to_do(self) -> None:
        assert Calls("p", 5.0).call_all(fail, []) == []

    def test_too_many_wait(self) -> None:
        calls = Calls("p", 5.0, waiting=3)
        results = calls.call_all(lambda item: item, range(5))
        assert results[:3] == [0, 1, 2]
        assert {type(result) for result in results[3:]} == {QueueFull}
        assert calls.call_all(lambda item: item, [1]) == [1]

    def test_the_limit_is_for_the_batch(self) -> None:
        ended = Event()

        def work(number: int) -> int:
            try:
                gevent.sleep(60 if number else 0)
            finally:
                if number:
                    ended.set()
            return number

        results = Calls("p", 0.05).call_all(work, range(3))
        assert results[0] == 0
        assert {type(result) for result in results[1:]} == {BackendUnavailable}
        assert ended.wait(1)

    def test_a_full_house_has_room_later(self) -> None:
        calls = Calls("p", 0.1, greenlets=1)
        hanging = gevent.spawn(calls.call_all, lambda _: gevent.sleep(60), [1])
        gevent.sleep(0.02)
        assert calls.call_all(lambda item: item, [1]) == [1]  # when the hanging one was ended
        [late] = hanging.get()
        assert isinstance(late, BackendUnavailable)


class TestExample:
    def router(self, args: str) -> PluginRouter:
        return PluginRouter(load_plugin(KsmppdPlugin(id="block-list", path=str(EXAMPLE), args=args)))

    def test_block_list(self) -> None:
        plugin = self.router(
            "blocked=+4490, +1900 ; routes=+44:uk:0.8,+447:mobile:1,+1:us:1.2; inbound=smppUserA"
        )
        assert route_one(plugin, "a", mt(receiver=b"+4420")) == Route(0.8, smsc_id="uk")
        assert route_one(plugin, "a", mt(receiver=b"+4479")) == Route(1.0, smsc_id="mobile")
        with pytest.raises(RouteRefused) as caught:
            route_one(plugin, "a", mt(receiver=b"+19005551234"))
        assert caught.value.code == 0x0B
        with pytest.raises(NoRoute):
            route_one(plugin, "a", mt(receiver=b"+33"))
        assert plugin.route_mo(mo()).system_id == "smppusera"

    def test_without_settings(self) -> None:
        plugin = self.router("")
        with pytest.raises(NoRoute):
            route_one(plugin, "a", mt())
        with pytest.raises(NoRoute):
            plugin.route_mo(mo())

    @pytest.mark.parametrize("args", ["routes=+44:uk", "routes=+44:uk:dear", "bolcked=+44"])
    def test_wrong_settings_end_the_start(self, args: str) -> None:
        with pytest.raises(StartError, match="block-list"):
            self.router(args)
