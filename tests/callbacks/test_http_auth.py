"""Authentication by HTTP, against a server whose answers the test sets (docs/rules/http.md 1)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from misbehaving import Misbehaving, answer, dripping, slowly

from ksmppd_py.callbacks.answers import Headers
from ksmppd_py.callbacks.auth import HttpAuthenticator, account_of
from ksmppd_py.config import KsmppdGroup
from ksmppd_py.errors import BackendUnavailable, StartError
from ksmppd_py.model import costs
from ksmppd_py.model.account import Account, Simulation

ACCEPTED = {"X-KSMPPD-Auth": "1"}


def authenticator_of(url: str, ca_file: str = "", **options: Any) -> HttpAuthenticator:
    return HttpAuthenticator(KsmppdGroup(auth_url=url, auth_ssl_trusted_ca_file=ca_file), **options)


@pytest.fixture
def ask(server: Misbehaving) -> Iterator[Callable[..., Account | None]]:
    """Authenticates at the server; limits are short."""
    opened = []

    def authenticate(
        system_id: bytes = b"smppuserA", password: bytes = b"userA", user: str = "", **options: object
    ) -> Account | None:
        authenticator = authenticator_of(server.url(user=user), **{"total_timeout": 0.3, **options})
        opened.append(authenticator)
        return authenticator.authenticate(system_id, password, "10.1.2.3")

    yield authenticate
    for authenticator in opened:
        authenticator.close()


Ask = Callable[..., "Account | None"]


def test_the_request_octet_by_octet(server: Misbehaving, ask: Ask) -> None:
    ask(b"SmppUser\xe4", b"a%20b +\xff")
    assert server.requests[0].octets == (
        b"GET /x.php HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
        b"X-KSMPPD-system-id: SmppUser\xe4\r\nX-KSMPPD-password: a%%20b +\xff\r\nX-KSMPPD-ip: 10.1.2.3\r\n\r\n"
        % server.port
    )


def test_the_urls_user_becomes_basic_authorization(server: Misbehaving, ask: Ask) -> None:
    ask(user="me:p%40ss@")
    assert server.requests[0]["Authorization"] == "Basic bWU6cEBzcw=="


def test_empty_values_are_sent_empty(server: Misbehaving, ask: Ask) -> None:
    """docs/rules/http.md 1.1: the C daemon sends "(null)"."""
    ask(b"", b"")
    assert b"X-KSMPPD-system-id: \r\nX-KSMPPD-password: \r\n" in server.requests[0].octets


def test_the_environment_has_no_say(server: Misbehaving, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1/")
    server.behaviour = lambda *_: answer(200, ACCEPTED)
    assert ask() == Account("smppusera")


@pytest.mark.parametrize(
    ("headers", "logged"),
    [
        ({}, "answered without X-KSMPPD-Auth, which refuses the bind"),
        ({"X-KSMPPD-Auth": ""}, "X-KSMPPD-Auth '' is no number, which refuses the bind"),
        ({"X-KSMPPD-Auth": "yes"}, "X-KSMPPD-Auth 'yes' is no number, which refuses the bind"),
        ({"X-KSMPPD-Auth": "0"}, ""),
    ],
)
def test_a_refusal_that_may_be_a_fault_is_told(
    server: Misbehaving, ask: Ask, headers: dict[str, str], logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.behaviour = lambda *_: answer(200, headers)
    assert ask() is None
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ([f"{server.url()}{':' if 'is no' in logged else ''} {logged}"] if logged else [])


@pytest.mark.parametrize("cost", ["0,05", "free", "1e303", "nan", "inf", "1 EUR", "9" * 310])
def test_a_default_cost_that_cant_be_charged(cost: str, caplog: pytest.LogCaptureFixture) -> None:
    """D-33: the bind isn't refused, but its messages by the default SMSC will be."""
    account = account_of("a", Headers([("X-KSMPPD-Default-SMSC-Cost", cost)]))
    assert account == Account("a", default_cost=costs.UNUSABLE)
    assert f"X-KSMPPD-Default-SMSC-Cost {cost!r} is no decimal number" in caplog.text


def test_no_cookies(server: Misbehaving) -> None:
    server.behaviour = lambda *_: answer(200, {**ACCEPTED, "Set-Cookie": "a=b"})
    authenticator = authenticator_of(server.url())
    for _ in range(2):
        authenticator.authenticate(b"a", b"b", "10.1.2.3")
    assert b"Cookie" not in server.requests[1].octets
    authenticator.close()


def test_an_account_with_everything(server: Misbehaving, ask: Ask) -> None:
    server.behaviour = lambda *_: answer(
        200,
        {
            "x-ksmppd-auth": " 1 ",
            "X-KSMPPD-Throughput": "10.5/s",
            "X-KSMPPD-Max-Binds": "2",
            "X-KSMPPD-Simulate": "1",
            "X-KSMPPD-Simulate-Deliver-Every": "3",
            "X-KSMPPD-Simulate-MO-Every": "4",
            "X-KSMPPD-Permanent-Failure-Every": "5",
            "X-KSMPPD-Temporary-Failure-Every": "6",
            "X-KSMPPD-Default-SMSC": "  one%20two ",
            "X-KSMPPD-Default-SMSC-Cost": "0.25",
            "X-KSMPPD-Callback-URL": "http://unused",
            "X-KSMPPD-Connect-Allow-IP": "10.*.*.*",
            "X-KSMPPD-Enable-Prepaid-Billing": "1",
            "X-KSMPPD-Alt-Charset": "ISO-8859-1",
        },
    )
    assert ask() == Account(
        "smppusera",
        throughput=10.5,
        default_smsc="one%20two",
        default_cost=0.25,
        enable_prepaid_billing=True,
        max_binds=2,
        connect_allow_ip="10.*.*.*",
        simulation=Simulation(3, 4, 5, 6),
        alt_charset="iso8859-1",
    )


def test_blanks_around_a_name_dont_make_another_account(server: Misbehaving, ask: Ask) -> None:
    """HTTP drops them, so the server decided about the name without."""
    server.behaviour = lambda *_: answer(200, ACCEPTED)
    assert ask(b" SmppUserA ") == Account("smppusera")


@pytest.mark.parametrize(
    ("headers", "account"),
    [
        ({}, Account("a")),
        ({"X-KSMPPD-Max-Binds": "two", "X-KSMPPD-Throughput": "", "X-KSMPPD-Simulate": "no"}, Account("a")),
        ({"X-KSMPPD-Throughput": "-1", "X-KSMPPD-Max-Binds": "-1"}, Account("a")),
        ({"X-KSMPPD-Throughput": "1e999", "X-KSMPPD-Default-SMSC": " "}, Account("a")),
        ({"X-KSMPPD-Throughput": "nan", "X-KSMPPD-Max-Binds": "3.9"}, Account("a", max_binds=3)),
        ({"X-KSMPPD-Max-Binds": "9" * 5000}, Account("a", max_binds=int("9" * 18))),
        ({"X-KSMPPD-Alt-Charset": "KLINGON"}, Account("a")),
        ({"X-KSMPPD-Switch-DLR-Addr": "1"}, Account("a", switch_dlr_addr=True)),
        ({"X-KSMPPD-Switch-DLR-Addr": "0"}, Account("a", switch_dlr_addr=False)),
        ({"X-KSMPPD-Switch-DLR-Addr": ""}, Account("a")),
        ({"X-KSMPPD-DLR-Err-Length": "5"}, Account("a", dlr_err_length=5)),
        ({"X-KSMPPD-DLR-Err-Length": "0"}, Account("a", dlr_err_length=0)),
        ({"X-KSMPPD-DLR-Err-Length": "-1"}, Account("a", dlr_err_length=0)),
        ({"X-KSMPPD-DLR-Err-Length": ""}, Account("a")),
        ({"X-KSMPPD-Max-Open-Acks": "20"}, Account("a", max_open_acks=20)),
        ({"X-KSMPPD-Max-Open-Acks": "0"}, Account("a")),
        ({"X-KSMPPD-Max-Open-Acks": "-1"}, Account("a")),
        (
            {"X-KSMPPD-Simulate": "1", "X-KSMPPD-Simulate-Permanent-Failure-Every": "7"},
            Account("a", simulation=Simulation(permanent_failure_every=7)),
        ),
        (
            {"X-KSMPPD-Simulate": "-1", "X-KSMPPD-Simulate-Temporary-Failure-Every": "8"},
            Account("a", simulation=Simulation(temporary_failure_every=8)),
        ),
    ],
)
def test_values(headers: dict[str, str], account: Account) -> None:
    assert account_of("a", Headers(headers.items())) == account


def test_the_first_of_a_name_counts(server: Misbehaving, ask: Ask) -> None:
    server.behaviour = lambda *_: (
        b"HTTP/1.1 200 OK\r\nX-KSMPPD-Auth: 1\r\nX-KSMPPD-AUTH: 0\r\nX-KSMPPD-Default-SMSC: one\r\n"
        b"X-KSMPPD-Default-SMSC: two\r\nContent-Length: 0\r\n\r\n"
    )
    assert ask() == Account("smppusera", default_smsc="one")


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {}),
        (200, {"X-KSMPPD-Auth": "0"}),
        (200, {"X-KSMPPD-Auth": ""}),
        (200, {"X-KSMPPD-Auth": "yes"}),
        (201, ACCEPTED),
        (204, ACCEPTED),
        (401, ACCEPTED),
        (403, {}),
        (404, ACCEPTED),
        (302, {**ACCEPTED, "Location": "/elsewhere"}),
    ],
)
def test_refused(server: Misbehaving, ask: Ask, status: int, headers: dict[str, str]) -> None:
    server.behaviour = lambda *_: answer(status, headers)
    assert ask() is None
    assert len(server.requests) == 1  # no redirect is followed


@pytest.mark.parametrize("status", [500, 502, 503, 599, 429])
def test_a_server_in_trouble_decides_nothing(server: Misbehaving, ask: Ask, status: int) -> None:
    server.behaviour = lambda *_: answer(status, ACCEPTED)
    with pytest.raises(BackendUnavailable, match=str(status)):
        ask()


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda _, connection: connection.close(),
        lambda *_: b"garbage\r\n\r\n",
        lambda *_: b"\x00\xff" * 1000,
        lambda _, connection: (
            connection.send(b"HTTP/1.1 200 OK\r\nX-KSMPPD-Auth: 1\r\n"),
            connection.close(),
        )[1],
        slowly(60, answer(200, ACCEPTED)),
        dripping(answer(200, {**ACCEPTED, "X": "y" * 1000}), 0.01),
        lambda *_: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"X-KSMPPD-Auth: 1\r\n\r\n",
    ],
    ids=["closes", "garbage", "octets", "part", "hangs", "drips", "floods"],
)
def test_no_answer_is_no_decision(server: Misbehaving, ask: Ask, behaviour: object) -> None:
    server.behaviour = behaviour
    with gevent.Timeout(5), pytest.raises(BackendUnavailable) as caught:
        ask()
    assert "userA" not in str(caught.value)


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://me:secret@127.0.0.1:{taken.getsockname()[1]}/a?key=secret"
        with pytest.raises(BackendUnavailable, match="refused") as caught:
            authenticator_of(url).authenticate(b"a", b"b", "10.1.2.3")
    assert "secret" not in str(caught.value)


def test_the_body_isnt_waited_for(server: Misbehaving, ask: Ask) -> None:
    head = answer(200, ACCEPTED, b"x" * 10)[:-10]
    server.behaviour = lambda _, connection: (connection.send(head), server.hang())[1]
    assert ask() == Account("smppusera")


def test_prepaid_needs_a_place_for_credit(server: Misbehaving, ask: Ask) -> None:
    server.behaviour = lambda *_: answer(200, {**ACCEPTED, "X-KSMPPD-Enable-Prepaid-Billing": "1"})
    with pytest.raises(BackendUnavailable, match="prepaid"):
        ask(can_bill=False)


def test_binds_are_asked_about_at_the_same_time(server: Misbehaving) -> None:
    server.behaviour = slowly(0.05, answer(200, ACCEPTED))
    authenticator = authenticator_of(server.url())
    asked = [gevent.spawn(authenticator.authenticate, b"a", b"b", "10.1.2.3") for _ in range(20)]
    with gevent.Timeout(5):
        gevent.joinall(asked, raise_error=True)
    assert server.most_at_once == 20
    authenticator.close()


@pytest.mark.parametrize(
    "url", ["", "localhost/x", "ftp://localhost/", "http://", "http://h:99999/", "http://[x/"]
)
def test_urls_that_cant_be_asked(url: str) -> None:
    with pytest.raises(StartError, match="auth-url"):
        authenticator_of(url)


VALUES = st.binary(max_size=64).map(
    lambda octets: bytes(octet for octet in octets if octet >= 0x20 and octet != 0x7F)
)


@settings(max_examples=60, deadline=None)
@given(VALUES, VALUES)
def test_any_octets_arrive_as_they_are(system_id: bytes, password: bytes) -> None:
    """The bind request lets through everything but control characters."""
    server = Misbehaving(lambda *_: answer(200, ACCEPTED))
    authenticator = authenticator_of(server.url())
    try:
        assert authenticator.authenticate(system_id, password, "10.1.2.3") is not None
        request = server.requests[0]
        assert request["X-KSMPPD-system-id"].encode("latin-1") == system_id.strip(b" ")
        assert request["X-KSMPPD-password"].encode("latin-1") == password.strip(b" ")
        assert len(request.headers) == 4
    finally:
        authenticator.close()
        server.stop()


def test_certificates_are_checked(start_server: Callable[..., Misbehaving], certificate: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = start_server(lambda *_: answer(200, ACCEPTED), context=context)
    url = server.url(scheme="https", host="localhost")
    trusting = authenticator_of(url, str(certificate))
    assert trusting.authenticate(b"a", b"b", "10.1.2.3") == Account("a")
    trusting.close()
    wary = authenticator_of(url)
    with pytest.raises(BackendUnavailable, match="certificate"):
        wary.authenticate(b"a", b"b", "10.1.2.3")
    wary.close()
    elsewhere = authenticator_of(server.url(scheme="https"), str(certificate))
    with pytest.raises(BackendUnavailable, match="certificate"):
        elsewhere.authenticate(b"a", b"b", "10.1.2.3")
    elsewhere.close()


def test_a_ca_file_that_cant_be_read(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="auth-ssl-trusted-ca-file"):
        authenticator_of("https://localhost/", str(tmp_path / "missing.pem"))
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(StartError, match="auth-ssl-trusted-ca-file"):
        authenticator_of("https://localhost/", str(tmp_path / "empty.pem"))


def test_so_many_requests_are_under_way_at_once(server: Misbehaving) -> None:
    """http-max-outstanding-requests holds for binds, too; others wait for their turn."""
    server.behaviour = slowly(0.02, answer(200, ACCEPTED))
    authenticator = authenticator_of(server.url(), in_flight=3)
    binds = [gevent.spawn(authenticator.authenticate, b"a", b"b", "10.1.2.3") for _ in range(12)]
    assert [bind.get() for bind in binds] == [Account("a")] * 12
    assert server.most_at_once == 3
    authenticator.close()


def test_who_waits_too_long_for_its_turn_comes_again(server: Misbehaving) -> None:
    server.behaviour = server.hang
    authenticator = authenticator_of(server.url(), in_flight=1, total_timeout=0.5)
    binds = [gevent.spawn(authenticator.authenticate, b"a", b"b", "10.1.2.3") for _ in range(3)]
    for bind in binds:
        with pytest.raises(BackendUnavailable, match=r"no answer within 0\.5 s"):
            bind.get()
    server.behaviour = lambda *_: answer(200, ACCEPTED)
    assert authenticator.authenticate(b"a", b"b", "10.1.2.3") == Account("a")  # every turn was given back
    authenticator.close()
