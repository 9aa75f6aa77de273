"""The customer's HTTP servers decide about binds and routes (docs/rules/http.md 1 and 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.fakes.esme import Esme
from tests.integration.bed import BOX_ID, mt
from tests.parts.daemon import Daemon
from tests.parts.http import HttpCall, HttpSink

pytestmark = pytest.mark.integration

ACCOUNTS: dict[str, dict[str, str]] = {
    "UserA": {"X-KSMPPD-Auth": "1", "X-KSMPPD-Max-Binds": "2"},
    "limited": {"X-KSMPPD-Auth": "1", "X-KSMPPD-Throughput": "1"},
    "fallback": {"X-KSMPPD-Auth": "1", "X-KSMPPD-Default-SMSC": "rescue"},
    "distant": {"X-KSMPPD-Auth": "1", "X-KSMPPD-Connect-Allow-IP": "10.*.*.*"},
    "dreamer": {"X-KSMPPD-Auth": "1", "X-KSMPPD-Simulate": "1", "X-KSMPPD-Simulate-Deliver-Every": "1"},
    "zero": {"X-KSMPPD-Auth": "0"},
}


class Customer:
    """Both servers in one: binds by a table, routes by the text of the message."""

    def __init__(self) -> None:
        self.sink = HttpSink(self.answer)

    def answer(self, call: HttpCall) -> tuple[int, Mapping[str, str], bytes]:
        return self.bind(call) if call.path == "/auth" else self.route(call)

    def bind(self, call: HttpCall) -> tuple[int, Mapping[str, str], bytes]:
        system_id = call.headers["x-ksmppd-system-id"]
        if system_id == "broken":
            return 500, {}, b""
        if system_id not in ACCOUNTS or call.headers["x-ksmppd-password"] != "secret":
            return 403, {}, b"no"
        return 200, ACCOUNTS[system_id], b"ignored"

    def route(self, call: HttpCall) -> tuple[int, Mapping[str, str], bytes]:
        text = call.headers.get("x-ksmppd-msgdata", "")
        good = {"X-KSMPPD-Route-Status": "1", "X-KSMPPD-Route-Cost": "1.0"}
        if "fails" in text:
            return 503, {}, b""
        if "refused" in text:
            return 200, {"X-KSMPPD-Route-Status": "0", "X-KSMPPD-Route-Error-Code": "11"}, b""
        if "free" in text:
            return 200, {"X-KSMPPD-Route-Status": "1"}, b""
        if call.headers["x-ksmppd-routing-direction"] == "1":
            return 200, {**good, "X-KSMPPD-SMSC-ID": "chosen", "X-KSMPPD-Service": "hijacked"}, b""
        return 200, {**good, "X-KSMPPD-Service": "usera", "X-KSMPPD-SMSC-ID": "ignored"}, b""


@pytest.fixture
def customer() -> Iterator[Customer]:
    customer = Customer()
    yield customer
    customer.sink.close()


@pytest.fixture
def daemon(customer: Customer, box: FakeBearerbox, start_daemon: Callable[..., Daemon]) -> Daemon:
    daemon = start_daemon(
        [(BOX_ID, box.port)],
        ksmppd={"auth-method": "http", "auth-url": customer.sink.url("/auth?static=1")},
        routing={
            "routing-method": 2,
            "http-routing-url": customer.sink.url("/route"),
            "http-num-callers": 2,
            "http-max-outstanding-requests": 16,
        },
    )
    box.wait_for_box()
    return daemon


@pytest.mark.parametrize(
    ("system_id", "password", "status"),
    [
        ("UserA", "secret", wire.ROK),
        ("UserA", "wrong", wire.RBINDFAIL),
        ("nobody", "secret", wire.RBINDFAIL),
        ("zero", "secret", wire.RBINDFAIL),
        ("distant", "secret", wire.RBINDFAIL),
        ("broken", "secret", wire.RSYSERR),
    ],
)
def test_binds(daemon: Daemon, customer: Customer, system_id: str, password: str, status: int) -> None:
    with Esme(daemon.smpp_port) as esme:
        assert esme.bind(system_id, password).command_status == status
    call = customer.sink.wait_for(lambda call: call.path == "/auth")
    assert call.query == {"static": "1"}
    assert call.headers["x-ksmppd-system-id"] == system_id
    assert call.headers["x-ksmppd-password"] == password


def test_binds_and_routes_both_ways(daemon: Daemon, customer: Customer, box: FakeBearerbox) -> None:
    with Esme.bound(daemon.smpp_port, "UserA", "secret") as esme:
        reply = esme.submit(mt("hi there, 50%", registered_delivery=1))
        assert reply.command_status == wire.ROK
        (sms,) = box.wait_for_sms()
        assert (sms.smsc_id, sms.service, sms.id) == (b"chosen", b"usera", reply.text)
        headers = customer.sink.wait_for(lambda call: call.path == "/route").headers
        assert headers["x-ksmppd-routing-direction"] == "1"
        assert headers["x-ksmppd-sender"] == "12345"
        assert headers["x-ksmppd-receiver"] == "%2B491701234567"
        assert headers["x-ksmppd-msgdata"] == "hi+there%2C+50%25"
        assert headers["x-ksmppd-service"] == "usera"
        assert headers["x-ksmppd-sms-type"] == "2"
        assert headers["x-ksmppd-id"] == reply.text.decode()
        assert headers["x-ksmppd-dlr-mask"] == "19"
        assert headers["x-ksmppd-meta-data"] == "%3Fsmpp%3F"
        assert "x-ksmppd-udhdata" not in headers
        assert "x-ksmppd-validity" not in headers
        box.send_dlr(sms)
        esme.wait_receipt(reply.text)
        mo = box.send_mo("+49170", "7777", "upwards")
        esme.wait_text(b"upwards")
        assert box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
        headers = customer.sink.wait_for(
            lambda call: call.headers.get("x-ksmppd-msgdata") == "upwards"
        ).headers
        assert (headers["x-ksmppd-routing-direction"], headers["x-ksmppd-smsc-id"]) == ("2", "FAKE")
        routed = [call for call in customer.sink.calls if call.path == "/route"]
        assert len(routed) == 2


def test_refused_routes(daemon: Daemon, box: FakeBearerbox) -> None:
    """docs/rules/http.md 2.2: rules 1, 2 and 4; a failing server is a temporary problem."""
    with Esme.bound(daemon.smpp_port, "UserA", "secret") as esme:
        assert esme.submit(mt("refused")).command_status == 11
        assert esme.submit(mt("free")).command_status == wire.RSUBMITFAIL
        assert esme.submit(mt("fails")).command_status == wire.RSYSERR
        assert esme.submit(mt("works")).command_status == wire.ROK
    for text, nack in (("refused", box_wire.ACK_FAILED), ("fails", box_wire.ACK_FAILED_TMP)):
        mo = box.send_mo("+49170", "7777", text)
        assert box.wait_for_ack(mo, 15).nack == nack


def test_default_smsc_takes_over(daemon: Daemon, box: FakeBearerbox) -> None:
    with Esme.bound(daemon.smpp_port, "fallback", "secret") as esme:
        for text in ("refused", "fails"):
            assert esme.submit(mt(text)).command_status == wire.ROK
            assert box.wait_for_text(text.encode()).sms.smsc_id == b"rescue"


def test_settings_of_the_answer_hold(daemon: Daemon, box: FakeBearerbox) -> None:
    with Esme.bound(daemon.smpp_port, "limited", "secret") as esme:
        statuses = {reply.command_status for reply in esme.submit_all((mt() for _ in range(10)), window=10)}
        assert statuses == {wire.ROK, wire.RTHROTTLED}
    port = daemon.smpp_port
    with Esme.bound(port, "UserA", "secret"), Esme.bound(port, "UserA", "secret"), Esme(port) as third:
        assert third.bind("UserA", "secret").command_status == wire.RBINDFAIL
    before = len(box.submits)
    with Esme.bound(daemon.smpp_port, "dreamer", "secret") as esme:
        esme.wait_receipt(esme.submit(mt("dream")).text)
    assert len(box.submits) == before


def test_a_window_of_submits_waits_for_routes_together(daemon: Daemon, box: FakeBearerbox) -> None:
    with Esme.bound(daemon.smpp_port, "UserA", "secret") as esme:
        replies = esme.submit_all((mt(f"text {number}") for number in range(100)), window=50)
    assert {reply.command_status for reply in replies} == {wire.ROK}
    assert len({reply.text for reply in replies}) == len(box.wait_for_sms(100)) == 100
