"""Routing by HTTP, against a server whose answers the test sets (docs/rules/http.md 2)."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from urllib.parse import unquote_to_bytes

import gevent
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from misbehaving import GOOD_ROUTE, Connection, Misbehaving, Request, answer, dripping, slowly

from ksmppd_py.callbacks.connection import HttpAnswer
from ksmppd_py.callbacks.http_pool import PoolLimits
from ksmppd_py.callbacks.routing import HttpRouter, verdict
from ksmppd_py.config import SmppRouting
from ksmppd_py.errors import (
    BackendUnavailable,
    KsmppdError,
    NoRoute,
    QueueFull,
    RouteRefused,
    StartError,
)
from ksmppd_py.kannel.codec import pack_sms
from ksmppd_py.kannel.messages import SMS_FIELDS, Kind, Sms, SmsType
from ksmppd_py.model.direction import Direction
from ksmppd_py.model.outcomes import command_status_of
from ksmppd_py.model.routes import Route
from tests.parts.routing import route_one

ID = b"dcd3c2b4-1111-4222-8333-0123456789ab"
OTHER_ID = "aaaaaaaa-1111-4222-8333-0123456789ab"
SHORT = PoolLimits(total=0.3, connect=0.2)


def mt(**fields: object) -> Sms:
    known = {"sender": b"123", "receiver": b"+491701234567", "msgdata": b"Hello", "service": b"smppusera"}
    return Sms(**{**known, "id": ID, "sms_type": SmsType.MT_PUSH, **fields})


def mo(**fields: object) -> Sms:
    known = {"sender": b"+49170", "receiver": b"123", "msgdata": b"Hello", "smsc_id": b"FAKE"}
    return Sms(**{**known, "id": ID, "sms_type": SmsType.MO, **fields})


def settings_of(url: str, ca_file: str = "") -> SmppRouting:
    return SmppRouting(http_routing_url=url, http_routing_ssl_trusted_ca_file=ca_file)


@pytest.fixture
def router_of(server: Misbehaving) -> Iterator[Callable[..., HttpRouter]]:
    """Makes routers that ask the server; they end with the test."""
    opened: list[HttpRouter] = []

    def make(limits: PoolLimits = SHORT, url: str = "", **options: str) -> HttpRouter:
        opened.append(HttpRouter(settings_of(url or server.url(), **options), limits))
        return opened[-1]

    yield make
    for router in opened:
        router.close()


@pytest.fixture
def router(router_of: Callable[..., HttpRouter]) -> HttpRouter:
    return router_of()


RouterOf = Callable[..., HttpRouter]


class TestRequest:
    def test_octet_by_octet(self, server: Misbehaving, router: HttpRouter) -> None:
        """Names, spelling and order of docs/rules/http.md 2.1."""
        every = {field.name: 7 if field.kind is Kind.INTEGER else b"x" for field in SMS_FIELDS}
        every |= {"id": ID, "sms_type": 2, "sender": b"+49 170", "dlr_url": b"smppusera|1468405837|" + ID}
        every |= {"meta_data": b"?smpp?", "msgdata": b"a\r\nX-Evil: 1\xff", "validity": 1700000000}
        router.route_mt("smppusera", [Sms(**every)])
        assert server.requests[0].octets.decode("ascii").split("\r\n") == [
            "GET /x.php HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            "X-KSMPPD-sender: %2B49+170",
            "X-KSMPPD-receiver: x",
            "X-KSMPPD-udhdata: x",
            "X-KSMPPD-msgdata: a%0D%0AX-Evil%3A+1%FF",
            "X-KSMPPD-time: 7",
            "X-KSMPPD-smsc-id: x",
            "X-KSMPPD-smsc-number: x",
            "X-KSMPPD-foreign-id: x",
            "X-KSMPPD-service: x",
            "X-KSMPPD-account: x",
            f"X-KSMPPD-id: {ID.decode()}",
            "X-KSMPPD-sms-type: 2",
            "X-KSMPPD-mclass: 7",
            "X-KSMPPD-mwi: 7",
            "X-KSMPPD-coding: 7",
            "X-KSMPPD-compress: 7",
            "X-KSMPPD-validity: 1700000000",
            "X-KSMPPD-deferred: 7",
            "X-KSMPPD-dlr-mask: 7",
            f"X-KSMPPD-dlr-url: smppusera%7C1468405837%7C{ID.decode()}",
            "X-KSMPPD-pid: 7",
            "X-KSMPPD-alt-dcs: 7",
            "X-KSMPPD-rpi: 7",
            "X-KSMPPD-charset: x",
            "X-KSMPPD-boxc-id: x",
            "X-KSMPPD-binfo: x",
            "X-KSMPPD-msg-left: 7",
            "X-KSMPPD-priority: 7",
            "X-KSMPPD-resend-try: 7",
            "X-KSMPPD-resend-time: 7",
            "X-KSMPPD-meta-data: %3Fsmpp%3F",
            "X-KSMPPD-Routing-Direction: 1",
            "",
            "",
        ]

    def test_what_is_not_set_is_not_sent(self, server: Misbehaving, router: HttpRouter) -> None:
        with pytest.raises(KsmppdError):
            router.route_mo(Sms(id=ID, sender=b"", msgdata=None))
        assert [name for name, _ in server.requests[0].headers] == [
            "Host",
            "X-KSMPPD-id",
            "X-KSMPPD-Routing-Direction",
        ]
        assert server.requests[0]["X-KSMPPD-Routing-Direction"] == "2"

    @pytest.mark.parametrize(
        ("path", "user", "line", "authorization"),
        [
            ("", "", "GET / HTTP/1.1", None),
            ("/a b/ä?x=1&y=%20", "", "GET /a%20b/%C3%A4?x=1&y=%20 HTTP/1.1", None),
            ("?x#fragment", "me:p%3As@", "GET /?x HTTP/1.1", "Basic bWU6cDpz"),
            ("/x", "me@", "GET /x HTTP/1.1", "Basic bWU6"),
        ],
    )
    def test_urls(
        self,
        server: Misbehaving,
        router_of: RouterOf,
        path: str,
        user: str,
        line: str,
        authorization: str | None,
    ) -> None:
        router_of(url=server.url(path, user)).route_mt("a", [mt()])
        request = server.requests[0]
        assert (request.line, dict(request.headers).get("Authorization")) == (line, authorization)

    @pytest.mark.parametrize("url", ["", "x", "ftp://x/", "http://:80/", "http://x:0x/"])
    def test_urls_that_cant_be_asked(self, url: str) -> None:
        with pytest.raises(StartError, match="http-routing-url"):
            HttpRouter(settings_of(url), SHORT)


STRINGS = [field.name for field in SMS_FIELDS if field.kind is Kind.STRING]
PLAIN = ("smsc_number", "foreign_id", "service", "account", "charset", "boxc_id", "binfo")
INTEGERS = [field.name for field in SMS_FIELDS if field.kind is Kind.INTEGER]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(STRINGS), st.binary(max_size=300)),
    st.dictionaries(st.sampled_from(INTEGERS), st.integers(-(2**31), 2**31 - 1)),
)
def test_any_message_arrives(strings: dict[str, bytes], integers: dict[str, int]) -> None:
    """Each field comes back from the wire as it was; nothing in it becomes a header of its own."""
    server = Misbehaving(lambda *_: answer(200, GOOD_ROUTE))
    router = HttpRouter(settings_of(server.url()), PoolLimits(total=10.0))
    try:
        router.route_mt("a", [Sms(**{"id": ID, **strings, **integers})])
        headers = dict(server.requests[0].headers)
        assert len(headers) == len(server.requests[0].headers)
        for name in STRINGS:
            value = headers.pop(f"X-KSMPPD-{name.replace('_', '-')}", "")
            sent = strings.get(name, b"")
            as_it_is = name in PLAIN and value.encode() == sent
            assert as_it_is or unquote_to_bytes(value.replace("+", " ")) == sent
        for name in INTEGERS:
            value = headers.pop(f"X-KSMPPD-{name.replace('_', '-')}", "-1")
            assert int(value) == integers.get(name, -1)
        assert set(headers) == {"Host", "X-KSMPPD-id", "X-KSMPPD-Routing-Direction"}
    finally:
        router.close()
        server.stop()


def judged(
    headers: dict[str, str], sms: Sms, direction: Direction = Direction.OUTBOUND, status: int = 200
) -> Route | KsmppdError:
    return verdict(HttpAnswer(status, list(headers.items())), sms, direction)


class TestVerdict:
    """docs/rules/http.md 2.2."""

    @pytest.mark.parametrize("status", [200, 204, 302, 400, 404])
    def test_no_route_status(self, status: int) -> None:
        refusal = judged({"X-Other": "1"}, mt(), status=status)
        assert isinstance(refusal, RouteRefused)
        assert refusal.code is None

    @pytest.mark.parametrize("status", [500, 502, 503, 429])
    def test_trouble(self, status: int) -> None:
        assert isinstance(judged({}, mt(), status=status), BackendUnavailable)

    @pytest.mark.parametrize("status", [200, 404, 500])
    def test_good_headers_count_whatever_the_status(self, status: int) -> None:
        assert judged(GOOD_ROUTE, mt(), status=status) == Route(1.5)

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("11", 0x0B),
            (" 88 ", 88),
            ("69abc", 69),
            ("1024", 0x400),
            ("1279", 0x4FF),
            ("", None),
            ("0", None),
            ("0x0B", None),
            ("none", None),
            ("-11", None),
            ("9", None),  # reserved in table 5-2
            ("256", None),
            ("1280", None),
            ("4294967295", None),
            ("9" * 30, None),
        ],
    )
    @pytest.mark.parametrize("status", ["0", "", "no", "0.9"])
    def test_refused(self, status: str, code: str, expected: int | None) -> None:
        refusal = judged({"X-KSMPPD-Route-Status": status, "x-ksmppd-route-ERROR-code": code}, mt())
        assert isinstance(refusal, RouteRefused)
        assert (refusal.code, refusal.is_final) == (expected, False)

    @pytest.mark.parametrize("cost", [None, "", "free", "-", "1e999", "nan", "inf"])
    def test_a_cost_is_mandatory(self, cost: str | None) -> None:
        headers = {"X-KSMPPD-Route-Status": "1"} | ({} if cost is None else {"X-KSMPPD-Route-Cost": cost})
        assert isinstance(judged(headers, mt()), RouteRefused)

    @pytest.mark.parametrize(
        ("cost", "value"),
        [("1", 1.0), (" 0.25 ", 0.25), ("-2", -2.0), (".5", 0.5), ("100", 100.0), ("0", 0.0)],
    )
    def test_costs(self, cost: str, value: float) -> None:
        headers = {"X-KSMPPD-Route-Status": "-1", "X-KSMPPD-Route-Cost": cost}
        assert judged(headers, mt()) == Route(value)

    @pytest.mark.parametrize(
        "cost", ["0,05", "0.25 EUR", "1e2", "1e303", "free", "nan", "inf", "1" + "0" * 303]
    )
    def test_a_cost_that_is_no_plain_decimal_number(
        self, cost: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """D-33: refused with 0x45, no default_smsc takes it, and a WARNING quotes it."""
        refusal = judged({"X-KSMPPD-Route-Status": "1", "X-KSMPPD-Route-Cost": cost}, mt())
        assert isinstance(refusal, RouteRefused)
        assert (command_status_of(refusal), refusal.is_final) == (0x45, True)
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert f"X-KSMPPD-Route-Cost {cost!r} is no decimal number" in caplog.text

    @pytest.mark.parametrize(
        ("cost", "is_lost"), [("0,05", False), ("1 EUR", False), ("free", True), ("", True)]
    )
    def test_the_cost_of_an_mo(self, cost: str, is_lost: bool) -> None:
        """The submit is accepted as by the C daemon, and no account is charged."""
        headers = {**GOOD_ROUTE, "X-KSMPPD-Route-Cost": cost, "X-KSMPPD-Service": "a"}
        assert isinstance(judged(headers, mo(), Direction.INBOUND), RouteRefused if is_lost else Route)

    @pytest.mark.parametrize("code", ["11", "1025"])
    def test_a_decision_is_no_trouble(self, code: str, caplog: pytest.LogCaptureFixture) -> None:
        judged({"X-KSMPPD-Route-Status": "0", "X-KSMPPD-Route-Error-Code": code}, mt())
        judged(GOOD_ROUTE, mt())
        assert caplog.text == ""

    def test_fields_are_replaced(self) -> None:
        sms = mt(smsc_id=b"default")
        headers = {
            "X-KSMPPD-SMSC-ID": " ksmppd3 ",
            "x-ksmppd-sender": "a%20b",
            "X-KSMPPD-msgdata": "caf\xe9",
            "X-KSMPPD-priority": "2nd",
            "X-KSMPPD-dlr-mask": "x",
            "X-KSMPPD-receiver": "",
            "X-KSMPPD-validity": "99999999999",
        }
        assert judged(GOOD_ROUTE | headers, sms) == Route(1.5)
        assert sms == mt(smsc_id=b"ksmppd3", sender=b"a%20b", msgdata=b"caf\xe9", priority=2)
        pack_sms(sms)

    def test_octets_by_request(self) -> None:
        sms = mt()
        judged(GOOD_ROUTE | {"X-KSMPPD-udhdata": "%05%00", "X-KSMPPD-udhdata-encoded": "1"}, sms)
        assert sms.udhdata == b"\x05\x00"

    @pytest.mark.parametrize(
        ("sms", "direction", "own"),
        [(mt, Direction.OUTBOUND, "service"), (mo, Direction.INBOUND, "smsc_id")],
    )
    def test_protected_fields(self, sms: Callable[..., Sms], direction: Direction, own: str) -> None:
        ours = {"boxc_id": b"box", "dlr_url": b"u", "msg_left": 1, "resend_try": 2, "resend_time": 3}
        before, after = (sms(**ours, **{own: b"mine"}) for _ in range(2))
        foreign = {"id": OTHER_ID, "sms-type": "3", "boxc-id": "x", "dlr-url": "x", "msg-left": "9"}
        foreign |= {"resend-try": "9", "resend-time": "9", own.replace("_", "-"): "theirs"}
        headers = {f"X-KSMPPD-{name}": value for name, value in foreign.items()}
        judged(GOOD_ROUTE | headers, after, direction)
        assert after == before

    def test_a_refusal_changes_nothing(self) -> None:
        sms = mt()
        judged({"X-KSMPPD-Route-Status": "0", "X-KSMPPD-SMSC-ID": "x"}, sms)
        assert sms == mt()

    def test_an_mo_goes_to_the_service(self) -> None:
        sms = mo()
        answered = judged(GOOD_ROUTE | {"X-KSMPPD-Service": "SmppUserA "}, sms, Direction.INBOUND)
        assert answered == Route(1.5, "smppusera")
        kept = judged(GOOD_ROUTE, mo(service=b"Known"), Direction.INBOUND)
        assert kept == Route(1.5, "known")

    def test_an_mo_without_a_service(self) -> None:
        assert isinstance(judged(GOOD_ROUTE, mo(), Direction.INBOUND), NoRoute)

    @pytest.mark.parametrize(
        ("code", "kind"), [("8", BackendUnavailable), ("88", BackendUnavailable), ("11", RouteRefused)]
    )
    def test_an_mo_refused_for_now(self, code: str, kind: type[KsmppdError]) -> None:
        headers = {"X-KSMPPD-Route-Status": "0", "X-KSMPPD-Route-Error-Code": code}
        assert isinstance(judged(headers, mo(), Direction.INBOUND), kind)


TEMPORARY_BEHAVIOURS = {
    "closes": lambda _, connection: connection.close(),
    "garbage": lambda *_: b"garbage\r\n\r\n",
    "octets": lambda *_: b"\x00\xff" * 1000,
    "part of the headers": lambda _, connection: (
        connection.send(answer(200, GOOD_ROUTE)[:-4]),
        connection.close(),
    )[1],
    "hangs": slowly(60, b""),
    "drips": dripping(answer(200, {**GOOD_ROUTE, "X": "y" * 1000}), 0.01),
    "floods": lambda *_: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000,
    "500": lambda *_: answer(500),
    "only continues": lambda *_: b"HTTP/1.1 100 Continue\r\n\r\n",
}


class TestTrouble:
    @pytest.mark.parametrize("name", TEMPORARY_BEHAVIOURS)
    def test_every_submit_is_answered(self, server: Misbehaving, router: HttpRouter, name: str) -> None:
        server.behaviour = TEMPORARY_BEHAVIOURS[name]
        with gevent.Timeout(5):
            answers = router.route_mt("a", [mt() for _ in range(20)])
        assert {type(one) for one in answers} == {BackendUnavailable}
        server.behaviour = lambda *_: answer(200, GOOD_ROUTE)
        with gevent.Timeout(5):
            assert route_one(router, "a", mt()) == Route(1.5)

    def test_nobody_listens(self, router_of: RouterOf) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            router = router_of(url=f"http://me:secret@127.0.0.1:{taken.getsockname()[1]}/?key=secret")
            answers = router.route_mt("a", [mt() for _ in range(5)])
        assert all(isinstance(one, BackendUnavailable) and "refused" in str(one) for one in answers)
        assert not any("secret" in str(one) for one in answers)

    def test_nobody_accepts(self, router_of: RouterOf) -> None:
        """A full backlog: the kernel leaves our SYNs unanswered."""
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            fillers = []
            for _ in range(3):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
                fillers.append(filler)
            router = router_of(url=f"http://127.0.0.1:{deaf.getsockname()[1]}/")
            before = monotonic()
            with pytest.raises(BackendUnavailable, match="within"):
                route_one(router, "a", mt())
            assert monotonic() - before < 2
            for filler in fillers:
                filler.close()

    def test_an_unknown_host(self, router_of: RouterOf) -> None:
        with pytest.raises(BackendUnavailable):
            route_one(router_of(PoolLimits(total=5.0), url="http://nowhere.invalid/"), "a", mt())

    def test_a_hanging_request_holds_up_nobody_else(self, server: Misbehaving, router_of: RouterOf) -> None:
        def behave(request: Request, connection: Connection) -> bytes:
            if request["X-KSMPPD-receiver"] == "slow":
                server.hang()
            return answer(200, GOOD_ROUTE)

        server.behaviour = behave
        router = router_of(PoolLimits(workers=1, total=3.0, growth=0.005))
        slow = gevent.spawn(router.route_mt, "a", [mt(receiver=b"slow")] * 3)
        gevent.sleep(0.01)
        before = monotonic()
        assert router.route_mt("b", [mt()] * 20) == [Route(1.5)] * 20
        assert monotonic() - before < 1
        slow.kill()

    def test_an_answer_in_pieces_with_interim_ones(self, server: Misbehaving, router: HttpRouter) -> None:
        octets = b"HTTP/1.1 102 Processing\r\nX-KSMPPD-Route-Status: 0\r\n\r\n" + answer(200, GOOD_ROUTE)
        server.behaviour = dripping(octets, 0)
        assert route_one(router, "a", mt()) == Route(1.5)
        assert route_one(router, "a", mt()) == Route(1.5)
        assert len(server.connections) == 1

    def test_the_body_isnt_waited_for(self, server: Misbehaving, router: HttpRouter) -> None:
        head = answer(200, GOOD_ROUTE, b"x" * 10)[:-10]
        server.behaviour = lambda _, connection: (connection.send(head), server.hang())[1]
        assert route_one(router, "a", mt()) == Route(1.5)

    @pytest.mark.parametrize("direction", ["mt", "mo"])
    @pytest.mark.parametrize(
        ("octets", "expected"),
        [
            (None, r"/x\.php: no answer within 0\.3 s"),
            (b"", r": the server closed the connection"),
            (b"HTTP/1.1 200 OK\r\nX-", r": the server closed the connection within its answer's headers"),
            (b"SSH-2.0-OpenSSH\r\n\r\n", r": the answer is no HTTP: "),
            (
                b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
                r": the answer's headers are longer than 131072 octets",
            ),
            (answer(500), r" answered 500$"),
            (answer(503, {"X-Other": "1"}), r" answered 503$"),
            (answer(429), r" answered 429$"),
            (answer(404), r" answered 404 without X-KSMPPD-Route-Status$"),
            (answer(200), r" answered 200 without X-KSMPPD-Route-Status$"),
            (answer(200, {"X-KSMPPD-Route-Status": "yes"}), r"X-KSMPPD-Route-Status 'yes' is no number"),
            (answer(200, {"X-KSMPPD-Route-Status": ""}), r"X-KSMPPD-Route-Status '' is no number"),
            (answer(200, {"X-KSMPPD-Route-Status": "1"}), r" named no X-KSMPPD-Route-Cost"),
            (
                answer(200, {**GOOD_ROUTE, "X-KSMPPD-Route-Cost": "free"}),
                r"X-KSMPPD-Route-Cost 'free' is no decimal",
            ),
        ],
    )
    def test_trouble_leaves_a_warning(
        self, server: Misbehaving, router_of: RouterOf, octets: bytes | None, expected: str, direction: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        def behave(_: Request, connection: Connection) -> bytes | None:
            if octets is None:
                server.hang()
                return None
            connection.send(octets)
            connection.close()
            return None

        server.behaviour = behave
        router = router_of(url=server.url("/x.php?key=secret", user="me:secret@"))
        with pytest.raises(KsmppdError):
            route_one(router, "a", mt()) if direction == "mt" else router.route_mo(mo())
        [record] = caplog.records
        assert record.levelname == "WARNING"
        assert re.search(expected, record.getMessage())
        assert f"http://127.0.0.1:{server.port}/x.php" in record.getMessage()
        assert "secret" not in caplog.text

    def test_a_dead_server_leaves_a_warning(
        self, router_of: RouterOf, caplog: pytest.LogCaptureFixture
    ) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            router = router_of(url=f"http://127.0.0.1:{taken.getsockname()[1]}/")
            router.route_mt("a", [mt() for _ in range(3)])
        kinds = {(record.levelname, record.msg) for record in caplog.records}
        assert kinds == {("WARNING", "%s: no connection: %s")}
        assert caplog.text.count("refused") == len(caplog.records) == 3

    def test_an_error_of_ours_is_an_answer(
        self, server: Misbehaving, router: HttpRouter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("unexpected")

        monkeypatch.setattr("ksmppd_py.callbacks.connection.Connection.ask", fail)
        with pytest.raises(BackendUnavailable, match="unexpected"):
            route_one(router, "a", mt())


class TestConnections:
    def test_they_are_kept(self, server: Misbehaving, router: HttpRouter) -> None:
        server.behaviour = lambda *_: answer(200, GOOD_ROUTE, b"<html>body</html>")
        for _ in range(10):
            assert route_one(router, "a", mt()) == Route(1.5)
        assert len(server.connections) == 1

    @pytest.mark.parametrize(
        "octets",
        [
            answer(200, {**GOOD_ROUTE, "Connection": "close"}),
            answer(200, GOOD_ROUTE).replace(b"HTTP/1.1", b"HTTP/1.0"),
            answer(200, GOOD_ROUTE).replace(b"Content-Length: 0\r\n", b""),
            answer(200, GOOD_ROUTE) + answer(200, {**GOOD_ROUTE, "X-KSMPPD-Route-Cost": "9"}),
            answer(200, GOOD_ROUTE, b"x") + b"surplus",
        ],
        ids=["close", "1.0", "until the end", "two answers", "surplus"],
    )
    def test_they_are_not_kept(self, server: Misbehaving, router: HttpRouter, octets: bytes) -> None:
        def behave(_: Request, connection: Connection) -> None:
            connection.send(octets)
            connection.close()

        server.behaviour = behave
        for _ in range(3):
            assert route_one(router, "a", mt()) == Route(1.5)
        assert len(server.connections) == 3

    def test_an_answer_that_nobody_asked_for_is_no_answer(
        self, server: Misbehaving, router: HttpRouter
    ) -> None:
        server.behaviour = lambda *_: answer(200, GOOD_ROUTE)
        route_one(router, "a", mt())
        server.connections[0].send(answer(200, {**GOOD_ROUTE, "X-KSMPPD-Route-Cost": "9"}))
        gevent.sleep(0.02)
        assert route_one(router, "a", mt()) == Route(1.5)
        assert len(server.connections) == 2

    def test_one_that_was_closed_while_idle(self, server: Misbehaving, router: HttpRouter) -> None:
        server.behaviour = lambda *_: answer(200, GOOD_ROUTE)
        route_one(router, "a", mt())
        server.connections[0].close()
        gevent.sleep(0.02)
        assert route_one(router, "a", mt()) == Route(1.5)
        assert len(server.requests) == 2

    def test_one_that_is_closed_when_the_request_arrives(
        self, server: Misbehaving, router: HttpRouter
    ) -> None:
        """No octet of an answer came: asked once more, on a fresh connection."""

        def behave(_: Request, connection: Connection) -> bytes | None:
            if connection.requests == 2:
                return connection.close()
            return answer(200, GOOD_ROUTE)

        server.behaviour = behave
        assert [route_one(router, "a", mt()).cost for _ in range(6)] == [1.5] * 6

    def test_a_fresh_one_that_is_closed_isnt_tried_again(
        self, server: Misbehaving, router: HttpRouter
    ) -> None:
        server.behaviour = TEMPORARY_BEHAVIOURS["closes"]
        with pytest.raises(BackendUnavailable):
            route_one(router, "a", mt())
        assert len(server.requests) == 1

    def test_a_part_of_an_answer_isnt_tried_again(self, server: Misbehaving, router: HttpRouter) -> None:
        server.behaviour = lambda *_: answer(200, GOOD_ROUTE)
        route_one(router, "a", mt())
        server.behaviour = TEMPORARY_BEHAVIOURS["part of the headers"]
        with pytest.raises(BackendUnavailable):
            route_one(router, "a", mt())
        assert len(server.requests) == 2


class TestLimits:
    def test_answers_come_in_order(self, server: Misbehaving, router_of: RouterOf) -> None:
        def behave(request: Request, _: Connection) -> bytes:
            number = int(request["X-KSMPPD-receiver"])
            gevent.sleep((number * 7 % 10) / 500)
            return answer(200, {**GOOD_ROUTE, "X-KSMPPD-Route-Cost": str(number)})

        server.behaviour = behave
        router = router_of(PoolLimits(workers=5, growth=0.005))
        answers = router.route_mt("a", [mt(receiver=b"%d" % number) for number in range(50)])
        assert answers == [Route(float(number)) for number in range(50)]

    def test_no_more_in_flight_than_allowed(self, server: Misbehaving, router_of: RouterOf) -> None:
        server.behaviour = slowly(0.01, answer(200, GOOD_ROUTE))
        router = router_of(PoolLimits(workers=100, in_flight=3, total=5.0))
        assert router.route_mt("a", [mt()] * 30) == [Route(1.5)] * 30
        assert server.most_at_once == 3
        assert len(server.connections) == 3

    def test_callers_come_while_messages_wait_and_go_again(
        self, server: Misbehaving, router_of: RouterOf
    ) -> None:
        server.behaviour = slowly(0.1, answer(200, GOOD_ROUTE))
        router = router_of(PoolLimits(workers=2, in_flight=512, total=5.0, growth=0.002, idle=0.05))
        before = monotonic()
        assert router.route_mt("a", [mt()] * 100) == [Route(1.5)] * 100
        assert monotonic() - before < 2  # one after the other it would be 10 s
        assert server.most_at_once > 20
        with gevent.Timeout(5):
            while router._pool.workers > 2:
                gevent.sleep(0.01)
        assert route_one(router, "a", mt()) == Route(1.5)

    def test_a_quick_server_needs_few_connections(self, server: Misbehaving, router_of: RouterOf) -> None:
        server.behaviour = lambda *_: answer(200, GOOD_ROUTE)
        router = router_of(PoolLimits(workers=1, total=5.0, growth=1.0))
        assert router.route_mt("a", [mt()] * 200) == [Route(1.5)] * 200
        assert len(server.connections) == 1

    def test_no_more_wait_than_allowed(self, server: Misbehaving, router_of: RouterOf) -> None:
        server.behaviour = slowly(0.05, answer(200, GOOD_ROUTE))
        router = router_of(PoolLimits(workers=2, in_flight=2, waiting=3, total=5.0))
        answers = router.route_mt("a", [mt()] * 10)
        assert answers[:5] == [Route(1.5)] * 5
        assert {type(one) for one in answers[5:]} == {QueueFull}
        assert route_one(router, "a", mt()) == Route(1.5)

    def test_the_end_answers_everybody(self, server: Misbehaving, router_of: RouterOf) -> None:
        server.behaviour = server.hang
        router = router_of(PoolLimits(workers=2, in_flight=2, total=60.0))
        asked = [gevent.spawn(router.route_mt, "a", [mt()] * 3) for _ in range(3)]
        gevent.sleep(0.05)
        with gevent.Timeout(5):
            router.close(0.05)
            answers = [one for greenlet in asked for one in greenlet.get()]
        assert {str(one).rpartition(": ")[2] for one in answers} == {"stopping"}
        with pytest.raises(BackendUnavailable, match="stopping"):
            router.route_mo(mo())

    def test_the_end_waits_for_what_is_in_flight(self, server: Misbehaving, router_of: RouterOf) -> None:
        server.behaviour = slowly(0.1, answer(200, GOOD_ROUTE))
        router = router_of(PoolLimits(workers=2, in_flight=2, total=60.0))
        asked = gevent.spawn(router.route_mt, "a", [mt()] * 3)
        gevent.sleep(0.02)
        router.close(5.0)
        assert [type(one) for one in asked.get(timeout=1)] == [Route, Route, BackendUnavailable]


def test_certificates_are_checked(
    start_server: Callable[..., Misbehaving], router_of: RouterOf, certificate: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    tls = start_server(lambda *_: answer(200, GOOD_ROUTE), context=context)
    patient = PoolLimits(total=5.0)
    url = tls.url(scheme="https", host="localhost")
    trusting = router_of(patient, url, ca_file=str(certificate))
    for _ in range(3):
        assert route_one(trusting, "a", mt()) == Route(1.5)
    assert len([one for one in tls.connections if one.requests]) == 1
    with pytest.raises(BackendUnavailable, match="certificate"):
        route_one(router_of(patient, url), "a", mt())
    with pytest.raises(BackendUnavailable, match="certificate"):
        route_one(router_of(patient, tls.url(scheme="https"), ca_file=str(certificate)), "a", mt())
    with pytest.raises(StartError, match="http-routing-ssl-trusted-ca-file"):
        HttpRouter(settings_of(url, ca_file=str(certificate.with_name("missing.pem"))), patient)
